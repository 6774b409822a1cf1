"""A new image laid on the twin: a proposed revision, carried along, with the gates that judge it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np

from ..domain.displacement import DisplacementField
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, transform_points
from ..domain.mesh import OrganMesh
from ..domain.registration import Registration, StructureMotion
from ..domain.twin import Provenance, Twin, TwinImage
from ..domain.volume import Volume
from ..errors import PatientMismatchError, TwinError
from ..progress import SILENT, Progress
from ..registration.deformable import PREVIEW, REFINED, DeformableFit, fit_deformable
from ..registration.rigid import RigidFit, fit_rigid
from ..version import VERSION
from .carry import carry_labels, carry_mesh
from .gates import DEFAULT_GATES, GateSettings, check_gates
from .placed_image import image_in_twin

SAME_FRAME_MM, SAME_FRAME_DEG = 40.0, 10.0
"""Scanners keep their coordinates from one series to the next, and give each a new frame of reference all the same."""
SAMPLES = 4000
"""Vertices of each surface whose motion is measured."""
CARRIED = "carried along by registration"


class Quality(StrEnum):
    """How much time the deformation may take."""

    PREVIEW = "preview"
    REFINED = "refined"


@dataclass(frozen=True)
class UpdateSettings:
    """How an arrived image is taken in.

    Parameters
    ----------
    role
        Of the image in the twin.
    quality
        A preview takes seconds; refined matches at twice the resolution.
    """

    role: str = "intra-op"
    quality: Quality = Quality.PREVIEW
    gates: GateSettings = DEFAULT_GATES


DEFAULT_UPDATE = UpdateSettings()


def propose_update(
    twin: Twin, arrived: Volume, settings: UpdateSettings = DEFAULT_UPDATE, progress: Progress = SILENT
) -> Twin:
    """The twin carried to where the arrived image shows its organs; its `registration` says how, and how well.

    All motion is the patient's, unless the images state different frames of reference (DICOM C.7.4.1) and lie more
    than some centimetres apart in them: then the rigid part is the way from one frame to the other. It is kept with the
    image, and what is carried is the deformation beyond it.

    A revision that was carried itself is matched by the image that carried it: that one shows it as it lies.

    Raises
    ------
    PatientMismatchError
        If the image is of another patient.
    TwinError
        If the revision was carried by points: no image shows it as it lies.
    ImageError
        If the images hardly overlap.
    """
    _require_takable(twin, arrived)
    base = shown_by(twin)
    rigid = fit_rigid(base, arrived, progress=progress.part(0.0, 0.25))
    levels = REFINED if settings.quality is Quality.REFINED else PREVIEW
    part, start = progress.part(0.25, 0.6), rigid.transform.matrix
    fit = fit_deformable(base, arrived, arrived_from_base=start, levels=levels, progress=part)
    is_own_frame = _states_own_frame(base, arrived) and _is_far(rigid, base)
    field = fit.field if is_own_frame else _with_rigid(fit.field, start)
    twin_from_image = rigid.transform.inverse().matrix if is_own_frame else np.eye(4)
    image = TwinImage(free_image_id(twin), settings.role, arrived, twin_from_image)
    labels = carry_labels(twin.labels, field.inverse(), progress=progress.part(0.6, 0.9))
    volumes = {s.name: labels.volume_ml(s) for s in labels.structures}
    meshes = tuple(carry_mesh(m, field, volumes[m.name]) for m in twin.meshes)
    motions = tuple(_motion_of(m, field, fit, twin) for m in twin.meshes)
    gates = check_gates(fit, motions, twin.meshes, meshes, settings.gates)
    registration = Registration(
        image.image_id,
        twin.revision.number,
        _method(rigid, settings, is_own_frame),
        fit.difference_before,
        fit.difference_after,
        field,
        motions,
        gates,
    )
    progress.update(1.0)
    return replace(
        twin,
        images=(*twin.images, image),
        labels=labels,
        meshes=meshes,
        registration=registration,
        provenance=_provenance(twin, image, registration),
        findings=(*findings_that_stay(twin), *arrived.findings, *_findings(twin, arrived, registration)),
        confidence=None,
        volume_intervals=(),
    )


def _require_takable(twin: Twin, arrived: Volume) -> None:
    if twin.registration is not None and not twin.registration.image_id:
        raise TwinError(
            f"Revision {twin.revision.number} was carried by points on a surface, and no image shows it as it lies. Go "
            f"back to revision {twin.registration.base_revision} (surgtwin revert), and take the image in there."
        )
    if twin.patient.contradicts(arrived.patient):
        raise PatientMismatchError("The image that arrived is of another patient than the twin. It was not taken in.")


def shown_by(twin: Twin) -> Volume:
    """The image that shows the revision as it lies, in the twin's frame."""
    return image_in_twin(twin.image(twin.labels_on if twin.registration is None else twin.registration.image_id))


def _is_far(rigid: RigidFit, base: Volume) -> bool:
    """Whether a rigid motion moves the image's middle or its axes further than a patient moves on a table."""
    middle = base.grid.center()
    turn = np.degrees(np.arccos(np.clip((np.trace(rigid.transform.matrix[:3, :3]) - 1.0) / 2.0, -1.0, 1.0)))
    shift = float(np.linalg.norm(rigid.transform.apply(middle) - middle))
    return shift > SAME_FRAME_MM or bool(turn > SAME_FRAME_DEG)


def _states_own_frame(base: Volume, arrived: Volume) -> bool:
    """Whether both images state a frame of reference, and not the same."""
    frames = [v.source.dicom.frame_of_reference_uid if v.source.dicom else "" for v in (base, arrived)]
    return bool(frames[0] and frames[1] and frames[0] != frames[1])


def _with_rigid(field: DisplacementField, matrix: FloatArray) -> DisplacementField:
    """The deformation followed by the rigid motion, as one field."""
    k, j, i = np.indices(field.grid.shape)
    points = field.grid.to_lps(np.stack([i, j, k], axis=-1))
    moved = transform_points(matrix, points + field.vectors_mm)
    return DisplacementField(field.grid, (moved - points).astype(np.float32))


def free_image_id(twin: Twin) -> str:
    """A name that no image of the twin has."""
    taken = {image.image_id for image in twin.images}
    return next(name for n in range(len(taken) + 1, 2 * len(taken) + 2) if (name := f"image-{n}") not in taken)


def _motion_of(mesh: OrganMesh, field: DisplacementField, fit: DeformableFit, twin: Twin) -> StructureMotion:
    step = max(1, len(mesh.vertices_mm) // SAMPLES)
    points = np.asarray(mesh.vertices_mm[::step])
    far = np.linalg.norm(field.at(points), axis=1)
    own = float(np.sqrt(np.mean(fit.error_at(points) ** 2)))
    before = 0.0 if twin.registration is None else twin.registration.error_mm(mesh.name)
    return StructureMotion(
        mesh.name,
        float(far.mean()),
        float(np.percentile(far, 95)),
        float(far.max()),
        float(np.hypot(own, before)),
        float(np.mean(fit.known_at(points))),
    )


def _method(rigid: RigidFit, settings: UpdateSettings, is_own_frame: bool) -> str:
    first = "rigid motion between the frames, then" if is_own_frame else "rigid motion and"
    if rigid.is_identity:
        first = "no rigid motion needed;"
    return f"{first} windowed Gauss-Newton deformation, {settings.quality.value}"


def _provenance(twin: Twin, image: TwinImage, registration: Registration) -> Provenance:
    p = twin.provenance
    return replace(
        p,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        program=f"surgtwin {VERSION}",
        inputs={**p.inputs, image.image_id: image.volume.source.content_sha256},
        methods={name: _carried(method) for name, method in p.methods.items()},
        settings={**p.settings, "registration": registration.method},
    )


def _carried(method: str) -> str:
    return method if method.endswith(CARRIED) else f"{method}; {CARRIED}"


def findings_that_stay(twin: Twin) -> tuple[Finding, ...]:
    """What was found before and still holds: figures of volumes and places were of the organs as they lay."""
    return tuple(f for f in twin.findings if not f.code.startswith("registration-"))


def _findings(twin: Twin, arrived: Volume, registration: Registration) -> list[Finding]:
    found = []
    if twin.patient.is_known and not arrived.patient.is_known:
        message = (
            "The image that arrived names no patient. It was taken in because it was given by hand: make sure that it "
            "is of this patient."
        )
        found.append(Finding("registration-no-identity", Severity.WARNING, message))
    for gate in registration.gates:
        if not gate.is_passed:
            message = f"The arrived image can't be accepted ({gate.name}): {gate.message}"
            found.append(Finding("registration-gate", Severity.ERROR, message))
    unseen = [m.structure for m in registration.motions if m.shown_share < 0.5]
    if unseen:
        message = (
            f"The arrived image shows less than half of: {', '.join(unseen)}. Their place is a guess from their "
            "surroundings."
        )
        found.append(Finding("registration-not-shown", Severity.WARNING, message, numbers={"structures": len(unseen)}))
    return found
