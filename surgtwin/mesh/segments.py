"""Nearest points of segments and triangles to each other, pair by pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from .surface_distance import closest_on_triangles

SMALL = 1e-12
"""Squares of lengths below this count as none (mm^2)."""


@dataclass(frozen=True, eq=False)
class Closest:
    """Distances (N,) in mm, and the nearest points (N, 3) on the segment and on the triangle."""

    distance_mm: FloatArray
    on_segment: FloatArray
    on_triangle: FloatArray


def distance_to_segments(points: FloatArray, starts: FloatArray, along: FloatArray) -> FloatArray:
    """Distances (N,) of points (N, 3) from segments `starts` + t `along`, pair by pair."""
    offset = points - starts
    length = _dot(along, along)
    t = np.clip(_dot(offset, along) / np.maximum(length, SMALL), 0.0, 1.0)
    offset -= t[:, None] * along
    return np.asarray(np.sqrt(_dot(offset, offset)))


def closest_segment_triangle(starts: FloatArray, ends: FloatArray, corners: FloatArray) -> Closest:
    """The nearest points of segments (N, 3), (N, 3) and triangles (N, 3 corners, 3), pair by pair; 0 where they cross.

    Unless they cross, an end of the segment or an edge of the triangle is among the nearest.
    """
    best = np.full(len(starts), np.inf)
    on_segment, on_triangle = np.array(starts), np.array(starts)

    def offer(segment: FloatArray, triangle: FloatArray) -> None:
        away = np.linalg.norm(segment - triangle, axis=1)
        nearer = away < best
        best[nearer] = away[nearer]
        on_segment[nearer], on_triangle[nearer] = segment[nearer], triangle[nearer]

    offer(starts, closest_on_triangles(starts, corners))
    if starts is not ends:
        offer(ends, closest_on_triangles(ends, corners))
        for a, b in ((0, 1), (1, 2), (2, 0)):
            offer(*closest_between_segments(starts, ends, corners[:, a], corners[:, b]))
        crossing, place = _crossings(starts, ends, corners)
        best[crossing] = 0.0
        on_segment[crossing] = on_triangle[crossing] = place
    return Closest(best, on_segment, on_triangle)


def closest_between_segments(
    a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The nearest points (N, 3) on segments a-b and c-d (Ericson, Real-Time Collision Detection, 2005, 5.1.9)."""
    first, second, between = b - a, d - c, a - c
    aa, ee = _dot(first, first), _dot(second, second)
    bb, cc, ff = _dot(first, second), _dot(first, between), _dot(second, between)
    crossed = aa * ee - bb * bb
    s = np.where(crossed > SMALL * aa * ee, np.clip((bb * ff - cc * ee) / np.maximum(crossed, SMALL), 0.0, 1.0), 0.0)
    t = np.clip((bb * s + ff) / np.maximum(ee, SMALL), 0.0, 1.0)
    s = np.clip((bb * t - cc) / np.maximum(aa, SMALL), 0.0, 1.0)
    return np.asarray(a + s[:, None] * first), np.asarray(c + t[:, None] * second)


def _crossings(starts: FloatArray, ends: FloatArray, corners: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Rows where the segment passes through the triangle, and where (Moeller & Trumbore, J. Graphics Tools 2, 1997)."""
    along = ends - starts
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(along, ac)
    flat = _dot(ab, across)
    safe = np.where(np.abs(flat) > SMALL, flat, 1.0)
    offset = starts - corners[:, 0]
    u = _dot(offset, across) / safe
    turned = np.cross(offset, ab)
    v, t = _dot(along, turned) / safe, _dot(ac, turned) / safe
    hit = (np.abs(flat) > SMALL) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t >= 0) & (t <= 1)
    rows = np.flatnonzero(hit)
    return rows, starts[rows] + t[rows, None] * along[rows]


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("nc,nc->n", a, b))
