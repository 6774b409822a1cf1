"""The radiologist's work list: which twin to look at next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..domain.review import ReviewState, SignOff, StructureReview
from ..errors import SurgTwinError
from ..progress import SILENT, Progress
from ..store.layout import is_twin
from ..store.reviews import KeptReview, load_review
from .doubt import Doubt, doubts, structure_confidence
from .sign_off import genuine

ONE_IN = 10
"""Of the cases that nothing speaks against, one in so many is read in full all the same."""


@dataclass(frozen=True)
class WorkItem:
    """One twin on the list.

    Parameters
    ----------
    doubts
        What speaks against it, the heaviest first.
    confidence
        Structure -> mean confidence of the network; {} where nothing is known.
    forged
        Statements whose signatures do not hold.
    is_full_read
        Nothing speaks against it, and it was drawn to be read in full: a network's own confidence is no proof.
    """

    path: Path
    case_id: str
    revision: int
    structures: tuple[StructureReview, ...]
    doubts: tuple[Doubt, ...] = ()
    confidence: dict[str, float] | None = None
    forged: tuple[SignOff, ...] = ()
    is_full_read: bool = False

    @property
    def score(self) -> float:
        """How much speaks against it."""
        return sum(d.weight for d in self.doubts) + (100.0 if self.forged else 0.0)

    @property
    def is_done(self) -> bool:
        return all(s.state.is_done for s in self.structures)

    @property
    def looks_right(self) -> bool:
        return not self.doubts and not self.forged

    @property
    def state(self) -> ReviewState:
        """Of the whole case: rejected if a structure is, corrected if one was, accepted if all are."""
        states = [s.state for s in self.structures]
        if ReviewState.REJECTED in states:
            return ReviewState.REJECTED
        if not self.is_done:
            untouched = all(s is ReviewState.NOT_STARTED for s in states)
            return ReviewState.NOT_STARTED if untouched else ReviewState.IN_PROGRESS
        return ReviewState.CORRECTED if ReviewState.CORRECTED in states else ReviewState.ACCEPTED


@dataclass(frozen=True)
class Unreadable:
    """A twin that could not be read, and why."""

    path: Path
    reason: str


def find_twins(places: Iterable[Path]) -> list[Path]:
    """Twins at or anywhere below some places, each once, in the order of their paths."""
    found: set[Path] = set()
    for place in places:
        if is_twin(place):
            found.add(place.resolve())
            continue
        found.update(p.resolve() for p in place.rglob("*.twin") if is_twin(p))
    return sorted(found)


def work_list(places: Sequence[Path], progress: Progress = SILENT) -> tuple[list[WorkItem], list[Unreadable]]:
    """Twins to be reviewed, the worst first, with some that look right mixed in; what is done comes last.

    Returns
    -------
    tuple
        The items, and the twins that could not be read: they are named, never left out silently.
    """
    items, unreadable = [], []
    twins = find_twins(places)
    for n, path in enumerate(twins):
        progress.update(n / len(twins), f"Reading {path.name}")
        try:
            items.append(work_item(path, load_review(path)))
        except SurgTwinError as error:
            unreadable.append(Unreadable(path, str(error)))
    return in_order(items), unreadable


def work_item(path: Path, kept: KeptReview) -> WorkItem:
    """One twin's line of the list."""
    book, forged = genuine(kept.reviews, kept.case_id)
    confidence = {} if kept.confidence is None else structure_confidence(kept.labels, kept.confidence)
    return WorkItem(
        path, kept.case_id, kept.revision.number, book.reviews(kept.labels), doubts(kept), confidence, forged
    )


def in_order(items: Sequence[WorkItem]) -> list[WorkItem]:
    """The order of work: worst first, drawn full reads among them, what is done at the end.

    The draw depends on the case ids alone, so that asking again gives the same one and nobody can choose.
    """
    open_items = sorted((i for i in items if not i.is_done), key=lambda i: (-i.score, i.case_id))
    # Drawn from all, done or not: finishing one case must not draw another.
    right = sorted((i for i in items if i.looks_right), key=lambda i: _lot(i.case_id))
    drawn = {i.path for i in right[: -(-len(right) // ONE_IN)]}
    rest = [i for i in open_items if i.path not in drawn]
    for item in (i for i in open_items if i.path in drawn):
        rest.insert(_lot(f"{item.case_id} place") % (len(rest) + 1), replace(item, is_full_read=True))
    return [*rest, *sorted((i for i in items if i.is_done), key=lambda i: i.case_id)]


def _lot(text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"full read {text}".encode()).digest()[:8], "big")
