"""How far a cut stays from a tumour, how sure that is, and where it is worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Point3
from ..domain.verdict import ErrorTerms, Verdict, judge
from ..mesh.surface_distance import SurfaceDistance, vertex_areas
from .split import CutPoints, CutSide

LOW_PERCENTILE = 5.0
LEFT_BEHIND_MM = 1e-3
"""Surface points of a target less than this behind the cut count as taken."""


@dataclass(frozen=True)
class Margin:
    """The margin of one target.

    Parameters
    ----------
    min_mm
        Least distance from the target's surface to the cut surface inside the organ. If part of the target is left
        behind, minus the greatest depth of it; None if no cut surface lies inside the organ.
    low_mm
        5th percentile over the target's surface.
    area_below_mm2
        Of the target's surface, closer to the cut than the wanted margin or behind it.
    cut_area_below_mm2
        Of the cut surface, closer to the target than the wanted margin.
    at_mm, cut_at_mm
        Where it is worst: on the target and on the cut, LPS.
    is_resected
        Whether all of the target is taken; `is_missed` whether none of it is.
    """

    target: str
    wanted_mm: float
    min_mm: float | None
    low_mm: float | None
    area_below_mm2: float
    cut_area_below_mm2: float
    at_mm: Point3 | None
    cut_at_mm: Point3 | None
    is_resected: bool
    is_missed: bool
    terms: ErrorTerms
    verdict: Verdict

    @property
    def reason(self) -> str:
        """What the verdict rests on, for a person."""
        if self.is_missed:
            return "target not resected"
        if not self.is_resected:
            return "the cut passes through the target"
        if self.min_mm is None:
            return "all of the organ is resected"
        if self.verdict is Verdict.UNPROVEN:
            return f"the {self.terms.dominating} error dominates; {self.terms.remedy}"
        return ""


def measure_margin(
    target: str, surface: SurfaceDistance, cut: CutPoints, side: CutSide, wanted_mm: float, terms: ErrorTerms
) -> Margin:
    """The margin between a target's surface and the cut surface inside the organ."""
    vertices, areas = surface.mesh.vertices_mm, vertex_areas(surface.mesh)
    behind = side.signed(vertices) < -LEFT_BEHIND_MM
    is_resected, is_missed = not bool(behind.any()), bool(behind.all())
    if not len(cut.points_mm):
        return _without_cut(target, wanted_mm, terms, float(areas.sum()), is_resected)
    distance, on_cut = distance_to_cut(vertices, cut)
    signed = np.where(behind, -distance, distance)
    at = int(signed.argmin())
    least = float(signed[at])
    low = weighted_percentile(signed, areas, LOW_PERCENTILE)
    return Margin(
        target, wanted_mm, least, low,
        float(areas[signed < wanted_mm].sum()), float(cut.area_mm2[is_nearer(surface, cut.points_mm, wanted_mm)].sum()),
        _point(vertices[at]), _point(on_cut[at]), is_resected, is_missed, terms,
        judge(least, wanted_mm, terms) if is_resected else Verdict.VIOLATED,
    )  # fmt: skip


def _without_cut(target: str, wanted_mm: float, terms: ErrorTerms, area_mm2: float, is_resected: bool) -> Margin:
    """The cut misses the organ: all of it is taken, or nothing."""
    verdict = Verdict.SAFE if is_resected else Verdict.VIOLATED
    below = 0.0 if is_resected else area_mm2
    return Margin(target, wanted_mm, None, None, below, 0.0, None, None, is_resected, not is_resected, terms, verdict)


def is_nearer(surface: SurfaceDistance, points_mm: FloatArray, than_mm: float) -> NDArray[np.bool_]:
    """Which points (N, 3) lie nearer to a surface than that, inside or outside.

    The nearest corner of a triangle is nearly as near as the surface; only where that leaves it open is more asked.
    """
    corners = surface.mesh.vertices_mm[surface.mesh.triangles]
    longest = float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())
    to_vertex = cKDTree(surface.mesh.vertices_mm).query(points_mm, workers=-1)[0]
    nearer = np.asarray(to_vertex < than_mm)
    is_open = ~nearer & (to_vertex - longest < than_mm)
    nearer[is_open] = np.abs(surface.at(points_mm[is_open])) < than_mm
    return nearer


def distance_to_cut(points_mm: FloatArray, cut: CutPoints) -> tuple[FloatArray, FloatArray]:
    """Unsigned distances (N,) of points from a cut surface, and the nearest places (N, 3) on it.

    The cut is known at one point a voxel. Where the foot on that point's tangent plane lies within the piece of the
    surface that it stands for, the height over the plane is the distance; else the distance to the piece's edge is.
    """
    distance, which = cKDTree(cut.points_mm).query(points_mm, workers=-1)
    offset = points_mm - cut.points_mm[which]
    height = np.abs(np.einsum("nc,nc->n", offset, cut.normals[which]))
    aside = np.sqrt(np.maximum(distance**2 - height**2, 0.0))
    radius = np.sqrt(cut.area_mm2[which] / np.pi)
    beyond = np.maximum(aside - radius, 0.0)
    share = np.where(aside > 0, np.minimum(radius / np.where(aside > 0, aside, 1.0), 1.0), 0.0)
    flat = offset - np.einsum("nc,nc->n", offset, cut.normals[which])[:, None] * cut.normals[which]
    return np.hypot(height, beyond), cut.points_mm[which] + share[:, None] * flat


def weighted_percentile(values: FloatArray, weights: NDArray[np.float64], percent: float) -> float:
    """The least value that `percent` of the weight does not exceed."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    wanted = percent / 100.0 * reached[-1]
    return float(values[order][min(int(np.searchsorted(reached, wanted)), len(values) - 1)])


def _point(row: FloatArray) -> Point3:
    x, y, z = (float(v) for v in row)
    return (x, y, z)
