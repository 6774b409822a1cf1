"""`surgtwin revert`: an earlier revision becomes the current one again."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.take_in import go_back
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import say, write_json


def run(options: argparse.Namespace) -> int:
    with TwinWriter(options.twin) as writer:
        before = writer.twin.revision.number
        twin = go_back(writer, options.revision, by=author(options.by))
    if options.json:
        write_json({"case_id": twin.case_id, "revision": twin.revision.number, "before": before})
    else:
        say(f"revision {twin.revision.number} is the current one again; {before} stays in the history")
    return 0
