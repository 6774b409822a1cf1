"""`surgtwin live judge`: a person's answer to a proposed revision."""

from __future__ import annotations

import argparse

from surgtwin.domain.twin import RevisionState
from surgtwin.pipeline.take_in import accept_revision
from surgtwin.store.load import load_twin
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import say, write_json


def run(options: argparse.Namespace) -> int:
    by = author(options.by)
    with TwinWriter(options.twin) as writer:
        if options.accept:
            proposed = load_twin(options.twin, revision=options.revision)
            twin = accept_revision(writer, proposed, by=by)
        else:
            twin = writer.judge(options.revision, RevisionState.REJECTED, by=by)
    state = "accepted" if options.accept else "rejected"
    if options.json:
        write_json(
            {"case_id": twin.case_id, "revision": options.revision, "state": state, "current": twin.revision.number}
        )
    else:
        say(f"revision {options.revision} is {state}; the current one is {twin.revision.number}")
    return 0
