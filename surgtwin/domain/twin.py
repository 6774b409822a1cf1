"""The twin: images of one patient, what is segmented in them, the surfaces, and how it all came about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from ..errors import TwinError
from .confidence import ConfidenceMap, VolumeInterval
from .finding import Finding
from .geometry import FloatArray, frozen
from .labels import LabelMap, Structure
from .measurement import Measurement
from .mesh import OrganMesh
from .patient import Patient
from .patient_record import PatientRecord
from .plan_shelf import PlanShelf
from .registration import Registration
from .review import ReviewBook
from .saved_plan import PlanStatus, SavedPlan
from .volume import Volume


class Side(StrEnum):
    """The operated side, stated by a person."""

    NOT_STATED = ""
    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"
    MIDLINE = "midline"


class RevisionState(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, eq=False)
class TwinImage:
    """One image of the twin.

    Parameters
    ----------
    image_id
        Short and unique in the twin, e.g. "image-1". Never derived from the patient.
    role
        'primary', 'arterial', 'portal', 'mr', 'prior', 'post-op', 'intra-op', ...
    twin_from_image
        (4, 4) from the image's LPS to the twin's LPS (the frame of the primary image); identity for the primary.
    """

    image_id: str
    role: str
    volume: Volume
    twin_from_image: FloatArray = field(default_factory=lambda: np.eye(4))

    def __post_init__(self) -> None:
        m = np.array(self.twin_from_image, dtype=np.float64)
        if m.shape != (4, 4) or not np.all(np.isfinite(m)):
            raise TwinError(f"Image '{self.image_id}' needs a finite 4 x 4 matrix into the twin's frame.")
        object.__setattr__(self, "twin_from_image", frozen(m))


@dataclass(frozen=True)
class Provenance:
    """How a revision came about: enough to repeat it. Holds nothing that names the patient.

    Parameters
    ----------
    inputs
        Image id -> sha256 of its content.
    methods
        Structure name -> how it was made, e.g. "network ct_abdomen", "classical: threshold -500 HU", "given labels".
    model
        Name, version, weights' sha256, device, precision, settings of the network; empty if none was used.
    settings
        Of the build: regularise, smoothing, decimation...
    software
        Program and library versions.
    """

    created_utc: str
    program: str
    inputs: dict[str, str] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Revision:
    """One state of the twin in its history."""

    number: int
    parent: int | None
    cause: str
    state: RevisionState
    created_utc: str

    @property
    def counts(self) -> bool:
        """Whether it stands, or is proposed; not once it is superseded or rejected."""
        return self.state in (RevisionState.ACCEPTED, RevisionState.PROPOSED)


@dataclass(frozen=True, eq=False)
class Twin:
    """A patient's organs at one revision.

    Parameters
    ----------
    case_id
        Pseudonymous, made when the twin is built; shown in place of the patient wherever files are written.
    images
        The first has the role 'primary'; its frame is the twin's.
    labels
        On the grid of the image `labels_on`.
    meshes
        One per structure that has voxels and could be meshed.
    accepted
        Names of the structures that a person has accepted.
    confidence
        How sure the network was of its label at each place; None if no network ran, or it is not known.
    volume_intervals
        Of those structures that a calibrated network found; ask `volume_interval` for the one that still holds.
    shelf
        The plans kept with the twin, removed ones too. Like measurements they belong to the twin, not to a revision.
    registration
        How this revision was carried over from the one before by an image that arrived; None if it was not.
    reviews
        What readers said of structures in this and earlier revisions; like plans they belong to the twin.
    record
        What hospital systems and devices say of the patient; it belongs to the twin too.
    """

    case_id: str
    images: tuple[TwinImage, ...]
    labels: LabelMap
    meshes: tuple[OrganMesh, ...]
    revision: Revision
    provenance: Provenance
    labels_on: str = "image-1"
    findings: tuple[Finding, ...] = ()
    operated_side: Side = Side.NOT_STATED
    accepted: frozenset[str] = frozenset()
    measurements: tuple[Measurement, ...] = ()
    confidence: ConfidenceMap | None = None
    volume_intervals: tuple[VolumeInterval, ...] = ()
    shelf: PlanShelf = field(default_factory=PlanShelf)
    registration: Registration | None = None
    reviews: ReviewBook = field(default_factory=ReviewBook)
    record: PatientRecord = field(default_factory=PatientRecord)

    def __post_init__(self) -> None:
        if not self.images or self.images[0].role != "primary":
            raise TwinError("A twin needs a primary image, first in its list.")
        if not self.image(self.labels_on).volume.grid.is_same_space(self.labels.grid):
            raise TwinError("The label map does not lie on the grid of the image it is said to belong to.")
        patients = [image.volume.patient for image in self.images]
        if any(patients[0].contradicts(p) for p in patients[1:]):
            raise TwinError("The images of a twin must be of one patient.")
        names = {s.name for s in self.labels.structures}
        strangers = sorted({m.name for m in self.meshes} - names)
        if strangers:
            raise TwinError(f"Meshes without a structure: {', '.join(strangers)}.")
        measured = [v.structure for v in self.volume_intervals]
        if len(set(measured)) != len(measured):
            raise TwinError("A structure has two volume intervals.")

    @property
    def primary(self) -> Volume:
        return self.images[0].volume

    @property
    def patient(self) -> Patient:
        return self.primary.patient

    @property
    def structures(self) -> tuple[Structure, ...]:
        return self.labels.structures

    def image(self, image_id: str) -> TwinImage:
        for image in self.images:
            if image.image_id == image_id:
                return image
        raise TwinError(f"There is no image '{image_id}'; there are: {', '.join(i.image_id for i in self.images)}.")

    def mesh(self, name: str) -> OrganMesh | None:
        return next((m for m in self.meshes if m.name == name), None)

    def volume_interval(self, name: str) -> VolumeInterval | None:
        """The error bar of a structure's own volume; None if there is none, or the structure was changed since."""
        interval = next((v for v in self.volume_intervals if v.structure == name), None)
        if interval is None or not any(s.name == name for s in self.structures):
            return None
        return interval if interval.is_of(self.labels.volume_ml(self.labels.structure(name))) else None

    @property
    def plans(self) -> tuple[SavedPlan, ...]:
        """The plans kept with the twin, without removed ones."""
        return self.shelf.plans

    def plan_status(self, plan: SavedPlan) -> PlanStatus:
        """Whether a plan is a draft, approved, or was approved before an edit or a change of revision."""
        return plan.status(self.revision.number, self.revision.counts)

    def with_side(self, side: Side) -> Twin:
        return replace(self, operated_side=side)
