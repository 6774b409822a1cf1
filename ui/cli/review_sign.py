"""`surgtwin review sign`: a reader's signed statement about structures."""

from __future__ import annotations

import argparse

from surgtwin.domain.review import ReviewState
from surgtwin.errors import ReviewError
from surgtwin.review.reader import unlock
from surgtwin.review.sign_off import Opinion, signed
from surgtwin.store.writer import TwinWriter

from .console import say, write_json
from .passphrase import ask_passphrase
from .review_show import sign_off_json


def run(options: argparse.Namespace) -> int:
    if options.all == bool(options.structures):
        raise ReviewError("Name the structures, or say --all.")
    opinion = Opinion(ReviewState(options.opinion.replace("-", " ")), options.seconds, options.reason, options.comment)
    if opinion.state is ReviewState.REJECTED and not opinion.reason.strip():
        raise ReviewError("A rejection needs a --reason: what is wrong with the structure?")
    prompt = f"Passphrase of {options.reader}"
    reader = unlock(options.reader, lambda: ask_passphrase(options.passphrase_file, prompt))
    with TwinWriter(options.twin) as writer:
        twin = writer.twin
        names = [s.name for s in twin.structures] if options.all else options.structures
        said = signed(twin.case_id, twin.revision.number, twin.labels, names, opinion, reader)
        writer.review(said)
    if options.json:
        write_json({"case_id": twin.case_id, "sign_offs": [sign_off_json(s, twin.case_id) for s in said]})
    else:
        for s in said:
            say(f"{s.structure}: {s.state.value} by {s.reader}, revision {s.twin_revision}")
    return 0
