"""How much of a tumour grows out of its organ: what of it lies beyond the outline the organ would have without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

from ..domain.geometry import FloatArray, unit
from ..domain.mesh import OrganMesh
from ..mesh.surface_distance import SurfaceDistance
from .contact_area import TumourContact, triangle_frames
from .tissue import Tissue, half_diagonal_mm

OUTSIDE_MM = 3.0
"""Uncovered surface deeper than this inside the organ's convex hull faces the hilum, not the outside."""
LEAST_OUTSIDE = 0.01
"""A tumour of whose surface less than this share faces the outside lies wholly inside."""
RING_MM = 8.0
"""Least width of the ring of capsule around the tumour that the outline is taken from; half its radius if that is
more."""
LEAST_RING_POINTS = 30
UNIT_MM = 20.0
"""Lengths are counted in this unit while fitting."""
AT_ONCE = 512
"""Points compared with all planes of a hull in one go: all of a large tumour's would take gigabytes."""
FACING = 0.3
"""Capsule whose outward normal agrees less than this with the tumour's way out does not belong to the ring."""


def outgrown_percent(tumour: SurfaceDistance, voxels: Tissue, organ: OrganMesh, contact: TumourContact) -> float | None:
    """The share of a tumour's volume beyond its organ's outline; None if too little capsule is left to tell.

    The outline over the tumour is the surface of second order through the capsule in a ring around it: exact for
    balls and ellipsoids; within some 15 percent points on real kidneys in thick slices (planted balls, measured).

    Parameters
    ----------
    voxels
        The tumour's.
    organ
        Surface of the organ without the tumour.
    """
    middle, normal, area = triangle_frames(tumour.mesh)
    out = ~contact.is_covered
    out[out] = _beyond_hull(middle[out], organ.vertices_mm) > -OUTSIDE_MM
    if area[out].sum() < LEAST_OUTSIDE * area.sum():
        return 0.0
    way_out = (normal[out] * area[out, None]).sum(0)
    if np.linalg.norm(way_out) < 1e-6 * area.sum():
        return None
    ring, outward = _ring(tumour, organ, unit(way_out), half_diagonal_mm(voxels.grid))
    if len(ring) < LEAST_RING_POINTS:
        return None
    centre = tumour.mesh.vertices_mm.mean(0)
    outline = _Quadric.through(ring - centre)
    below = float(np.median(outline.value(ring - centre - outward)))
    return 100.0 * float((outline.value(voxels.points_mm() - centre) * below < 0.0).mean())


def _beyond_hull(points: FloatArray, vertices: FloatArray) -> FloatArray:
    """(N,) how far points lie beyond the planes of the convex hull of vertices; negative inside."""
    hull = ConvexHull(vertices).equations
    beyond = np.empty(len(points))
    for first in range(0, len(points), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        beyond[some] = (points[some] @ hull[:, :3].T + hull[:, 3]).max(1)
    return beyond


@dataclass(frozen=True, eq=False)
class _Quadric:
    """x^2 + y^2 + z^2 with free shares, cross terms, slopes and height: zero on a surface of second order."""

    factors: FloatArray

    @classmethod
    def through(cls, points: FloatArray) -> _Quadric:
        """Nearly through points (N, 3), by least squares of the value."""
        terms, square = _terms(points)
        return cls(np.asarray(np.linalg.lstsq(terms, -square, rcond=None)[0], dtype=np.float64))

    def value(self, points: FloatArray) -> FloatArray:
        terms, square = _terms(points)
        return np.asarray(terms @ self.factors + square)


def _terms(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is fitted (N, 9) and what is not (N,): the squares' sum is kept, so that zero everywhere is no solution."""
    x, y, z = (points / UNIT_MM).T
    free = np.stack((x * x - z * z, y * y - z * z, x * y, x * z, y * z, x, y, z, np.ones_like(x)), 1)
    return free, (x * x + y * y + z * z) / 3.0


def _ring(
    tumour: SurfaceDistance, organ: OrganMesh, way_out: FloatArray, near_mm: float
) -> tuple[FloatArray, FloatArray]:
    """Middles (N, 3) and normals (N, 3) of the capsule's triangles around a tumour, none of those that face it."""
    middle, normal, _ = triangle_frames(organ)
    radius = float(np.linalg.norm(np.ptp(tumour.mesh.vertices_mm, axis=0))) / (2.0 * np.sqrt(3.0))
    reach = max(RING_MM, radius / 2.0) + 2.0 * near_mm
    low, high = tumour.mesh.vertices_mm.min(0) - reach, tumour.mesh.vertices_mm.max(0) + reach
    around = ((middle > low) & (middle < high)).all(1) & (normal @ way_out > FACING)
    middle, normal = middle[around], normal[around]
    away = tumour.at(middle)
    ring = (away > 2.0 * near_mm) & (away < reach)
    return middle[ring], normal[ring]
