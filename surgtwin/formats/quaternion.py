"""Unit quaternions (b, c, d) as NIfTI keeps rotations; a = sqrt(1 - b2 - c2 - d2) is not negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..domain.geometry import FloatArray

MAX_EXCESS = 1e-3
"""How far b2 + c2 + d2 may exceed 1 by single-precision rounding."""


def rotation_from_quaternion(bcd: Sequence[float]) -> FloatArray | None:
    """(3, 3) rotation, or None if the numbers are no unit quaternion."""
    b, c, d = (float(v) for v in bcd)
    square = b * b + c * c + d * d
    if not np.isfinite(square) or square > 1.0 + MAX_EXCESS:
        return None
    a = np.sqrt(max(0.0, 1.0 - square))
    if square > 1.0:
        b, c, d = (v / np.sqrt(square) for v in (b, c, d))
    return np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
    ])  # fmt: skip


def quaternion_from_rotation(rotation: FloatArray) -> tuple[float, float, float]:
    """(b, c, d) of a proper rotation (3, 3): the eigenvector of Bar-Itzhack's matrix (doi 10.2514/2.4654)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.asarray(rotation, dtype=np.float64)
    k = np.array([
        [xx - yy - zz, 0, 0, 0],
        [yx + xy, yy - xx - zz, 0, 0],
        [zx + xz, zy + yz, zz - xx - yy, 0],
        [zy - yz, xz - zx, yx - xy, xx + yy + zz],
    ]) / 3.0  # fmt: skip
    _, vectors = np.linalg.eigh(k, UPLO="L")
    b, c, d, a = vectors[:, -1]
    sign = -1.0 if a < 0 else 1.0
    return (float(b * sign), float(c * sign), float(d * sign))
