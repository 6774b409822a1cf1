"""First surfaces: flat from two clicks, through a drawn contour, or as a bowl around tumours; handles shape them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ..domain.cut import BezierCut, PlaneCut
from ..domain.geometry import MIN_LENGTH_MM, FloatArray, Point3, unit
from ..errors import PlanError
from .bezier import evaluate_patch, flat_patch
from .tissue import Tissue, half_diagonal_mm

OVERHANG = 1.15
"""A first patch is this much wider than the organ, so that its edge lies outside it."""
MANY_POINTS = 100_000
"""Of an organ's voxels; evenly thinned they tell its extent well enough for a patch that is made wider."""
SETTLING_STEPS, SETTLED_MM = 12, 0.1
"""A bowl is moved until its distance from the targets is the one wanted."""
PATCH_SAMPLES = 121
SAMPLES_ALONG = 9
"""Of a fitted patch along u and v."""


def plane_of_two_clicks(first_mm: Point3, second_mm: Point3, view_direction: Point3, away_from: Point3) -> PlaneCut:
    """The plane through two clicks along the line of sight; resected is the side that does not hold `away_from`.

    Raises
    ------
    PlanError
        If both clicks are one point, or lie one behind the other.
    """
    along = np.subtract(second_mm, first_mm)
    normal = np.cross(along, view_direction)
    if float(np.linalg.norm(along)) < MIN_LENGTH_MM or float(np.linalg.norm(normal)) < MIN_LENGTH_MM:
        raise PlanError("two clicks that lie beside each other in the view are needed to lay a cut.")
    middle = (np.asarray(first_mm) + np.asarray(second_mm)) / 2.0
    if float(normal @ (np.asarray(away_from) - middle)) > 0:
        normal = -normal
    x, y, z = (float(v) for v in middle)
    return PlaneCut((x, y, z), tuple(unit(normal)))


def patch_of_plane(plane: PlaneCut, tissue: Tissue) -> BezierCut:
    """A flat patch in a plane, wide enough for the organ, that takes the same side."""
    normal = np.asarray(plane.normal)
    points = tissue.points_mm(slice(None, None, max(1, len(tissue) // MANY_POINTS)))
    first, second = _in_plane_axes(points, normal)
    local = np.stack(((points - plane.point_mm) @ first, (points - plane.point_mm) @ second), 1)
    room = half_diagonal_mm(tissue.grid)
    low, high = local.min(0) - room, local.max(0) + room
    middle = np.asarray(plane.point_mm) + first * (low[0] + high[0]) / 2 + second * (low[1] + high[1]) / 2
    width = (high - low) * OVERHANG
    return BezierCut(flat_patch(middle, first * width[0], second * width[1]))


def patch_of_contour(contour_mm: Sequence[Point3], tissue: Tissue, away_from: Point3) -> BezierCut:
    """A patch through a line drawn around the organ, as Konrad-Verse et al. 2004 lay their deformable plane.

    The line's principal axes span the patch; its heights over them are fitted by least squares, a thin plate's
    stiffness keeping it calm where no line is near. Resected is the side that does not hold `away_from`.

    Raises
    ------
    PlanError
        If the line has fewer than three points that lie apart, or all of them on one straight line.
    """
    line = np.asarray(contour_mm, dtype=np.float64).reshape(-1, 3)
    centre = line.mean(0)
    _, spread, axes = np.linalg.svd(line - centre, full_matrices=False)
    if len(line) < 3 or spread[1] < 1.0:
        raise PlanError("a line around the organ is needed; the one drawn has no width.")
    normal = np.cross(axes[0], axes[1])
    if float(normal @ (np.asarray(away_from) - centre)) > 0:
        axes[1], normal = -axes[1], -normal
    flat = patch_of_plane(PlaneCut(tuple(centre), tuple(normal)), tissue).control_points_mm
    return BezierCut(_heights_fitted(flat, line, normal))


def _heights_fitted(flat: FloatArray, line: FloatArray, normal: FloatArray, stiffness: float = 0.02) -> FloatArray:
    """Control points moved along the normal so that the patch passes the line."""
    origin, u_edge, v_edge = flat[0, 0], flat[3, 0] - flat[0, 0], flat[0, 3] - flat[0, 0]
    u = np.clip((line - origin) @ u_edge / (u_edge @ u_edge), 0, 1)
    v = np.clip((line - origin) @ v_edge / (v_edge @ v_edge), 0, 1)
    weights = (_bernstein(u)[:, :, None] * _bernstein(v)[:, None, :]).reshape(len(line), 16)
    bend = []
    for along in (0, 1):
        for a, b in np.ndindex(2, 4):
            row = np.zeros((4, 4))
            cells = [(a + n, b) if along == 0 else (b, a + n) for n in range(3)]
            for cell, weight in zip(cells, (1.0, -2.0, 1.0), strict=True):
                row[cell] = weight
            bend.append(row.ravel())
    system = np.concatenate((weights, stiffness * np.sqrt(len(line)) * np.array(bend)))
    heights = (line - origin) @ normal
    wanted = np.concatenate((heights, np.zeros(len(bend))))
    solved = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return np.asarray(flat + solved.reshape(4, 4, 1) * normal)


def _bernstein(t: FloatArray) -> FloatArray:
    s = 1.0 - t
    return np.stack((s**3, 3 * t * s**2, 3 * t**2 * s, t**3), -1)


def _in_plane_axes(points: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two axes square to the normal, the first along the points' widest spread; first x second = normal."""
    offset = points - points.mean(0)
    offset = offset - np.outer(offset @ normal, normal)
    first = np.linalg.eigh(offset.T @ offset)[1][:, -1]
    first = unit(first - (first @ normal) * normal)
    return first, np.cross(normal, first)


def patch_around(targets_mm: FloatArray, distance_mm: float, towards: Point3, tissue: Tissue) -> BezierCut:
    """A bowl that passes under targets at a distance: a parenchyma-sparing cut that handles can shape further.

    Parameters
    ----------
    targets_mm
        (N, 3) LPS points of the targets' surfaces.
    towards
        The direction in which the targets are taken out; resected is that side.
    """
    normal = unit(towards)
    middle = targets_mm.mean(0)
    flat = patch_of_plane(PlaneCut(tuple(middle), tuple(normal)), tissue).control_points_mm
    offset = targets_mm - middle
    radius = float(np.linalg.norm(offset - np.outer(offset @ normal, normal), axis=1).max()) + distance_mm
    depth = distance_mm - float((offset @ normal).min())
    net = flat + _bowl_heights(flat, middle, normal, radius, depth)[..., None] * normal
    for _ in range(SETTLING_STEPS):
        missing = distance_mm - clearance_mm(net, targets_mm)
        if abs(missing) < SETTLED_MM:
            break
        net = net - missing * normal
    return BezierCut(net)


def clearance_mm(net: FloatArray, points_mm: FloatArray) -> float:
    """The least distance from points to a patch, as finely as it is sampled."""
    t = np.linspace(0.0, 1.0, PATCH_SAMPLES)
    patch = evaluate_patch(net, t[:, None], t[None, :]).points_mm.reshape(-1, 3)
    return float(cKDTree(patch).query(points_mm)[0].min())


def _bowl_heights(flat: FloatArray, middle: FloatArray, normal: FloatArray, radius: float, depth: float) -> FloatArray:
    """Heights (4, 4) of control points whose patch is -depth under the middle and clears the radius on its way up.

    Along each axis the patch is a parabola; it is chosen to lie `depth` under the targets' middle and, at their
    radius, at half of that, so that the side walls keep their distance too.
    """
    t = np.linspace(-1.0, 1.0, SAMPLES_ALONG)
    half = np.array([np.linalg.norm(flat[3, 0] - flat[0, 0]), np.linalg.norm(flat[0, 3] - flat[0, 0])]) / 2.0
    shift = (flat.mean((0, 1)) - middle) - ((flat.mean((0, 1)) - middle) @ normal) * normal
    axes = [unit(flat[3, 0] - flat[0, 0]), unit(flat[0, 3] - flat[0, 0])]
    a = shift @ axes[0] + half[0] * t
    b = shift @ axes[1] + half[1] * t
    squared = (a[:, None] ** 2 + b[None, :] ** 2) / radius**2
    wanted = depth * (0.5 * np.minimum(squared, 4.0) - 1.0)
    weights = _bernstein((t + 1.0) / 2.0)
    inverse = np.linalg.pinv(weights)
    return np.asarray(inverse @ wanted @ inverse.T)
