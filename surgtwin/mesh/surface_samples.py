"""Points spread over a surface so densely that none of it is far from one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray


def surface_samples(vertices_mm: FloatArray, triangles: NDArray[np.int32], step_mm: float) -> FloatArray:
    """The corners of a closed surface's triangles, and points along edges longer than a step, at most a step apart.

    No place of a triangle with its edges filled in is farther from a sample than half a step and the radius of the
    circle in it; triangles of voxels are thin where they are long, so that this radius is small.
    """
    used = np.zeros(len(vertices_mm), dtype=bool)
    used[triangles.ravel()] = True
    filled = [vertices_mm[used]]
    for first, last in ((0, 1), (1, 2), (2, 0)):
        # Two triangles share an edge and run along it in opposite directions: it is filled once.
        edges = triangles[triangles[:, first] < triangles[:, last]]
        start = np.take(vertices_mm, edges[:, first], axis=0)
        along = np.take(vertices_mm, edges[:, last], axis=0) - start
        pieces = np.ceil(np.sqrt(np.einsum("nc,nc->n", along, along)) / step_mm).astype(np.int64)
        for count in np.unique(pieces[pieces > 1]):
            some = pieces == count
            for part in range(1, count):
                filled.append(start[some] + part / count * along[some])
    return np.concatenate(filled)


def covering_radius_mm(vertices_mm: FloatArray, triangles: NDArray[np.int32], step_mm: float) -> float:
    """No place of the triangles is farther from the nearest of their samples."""
    a, b, c = (np.take(vertices_mm, triangles[:, n], axis=0) for n in range(3))
    sides = [np.linalg.norm(b - a, axis=1), np.linalg.norm(c - b, axis=1), np.linalg.norm(a - c, axis=1)]
    twice_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    around = np.maximum(sides[0] + sides[1] + sides[2], 1e-12)
    in_circle = float((twice_area / around).max(initial=0.0))
    return float(np.hypot(in_circle, min(step_mm, float(max(s.max(initial=0.0) for s in sides))) / 2.0))
