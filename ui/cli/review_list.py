"""`surgtwin review list`: which twin to look at next."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from surgtwin.errors import ReviewError
from surgtwin.review.work_list import Unreadable, WorkItem, work_list

from .console import ProgressBar, note, say, table, write_json

EXIT_SOME_FAILED = 4


def run(options: argparse.Namespace) -> int:
    """Exit code 4 if a twin could not be read; the others are listed all the same."""
    require_places(options.places)
    bar = ProgressBar()
    try:
        items, unreadable = work_list(options.places, bar.progress())
    finally:
        bar.close()
    if options.open:
        items = [i for i in items if not i.is_done]
    if options.json:
        write_json({"twins": [item_json(i) for i in items], "unreadable": [_unreadable(u) for u in unreadable]})
    else:
        _tell(items, unreadable)
    return EXIT_SOME_FAILED if unreadable else 0


def item_json(item: WorkItem) -> dict[str, Any]:
    """One line of the list, as scripts read it."""
    return {
        "twin": str(item.path),
        "case_id": item.case_id,
        "revision": item.revision,
        "state": item.state.value,
        "score": item.score,
        "is_full_read": item.is_full_read,
        "doubts": [{"text": d.text, "weight": d.weight, "structure": d.structure or None} for d in item.doubts],
        "structures": [{"structure": s.structure, "state": s.state.value, "text": s.text} for s in item.structures],
        "forged": [s.structure for s in item.forged],
    }


def require_places(places: list[Path]) -> None:
    """Raise ReviewError if a place is not there."""
    missing = [str(p) for p in places if not p.exists()]
    if missing:
        raise ReviewError(f"There is nothing at: {', '.join(missing)}.")


def _unreadable(twin: Unreadable) -> dict[str, str]:
    return {"twin": str(twin.path), "reason": twin.reason}


def _tell(items: list[WorkItem], unreadable: list[Unreadable]) -> None:
    if items:
        header = ("#", "case", "review", "done", "doubt", "why", "twin")
        say(table([_row(n, i) for n, i in enumerate(items, start=1)], header, right=(0, 4)))
    elif not unreadable:
        say("There is no twin to review there.")
    for item in items:
        for said in item.forged:
            note(f"{item.path.name}: the signature of {said.reader} on '{said.structure}' does not hold")
    for twin in unreadable:
        note(f"{twin.path.name} can't be read: {twin.reason}")


def _row(n: int, item: WorkItem) -> list[str]:
    done = sum(s.state.is_done for s in item.structures)
    why = "drawn for a full read" if item.is_full_read else item.doubts[0].text if item.doubts else ""
    more = len(item.doubts) - 1
    return [
        str(n),
        item.case_id,
        item.state.value,
        f"{done}/{len(item.structures)}",
        f"{item.score:.1f}",
        f"{why} (+{more})" if more > 0 else why,
        item.path.name,
    ]
