"""`surgtwin review show`: every structure of a twin, and what was said of it."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.review import SignOff, StructureReview
from surgtwin.review.doubt import Doubt
from surgtwin.review.reader import is_genuine
from surgtwin.review.work_list import WorkItem, work_item
from surgtwin.store.reviews import KeptReview, load_review

from .console import note, say, table, write_json
from .plan_list import minute


def run(options: argparse.Namespace) -> int:
    kept = load_review(options.twin)
    item = work_item(options.twin, kept)
    if options.json:
        write_json(_document(kept, item))
        return 0
    say(f"{item.case_id}  revision {item.revision}  {item.state.value}")
    rows = [_row(kept, item, s) for s in item.structures]
    say(table(rows, ("structure", "mL", "network sure", "review", "when", "seconds"), right=(1, 2, 5)))
    for doubt in item.doubts:
        say(f"doubt: {doubt.text}")
    if options.history:
        _history(kept)
    for said in item.forged:
        note(f"the signature of {said.reader} on '{said.structure}' does not hold; it counts for nothing")
    return 0


def sign_off_json(said: SignOff, case_id: str) -> dict[str, Any]:
    """A statement, as scripts read it."""
    return {
        "structure": said.structure,
        "state": said.state.value,
        "reader": said.reader,
        "reader_key": said.reader_key,
        "utc": said.utc,
        "seconds": said.seconds,
        "reason": said.reason,
        "comment": said.comment,
        "twin_revision": said.twin_revision,
        "content_sha256": said.content_sha256,
        "is_full_read": said.is_full_read,
        "is_genuine": is_genuine(said, case_id),
    }


def _document(kept: KeptReview, item: WorkItem) -> dict[str, Any]:
    return {
        "case_id": item.case_id,
        "revision": item.revision,
        "state": item.state.value,
        "structures": [_structure(kept, item, s) for s in item.structures],
        "doubts": [_doubt(d) for d in item.doubts],
        "sign_offs": [sign_off_json(s, item.case_id) for s in kept.reviews.sign_offs],
    }


def _structure(kept: KeptReview, item: WorkItem, review: StructureReview) -> dict[str, Any]:
    return {
        "structure": review.structure,
        "volume_ml": kept.labels.volume_ml(kept.labels.structure(review.structure)),
        "confidence": (item.confidence or {}).get(review.structure),
        "state": review.state.value,
        "text": review.text,
    }


def _doubt(doubt: Doubt) -> dict[str, Any]:
    return {"text": doubt.text, "weight": doubt.weight, "structure": doubt.structure or None}


def _row(kept: KeptReview, item: WorkItem, review: StructureReview) -> list[str]:
    sure = (item.confidence or {}).get(review.structure)
    last = review.last
    return [
        review.structure,
        f"{kept.labels.volume_ml(kept.labels.structure(review.structure)):.1f}",
        "" if sure is None else f"{sure:.0%}",
        review.text,
        "" if last is None else minute(last.utc),
        "" if last is None else f"{last.seconds:.0f}",
    ]


def _history(kept: KeptReview) -> None:
    for said in kept.reviews.sign_offs:
        words = "; ".join(t for t in (said.reason, said.comment) if t)
        say(
            f"{minute(said.utc)}  {said.structure}: {said.state.value} by {said.reader}{f' ({words})' if words else ''}"
        )
