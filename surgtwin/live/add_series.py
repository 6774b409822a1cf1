"""A further series of the same patient beside the first: laid on it rigidly, judged by gates, its organs left alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from ..domain.finding import Finding, Severity
from ..domain.registration import Gate
from ..domain.twin import Twin, TwinImage
from ..domain.volume import Volume
from ..errors import PatientMismatchError, TwinError
from ..progress import SILENT, Progress
from ..registration.deformable import DeformableFit, fit_deformable
from ..registration.rigid import RigidFit, fit_rigid
from .update import free_image_id

PRIMARY = "primary"
MOST_REST_MM = 15.0
"""Beyond it a rigid motion is no description of how the organs of two series lie to one another."""
LEAST_ALIKE = 0.3
"""Correlation of two images of one modality; less speaks for another region."""
LEAST_INFORMATION = 0.05
"""Mutual information, nats, of two images of different modalities."""
LEAST_INSIDE = 0.5
"""Of an image that was placed, not matched, that must lie in the primary image's box: else its frame is another one."""
PROBES = 24


@dataclass(frozen=True, eq=False)
class AddedSeries:
    """A twin with a further image, and how well that lies on it.

    Parameters
    ----------
    rigid
        None where the image lay in the twin's frame already.
    rest_mm
        Mean motion of the structures' surfaces that the rigid motion leaves, by a deformable match: how far organs are
        shown beside their outlines. None where nothing was matched.
    """

    twin: Twin
    image: TwinImage
    rigid: RigidFit | None
    rest_mm: float | None
    gates: tuple[Gate, ...]

    @property
    def is_passed(self) -> bool:
        return all(gate.is_passed for gate in self.gates)


def add_series(twin: Twin, volume: Volume, role: str, progress: Progress = SILENT) -> AddedSeries:
    """The twin with `volume` laid on its primary image.

    Nothing is carried: a prior or another phase shows the organs as they were then. What differs in shape is measured
    and told.

    Raises
    ------
    PatientMismatchError
        If the image is of another patient.
    TwinError
        If the twin holds this very image, or the role is that of the primary image.
    ImageError
        If the images hardly overlap.
    """
    _require_addable(twin, volume, role)
    rigid = fit_rigid(twin.primary, volume, progress=progress.part(0.0, 0.5))
    fit = fit_deformable(
        twin.primary, volume, arrived_from_base=rigid.transform.matrix, progress=progress.part(0.5, 0.95)
    )
    rest_mm = _rest_mm(twin, fit)
    image = TwinImage(free_image_id(twin), role, volume, rigid.transform.inverse().matrix)
    gates = (_alike(rigid, twin.primary, volume), _rest(rest_mm), _overlap(fit))
    progress.update(1.0)
    return AddedSeries(_with_image(twin, image, _laid_on(image, rest_mm)), image, rigid, rest_mm, gates)


def add_placed_series(twin: Twin, volume: Volume, role: str) -> AddedSeries:
    """The twin with `volume` where it says that it lies, by a tracker that was laid on the patient.

    Nothing is matched, so nothing but its place is checked. Raises PatientMismatchError and TwinError as `add_series`.
    """
    _require_addable(twin, volume, role)
    image = TwinImage(free_image_id(twin), role, volume)
    message = (
        f"The {role} image lies where its tracker says; it was not matched with the primary image. Organs may have "
        "moved since that was made."
    )
    placed = Finding("series-as-placed", Severity.WARNING, message)
    return AddedSeries(_with_image(twin, image, placed), image, None, None, (_inside(twin.primary, volume),))


def _require_addable(twin: Twin, volume: Volume, role: str) -> None:
    if role == PRIMARY:
        raise TwinError("A twin has one primary image. Give the new one another role.")
    if twin.patient.contradicts(volume.patient):
        raise PatientMismatchError("The image is of another patient than the twin. It was not added.")
    same = [i.image_id for i in twin.images if i.volume.source.content_sha256 == volume.source.content_sha256]
    if same:
        raise TwinError(f"The twin holds this very image already, as {same[0]}.")


def _with_image(twin: Twin, image: TwinImage, how: Finding) -> Twin:
    volume = image.volume
    findings = [*twin.findings, *volume.findings]
    if twin.patient.is_known and not volume.patient.is_known:
        message = f"The image added as {image.role} names no patient: make sure that it is of this patient."
        findings.append(Finding("series-no-identity", Severity.WARNING, message))
    provenance = replace(
        twin.provenance,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs={**twin.provenance.inputs, image.image_id: volume.source.content_sha256},
    )
    return replace(twin, images=(*twin.images, image), findings=(*findings, how), provenance=provenance)


def _rest_mm(twin: Twin, fit: DeformableFit) -> float:
    points = [m.vertices_mm[:: max(1, len(m.vertices_mm) // 500)] for m in twin.meshes]
    if not points:
        return float(fit.field.lengths_mm[fit.known > 0.5].mean()) if np.any(fit.known > 0.5) else 0.0
    places = np.concatenate(points)
    known = fit.known_at(places) > 0.5
    return float(np.linalg.norm(fit.field.at(places[known]), axis=1).mean()) if known.any() else 0.0


def _alike(rigid: RigidFit, base: Volume, volume: Volume) -> Gate:
    is_same = base.modality is volume.modality
    least = LEAST_ALIKE if is_same else LEAST_INFORMATION
    what = "Correlation" if is_same else "Mutual information"
    message = f"{what} of the images is {rigid.similarity_after:.2f}; {least:g} is needed."
    return Gate("alike", rigid.similarity_after >= least, message)


def _rest(rest_mm: float) -> Gate:
    message = (
        f"Surfaces lie {rest_mm:.1f} mm beside what the image shows, on average; {MOST_REST_MM:g} mm are the limit."
    )
    return Gate("rigid-enough", rest_mm <= MOST_REST_MM, message)


def _overlap(fit: DeformableFit) -> Gate:
    share = float(fit.known.mean())
    return Gate(
        "overlap", share >= 0.1, f"The image shows {share:.0%} of what the primary image shows; 10% are needed."
    )


def _inside(base: Volume, volume: Volume) -> Gate:
    """Whether most of an image's box lies in that of the primary image."""
    steps = [np.linspace(0, n - 1, min(n, PROBES)) for n in volume.grid.size_ijk]
    ijk = base.grid.to_ijk(volume.grid.to_lps(np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)))
    share = float(np.mean(np.all((ijk >= -0.5) & (ijk <= np.asarray(base.grid.size_ijk) - 0.5), axis=1)))
    message = f"{share:.0%} of the image's box lies in the primary image's; {LEAST_INSIDE:.0%} are needed."
    return Gate("inside", share >= LEAST_INSIDE, message)


def _laid_on(image: TwinImage, rest_mm: float) -> Finding:
    message = (
        f"The {image.role} image was laid on the primary one rigidly. Organs are shown {rest_mm:.1f} mm beside their "
        "outlines on average: breathing and posture differ."
    )
    severity = Severity.WARNING if rest_mm > 5.0 else Severity.INFO
    return Finding("series-laid-on", severity, message, numbers={"rest_mm": rest_mm})
