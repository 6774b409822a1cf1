"""Where a tracked tool's tip is, from poses taken while the tool turns about its resting tip.

The algebraic one-step method: for every pose (R, t), R tip + t = pivot, which is linear in tip and pivot together
(Yaniv 2015, doi 10.1117/12.2081348, where it does as well as the others and needs no start).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..domain.geometry import MAX_ROTATION_ERROR, FloatArray, Point3
from ..errors import GeometryError

FEWEST_POSES = 10
LEAST_TURN_DEG = 20.0
"""How far the tool must be turned in all, about each of two axes at least: the tip's place hangs on the turn."""
LARGEST_ERROR_MM = 2.0
OUTLIER, LEAST_LIMIT_MM = 4.0, 0.05
"""Poses that miss by more than so many times the median, and that much, are left out: the tip or a marker slipped."""
MOST_OUTLIERS = 0.2
SAMPLES, SAMPLE_POSES, REFINED, SEED = 60, 8, 3, 20260
"""Small samples that are tried, so that poses which slipped do not decide which ones did (Fischler & Bolles 1981)."""


@dataclass(frozen=True, eq=False)
class PivotFit:
    """A tip's place.

    Parameters
    ----------
    tip_mm
        In the frame of the tool's marker.
    pivot_mm
        Where the tip rested, in the tracker's frame.
    residuals_mm
        (N,), of every pose that was used, how far its tip lies from the pivot.
    tip_error_mm
        Standard error of the tip's place, root of the sum over its three axes, by the residuals and the poses' spread.
    turn_deg
        About the axes of largest, second and least turning: how far the tool was turned, from end to end.
    left_out
        Poses that did not fit the others.
    """

    tip_mm: Point3
    pivot_mm: Point3
    residuals_mm: FloatArray
    tip_error_mm: float
    turn_deg: Point3
    left_out: int

    @property
    def rms_mm(self) -> float:
        """Root mean square of the residuals."""
        return float(np.sqrt(np.mean(self.residuals_mm**2)))


def fit_pivot(poses: ArrayLike) -> PivotFit:
    """The tip of a tool from its marker's poses (N, 4, 4) in the tracker.

    Raises
    ------
    GeometryError
        If there are fewer than ten poses, any is not rigid, the tool was turned too little (about two axes, 20 degrees
        from end to end), the tip did not rest, or its place is uncertain by more than two millimetres.
    """
    matrices = _checked(poses)
    turn = _turn_deg(matrices[:, :3, :3])
    if turn[1] < LEAST_TURN_DEG:
        raise GeometryError(
            f"The tool was turned by {turn[0]:.0f} and {turn[1]:.0f} degrees about two axes; {LEAST_TURN_DEG:g} are "
            "needed about both. Keep the tip where it is and swing the handle around in a wide cone."
        )
    used = _that_fit(matrices)
    left_out = len(matrices) - int(used.sum())
    if left_out > MOST_OUTLIERS * len(matrices):
        raise GeometryError(
            f"{left_out} of {len(matrices)} poses do not fit the others: the tip did not rest. Do it again."
        )
    tip, pivot, residuals, covariance = _solve(matrices[used])
    error = float(np.sqrt(np.trace(covariance)))
    if error > LARGEST_ERROR_MM:
        raise GeometryError(
            f"The tip's place is uncertain by {error:.1f} mm, {LARGEST_ERROR_MM:g} mm are allowed: the tip did not "
            "rest, or the tool was turned too little. Do it again."
        )
    return PivotFit(_point(tip), _point(pivot), residuals, error, _point(turn), left_out)


def _checked(poses: ArrayLike) -> FloatArray:
    matrices = np.asarray(poses, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1:] != (4, 4) or len(matrices) < FEWEST_POSES:
        raise GeometryError(
            f"At least {FEWEST_POSES} poses (N, 4, 4) are needed to find a tip; found shape {matrices.shape}."
        )
    turns = matrices[:, :3, :3]
    off = np.abs(np.swapaxes(turns, 1, 2) @ turns - np.eye(3)).max() if np.all(np.isfinite(matrices)) else np.inf
    if off > MAX_ROTATION_ERROR or np.any(np.linalg.det(turns) <= 0):
        raise GeometryError("A pose is not finite or not rigid: it scales, shears or mirrors.")
    return matrices


def _that_fit(matrices: FloatArray) -> NDArray[np.bool_]:
    """Which poses fit: those near the pivot of that small sample which half of all poses are nearest to."""
    rng = np.random.default_rng(SEED)
    best = _misses(matrices, *_solve(matrices)[:2])
    for _ in range(SAMPLES):
        sample = matrices[rng.choice(len(matrices), SAMPLE_POSES, replace=False)]
        found = _misses(matrices, *_solve(sample)[:2])
        best = found if np.median(found) < np.median(best) else best
    used = best <= _limit(best)
    for _ in range(REFINED):
        away = _misses(matrices, *_solve(matrices[used])[:2])
        used = away <= _limit(away[used])
    return used


def _misses(matrices: FloatArray, tip: FloatArray, pivot: FloatArray) -> FloatArray:
    """(N,) how far each pose takes the tip from the pivot, mm."""
    return np.asarray(np.linalg.norm(matrices[:, :3, :3] @ tip + matrices[:, :3, 3] - pivot, axis=1))


def _limit(away: FloatArray) -> float:
    return OUTLIER * float(np.median(away)) + LEAST_LIMIT_MM


def _solve(matrices: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Tip (3,), pivot (3,), residuals (N,) and the tip's covariance (3, 3)."""
    count = len(matrices)
    rows = np.concatenate([matrices[:, :3, :3], np.broadcast_to(-np.eye(3), (count, 3, 3))], axis=2).reshape(-1, 6)
    right = -matrices[:, :3, 3].ravel()
    found, *_ = np.linalg.lstsq(rows, right, rcond=None)
    offset = rows @ found - right
    variance = float(offset @ offset) / (3 * count - 6)
    covariance = variance * np.linalg.pinv(rows.T @ rows)[:3, :3]
    return found[:3], found[3:], np.linalg.norm(offset.reshape(-1, 3), axis=1), covariance


def _turn_deg(turns: FloatArray) -> FloatArray:
    """(3,) how far the tool was turned from end to end about the principal axes of its turning, largest first."""
    from scipy.spatial.transform import Rotation

    rotations = Rotation.from_matrix(turns)
    vectors = (rotations.mean().inv() * rotations).as_rotvec()
    _, _, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    along = vectors @ axes.T
    return np.asarray(np.degrees(along.max(axis=0) - along.min(axis=0)))


def _point(values: FloatArray) -> Point3:
    x, y, z = (float(v) for v in values)
    return (x, y, z)
