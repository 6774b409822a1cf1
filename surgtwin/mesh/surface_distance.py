"""The signed distance from points to a closed surface, exact for its triangles, negative inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from .triangle_locator import TriangleLocator

CANDIDATES = 8
"""Triangles with the nearest centres that are looked at first; more where they cannot rule out the rest."""
CHUNK = 50_000
FEW = 3000
"""So many points are not worth a search tree over all triangles."""
NEAR_REACHES = 3.0
"""Points farther from the surface than this many times its largest triangle's radius make do with the candidates: the
nearest point's triangle is among them but for ties, which are worth some hundredths of that radius (measured)."""
TIE_MM = 1e-9
"""Triangles whose distances differ by less share an edge or a corner: their normals, each weighted by its angle there,
give the sign together (Baerentzen & Aanaes, IEEE TVCG 11, 2005). One alone can't: at a sharp corner even the one seen
most squarely may face away."""
CORNER_MM = 1e-6
"""A foot nearer to a triangle's corner than this lies in it."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """Signed distances (N,) in mm, negative inside, and the nearest points (N, 3) on the surface."""

    distance_mm: FloatArray
    points_mm: FloatArray


@dataclass(frozen=True, eq=False)
class SurfaceDistance:
    """A closed, outward surface that can be asked for distances again and again."""

    mesh: OrganMesh

    @cached_property
    def _corners(self) -> FloatArray:
        return np.asarray(self.mesh.vertices_mm[self.mesh.triangles])

    @cached_property
    def _normals(self) -> FloatArray:
        return _unit_normals(self._corners)

    @cached_property
    def _centres(self) -> FloatArray:
        return np.asarray(self._corners.mean(1))

    @cached_property
    def _reach(self) -> float:
        """No point of a triangle is farther from its centre."""
        return float(np.linalg.norm(self._corners - self._centres[:, None], axis=2).max())

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._centres)

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Signed distances (N,) of LPS points (N, 3), mm."""
        return self.nearest(points_mm).distance_mm

    def nearest(self, points_mm: FloatArray) -> Nearest:
        """Signed distances and nearest places of LPS points (N, 3)."""
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        if len(points) <= FEW:
            return Nearest(*self._one_by_one(points))
        distance, where = np.empty(len(points)), np.empty((len(points), 3))
        for begin in range(0, len(points), CHUNK):
            part = slice(begin, begin + CHUNK)
            distance[part], where[part] = self._nearest(points[part])
        return Nearest(distance, where)

    def crossings(self, start_mm: FloatArray, end_mm: FloatArray) -> FloatArray:
        """Distances (N,) from the start, growing, at which a segment meets the surface; twice at an edge."""
        return self._locator.meetings(start_mm, end_mm)[0]

    def normal_around(self, point_mm: FloatArray, radius_mm: float) -> FloatArray:
        """The outward normal (3,) of the surface around a place on it: of the triangles within a radius, by area.

        Only those that face the same way as the nearest triangle count: the far side of a thin sheet does not.
        """
        point = np.asarray(point_mm, dtype=np.float64)
        _, nearest = self._locator.closest(point[None])
        there = self._normals_of(nearest)[0]
        corners = self.mesh.vertices_mm[self.mesh.triangles[self._locator.in_box(point, radius_mm)]]
        corners = corners[np.linalg.norm(corners.mean(1) - point, axis=1) <= radius_mm]
        twice_area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = twice_area[twice_area @ there > 0].sum(0)
        length = float(np.linalg.norm(total))
        return np.asarray(total / length) if length > 0 else there

    @cached_property
    def _locator(self) -> TriangleLocator:
        return TriangleLocator(self.mesh)

    def _one_by_one(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Exact, in tens of microseconds a point."""
        places, which = self._locator.closest(points)
        offset = points - places
        away = np.linalg.norm(offset, axis=1)
        height = np.einsum("nc,nc->n", offset, self._normals_of(which))
        low, high = self._locator.box
        height[((points < low) | (points > high)).any(1)] = np.inf
        # Where the foot is not square on the triangle it lies on an edge or a corner, shared with others.
        shared = np.flatnonzero(away - np.abs(height) > TIE_MM)
        if len(shared):
            height[shared] = self._height_of_all(points[shared], which[shared], away[shared])
        return np.copysign(away, height), places

    def _height_of_all(self, points: FloatArray, which: NDArray[np.int64], away: FloatArray) -> FloatArray:
        """The sum of the weighted heights over those triangles around the given ones that are as near."""
        rows, triangles = np.unique(np.stack(self._locator.around(which)), axis=1)
        corners = self.mesh.vertices_mm[self.mesh.triangles[triangles]]
        feet = closest_on_triangles(points[rows], corners)
        offset = points[rows] - feet
        height = weighted_heights(offset, feet, corners)
        height[np.linalg.norm(offset, axis=1) > away[rows] + TIE_MM] = 0.0
        return np.asarray(np.bincount(rows, height, minlength=len(points)), dtype=np.float64)

    def _normals_of(self, triangles: NDArray[np.int64]) -> FloatArray:
        return _unit_normals(self.mesh.vertices_mm[self.mesh.triangles[triangles]])

    def _nearest(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        count = min(CANDIDATES, len(self._centres))
        to_centre, which = self._tree.query(points, k=count, workers=-1)
        to_centre, which = to_centre.reshape(len(points), count), which.reshape(len(points), count)
        found = closest_on_triangles(points[:, None], self._corners[which])
        offset = points[:, None] - found
        away = np.linalg.norm(offset, axis=2)
        least = away.min(1)
        tied = away <= least[:, None] + TIE_MM
        height = np.where(tied, np.einsum("nkc,nkc->nk", offset, self._normals[which]), 0.0)
        squarely = np.where(tied, np.abs(height), -1.0).argmax(1)
        rows = np.arange(len(points))
        distance = np.copysign(least, height[rows, squarely])
        where = found[rows, squarely]
        # A triangle farther down the list may still reach nearer than those looked at.
        close = (least < NEAR_REACHES * self._reach) & (to_centre[:, -1] - self._reach < least)
        is_sharp = (height.max(1) > 0.0) & (height.min(1) < 0.0)
        open_rows = np.flatnonzero((close & (count < len(self._centres))) | is_sharp)
        if len(open_rows):
            distance[open_rows], where[open_rows] = self._one_by_one(points[open_rows])
        return distance, where


def _unit_normals(corners: FloatArray) -> FloatArray:
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.asarray(cross / np.where(length > 0, length, 1.0))


def weighted_heights(offset: FloatArray, feet: FloatArray, corners: FloatArray) -> FloatArray:
    """How far points stand above triangles' planes, times the triangles' angles at their feet.

    Parameters
    ----------
    offset, feet
        (N, 3) from the foot to the point, and the foot, which lies on the triangle.
    corners
        (N, 3 corners, 3).
    """
    away = np.linalg.norm(corners - feet[:, None], axis=2)
    rows, at = np.arange(len(feet)), away.argmin(1)
    here = corners[rows, at]
    one, other = corners[rows, (at + 1) % 3] - here, corners[rows, (at + 2) % 3] - here
    across = np.linalg.norm(np.cross(one, other), axis=1)
    angle = np.where(away[rows, at] <= CORNER_MM, np.arctan2(across, _dot(one, other)), np.pi)
    return np.asarray(angle * _dot(offset, _unit_normals(corners)))


def closest_on_triangles(points: FloatArray, corners: FloatArray) -> FloatArray:
    """The nearest points (..., 3) of triangles (..., 3 corners, 3) to points that broadcast with them.

    The plane's foot where it lies inside; else the nearest of the three edges' feet.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    area = d00 * d11 - d01 * d01
    safe = np.where(area > 0, area, 1.0)
    v, w = (d11 * d20 - d01 * d21) / safe, (d00 * d21 - d01 * d20) / safe
    inside = (area > 0) & (v >= 0) & (w >= 0) & (v + w <= 1)
    best = a + v[..., None] * ab + w[..., None] * ac
    least = np.where(inside, -1.0, np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        foot = closest_on_segment(points, start, end)
        away = _dot(points - foot, points - foot)
        nearer = away < least
        best = np.where(nearer[..., None], foot, best)
        least = np.where(nearer, away, least)
    return np.asarray(best)


def closest_on_segment(points: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    """The nearest points (..., 3) of segments to points that broadcast with them."""
    along = end - start
    length = _dot(along, along)
    t = np.clip(_dot(points - start, along) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    return np.asarray(start + t[..., None] * along)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("...c,...c->...", a, b))


def vertex_areas(mesh: OrganMesh) -> NDArray[np.float64]:
    """(N,) a third of the area of the triangles at each vertex; they add up to the surface's area."""
    corners = mesh.vertices_mm[mesh.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
    shares = np.bincount(mesh.triangles.ravel(), np.repeat(area / 3.0, 3), minlength=len(mesh.vertices_mm))
    return shares.astype(np.float64)
