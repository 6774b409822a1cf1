"""What a reviewer's work list needs of a twin, without its images and meshes: quick to read, however large it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..domain.confidence import ConfidenceMap
from ..domain.finding import Finding
from ..domain.labels import LabelMap
from ..domain.review import ReviewBook
from ..domain.twin import Provenance, Revision
from .blobs import BlobStore
from .codec_confidence import decode_confidence
from .codec_finding import decode_findings
from .codec_image import decode_source
from .codec_labels import decode_labels
from .codec_review import decode_book
from .codec_twin import decode_provenance
from .codec_values import decoding
from .disk_errors import explain_disk_errors
from .fold import TwinState
from .journal import read_state
from .load import read_steadily


@dataclass(frozen=True, eq=False)
class KeptReview:
    """A twin as its reviewer needs it.

    Parameters
    ----------
    labels_before
        Those of the revision that the current one came from; None if it is the first.
    """

    case_id: str
    revision: Revision
    labels: LabelMap
    labels_before: LabelMap | None
    confidence: ConfidenceMap | None
    findings: tuple[Finding, ...]
    provenance: Provenance
    reviews: ReviewBook


def load_review(path: Path) -> KeptReview:
    """The labels, findings and statements of a twin's current revision. Writes nothing.

    Raises
    ------
    TwinError, DiskError
        As `load_twin`, but for damage to images and meshes, which is not looked for.
    """
    return read_steadily(path, _load)


@dataclass(frozen=True, eq=False)
class RevisionParts:
    """What made a structure in one revision.

    Parameters
    ----------
    parent
        Number of the revision it came from; None for the first.
    header
        DICOM header of the image the labels lie on, as `DicomSource.header`; empty if it was no DICOM image.
    """

    number: int
    parent: int | None
    labels: LabelMap
    provenance: Provenance
    header: bytes


def load_revision_parts(path: Path, number: int) -> RevisionParts:
    """Labels and origin of one revision. Raises TwinError if there is none of that number, else as `load_review`."""
    return read_steadily(path, lambda twin: _parts(twin, number))


def _parts(twin: Path, number: int) -> RevisionParts:
    with explain_disk_errors("read the twin", twin):
        state, blobs = read_state(twin), BlobStore(twin)
        record = state.revision(number)
        body = record.body
        with decoding(f"revision {number}"):
            image = next(r for r in body["images"] if r["image_id"] == body["labels_on"])
            source = decode_source(state.images[image["key"]]["source"], blobs, f"image '{image['image_id']}'")
            return RevisionParts(
                number,
                record.revision.parent,
                decode_labels(body["labels"], blobs),
                decode_provenance(body["provenance"]),
                b"" if source.dicom is None else source.dicom.header,
            )


def _load(twin: Path) -> KeptReview:
    with explain_disk_errors("read the twin", twin):
        state, blobs = read_state(twin), BlobStore(twin)
        record = state.revision()
        body, number = record.body, record.revision.number
        with decoding(f"revision {number}"):
            confidence = body.get("confidence")
            return KeptReview(
                state.case_id,
                record.revision,
                decode_labels(body["labels"], blobs),
                _before(state, record.revision.parent, blobs),
                None if confidence is None else decode_confidence(confidence, blobs),
                decode_findings(body["findings"]),
                decode_provenance(body["provenance"]),
                decode_book(state.reviews),
            )


def _before(state: TwinState, parent: int | None, blobs: BlobStore) -> LabelMap | None:
    return None if parent is None else decode_labels(state.revision(parent).body["labels"], blobs)
