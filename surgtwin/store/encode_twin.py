"""A twin as events and blobs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from ..domain.confidence import ConfidenceMap
from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..domain.plan_shelf import PlanShelf
from ..domain.registration import Registration
from ..domain.saved_plan import PlanVersion
from ..domain.twin import Revision, Side, Twin
from ..domain.volume import Volume
from ..progress import Progress
from ..version import VERSION
from . import event as kinds
from .blobs import BlobStore
from .codec_confidence import encode_confidence, encode_interval
from .codec_finding import encode_findings
from .codec_image import encode_volume
from .codec_labels import encode_labels
from .codec_mesh import encode_mesh
from .codec_registration import encode_registration
from .codec_twin import encode_measurement, encode_provenance, encode_revision
from .codec_values import Record, encode_matrix
from .event import EventDraft, canonical_json
from .known_objects import KnownObjects
from .layout import CURRENT_SCHEMA
from .patient_events import kept_record
from .plan_events import shelf_events
from .review_events import kept_reviews

FORMAT = "surgtwin twin"


def encode_new_twin(twin: Twin, blobs: BlobStore, progress: Progress) -> list[EventDraft]:
    """All events of a twin that is saved for the first time; its blobs are stored (not yet synced)."""
    created = {"format": FORMAT, "schema": str(CURRENT_SCHEMA), "case_id": twin.case_id, "program": VERSION}
    drafts = [EventDraft(kinds.TWIN_CREATED, created)]
    drafts += encode_revision_events(twin, twin.revision, twin.accepted, blobs, KnownObjects(), (), progress)
    if twin.operated_side is not Side.NOT_STATED:
        drafts.append(EventDraft(kinds.SIDE_STATED, {"side": twin.operated_side.value}))
    drafts += [EventDraft(kinds.MEASUREMENT_ADDED, {"measurement": encode_measurement(m)}) for m in twin.measurements]
    drafts += kept_reviews(twin.reviews.sign_offs)
    drafts += kept_record(twin.record)
    return [*drafts, *shelf_events(PlanShelf(), twin.shelf, blobs, KnownObjects(), "")]


def encode_revision_events(
    twin: Twin,
    revision: Revision,
    accepted: Collection[str],
    blobs: BlobStore,
    known: KnownObjects,
    known_images: Collection[str],
    progress: Progress,
) -> list[EventDraft]:
    """Events for a revision and for those of its images that are not in `known_images` (content keys) yet."""
    drafts: list[EventDraft] = []
    references: list[Record] = []
    steps = len(twin.images) + 1 + len(twin.meshes)
    for n, image in enumerate(twin.images):
        progress.update(n / steps, "Saving images")
        record = known.encoded(image.volume, lambda volume: encode_volume(volume, blobs))
        key = image_key(record)
        references.append(
            {
                "image_id": image.image_id,
                "role": image.role,
                "twin_from_image": encode_matrix(image.twin_from_image),
                "key": key,
            }
        )
        if key not in known_images and all(key != d.payload["key"] for d in drafts):
            drafts.append(EventDraft(kinds.IMAGE_ADDED, {"key": key, "image": record}))
    progress.update(len(twin.images) / steps, "Saving the label map")
    labels = known.encoded(twin.labels, lambda label_map: encode_labels(label_map, blobs))
    payload: Record = {
        "revision": encode_revision(revision),
        "images": references,
        "labels": labels,
        "labels_on": twin.labels_on,
        "meshes": _encode_meshes(twin.meshes, blobs, known, progress.part((len(twin.images) + 1) / steps, 1.0)),
        "provenance": encode_provenance(twin.provenance),
        "findings": encode_findings(twin.findings),
        "accepted": sorted(accepted),
        "confidence": _encode_confidence(twin.confidence, blobs, known),
        "volume_intervals": [encode_interval(v) for v in twin.volume_intervals],
        "registration": _encode_registration(twin.registration, blobs, known),
    }
    return [*drafts, EventDraft(kinds.REVISION_ADDED, payload)]


def _encode_meshes(
    meshes: tuple[OrganMesh, ...], blobs: BlobStore, known: KnownObjects, progress: Progress
) -> list[Record]:
    records = []
    for n, mesh in enumerate(meshes):
        progress.update(n / len(meshes), "Saving meshes")
        records.append(known.encoded(mesh, lambda organ: encode_mesh(organ, blobs)))
    return records


def _encode_confidence(confidence: ConfidenceMap | None, blobs: BlobStore, known: KnownObjects) -> Record | None:
    if confidence is None:
        return None
    return known.encoded(confidence, lambda c: encode_confidence(c, blobs))


def _encode_registration(registration: Registration | None, blobs: BlobStore, known: KnownObjects) -> Record | None:
    if registration is None:
        return None
    return known.encoded(registration, lambda r: encode_registration(r, blobs))


def image_key(record: Record) -> str:
    """The content key of an image's record."""
    return hashlib.sha256(canonical_json(record).encode()).hexdigest()


def parts_of(twin: Twin) -> list[Volume | LabelMap | OrganMesh | ConfidenceMap | Registration | PlanVersion]:
    """The objects of a twin that have records of their own."""
    confidence = () if twin.confidence is None else (twin.confidence,)
    registration = () if twin.registration is None else (twin.registration,)
    versions = (version for plan in twin.shelf.every for version in plan.versions)
    return [*(image.volume for image in twin.images), twin.labels, *twin.meshes, *confidence, *registration, *versions]
