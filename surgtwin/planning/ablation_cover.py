"""Where to put zones for a target that one zone cannot cover: greedy set cover, less the zones that are not needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Point3
from ..domain.mesh import OrganMesh
from ..domain.trajectory import Ablation
from ..errors import PlanError
from ..progress import SILENT, Progress
from ..simulation.ellipsoid import Ellipsoid, as_point, zone_of
from .ablation import rim_distance
from .settings import DEFAULT_PLANNING, PlanningSettings
from .twin_geometry import TwinGeometry

MAX_ZONES = 20
POINTS = 4000
"""Places of the target and its margin that are to be covered."""
CENTRES = 2500
"""Places at which zones are tried."""
SHRUNK = (1.0, 0.97, 0.94, 0.91, 0.88, 0.84, 0.8)
"""Zones are planned this much smaller, step by step, until nothing between the places is left bare."""
NUDGES = 12
"""Steps by which a single zone is moved to its best place."""


def cover_target(
    geometry: TwinGeometry,
    target: str,
    radii_mm: tuple[float, float, float],
    axis: Point3 = (0.0, 0.0, 1.0),
    axis_b: Point3 | None = None,
    margin_mm: float | None = None,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> tuple[Ablation, ...]:
    """Zones of one size and direction that together cover a target with a margin around it.

    One zone if one is enough, in the place that leaves the largest margin; else greedily the zone that covers most of
    what is still bare, again and again (Chvatal, Math. Oper. Res. 4, 1979), less those that the others make needless.

    Raises
    ------
    PlanError
        If there is no such target, or more than `MAX_ZONES` zones would be needed.
    Cancelled
        When asked to stop through ``progress``.
    """
    margin = settings.ablation_margin_mm if margin_mm is None else margin_mm
    geometry.structure(target, "target")
    first = Ablation(f"{target} 1", target, (0.0, 0.0, 0.0), axis, radii_mm, axis_b)
    shape, surface = zone_of(first), geometry.surface(target).mesh.vertices_mm
    single = _best_place(shape, surface)
    if float(_at(shape, single).signed(surface).min()) >= margin:
        return (replace(first, centre_mm=as_point(single)),)
    wanted = _places(geometry, target, margin)
    for n, share in enumerate(SHRUNK):
        progress.update((n + 1) / (len(SHRUNK) + 1))
        zones = [_at(shape, c) for c in _greedy(_shrunk(shape, share), wanted, progress)]
        if float(rim_distance(zones, surface)[0].min()) >= margin:
            kept = _needed_at_full_size(zones, surface, margin, progress)
            return tuple(
                replace(first, name=f"{target} {n + 1}", centre_mm=as_point(z.centre_mm)) for n, z in enumerate(kept)
            )
    raise PlanError(
        f"no {MAX_ZONES} zones of this size cover '{target}' with {margin:g} mm around it; take larger ones.",
        "radii_mm",
    )


def _shrunk(zone: Ellipsoid, share: float) -> Ellipsoid:
    """The same zone, smaller."""
    return Ellipsoid(zone.centre_mm, zone.axes, zone.radii_mm * share)


def _at(zone: Ellipsoid, centre: FloatArray) -> Ellipsoid:
    return Ellipsoid(centre, zone.axes, zone.radii_mm)


def _needed_at_full_size(
    zones: list[Ellipsoid], surface: FloatArray, margin: float, progress: Progress
) -> list[Ellipsoid]:
    """The zones without those that full-sized neighbours make needless."""
    kept = list(zones)
    for zone in reversed(zones):
        progress.check()
        others = [z for z in kept if z is not zone]
        if others and float(rim_distance(others, surface)[0].min()) >= margin:
            kept = others
    return kept


def _best_place(shape: Ellipsoid, surface: FloatArray) -> FloatArray:
    """The centre that leaves the largest least margin: pushed from the worst place, in ever smaller steps.

    The least margin is concave where it is positive, so there is one best place.
    """
    centre = (surface.min(0) + surface.max(0)) / 2.0
    best = float(_at(shape, centre).signed(surface).min())
    step = float(np.ptp(surface, axis=0).max()) / 4.0
    directions = np.concatenate((np.eye(3), -np.eye(3)))
    for _ in range(NUDGES):
        tried = [(float(_at(shape, centre + step * d).signed(surface).min()), d) for d in directions]
        found, way = max(tried, key=lambda t: t[0])
        if found > best:
            best, centre = found, centre + step * way
        else:
            step /= 2.0
    return np.asarray(centre)


def _places(geometry: TwinGeometry, target: str, margin: float) -> FloatArray:
    """Places spread evenly through the target and its margin, and all over the margin's outer border."""
    surface = geometry.surface(target)
    vertices = surface.mesh.vertices_mm
    low, high = vertices.min(0) - margin, vertices.max(0) + margin
    pitch = float(np.prod(high - low) / POINTS) ** (1.0 / 3.0)
    axes = [np.arange(a + pitch / 2.0, b, pitch) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    near = surface.at(lattice) <= margin
    some = slice(None, None, max(1, len(vertices) // POINTS))
    return np.concatenate((lattice[near], vertices[some] + margin * _normals(surface.mesh)[some]))


def _normals(mesh: OrganMesh) -> FloatArray:
    """(N, 3) outward at each vertex: the mean of its triangles', by their area."""
    corners = mesh.vertices_mm[mesh.triangles]
    twice_area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    corner, count = mesh.triangles.ravel(), len(mesh.vertices_mm)
    sums = np.stack([np.bincount(corner, np.repeat(twice_area[:, a], 3), count) for a in range(3)], 1)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))


def _greedy(zone: Ellipsoid, wanted: FloatArray, progress: Progress) -> list[FloatArray]:
    """Centres whose zones cover all places."""
    tried = wanted[:: max(1, len(wanted) // CENTRES)]
    scaled = (wanted @ zone.axes.T) / zone.radii_mm
    # In the zone's own measure it is a ball of radius 1, whatever its shape.
    reached = cKDTree(scaled).query_ball_point((tried @ zone.axes.T) / zone.radii_mm, 1.0)
    covers = np.zeros((len(tried), len(wanted)), dtype=bool)
    for n, members in enumerate(reached):
        covers[n, members] = True
    chosen: list[int] = []
    bare = np.ones(len(wanted), dtype=bool)
    while bare.any():
        progress.check()
        gains = (covers & bare).sum(1)
        best = int(gains.argmax())
        if gains[best] == 0 or len(chosen) == MAX_ZONES:
            raise PlanError(f"more than {MAX_ZONES} zones of this size would be needed; take larger ones.", "radii_mm")
        chosen.append(best)
        bare &= ~covers[best]
    return [tried[n] for n in _needed(chosen, covers)]


def _needed(chosen: list[int], covers: NDArray[np.bool_]) -> list[int]:
    """The chosen zones without those whose places the others cover; the smallest gains go first."""
    kept = list(chosen)
    for zone in reversed(chosen):
        others = [n for n in kept if n != zone]
        if others and covers[others].any(0).all():
            kept = others
    return kept
