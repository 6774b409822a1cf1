"""`surgtwin timeline`: what happened to a twin, revision by revision."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.timeline import TimelineRow, read_timeline

from .console import say, table, write_json
from .live_update import registration_json


def run(options: argparse.Namespace) -> int:
    rows = read_timeline(options.twin)
    if options.json:
        write_json({"revisions": [_as_json(row) for row in rows]})
        return 0
    cells = [
        [
            f"{row.revision.number}{' *' if row.is_current else ''}",
            "" if row.revision.parent is None else str(row.revision.parent),
            row.revision.created_utc[:16].replace("T", " "),
            row.revision.state.value,
            f"{row.largest_motion_mm:.1f}" if row.registration else "",
            row.worst_verdict,
            row.revision.cause,
        ]
        for row in rows
    ]
    say(table(cells, ("revision", "from", "UTC", "state", "moved mm", "plans", "cause"), right=(4,)))
    return 0


def _as_json(row: TimelineRow) -> dict[str, object]:
    r = row.revision
    return {
        "number": r.number,
        "parent": r.parent,
        "created_utc": r.created_utc,
        "state": r.state.value,
        "cause": r.cause,
        "is_current": row.is_current,
        "registration": None if row.registration is None else registration_json(row.registration),
        "plan_verdicts": row.plan_verdicts,
        "changes": list(row.changes),
        "deeds": [{"deed": d.word, "by": d.by, "utc": d.utc} for d in row.deeds],
        "accepted_structures": sorted(row.accepted),
    }
