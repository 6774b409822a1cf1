"""An organ carried to where a few points of its surface were seen: a proposed revision, with all that lies in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from scipy import ndimage

from ..domain.displacement import DisplacementField
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap, Structure
from ..domain.mesh import OrganMesh
from ..domain.registration import Gate, Registration, StructureMotion
from ..domain.twin import Twin
from ..errors import TwinError
from ..mesh.extract import extract_meshes
from ..mesh.surface_distance import SurfaceDistance
from ..progress import SILENT, Progress
from ..registration.surface_fit import SurfaceFit, SurfaceFitSettings, fit_surface
from ..version import VERSION
from .carry import carry_labels, carry_mesh
from .update import findings_that_stay

STEP_MM = 6.0
MARGIN_MM = 60.0
FADE_MM = 15.0
"""Beyond the organ the motion fades over this distance: what lies around it was not seen to move."""
INSIDE_SHARE = 0.7
"""Of the voxels around a structure that must be the organ's for it to go along, if it is no part of it by the table."""
MOST_RESIDUAL_MM = 5.0
MOST_MOTION_MM = 60.0
SAMPLES = 1500


@dataclass(frozen=True, eq=False)
class SurfaceUpdate:
    """A proposed revision and the fit that made it."""

    twin: Twin
    fit: SurfaceFit
    members: tuple[str, ...]


def propose_surface_update(
    twin: Twin,
    organ: str,
    points_mm: FloatArray,
    settings: SurfaceFitSettings | None = None,
    progress: Progress = SILENT,
) -> SurfaceUpdate:
    """The twin with an organ, and what is part of it or lies in it, carried to points (N, 3) seen on its surface.

    Points are in LPS mm.

    Raises
    ------
    LabelError
        If the twin has no such structure.
    TwinError
        If it has no voxel.
    ImageError
        If the points are too few, on a line, or far from the organ.
    """
    members = _members(twin.labels, twin.labels.structure(organ))
    whole = _whole_organ(twin.labels, organ, members)
    fit = fit_surface(whole, points_mm, settings, progress.part(0.0, 0.6))
    field = _faded_field(fit, whole)
    progress.update(0.7, "Carrying the organ")
    labels = _carried_labels(twin.labels, members, field, progress.part(0.7, 0.95))
    meshes = tuple(
        carry_mesh(m, field, labels.volume_ml(labels.structure(m.name))) if m.name in members else m
        for m in twin.meshes
    )
    motions = tuple(_motion(m, field, fit, twin) for m in twin.meshes if m.name in members)
    gates = _gates(fit, field, motions)
    registration = Registration(
        "",
        twin.revision.number,
        f"{len(fit.field.places)} points on the {organ}'s surface, elastic Gaussian process",
        fit.rigid_residual_mm,
        fit.residual_mm,
        field,
        motions,
        gates,
    )
    progress.update(1.0)
    carried = replace(
        twin,
        labels=labels,
        meshes=meshes,
        registration=registration,
        provenance=replace(
            twin.provenance,
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            program=f"surgtwin {VERSION}",
            settings={**twin.provenance.settings, "registration": registration.method},
        ),
        findings=(*findings_that_stay(twin), *_findings(registration, organ)),
        confidence=None,
        volume_intervals=tuple(v for v in twin.volume_intervals if v.structure not in members),
    )
    return SurfaceUpdate(carried, fit, members)


def _members(labels: LabelMap, organ: Structure) -> tuple[str, ...]:
    """The organ, its parts, and whatever is mostly surrounded by it."""
    found = [organ.name]
    for s in labels.structures:
        if s is organ or labels.voxels(s) == 0:
            continue
        if s.part_of == organ.name or _surrounded_share(labels, s, organ) >= INSIDE_SHARE:
            found.append(s.name)
    return tuple(found)


def _surrounded_share(labels: LabelMap, inner: Structure, organ: Structure) -> float:
    """Share of the voxels next to a structure that are the organ's."""
    mask = labels.mask(inner.name)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    near = tuple(slice(max(0, b.start - 1), b.stop + 1) for b in box)
    ring = ndimage.binary_dilation(mask[near]) & ~mask[near]
    return float(np.mean(labels.mask(organ.name)[near][ring])) if ring.any() else 0.0


def _whole_organ(labels: LabelMap, organ: str, members: tuple[str, ...]) -> OrganMesh:
    """One surface around the organ and all that lies in it, without hollows: an organ's own label has holes there."""
    import fill_voids

    mask = np.zeros(labels.grid.shape, dtype=bool)
    for name in members:
        mask |= labels.mask(name)
    if not mask.any():
        raise TwinError(f"The {organ} has no voxel, so no surface that points could lie on.")
    filled = fill_voids.fill(mask).astype(np.uint8)
    return extract_meshes(LabelMap(labels.grid, (filled,), (Structure(1, organ, (221, 130, 101)),)))[0]


def _faded_field(fit: SurfaceFit, mesh: OrganMesh) -> DisplacementField:
    low, high = mesh.vertices_mm.min(axis=0) - MARGIN_MM, mesh.vertices_mm.max(axis=0) + MARGIN_MM
    size = np.ceil((high - low) / STEP_MM).astype(int) + 1
    grid = Grid.from_axes((int(size[2]), int(size[1]), int(size[0])), low, np.eye(3), (STEP_MM,) * 3)
    k, j, i = np.indices(grid.shape)
    points = grid.to_lps(np.stack([i, j, k], axis=-1)).reshape(-1, 3)
    beyond = np.maximum(SurfaceDistance(mesh).at(points), 0.0)
    near = beyond < 3 * FADE_MM
    vectors = np.zeros(points.shape)
    vectors[near] = (fit.moved(points[near]) - points[near]) * np.exp(-((beyond[near, None] / FADE_MM) ** 2))
    return DisplacementField(grid, vectors.reshape(*grid.shape, 3).astype(np.float32))


def _carried_labels(
    labels: LabelMap, members: tuple[str, ...], field: DisplacementField, progress: Progress
) -> LabelMap:
    """The organ's labels where it lies now; those of its neighbours stay, and give way to it."""
    own = [
        [s.label for s in labels.structures if s.name in members and s.layer == n] for n in range(len(labels.layers))
    ]
    alone = LabelMap(
        labels.grid,
        tuple(
            np.where(np.isin(layer, of), layer, 0).astype(layer.dtype)
            for layer, of in zip(labels.layers, own, strict=True)
        ),
        labels.structures,
    )
    moved = carry_labels(alone, field.inverse(), progress=progress)
    layers = []
    for before, kept, now in zip(labels.layers, alone.layers, moved.layers, strict=True):
        rest = np.where(kept > 0, 0, before)
        layers.append(np.where(now > 0, now, rest).astype(before.dtype))
    return LabelMap(labels.grid, tuple(layers), labels.structures)


def _motion(mesh: OrganMesh, field: DisplacementField, fit: SurfaceFit, twin: Twin) -> StructureMotion:
    points = mesh.vertices_mm[:: max(1, len(mesh.vertices_mm) // SAMPLES)]
    far = np.linalg.norm(field.at(points), axis=1)
    own = float(np.sqrt(np.mean(fit.error_mm(points) ** 2)))
    before = 0.0 if twin.registration is None else twin.registration.error_mm(mesh.name)
    error = float(np.hypot(own, before))
    return StructureMotion(mesh.name, float(far.mean()), float(np.percentile(far, 95)), float(far.max()), error, 1.0)


def _gates(fit: SurfaceFit, field: DisplacementField, motions: tuple[StructureMotion, ...]) -> tuple[Gate, ...]:
    least = float(field.jacobian().min())
    most = max(m.p95_mm for m in motions)
    residual = (
        f"The points lie {fit.residual_mm:.1f} mm beside the moved surface; {MOST_RESIDUAL_MM:g} mm are the limit."
    )
    better = f"{fit.residual_mm:.1f} mm with the deformation, {fit.rigid_residual_mm:.1f} mm with a stiff organ."
    return (
        Gate("points-met", fit.residual_mm <= MOST_RESIDUAL_MM, residual),
        Gate("no-worse-than-rigid", fit.residual_mm <= fit.rigid_residual_mm + 0.1, better),
        Gate("no-folding", least > 0.1, f"Space shrinks to {least:.2f} of its volume at most."),
        Gate("motion-limit", most <= MOST_MOTION_MM, f"95 % of the surface moves less than {most:.1f} mm."),
    )


def _findings(registration: Registration, organ: str) -> list[Finding]:
    found = [
        Finding("registration-gate", Severity.ERROR, f"The points can't be accepted ({g.name}): {g.message}")
        for g in registration.gates
        if not g.is_passed
    ]
    message = (
        f"The {organ} was carried by points on a part of its surface; places far from them are known to "
        f"{registration.error_mm(organ):.1f} mm only. Margins are judged with that."
    )
    return [*found, Finding("registration-by-points", Severity.WARNING, message)]
