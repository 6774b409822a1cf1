"""Points spread over a surface so densely that none of it is far from one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray

ROUNDING_MM = 1e-3
"""Lengths of edges are computed in single precision, which is twice as fast."""


@dataclass(frozen=True, eq=False)
class SurfaceSamples:
    """Points (N, 3) on a surface; no place of it is farther than `radius_mm` from one of them."""

    points_mm: FloatArray
    radius_mm: float


def surface_samples(vertices_mm: FloatArray, triangles: NDArray[np.int32], step_mm: float) -> SurfaceSamples:
    """The corners of a closed surface's triangles, and points along edges longer than a step, at most a step apart.

    A place of a triangle is no farther from an edge than the radius of the circle in it, and no place of an edge
    farther from a sample than half a step: triangles of voxels are thin where they are long, so that little is added.
    """
    if not len(triangles):
        return SurfaceSamples(np.empty((0, 3)), 0.0)
    used = np.zeros(len(vertices_mm), dtype=bool)
    used[triangles.ravel()] = True
    middle = vertices_mm[triangles[0, 0]]
    corner = (vertices_mm - middle).astype(np.float32)
    a, b, c = (np.take(corner, triangles[:, n], axis=0) for n in range(3))
    sides = [_length(b - a), _length(c - b), _length(a - c)]
    longest = float(max(side.max() for side in sides))
    filled = [vertices_mm[used]]
    for (first, last), side in zip(((0, 1), (1, 2), (2, 0)), sides, strict=True):
        # Two triangles share an edge and run along it in opposite directions: it is filled once.
        long = np.flatnonzero(side > step_mm)
        long = long[triangles[long, first] < triangles[long, last]]
        filled += _between(vertices_mm[triangles[long, first]], vertices_mm[triangles[long, last]], side[long], step_mm)
    radius = float(np.hypot(_largest_in_circle(sides), min(step_mm, longest) / 2.0)) + ROUNDING_MM
    return SurfaceSamples(np.concatenate(filled), radius)


def _between(start: FloatArray, end: FloatArray, length: NDArray[np.float32], step_mm: float) -> list[FloatArray]:
    """Evenly spaced points between the ends of edges, so many that none are more than a step apart."""
    pieces = np.ceil(length / step_mm).astype(np.int64)
    points = []
    for count in np.unique(pieces):
        some = pieces == count
        points += [start[some] + part / count * (end[some] - start[some]) for part in range(1, count)]
    return points


def _largest_in_circle(sides: list[NDArray[np.float32]]) -> float:
    """The largest radius of the circles in triangles of given sides (Heron)."""
    half = (sides[0] + sides[1] + sides[2]) / np.float32(2.0)
    product = (half - sides[0]) * (half - sides[1]) * (half - sides[2])
    return float(np.sqrt(np.maximum(product / np.maximum(half, np.float32(1e-9)), 0.0).max()))


def _length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(np.einsum("nc,nc->n", vectors, vectors)))
