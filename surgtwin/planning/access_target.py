"""The place in a structure that a needle is best aimed at."""

from __future__ import annotations

import numpy as np

from ..domain.geometry import Point3
from .twin_geometry import TwinGeometry

MOST_VOXELS = 4_000_000
"""Larger structures are looked at in steps of several voxels."""


def deepest_point(geometry: TwinGeometry, name: str) -> Point3:
    """The point of a structure that is farthest from its surface, LPS mm; its centroid may lie outside of it.

    Of several that are as deep within half a voxel, the one nearest the centroid.

    Raises
    ------
    PlanError
        If there is no such structure, or it has no voxels.
    """
    from edt import edt

    structure = geometry.structure(name, "target")
    tissue = geometry.tissue((structure.name,))
    grid, ijk = tissue.grid, tissue.ijk
    low, high = ijk.min(0), ijk.max(0) + 1
    stride = max(1, int(np.ceil((np.prod((high - low).astype(float)) / MOST_VOXELS) ** (1 / 3))))
    mask = np.zeros((high - low)[::-1] + 2, dtype=bool)
    mask[tuple((ijk - low + 1).T[::-1])] = True
    mask = np.ascontiguousarray(mask[::stride, ::stride, ::stride])
    i, j, k = (s * stride for s in grid.spacing)
    depth = edt(mask, anisotropy=(k, j, i))
    as_deep = np.argwhere(depth >= depth.max() - min(i, j, k) / 2.0)[:, ::-1] * stride + low - 1
    points = grid.to_lps(as_deep)
    centroid = grid.to_lps(ijk.mean(0))
    x, y, z = (float(c) for c in points[np.linalg.norm(points - centroid, axis=1).argmin()])
    return (x, y, z)
