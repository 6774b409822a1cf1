"""A bicubic Bezier patch S(u, v) = sum B_i(u) B_j(v) P_ij, continued straight beyond its edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import FloatArray

FOLD_SAMPLES = 33
"""Parameters along u and v at which the patch is asked whether it folds."""


@dataclass(frozen=True, eq=False)
class PatchPoint:
    """Places on the patch and its two tangents there, each (..., 3)."""

    points_mm: FloatArray
    along_u: FloatArray
    along_v: FloatArray

    @property
    def normals(self) -> FloatArray:
        """S_u x S_v scaled to length 1, (..., 3); zeros where the patch is degenerate."""
        cross = np.cross(self.along_u, self.along_v)
        length = np.linalg.norm(cross, axis=-1, keepdims=True)
        return np.where(length > 0, cross / np.where(length > 0, length, 1.0), 0.0)


def evaluate_patch(control_points_mm: FloatArray, u: ArrayLike, v: ArrayLike) -> PatchPoint:
    """The patch at parameters u and v of one shape; beyond 0..1 it goes on along its tangents.

    The cubic itself turns away quickly outside 0..1; a surgeon expects a cut to go on as it arrives at the edge.
    """
    u, v = np.broadcast_arrays(np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64))
    bu, du = _basis(u)
    bv, dv = _basis(v)
    net = control_points_mm.reshape(16, 3)
    points, along_u, along_v = (
        (i[..., :, None] * j[..., None, :]).reshape(*u.shape, 16) @ net for i, j in ((bu, bv), (du, bv), (bu, dv))
    )
    return PatchPoint(points, along_u, along_v)


def _basis(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cubic Bernstein polynomials (..., 4) and their derivatives, linear outside 0..1."""
    inside = np.clip(t, 0.0, 1.0)
    s = 1.0 - inside
    values = np.stack((s**3, 3 * inside * s**2, 3 * inside**2 * s, inside**3), axis=-1)
    slopes = np.stack((-3 * s**2, 3 * s**2 - 6 * inside * s, 6 * inside * s - 3 * inside**2, 3 * inside**2), axis=-1)
    return values + slopes * (t - inside)[..., None], slopes


def mean_normal(control_points_mm: FloatArray) -> FloatArray:
    """The direction (3,) S_u x S_v points to on the whole: the sum over the control net's cells."""
    u = np.diff(control_points_mm, axis=0)
    v = np.diff(control_points_mm, axis=1)
    total = np.cross((u[:, :-1] + u[:, 1:]) / 2, (v[:-1] + v[1:]) / 2).sum((0, 1))
    return np.asarray(total / np.linalg.norm(total))


def is_folded(control_points_mm: FloatArray) -> bool:
    """Whether the patch turns over: S_u x S_v points away from its mean direction somewhere."""
    t = np.linspace(0.0, 1.0, FOLD_SAMPLES)
    patch = evaluate_patch(control_points_mm, t[:, None], t[None, :])
    cross = np.cross(patch.along_u, patch.along_v)
    return bool((cross @ mean_normal(control_points_mm) <= 0).any())


def flat_patch(centre_mm: ArrayLike, along_u_mm: ArrayLike, along_v_mm: ArrayLike) -> FloatArray:
    """Control points (4, 4, 3) of a flat patch from its centre and its two full edges."""
    steps = np.linspace(-0.5, 0.5, 4)
    u, v = np.asarray(along_u_mm, dtype=np.float64), np.asarray(along_v_mm, dtype=np.float64)
    return np.asarray(centre_mm) + steps[:, None, None] * u + steps[None, :, None] * v
