"""Cuts as functions of place: a plane, a height over a plane, a distance around targets, and combinations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.cut import BezierCut, Combination, PlaneCut
from ..domain.geometry import FloatArray
from ..mesh.surface_distance import SurfaceDistance
from .bezier import PatchPoint, evaluate_patch, mean_normal
from .split import CutSide

HEIGHT_STEP_MM = 1.0
"""Distance of the nodes between which heights are interpolated."""
MAX_NODES = 600
"""Along one side of the height map; a larger one gets a wider step."""
NEWTON_STEPS = 12
FOUND_MM = 1e-4
"""A node's parameters are found when the patch passes it within this."""
STEEPEST = 4.0
"""Heights that rise faster than this per mm are no longer looked up; the nearest point on the patch is."""
NEAREST_SAMPLES = 161
"""Points along u and along v of the patch on which the nearest one is sought."""


@dataclass(frozen=True)
class PlaneSide:
    """Signed distance from a plane."""

    cut: PlaneCut

    @property
    def steepness(self) -> float:
        return 1.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        return np.asarray(self.cut.plane.signed_distance(points_mm))


@dataclass(frozen=True)
class CombinedSide:
    """Several sides as one: the largest, the least, or the first without the others."""

    combination: Combination
    parts: tuple[CutSide, ...]

    @property
    def steepness(self) -> float:
        return max(p.steepness for p in self.parts)

    def signed(self, points_mm: FloatArray) -> FloatArray:
        values = [p.signed(points_mm) for p in self.parts]
        if self.combination is Combination.DIFFERENCE:
            values = [values[0], *(-v for v in values[1:])]
        choose = np.maximum if self.combination is Combination.UNION else np.minimum
        return np.asarray(reduce(choose, values))


@dataclass(frozen=True, eq=False)
class HeightSide:
    """Height above a patch that is a function over a base plane, looked up in a table of nodes.

    Parameters
    ----------
    axes
        (3, 3) rows: the base plane's two axes and the direction heights are measured in.
    low_mm, step_mm
        First node and distance of the nodes in the base plane.
    heights_mm
        (s, t) height of the patch over each node.
    """

    axes: FloatArray
    low_mm: FloatArray
    step_mm: float
    heights_mm: FloatArray
    steepness: float

    def signed(self, points_mm: FloatArray) -> FloatArray:
        local = points_mm @ self.axes.T
        node = ((local[:, :2] - self.low_mm) / self.step_mm).T
        height = ndimage.map_coordinates(self.heights_mm, node, order=1, mode="nearest")
        return np.asarray(local[:, 2] - height)


@dataclass(frozen=True, eq=False)
class NearestSide:
    """Signed distance from a patch of any shape: to the nearest of many points on it, on the side of its normal."""

    tree: cKDTree
    normals: FloatArray

    @property
    def steepness(self) -> float:
        # The sign jumps where two sheets of a fold are equally near; elsewhere the distance is that to a plane.
        return 1.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        distance, which = self.tree.query(points_mm, workers=-1)
        height = np.einsum("nc,nc->n", points_mm - self.tree.data[which], self.normals[which])
        # Near the patch the height over the tangent plane is the finer figure, farther off the distance itself.
        return np.asarray(np.where(np.abs(height) > 0.9 * distance, height, np.copysign(distance, height)))


@dataclass(frozen=True, eq=False)
class ShellSide:
    """The inside of the surface at a distance around targets: that distance less the nearest target's."""

    targets: tuple[SurfaceDistance, ...]
    distance_mm: float

    @property
    def steepness(self) -> float:
        return 1.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        nearest = reduce(np.minimum, (t.at(points_mm) for t in self.targets))
        return np.asarray(self.distance_mm - nearest)


def bezier_side(cut: BezierCut, bounds_mm: tuple[FloatArray, FloatArray]) -> CutSide:
    """The side function of a Bezier patch for points within bounds (lowest and highest LPS corner)."""
    sign = -1.0 if cut.flip else 1.0
    corners = np.array(np.meshgrid(*zip(*bounds_mm, strict=True))).reshape(3, -1).T
    side = _height_side(cut.control_points_mm, corners, sign)
    return side if side is not None else _nearest_side(cut.control_points_mm, corners, sign)


def base_axes(control_points_mm: FloatArray) -> FloatArray:
    """(3, 3) rows: two axes of the patch's base plane, and its mean normal."""
    normal = mean_normal(control_points_mm)
    along = control_points_mm[3].mean(0) - control_points_mm[0].mean(0)
    along = along - (along @ normal) * normal
    if np.linalg.norm(along) < 1e-6:
        along = np.eye(3)[int(np.argmin(np.abs(normal)))]
        along = along - (along @ normal) * normal
    first = along / np.linalg.norm(along)
    return np.stack((first, np.cross(normal, first), normal))


def _height_side(control: FloatArray, corners_mm: FloatArray, sign: float) -> HeightSide | None:
    """Heights over the patch's base plane; None if the patch (or what continues it) is no function over it."""
    axes = base_axes(control)
    local = (corners_mm @ axes.T)[:, :2]
    low, high = local.min(0), local.max(0)
    step = max(HEIGHT_STEP_MM, float((high - low).max()) / MAX_NODES)
    counts = np.ceil((high - low) / step).astype(int) + 2
    nodes = np.stack(np.meshgrid(*(low[a] + step * np.arange(counts[a]) for a in range(2)), indexing="ij"), -1)
    patch = _patch_over(control, axes, nodes.reshape(-1, 2))
    if patch is None:
        return None
    normal = patch.normals @ axes.T
    if float(normal[:, 2].min()) <= 1.0 / np.hypot(1.0, STEEPEST):
        return None
    steepness = float((1.0 / normal[:, 2]).max())
    heights = (patch.points_mm @ axes[2]).reshape(counts)
    return HeightSide(axes * [[1.0], [1.0], [sign]], low, step, sign * heights, steepness)


def _patch_over(control: FloatArray, axes: FloatArray, nodes: FloatArray) -> PatchPoint | None:
    """The patch over nodes (N, 2) of its base plane, by Newton's method; None where it is not found."""
    flat = control @ axes[:2].T
    edge_u, edge_v = (flat[3] - flat[0]).mean(0), (flat[:, 3] - flat[:, 0]).mean(0)
    start = (nodes - flat.mean((0, 1))) @ np.linalg.pinv(np.stack((edge_u, edge_v))) + 0.5
    u, v = start[:, 0], start[:, 1]
    for _ in range(NEWTON_STEPS):
        patch = evaluate_patch(control, u, v)
        missing = nodes - patch.points_mm @ axes[:2].T
        if float(np.abs(missing).max()) < FOUND_MM:
            return patch
        a, b = patch.along_u @ axes[:2].T, patch.along_v @ axes[:2].T
        area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        if not float(area.min()) > 0.0:
            return None
        u = u + (missing[:, 0] * b[:, 1] - missing[:, 1] * b[:, 0]) / area
        v = v + (a[:, 0] * missing[:, 1] - a[:, 1] * missing[:, 0]) / area
    return None


def _nearest_side(control: FloatArray, corners_mm: FloatArray, sign: float) -> NearestSide:
    """The nearest point on the patch and on what continues it past the bounds."""
    reach = float(np.linalg.norm(np.ptp(corners_mm, axis=0)))
    edge = min(
        np.linalg.norm(control[3] - control[0], axis=1).min(),
        np.linalg.norm(control[:, 3] - control[:, 0], axis=1).min(),
    )
    beyond = reach / max(float(edge), 1.0)
    inner = np.linspace(0.0, 1.0, NEAREST_SAMPLES)
    outer = np.geomspace(1.0 / NEAREST_SAMPLES, max(beyond, 1.0), NEAREST_SAMPLES // 2)
    t = np.concatenate((-outer[::-1], inner, 1.0 + outer))
    patch = evaluate_patch(control, t[:, None], t[None, :])
    return NearestSide(cKDTree(patch.points_mm.reshape(-1, 3)), sign * patch.normals.reshape(-1, 3))
