"""The exact outer surface of a set of voxels, as quadrilaterals: closed, manifold, outward.

The dual view of surface nets (Gibson 1998): one vertex at each voxel corner that has both inside and outside around it,
one quadrilateral for each face between an inside and an outside voxel. Its volume is that of the voxels exactly.
Written here rather than taken from vtkSurfaceNets3D because the voxels around a corner tell at once, and exactly,
where the surface touches itself; VTK leaves such edges with four faces.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .repair import split_sheets

CORNER_GAP = 2e-3
"""How far the sheets are drawn apart where voxels meet only along an edge or a corner, in voxels."""


def voxel_surface(padded: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Vertices (N, 3) as (i, j, k) indices of `padded`, and quadrilaterals (M, 4), outward in a right-handed frame.

    Parameters
    ----------
    padded
        [k, j, i], True inside; its outermost voxels on every side must be False.
    """
    flat = np.ascontiguousarray(padded).ravel()
    corners = _face_corners(flat, padded.shape)
    lookup = np.zeros(flat.size, dtype=np.bool_)
    lookup[corners] = True
    used = np.flatnonzero(lookup)
    number = np.empty(flat.size, dtype=np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    quads = number[corners]
    k, rest = np.divmod(used, padded.shape[1] * padded.shape[2])
    j, i = np.divmod(rest, padded.shape[2])
    vertices = np.stack((i, j, k), axis=1) - 0.5
    suspects = _touches_itself()[_surroundings(flat, used, padded.shape)]
    if suspects.any():
        return split_sheets(vertices, quads, CORNER_GAP, suspects)
    return vertices, quads


def _face_corners(flat: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(M, 4) flat numbers of the corners of all faces between inside and outside.

    A corner has the number of the voxel it is the lowest corner of.
    """
    di, dj, dk = 1, shape[2], shape[1] * shape[2]
    found = []
    for step, u, v in ((di, dj, dk), (dj, dk, di), (dk, di, dj)):
        lower = np.flatnonzero(flat[step:] != flat[:-step])
        base = lower + step
        is_inside = flat[lower]
        quad = np.empty((len(lower), 4), dtype=np.int64)
        quad[:, 0] = base
        quad[:, 1] = base + np.where(is_inside, u, v)
        quad[:, 2] = base + (u + v)
        quad[:, 3] = base + np.where(is_inside, v, u)
        found.append(quad)
    return np.concatenate(found)


def _surroundings(flat: NDArray[np.bool_], corners: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(N,) the eight voxels around each corner as the bits of a number."""
    code = np.zeros(len(corners), dtype=np.uint8)
    for bit, (k, j, i) in enumerate(product((0, 1), repeat=3)):
        code |= flat[corners - ((1 - k) * shape[1] * shape[2] + (1 - j) * shape[2] + (1 - i))].view(np.uint8) << bit
    return code


@lru_cache(maxsize=1)
def _touches_itself() -> NDArray[np.bool_]:
    """(256,) True for surroundings in which inside or outside falls apart: more than one sheet passes the corner."""
    return np.array([not (_is_connected(code) and _is_connected(255 - code)) for code in range(256)])


def _is_connected(code: int) -> bool:
    """True if the voxels that are set in a block of 2 x 2 x 2 hang together by faces."""
    left = {bit for bit in range(8) if code >> bit & 1}
    reached = [left.pop()] if left else []
    while reached:
        bit = reached.pop()
        for neighbour in (bit ^ 1, bit ^ 2, bit ^ 4):
            if neighbour in left:
                left.remove(neighbour)
                reached.append(neighbour)
    return not left
