"""Cuts as functions of place: a plane, a height over a plane, the nearest point of a patch, and combinations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.cut import BezierCut, Combination, PlaneCut
from ..domain.geometry import FloatArray
from .bezier import PatchPoint, evaluate_patch, mean_normal
from .split import CreasedSide, CutSide

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
LEAF = 64
"""Points looked at one by one in the tree: for points on a surface, asked from afar, quicker than scipy's 16."""
MANY = 30_000
FAR_GAPS = 4.0
"""Farther than so many gaps between those points no foot is sought."""
SLIDES = 2
"""Steps from the nearest of those points to the foot."""
COARSE_STEP_MM, COARSE_SAMPLES = 4.0, 61
"""The same, while a handle is being dragged."""


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

    def creased(self, points_mm: FloatArray, reach_mm: float) -> NDArray[np.bool_]:
        near = np.zeros(len(points_mm), dtype=np.int64)
        inner = np.zeros(len(points_mm), dtype=np.bool_)
        for part in self.parts:
            near += np.abs(part.signed(points_mm)) <= part.steepness * reach_mm
            if isinstance(part, CreasedSide):
                inner |= part.creased(points_mm, reach_mm)
        return np.asarray((near > 1) | inner)


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
    is_smooth
        Whether heights between nodes are those of a cubic spline through them; straight between neighbours if not.
    """

    axes: FloatArray
    low_mm: FloatArray
    step_mm: float
    heights_mm: FloatArray
    steepness: float
    is_smooth: bool = False

    @cached_property
    def _table(self) -> FloatArray:
        return np.asarray(
            ndimage.spline_filter(self.heights_mm, 3, mode="mirror") if self.is_smooth else self.heights_mm
        )

    def signed(self, points_mm: FloatArray) -> FloatArray:
        local = points_mm @ self.axes.T
        node = ((local[:, :2] - self.low_mm) / self.step_mm).T
        order, mode = (3, "mirror") if self.is_smooth else (1, "nearest")
        height = ndimage.map_coordinates(self._table, node, order=order, mode=mode, prefilter=False)
        return np.asarray(local[:, 2] - height)


@dataclass(frozen=True, eq=False)
class NearestSide:
    """Signed distance from a patch of any shape: from the nearest of many points on it, slid to the foot.

    Parameters
    ----------
    tree, parameters, reach
        Points on the patch, their (u, v) (N, 2), and how far the foot's may lie from them (N, 2).
    normals, gap_mm
        Of those points (N, 3), and how far (N,) the foot may lie from them at most.
    sign
        1, or -1 to take the other side.
    """

    control_points_mm: FloatArray
    tree: cKDTree
    parameters: FloatArray
    reach: FloatArray
    normals: FloatArray
    gap_mm: FloatArray
    sign: float

    @property
    def steepness(self) -> float:
        # The sign jumps where two sheets of a fold are equally near; elsewhere the distance is that to a plane.
        return 1.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        # Threads cost more than they save where few points are asked, as in a drag.
        away, which = self.tree.query(points_mm, workers=-1 if len(points_mm) > MANY else 1)
        height = np.einsum("nc,nc->n", points_mm - self.tree.data[which], self.normals[which])
        gap = self.gap_mm[which]
        # Far off the side alone matters: no more than the distance is said there, so that no cut is passed over.
        found = np.copysign(np.maximum(away - gap, 0.0), height)
        close = away < FAR_GAPS * gap
        found[close] = self._slid(points_mm[close], which[close])
        return np.asarray(self.sign * found)

    def _slid(self, points_mm: FloatArray, which: NDArray[np.int64]) -> FloatArray:
        """Signed distances of points near the patch, from the feet that they have near points on it."""
        start, reach = self.parameters[which], self.reach[which]
        at = start
        for _ in range(SLIDES):
            patch = evaluate_patch(self.control_points_mm, at[:, 0], at[:, 1])
            at = np.clip(at + _slide(points_mm - patch.points_mm, patch), start - reach, start + reach)
        patch = evaluate_patch(self.control_points_mm, at[:, 0], at[:, 1])
        offset = points_mm - patch.points_mm
        height = np.einsum("nc,nc->n", offset, patch.normals)
        return np.asarray(np.copysign(np.linalg.norm(offset, axis=1), height))


def _slide(offset: FloatArray, patch: PatchPoint) -> FloatArray:
    """How far (N, 2) the parameters of places on a patch must go to come under points `offset` away (Gauss-Newton)."""
    a, b = patch.along_u, patch.along_v
    aa, ab, bb = (np.einsum("nc,nc->n", x, y) for x, y in ((a, a), (a, b), (b, b)))
    ra, rb = np.einsum("nc,nc->n", offset, a), np.einsum("nc,nc->n", offset, b)
    area = aa * bb - ab * ab
    safe = np.where(area > 0, area, 1.0)
    step = np.stack(((bb * ra - ab * rb) / safe, (aa * rb - ab * ra) / safe), 1)
    return np.where((area > 0)[:, None], step, 0.0)


def bezier_side(cut: BezierCut, corners_mm: FloatArray, is_coarse: bool = False) -> CutSide:
    """The side function of a Bezier patch for points within a box of corners (8, 3), LPS.

    The coarse one is made in some milliseconds: a spline through few heights.
    """
    sign = -1.0 if cut.flip else 1.0
    side = _height_side(cut.control_points_mm, corners_mm, sign, is_coarse)
    if side is not None:
        return side
    return _nearest_side(cut.control_points_mm, corners_mm, sign, COARSE_SAMPLES if is_coarse else NEAREST_SAMPLES)


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


def _height_side(control: FloatArray, corners_mm: FloatArray, sign: float, is_coarse: bool) -> HeightSide | None:
    """Heights over the patch's base plane; None if the patch (or what continues it) is no function over it."""
    axes = base_axes(control)
    local = (corners_mm @ axes.T)[:, :2]
    low, high = local.min(0), local.max(0)
    if is_coarse:
        # A spline is at its worst near the table's rim.
        low, high = low - 2 * COARSE_STEP_MM, high + 2 * COARSE_STEP_MM
    step = max(COARSE_STEP_MM if is_coarse else HEIGHT_STEP_MM, float((high - low).max()) / MAX_NODES)
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
    return HeightSide(axes * [[1.0], [1.0], [sign]], low, step, sign * heights, steepness, is_coarse)


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


def _nearest_side(control: FloatArray, corners_mm: FloatArray, sign: float, samples: int) -> NearestSide:
    """The nearest point on the patch and on what continues it past the bounds."""
    reach = float(np.linalg.norm(np.ptp(corners_mm, axis=0)))
    edge = min(
        np.linalg.norm(control[3] - control[0], axis=1).min(),
        np.linalg.norm(control[:, 3] - control[:, 0], axis=1).min(),
    )
    beyond = reach / max(float(edge), 1.0)
    inner = np.linspace(0.0, 1.0, samples)
    outer = np.geomspace(1.0 / samples, max(beyond, 1.0), samples // 2)
    t = np.concatenate((-outer[::-1], inner, 1.0 + outer))
    gap = np.maximum(np.diff(t, prepend=t[0]), np.diff(t, append=t[-1]))
    patch = evaluate_patch(control, t[:, None], t[None, :])
    parameters, around = (np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2) for x in (t, gap))
    steps = [np.linalg.norm(np.diff(patch.points_mm, axis=axis), axis=2) for axis in (0, 1)]
    along_u, along_v = (np.maximum(np.insert(s, 0, 0, a), np.insert(s, s.shape[a], 0, a)) for a, s in enumerate(steps))
    tree, normals = cKDTree(patch.points_mm.reshape(-1, 3), leafsize=LEAF), patch.normals.reshape(-1, 3)
    return NearestSide(control, tree, parameters, around, normals, np.hypot(along_u, along_v).ravel(), sign)
