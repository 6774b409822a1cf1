"""Cut surfaces as functions of two parameters: a plane, a patch, and a shell seen from inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from ..domain.cut import BezierCut, PlaneCut
from ..domain.geometry import FloatArray, unit
from ..mesh.surface_distance import SurfaceDistance
from .bezier import evaluate_patch
from .distance_table import DistanceTable
from .tissue import Tissue

RAY_STEPS = 40
"""Steps along a ray to the shell; each goes as far as surely nothing lies, so that few are needed."""
AT_SHELL_MM = 0.01
MAX_BEYOND = 20.0
"""How many times its own width a patch is followed past its edges."""

Range = tuple[float, float]
Points = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A surface over two parameters, seen from the resected side: S_u x S_v points at who looks.

    Parameters
    ----------
    evaluate
        u (U,), v (V,) -> places (U, V, 3) in LPS mm.
    is_metric
        Whether u and v are lengths in mm already.
    limit
        Farther from (0, 0) than this the sheet runs over itself and does not count.
    """

    name: str
    evaluate: Points
    u_range: Range
    v_range: Range
    is_metric: bool
    limit: float = np.inf

    def covers(self, u: FloatArray, v: FloatArray) -> NDArray[np.bool_]:
        """(U, V) whether the sheet counts there."""
        return np.asarray(np.hypot(u[:, None], v[None, :]) <= self.limit)

    def points(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """Places (U, V, 3) in LPS mm."""
        return self.evaluate(u, v)

    def lengths(self, u: FloatArray, v: FloatArray, inside: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
        """For each parameter the length along the surface from the first one, on the average of what is inside."""
        if self.is_metric:
            return u, v
        points = self.points(u, v)
        along_u = _mean_steps(np.linalg.norm(np.diff(points, axis=0), axis=2), inside)
        along_v = _mean_steps(np.linalg.norm(np.diff(points, axis=1), axis=2).T, inside.T)
        return _centred(along_u), _centred(along_v)


def _mean_steps(steps: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Mean length of each step over the lines where it lies inside; over all lines where it does on none."""
    weights = (inside[1:] | inside[:-1]).astype(np.float64)
    weights[weights.sum(1) == 0] = 1.0
    return np.asarray(np.average(steps, axis=1, weights=weights))


def _centred(steps: FloatArray) -> FloatArray:
    places = np.concatenate(([0.0], np.cumsum(steps)))
    return np.asarray(places - places[-1] / 2.0)


def plane_sheet(cut: PlaneCut, tissue: Tissue) -> Sheet:
    """A plane with the patient's head up (the front, if the plane is nearly axial), its middle under the organ's."""
    normal = np.asarray(cut.normal)
    up = np.array([0.0, 0.0, 1.0]) if abs(normal[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    second = unit(up - (up @ normal) * normal)
    first = np.cross(second, normal)
    low, high = tissue.bounds_mm
    centre = (low + high) / 2.0
    origin = centre - ((centre - np.asarray(cut.point_mm)) @ normal) * normal
    reach = float(np.linalg.norm(high - low)) / 2.0

    def points(u: FloatArray, v: FloatArray) -> FloatArray:
        return np.asarray(origin + u[:, None, None] * first + v[None, :, None] * second)

    return Sheet("plane", points, (-reach, reach), (-reach, reach), True)


def patch_sheet(cut: BezierCut, tissue: Tissue) -> Sheet:
    """A patch and what continues it as far as the organ reaches; v runs backwards on a flipped one."""
    net = cut.control_points_mm
    low, high = tissue.bounds_mm
    middle, radius = (low + high) / 2.0, float(np.linalg.norm(high - low)) / 2.0
    sign = -1.0 if cut.flip else 1.0

    def points(u: FloatArray, v: FloatArray) -> FloatArray:
        return evaluate_patch(net, u[:, None], sign * v[None, :]).points_mm

    away = float(np.linalg.norm(net.reshape(-1, 3) - middle, axis=1).max()) + radius
    spans = []
    for first, last in ((net[0], net[3]), (net[:, 0], net[:, 3])):
        edge = max(float(np.linalg.norm(last - first, axis=1).min()), 1.0)
        beyond = min(max(away - edge, 0.0) / edge, MAX_BEYOND)
        spans.append((-beyond, 1.0 + beyond))
    v_range = spans[1] if sign > 0 else (-spans[1][1], -spans[1][0])
    return Sheet("patch", points, spans[0], v_range, False)


def shell_sheets(
    surfaces: dict[str, SurfaceDistance],
    tables: dict[str, DistanceTable],
    distance_mm: float,
    cut_points_mm: FloatArray,
) -> tuple[Sheet, ...]:
    """A sheet for each group of targets whose shells touch, laid out around the middle of the cut's points."""
    names = list(surfaces)
    apart = np.array([[_gap_mm(surfaces[a], surfaces[b]) > 2.0 * distance_mm for b in names] for a in names])
    count, group = connected_components(~apart)
    sheets = []
    for n in range(count):
        members = tuple(name for name, g in zip(names, group, strict=True) if g == n)
        vertices = np.concatenate([surfaces[m].mesh.vertices_mm for m in members])
        around = tuple(tables[m] for m in members)
        sheets.append(_shell_sheet(members, vertices, around, distance_mm, cut_points_mm))
    return tuple(sheets)


def _gap_mm(a: SurfaceDistance, b: SurfaceDistance) -> float:
    return 0.0 if a is b else float(a.at(np.asarray(b.mesh.vertices_mm[::7])).min())


def _shell_sheet(
    names: tuple[str, ...],
    vertices: FloatArray,
    tables: tuple[DistanceTable, ...],
    distance_mm: float,
    cut_points_mm: FloatArray,
) -> Sheet:
    """Where rays from the targets' middle leave the shell for good, by azimuth and angle from the pole."""
    centre = (vertices.min(0) + vertices.max(0)) / 2.0
    far = float(np.linalg.norm(vertices - centre, axis=1).max()) + distance_mm
    offset = cut_points_mm - centre
    length = np.linalg.norm(offset, axis=1)
    near = (length < far + 1.0) & (length > 0)
    mean = (offset[near] / length[near, None]).sum(0) if near.any() else np.zeros(3)
    pole = unit(mean) if np.linalg.norm(mean) > 1e-6 * max(int(near.sum()), 1) else np.array([0.0, 0.0, -1.0])
    up = np.array([0.0, 0.0, 1.0]) if abs(pole[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    second = unit(up - (up @ pole) * pole)
    # Seen from the targets: the pole lies ahead.
    first = np.cross(pole, second)
    radius = float(np.median(length[near])) if near.any() else far

    def points(u: FloatArray, v: FloatArray) -> FloatArray:
        a, b = np.meshgrid(u, v, indexing="ij")
        angle, turn = np.hypot(a, b) / radius, np.arctan2(b, a)
        flat = np.cos(turn)[..., None] * first + np.sin(turn)[..., None] * second
        ray = np.cos(angle)[..., None] * pole + np.sin(angle)[..., None] * flat
        return _march(centre, ray.reshape(-1, 3), tables, distance_mm, far).reshape(*a.shape, 3)

    reach = np.pi * radius
    return Sheet(f"shell around {', '.join(names)}", points, (-reach, reach), (-reach, reach), True, reach)


def _march(
    centre: FloatArray, rays: FloatArray, targets: tuple[DistanceTable, ...], distance_mm: float, far: float
) -> FloatArray:
    """Places (N, 3) where rays from outside towards the centre first meet the shell."""
    at = np.full(len(rays), far + AT_SHELL_MM)
    open_rows = np.arange(len(rays))
    for _ in range(RAY_STEPS):
        points = centre + at[open_rows, None] * rays[open_rows]
        gap = np.minimum.reduce([t.at(points) for t in targets]) - distance_mm
        at[open_rows] = np.maximum(at[open_rows] - gap, 0.0)
        open_rows = open_rows[np.abs(gap) > AT_SHELL_MM]
        if not len(open_rows):
            break
    return np.asarray(centre + at[:, None] * rays)
