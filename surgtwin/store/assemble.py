"""A twin from the state of its log and its blobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..domain.confidence import ConfidenceMap
from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..domain.plan_shelf import PlanShelf
from ..domain.registration import Registration
from ..domain.twin import Twin, TwinImage
from ..domain.volume import Volume
from ..progress import SILENT, Progress
from .blobs import BlobStore
from .codec_confidence import decode_confidence, decode_interval
from .codec_finding import decode_findings
from .codec_image import decode_volume
from .codec_labels import decode_labels
from .codec_mesh import decode_mesh
from .codec_plan import decode_shelf
from .codec_registration import decode_registration
from .codec_review import decode_book
from .codec_twin import decode_measurement, decode_provenance
from .codec_values import Record, decode_matrix, decoding
from .fold import RevisionRecord, TwinState
from .known_objects import KnownObjects
from .patient_events import record_of


def assemble(
    state: TwinState, number: int | None, blobs: BlobStore, known: KnownObjects, progress: Progress = SILENT
) -> Twin:
    """The twin at a revision (the current one if None), with the side, the measurements and the plans of today.

    Raises
    ------
    TwinError
        If there is no such revision.
    TwinCorruptError
        If a blob is missing, truncated or damaged, or a record does not make sense.
    """
    record = state.revision(number)
    body = record.body
    with decoding(f"revision {record.revision.number}"):
        images = tuple(
            _image(state, r, blobs, known) for r in _steps(body["images"], progress.part(0.0, 0.6), "Reading images")
        )
        progress.update(0.6, "Reading the label map")
        labels = known.decoded(body["labels"], LabelMap, lambda r: decode_labels(r, blobs))
        meshes = tuple(
            known.decoded(r, OrganMesh, lambda m: decode_mesh(m, blobs))
            for r in _steps(body["meshes"], progress.part(0.75, 1.0), "Reading meshes")
        )
        confidence = _confidence(body, blobs, known)
        registration = _registration(body, blobs, known)
    shelf = decode_shelf(state.plans, blobs, known)
    with decoding(f"revision {record.revision.number}"):
        twin = _twin(state, record, images, labels, meshes, confidence, shelf)
        reviews, patient = decode_book(state.reviews), record_of(state.patient)
        return replace(twin, registration=registration, reviews=reviews, record=patient)


def _twin(
    state: TwinState,
    record: RevisionRecord,
    images: tuple[TwinImage, ...],
    labels: LabelMap,
    meshes: tuple[OrganMesh, ...],
    confidence: ConfidenceMap | None,
    shelf: PlanShelf,
) -> Twin:
    body = record.body
    return Twin(
        case_id=state.case_id,
        images=images,
        labels=labels,
        meshes=meshes,
        revision=record.revision,
        provenance=decode_provenance(body["provenance"]),
        labels_on=body["labels_on"],
        findings=decode_findings(body["findings"]),
        operated_side=state.side,
        accepted=record.accepted,
        measurements=tuple(decode_measurement(m) for m in state.measurements.values()),
        confidence=confidence,
        volume_intervals=tuple(decode_interval(v) for v in body.get("volume_intervals", ())),
        shelf=shelf,
    )


def _confidence(body: Record, blobs: BlobStore, known: KnownObjects) -> ConfidenceMap | None:
    """Twins of schema 1.0 have none."""
    record = body.get("confidence")
    return None if record is None else known.decoded(record, ConfidenceMap, lambda r: decode_confidence(r, blobs))


def _registration(body: Record, blobs: BlobStore, known: KnownObjects) -> Registration | None:
    """Only revisions that an image carried over have one."""
    record = body.get("registration")
    return None if record is None else known.decoded(record, Registration, lambda r: decode_registration(r, blobs))


def _image(state: TwinState, reference: Record, blobs: BlobStore, known: KnownObjects) -> TwinImage:
    image_id = reference["image_id"]
    volume = known.decoded(
        state.images[reference["key"]], Volume, lambda r: decode_volume(r, blobs, f"image '{image_id}'")
    )
    return TwinImage(image_id, reference["role"], volume, decode_matrix(reference["twin_from_image"]))


def _steps(records: list[Record], progress: Progress, stage: str) -> Iterator[Record]:
    """The records one by one, telling how far it is."""
    for n, record in enumerate(records):
        progress.update(n / len(records), stage)
        yield record
