"""How much of a voxel lies beyond a plane, exactly, and how large the plane's piece inside it is.

The share of a unit cube below the plane m.x = alpha is a sum over the cube's corners c of
(-1)^|c| max(alpha - m.c, 0)^3 / (6 m1 m2 m3) (Scardovelli & Zaleski, J. Comput. Phys. 164, 2000, eq. 5); a voxel,
sheared or not, is such a cube in its own index coordinates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import FloatArray

SMALLEST_SHARE = 1e-4
"""Components of the normal below this share of the largest are lifted to it: the plane turns by 0.006 degrees at
most, and nothing is divided by zero."""
LEVEL = 1e-9
"""A function that changes by less than this over a voxel is level: its sign alone decides."""


def voxel_share(value: ArrayLike, steps: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """The share (N,) of each voxel where a locally linear function is positive, and its derivative by the function.

    Parameters
    ----------
    value
        (N,) the function at the voxels' centres, any unit.
    steps
        (N, 3) its change from one voxel to the next along i, j, k, same unit.
    """
    f = np.asarray(value, dtype=np.float64)
    m = np.abs(np.asarray(steps, dtype=np.float64))
    largest = np.maximum(m.max(1, keepdims=True), LEVEL)
    m = np.maximum(m, SMALLEST_SHARE * largest)
    m, scale = m / largest, largest[:, 0]
    # Turned by symmetry so that all components are positive: the cube spans 0..1, its centre is at sum(m) / 2.
    alpha = f / scale + m.sum(1) / 2.0
    volume = np.zeros_like(alpha)
    slope = np.zeros_like(alpha)
    for corner in np.ndindex(2, 2, 2):
        reach = np.maximum(alpha - m @ np.asarray(corner, dtype=np.float64), 0.0)
        sign = -1.0 if sum(corner) % 2 else 1.0
        volume += sign * reach**3
        slope += sign * reach**2
    product = m.prod(1)
    share = np.clip(volume / (6.0 * product), 0.0, 1.0)
    inside = (alpha > 0.0) & (alpha < m.sum(1))
    share = np.where(alpha >= m.sum(1), 1.0, np.where(alpha <= 0.0, 0.0, share))
    derivative = np.where(inside, np.maximum(slope / (2.0 * product), 0.0), 0.0)
    return share, derivative / scale
