"""How much of a tumour grows out of its organ: what of it lies beyond the outline the organ would have without it."""

from __future__ import annotations

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
FACING = 0.3
"""Capsule whose outward normal agrees less than this with the tumour's way out does not belong to the ring."""


def outgrown_percent(tumour: SurfaceDistance, voxels: Tissue, organ: OrganMesh, contact: TumourContact) -> float | None:
    """The share of a tumour's volume beyond its organ's outline; None if too little capsule is left to tell.

    The outline over the tumour is the surface of second order through the capsule in a ring around it.

    Parameters
    ----------
    voxels
        The tumour's.
    organ
        Surface of the organ without the tumour.
    """
    middle, normal, area = triangle_frames(tumour.mesh)
    hull = ConvexHull(organ.vertices_mm).equations
    depth = (middle @ hull[:, :3].T + hull[:, 3]).max(1)
    out = ~contact.is_covered & (depth > -OUTSIDE_MM)
    if area[out].sum() < LEAST_OUTSIDE * area.sum():
        return 0.0
    way_out = (normal[out] * area[out, None]).sum(0)
    if np.linalg.norm(way_out) < 1e-6 * area.sum():
        return None
    axes = _axes(unit(way_out))
    centre = tumour.mesh.vertices_mm.mean(0)
    ring = _ring(tumour, organ, axes[2], half_diagonal_mm(voxels.grid))
    if len(ring) < LEAST_RING_POINTS:
        return None
    local = (ring - centre) @ axes.T
    surface = np.linalg.lstsq(_terms(local), local[:, 2], rcond=None)[0]
    points = (voxels.points_mm() - centre) @ axes.T
    return 100.0 * float((points[:, 2] > _terms(points) @ surface).mean())


def _ring(tumour: SurfaceDistance, organ: OrganMesh, way_out: FloatArray, near_mm: float) -> FloatArray:
    """Middles (N, 3) of the capsule's triangles around a tumour, none of those that face it."""
    middle, normal, _ = triangle_frames(organ)
    radius = float(np.linalg.norm(np.ptp(tumour.mesh.vertices_mm, axis=0))) / (2.0 * np.sqrt(3.0))
    reach = max(RING_MM, radius / 2.0) + 2.0 * near_mm
    low, high = tumour.mesh.vertices_mm.min(0) - reach, tumour.mesh.vertices_mm.max(0) + reach
    middle = middle[((middle > low) & (middle < high)).all(1) & (normal @ way_out > FACING)]
    away = tumour.at(middle)
    return np.asarray(middle[(away > 2.0 * near_mm) & (away < reach)])


def _axes(way_out: FloatArray) -> FloatArray:
    """(3, 3) rows: two directions square to the way out, and itself."""
    other = np.eye(3)[int(np.argmin(np.abs(way_out)))]
    first = unit(np.cross(way_out, other))
    return np.stack((first, np.cross(way_out, first), way_out))


def _terms(local: FloatArray) -> FloatArray:
    x, y = local[:, 0], local[:, 1]
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), 1)
