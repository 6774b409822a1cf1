"""What the scanner adds: the table, the blur of its focus and kernel, noise as a reconstruction leaves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from .shapes import F32, UNBOUNDED, Box

AIR_HU, LOWEST_HU, HIGHEST_HU = -1000.0, -1024, 3071
FWHM_PER_SIGMA = 2.3548
NOISE_REACH_MM = 1.1
"""Standard deviation of the kernel that correlates noise in the plane; a second, wider one takes the low tones out."""


@dataclass(frozen=True)
class TableTop:
    """The curved shell of the table, under the back; its middle touches y = `top_y`."""

    top_y: float
    thickness_mm: float
    half_width: float = 205.0
    curvature: float = 0.0007

    @property
    def box(self) -> Box:
        return UNBOUNDED

    def distance(self, x: F32, y: F32, z: F32) -> F32:
        middle = self.top_y + self.thickness_mm / 2 - self.curvature * x * x
        slope = 2 * self.curvature * x
        across = np.abs(y - middle) / np.sqrt(1 + slope * slope) - self.thickness_mm / 2
        return np.asarray(np.maximum(across, np.abs(x) - np.float32(self.half_width)), dtype=np.float32)


def blur(values: F32, spacing_ji: tuple[float, float], fwhm_mm: float) -> F32:
    """Slices [k, j, i] through the scanner's in-plane point spread function."""
    sigma = [fwhm_mm / FWHM_PER_SIGMA / s for s in spacing_ji]
    return np.asarray(gaussian_filter(values, (0.0, *sigma), mode="nearest", truncate=3.0), dtype=np.float32)


def noise(seed: int, k: int, shape_ji: tuple[int, int], spacing_ji: tuple[float, float], sigma_hu: float) -> F32:
    """Noise of slice `k` [j, i]: band-limited as filtered back-projection leaves it, a little shared between slices.

    It depends on the seed and the slice alone, so it does not matter how the image is cut into slabs.
    """
    white = np.zeros(shape_ji, dtype=np.float32)
    for n, weight in ((k - 1, 0.45), (k, 0.77), (k + 1, 0.45)):
        white += np.float32(weight) * np.random.default_rng([seed, 99, n + 1]).standard_normal(shape_ji, np.float32)
    fine = [NOISE_REACH_MM / s for s in spacing_ji]
    correlated = _smooth(white, fine) - np.float32(0.85) * _smooth(white, [2.2 * f for f in fine])
    return np.asarray(correlated * (sigma_hu / max(float(correlated.std()), 1e-6)), dtype=np.float32)


def _smooth(image: F32, sigma: list[float]) -> F32:
    out = gaussian_filter1d(image, sigma[0], axis=0, mode="wrap", truncate=3.0)
    return np.asarray(gaussian_filter1d(out, sigma[1], axis=1, mode="wrap", truncate=3.0), dtype=np.float32)


def noise_strength(x: F32, y: F32) -> F32:
    """Relative noise at patient coordinates: most where the rays pass through most of the body."""
    return np.asarray(0.55 + 0.6 * np.exp(-((x / 110) ** 2) - ((y - 10) / 90) ** 2), dtype=np.float32)
