"""`surgtwin plan add`: keeps a plan file in a twin."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.plan_summary import plan_summary
from surgtwin.planning.plan_file import read_plan_file
from surgtwin.planning.plan_versions import check_parts, save_plan
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import note, say, write_json


def run(options: argparse.Namespace) -> int:
    file = read_plan_file(options.plan)
    name = file.name if options.name is None else options.name
    with TwinWriter(options.twin) as writer:
        if not options.other_case:
            file.require_case(writer.twin.case_id)
        before = writer.twin.shelf
        saved = save_plan(writer, file.plan, name, by=author(options.by))
        twin = writer.twin
    is_new = twin.shelf is not before
    status = twin.plan_status(saved)
    unknown = check_parts(file.plan, twin)
    if options.json:
        told = {"case_id": twin.case_id, "revision": twin.revision.number, "is_new": is_new}
        write_json(told | plan_summary(saved, status) | {"unknown": [str(e) for e in unknown]})
    elif is_new:
        say(f"kept: {saved.name}, version {saved.latest.number} by {saved.latest.by}, {status.text}")
    else:
        say(f"nothing to keep: version {saved.latest.number} of {saved.name} holds the same plan")
    for error in unknown:
        note(f"warning: {error} The plan can't be evaluated on this twin as it is.")
    return 0
