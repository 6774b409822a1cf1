"""What a radiologist says of a segmented structure: a signed statement about exactly these voxels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import ndimage

from ..errors import ReviewError
from .content_hash import content_sha256
from .geometry import Grid
from .labels import LabelMap, Structure

Box = tuple[slice, slice, slice]
NOWHERE: Box = (slice(0, 1), slice(0, 1), slice(0, 1))

LONGEST_TEXT = 2000


class ReviewState(StrEnum):
    """How far the review of a structure has come."""

    NOT_STARTED = "not started"
    IN_PROGRESS = "in progress"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"

    @property
    def is_signed_off(self) -> bool:
        """Whether a reader answers for the voxels as they are."""
        return self in (ReviewState.ACCEPTED, ReviewState.CORRECTED)

    @property
    def is_done(self) -> bool:
        return self.is_signed_off or self is ReviewState.REJECTED


@dataclass(frozen=True)
class SignOff:
    """One reader's statement about one structure; never changed once it is there.

    Parameters
    ----------
    content_sha256
        Of the structure's voxels as they were seen: `structure_hashes`.
    twin_revision
        Number of the revision they were seen in.
    reader, reader_key
        Name, and the public key (Ed25519, 64 hex digits) that the signature is checked with.
    utc, seconds
        When (ISO 8601, ends in "Z"), and how long the reader looked at it.
    reason
        Why; needed for a rejection.
    is_full_read
        The case was given for a full read although nothing spoke against it.
    signature
        Ed25519 (RFC 8032) over `statement`, 128 hex digits; empty until it is signed.

    Raises
    ------
    ReviewError
        If a field is missing or impossible.
    """

    structure: str
    state: ReviewState
    content_sha256: str
    twin_revision: int
    reader: str
    reader_key: str
    utc: str
    seconds: float = 0.0
    reason: str = ""
    comment: str = ""
    is_full_read: bool = False
    signature: str = ""

    def __post_init__(self) -> None:
        if self.state is ReviewState.NOT_STARTED:
            raise ReviewError("'not started' is what nobody has said anything of; it can't be stated.")
        if not self.reader.strip() or not self.reader_key:
            raise ReviewError("A statement about a structure needs a reader with a key.")
        if self.state is ReviewState.REJECTED and not self.reason.strip():
            raise ReviewError(f"'{self.structure}' can't be rejected without a reason: what is wrong with it?")
        if not math.isfinite(self.seconds) or self.seconds < 0:
            raise ReviewError(f"The time spent on '{self.structure}' is no number of seconds: {self.seconds}.")
        if max(len(self.reason), len(self.comment)) > LONGEST_TEXT:
            raise ReviewError(f"A reason or comment has at most {LONGEST_TEXT} characters.")

    def statement(self, case_id: str) -> bytes:
        """What is signed: every field and the case, so that nothing of it can be changed or moved to another case."""
        fields = {
            "format": "surgtwin review 1",
            "case_id": case_id,
            "structure": self.structure,
            "state": self.state.value,
            "content_sha256": self.content_sha256,
            "twin_revision": self.twin_revision,
            "reader": self.reader,
            "reader_key": self.reader_key,
            "utc": self.utc,
            "seconds": repr(float(self.seconds)),
            "reason": self.reason,
            "comment": self.comment,
            "is_full_read": self.is_full_read,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


@dataclass(frozen=True)
class StructureReview:
    """Where the review of one structure stands.

    Parameters
    ----------
    state
        `IN_PROGRESS` again if what was signed off has changed since.
    last
        The latest statement, or None.
    changed
        What was stated is of other voxels than these: for a person, e.g. "accepted by Dr. B, changed since"; or empty.
    """

    structure: str
    state: ReviewState
    last: SignOff | None = None
    changed: str = ""

    @property
    def text(self) -> str:
        """In one line, e.g. "accepted by Dr. B", "in progress: accepted by Dr. B, changed since"."""
        if self.changed:
            return f"{self.state.value}: {self.changed}"
        return f"{self.state.value} by {self.last.reader}" if self.last is not None else self.state.value


@dataclass(frozen=True)
class ReviewBook:
    """All statements about a twin's structures, of all revisions, in the order they were made."""

    sign_offs: tuple[SignOff, ...] = ()

    def of(self, structure: str) -> tuple[SignOff, ...]:
        return tuple(s for s in self.sign_offs if s.structure == structure)

    def review(self, structure: str, content_sha256: str) -> StructureReview:
        """Where the structure stands, its voxels being of that hash."""
        said = self.of(structure)
        if not said:
            return StructureReview(structure, ReviewState.NOT_STARTED)
        last = said[-1]
        if last.content_sha256 == content_sha256 or last.state is ReviewState.IN_PROGRESS:
            return StructureReview(structure, last.state, last)
        changed = f"{last.state.value} by {last.reader}, changed since"
        return StructureReview(structure, ReviewState.IN_PROGRESS, last, changed)

    def reviews(self, labels: LabelMap) -> tuple[StructureReview, ...]:
        """Where every structure of a label map stands; only those somebody spoke of are looked at."""
        spoken_of = {s.structure for s in self.sign_offs}
        hashes = structure_hashes(labels, [s for s in labels.structures if s.name in spoken_of])
        return tuple(self.review(s.name, hashes.get(s.name, "")) for s in labels.structures)

    def with_sign_off(self, sign_off: SignOff) -> ReviewBook:
        return ReviewBook((*self.sign_offs, sign_off))


def structure_hashes(labels: LabelMap, structures: Iterable[Structure]) -> dict[str, str]:
    """Name -> SHA-256 (hex) of a structure's voxels and their places, however large the grid around them is.

    A structure without voxels has a hash, too.
    """
    boxes: dict[int, list[Box | None]] = {}
    hashes = {}
    for s in structures:
        if s.layer not in boxes:
            boxes[s.layer] = ndimage.find_objects(labels.layers[s.layer])
        found = boxes[s.layer][s.label - 1] if s.label <= len(boxes[s.layer]) else None
        hashes[s.name] = _sha256(labels, s, found or NOWHERE)
    return hashes


def _sha256(labels: LabelMap, structure: Structure, box: Box) -> str:
    inside = labels.layers[structure.layer][box] == structure.label
    first = np.eye(4)
    first[:3, 3] = [s.start for s in reversed(box)]
    return content_sha256(Grid(inside.shape, labels.grid.lps_from_ijk @ first), inside.astype(np.uint8))
