"""Rigid registration by paired points, and the error it predicts at a target.

Arun, Huang & Blostein 1987 (doi 10.1109/TPAMI.1987.4767965) for the fit; Fitzpatrick, West & Maurer 1998
(doi 10.1109/42.736021) for the error at a target. The fiducials' own residual (FRE) says nothing about the accuracy at
a target, and is never shown as if it did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import FloatArray, RigidTransform
from ..errors import GeometryError

FEWEST_POINTS = 3
LEAST_SPREAD_MM = 5.0
"""Of the points about the line that fits them best: below, the turn about that line is not known."""


@dataclass(frozen=True, eq=False)
class PairedPointFit:
    """A rigid transform that brings points of one frame onto their partners in another.

    Parameters
    ----------
    points_mm
        (N, 3), the partners in the transform's `to_frame`.
    residuals_mm
        (N,), how far each point stays from its partner.
    """

    transform: RigidTransform
    points_mm: FloatArray
    residuals_mm: FloatArray

    @property
    def fre_mm(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt(np.mean(self.residuals_mm**2)))

    @property
    def fle_mm(self) -> float:
        """Localisation error of one fiducial that such residuals speak for: FRE^2 = (1 - 2/N) FLE^2."""
        return self.fre_mm / float(np.sqrt(1.0 - 2.0 / len(self.points_mm)))

    def tre_mm(self, targets_mm: ArrayLike, fle_mm: float | None = None) -> FloatArray:
        """Predicted root mean square error (...,) at targets (..., 3) of the transform's `to_frame`.

        TRE^2 = FLE^2 / N (1 + 1/3 sum_k d_k^2 / f_k^2): d_k is the target's distance from the k-th principal axis of
        the fiducials, f_k theirs (root mean square).

        Parameters
        ----------
        fle_mm
            The localisation error, if it is known better than from a few residuals.
        """
        fle = self.fle_mm if fle_mm is None else fle_mm
        centre = self.points_mm.mean(axis=0)
        axes = np.linalg.svd(self.points_mm - centre)[2]
        own = (self.points_mm - centre) @ axes.T
        target = (np.asarray(targets_mm, dtype=np.float64) - centre) @ axes.T
        f2 = (own**2).sum(axis=1, keepdims=True) - own**2
        d2 = (target**2).sum(axis=-1, keepdims=True) - target**2
        return np.asarray(fle * np.sqrt((1.0 + (d2 / f2.mean(axis=0)).sum(axis=-1) / 3.0) / len(self.points_mm)))


def fit_points(
    points_mm: ArrayLike, onto_mm: ArrayLike, *, to_frame: str = "lps", from_frame: str = "tracker"
) -> PairedPointFit:
    """The rigid transform that brings `points_mm` (N, 3) closest to `onto_mm` (N, 3), pair by pair.

    Raises
    ------
    GeometryError
        If there are fewer than three pairs, the numbers are not finite, or the points lie on a line (as a set, or but
        for a spread below five millimetres): the turn about it would be anything.
    """
    a, b = (np.asarray(p, dtype=np.float64) for p in (points_mm, onto_mm))
    if a.ndim != 2 or a.shape[1:] != (3,) or a.shape != b.shape:
        raise GeometryError(
            f"Paired points need two lists of the same length of (x, y, z); found {a.shape}, {b.shape}."
        )
    if len(a) < FEWEST_POINTS or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise GeometryError(f"At least {FEWEST_POINTS} pairs of finite points are needed; found {len(a)}.")
    for points, whose in ((a, from_frame), (b, to_frame)):
        spread = _spread_about_line(points)
        if spread < LEAST_SPREAD_MM:
            raise GeometryError(
                f"The points in the frame '{whose}' lie on a line (their spread about it is {spread:.1f} mm, "
                f"{LEAST_SPREAD_MM:g} mm are needed): the turn about it is unknown. Add a point to the side."
            )
    matrix = _fit(a, b)
    transform = RigidTransform(to_frame, from_frame, matrix)
    residuals = np.linalg.norm(transform.apply(a) - b, axis=1)
    return PairedPointFit(transform, b, residuals)


def _fit(a: FloatArray, b: FloatArray) -> FloatArray:
    ca, cb = a.mean(axis=0), b.mean(axis=0)
    u, _, vt = np.linalg.svd((a - ca).T @ (b - cb))
    sign = np.sign(np.linalg.det(vt.T @ u.T))
    rotation = vt.T @ np.diag([1.0, 1.0, sign]) @ u.T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, cb - rotation @ ca
    return matrix


def _spread_about_line(points: FloatArray) -> float:
    """Root mean square distance from the line that fits best."""
    singular = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return float(np.sqrt((singular[1:] ** 2).sum() / len(points)))
