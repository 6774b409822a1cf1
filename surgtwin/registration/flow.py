"""The step of a deformable registration: which small motion makes two images alike, in a window around each voxel.

Lucas & Kanade 1981 with a Gaussian window in three dimensions, robust weights (Black & Anandan 1996,
doi 10.1006/cviu.1996.0006) and the mean of both images' gradients (Vercauteren et al. 2009,
doi 10.1016/j.neuroimage.2008.10.040). Where a window holds nothing to hold on to, its surroundings decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

Values = npt.NDArray[np.float32]
"""[k, j, i]."""
Motion = npt.NDArray[np.float32]
"""[3, k, j, i]: voxels along k, j, i from a voxel of the base to its partner."""

ROBUST = 0.15
"""Differences well above this share of the images' range count as something else: gas, contrast, an instrument."""
LONGEST_STEP = 1.0
"""Voxels that one step may move a place."""
LEAST_TRUST = 1e-3
MANY_STRUCTURES = 5.0
SYMMETRIC = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Places of a symmetric matrix of three rows that say all of it."""


@dataclass(frozen=True)
class Matching:
    """How two images are compared.

    Parameters
    ----------
    window, smooth
        Standard deviations, in voxels, of the window that is matched and of what the motion is smoothed by.
    least_structure
        Added to the windows' squared gradients (1/voxel^2): what counts as nothing to hold on to.
    blur
        Standard deviation of the blur of each level's images, in its voxels.
    """

    window: float
    smooth: float
    least_structure: float
    blur: float


def refine_motion(
    base: Sequence[Values],
    arrived: Sequence[Values],
    known: Values,
    motion: Motion,
    matching: Matching,
    iterations: int,
    check: Callable[[], None],
) -> Motion:
    """`motion` after some steps that make the channels of `arrived` at the moved places more like those of `base`.

    Parameters
    ----------
    base, arrived
        Channels on the same grid, with values of about 0 to 1.
    known
        [k, j, i] in 0..1: how far both images say something there.
    check
        Called at each step; raises to stop.
    """
    gradients: list[list[Values]] = [list(np.gradient(channel)) for channel in base]
    places = np.indices(base[0].shape, dtype=np.float32)
    for _ in range(iterations):
        check()
        step, trust = _step(base, gradients, arrived, known, places + motion, matching)
        motion = _smoothed(motion + step, trust, matching.smooth)
    return motion


def _step(
    base: Sequence[Values],
    gradients: Sequence[Sequence[Values]],
    arrived: Sequence[Values],
    known: Values,
    places: Motion,
    matching: Matching,
) -> tuple[Motion, Values]:
    """One Gauss-Newton step, and how far each window holds something (0 to 1)."""
    squares: dict[tuple[int, int], Values] = {}
    pulls: list[Values] = []
    for channel, own, other in zip(base, gradients, arrived, strict=True):
        warped = map_coordinates(other, places, order=1, mode="nearest")
        slope = [0.5 * (a + b) for a, b in zip(own, np.gradient(warped), strict=True)]
        difference = warped - channel
        weight = known / (1.0 + (difference / ROBUST) ** 2)
        found = [gaussian_filter(weight * slope[a] * difference, matching.window) for a in range(3)]
        pulls = found if not pulls else [p + f for p, f in zip(pulls, found, strict=True)]
        for a, b in SYMMETRIC:
            part = gaussian_filter(weight * slope[a] * slope[b], matching.window)
            squares[a, b] = squares[a, b] + part if (a, b) in squares else part
    trace = squares[0, 0] + squares[1, 1] + squares[2, 2] + np.float32(3 * matching.least_structure)
    for a in range(3):
        squares[a, a] = squares[a, a] + np.float32(matching.least_structure)
    step = -_solved(squares, pulls)
    length = np.sqrt(np.sum(step**2, axis=0))
    step *= np.minimum(1.0, LONGEST_STEP / np.maximum(length, 1e-6))
    trust: Values = trace / (trace + np.float32(MANY_STRUCTURES * matching.least_structure)) + np.float32(LEAST_TRUST)
    return step, trust


def _solved(squares: dict[tuple[int, int], Values], pulls: list[Values]) -> Motion:
    """Solutions of a symmetric system of three in every voxel, by its adjugate: several times faster than LAPACK."""
    a, b, c, d, e, f = (squares[pair].astype(np.float64) for pair in SYMMETRIC)
    x, y, z = pulls
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    s, t, u = a * f - c * c, b * c - a * e, a * d - b * b
    inverse = 1.0 / (a * p + b * q + c * r)
    parts = (p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z)
    return np.stack([part * inverse for part in parts]).astype(np.float32)


def _smoothed(motion: Motion, trust: Values, sigma: float) -> Motion:
    """The motion blurred, windows with structure counting for more: what is blank follows its surroundings."""
    total = gaussian_filter(trust, sigma)
    return np.stack([gaussian_filter(trust * part, sigma) / total for part in motion]).astype(np.float32)


def self_similarity(values: Values) -> list[Values]:
    """Six channels that say how a voxel's surroundings differ from those beside it: alike in CT and MR.

    MIND with the six neighbours (Heinrich et al. 2012, doi 10.1016/j.media.2012.05.008).
    """
    distances = []
    for axis in range(3):
        for step in (1, -1):
            distances.append(gaussian_filter((values - _beside(values, axis, step)) ** 2, 0.8))
    variance = np.mean(distances, axis=0)
    low, high = 1e-4, max(1e-4, 100.0 * float(variance.mean()))
    variance = np.clip(variance, low, high)
    return [np.exp(-d / variance).astype(np.float32) for d in distances]


def _beside(values: Values, axis: int, step: int) -> Values:
    """The values one voxel further along an axis, the last repeated."""
    index = np.clip(np.arange(values.shape[axis]) + step, 0, values.shape[axis] - 1)
    return np.take(values, index, axis=axis)
