"""Signing what a reader says of structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..domain.labels import LabelMap
from ..domain.review import ReviewBook, ReviewState, SignOff, StructureReview, structure_hashes
from ..errors import ReviewError
from .reader import UnlockedReader, is_genuine


@dataclass(frozen=True)
class Opinion:
    """What a reader says of structures.

    Parameters
    ----------
    seconds
        Spent on all of them together.
    reason
        Needed where structures are rejected.
    """

    state: ReviewState
    seconds: float = 0.0
    reason: str = ""
    comment: str = ""
    is_full_read: bool = False


def signed(
    case_id: str,
    revision: int,
    labels: LabelMap,
    structures: Sequence[str],
    opinion: Opinion,
    reader: UnlockedReader,
    utc: str = "",
) -> list[SignOff]:
    """Signed statements about structures as they are now, for `TwinWriter.review`.

    Parameters
    ----------
    utc
        When; now if empty.

    Raises
    ------
    LabelError
        If there is no such structure; ReviewError if none is named or the opinion is impossible.
    """
    if not structures:
        raise ReviewError("Name at least one structure to say something of.")
    names = list(dict.fromkeys(structures))
    hashes = structure_hashes(labels, [labels.structure(name) for name in names])
    when = utc or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    said = [
        SignOff(
            name,
            opinion.state,
            hashes[name],
            revision,
            reader.reader.name,
            reader.reader.key,
            when,
            opinion.seconds / len(names),
            opinion.reason,
            opinion.comment,
            opinion.is_full_read,
        )
        for name in names
    ]
    return [reader.signed(s, case_id) for s in said]


def genuine(book: ReviewBook, case_id: str) -> tuple[ReviewBook, tuple[SignOff, ...]]:
    """The book of the statements whose signatures hold, and the statements whose do not, which count for nothing."""
    holds = [is_genuine(s, case_id) for s in book.sign_offs]
    kept = tuple(s for s, is_right in zip(book.sign_offs, holds, strict=True) if is_right)
    forged = tuple(s for s, is_right in zip(book.sign_offs, holds, strict=True) if not is_right)
    return ReviewBook(kept), forged


def reviews_of(labels: LabelMap, book: ReviewBook, case_id: str) -> tuple[StructureReview, ...]:
    """Where the review of every structure stands, by the statements whose signatures hold."""
    return genuine(book, case_id)[0].reviews(labels)
