"""Statistics of an image's values within a sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Grid, Point3
from ..domain.volume import Volume


@dataclass(frozen=True)
class RoiStatistics:
    """Of the voxels whose centres lie in the sphere; all None if there are none.

    Parameters
    ----------
    deviation
        Standard deviation of the population (divided by n), in the image's units.
    """

    voxels: int
    mean: float | None
    deviation: float | None
    minimum: float | None
    maximum: float | None


def roi_statistics(
    volume: Volume, centre_mm: Point3, radius_mm: float, twin_from_image: FloatArray | None = None
) -> RoiStatistics:
    """Values within `radius_mm` of a centre given in the twin's LPS (the image's own without a matrix)."""
    grid = volume.grid
    if twin_from_image is not None:
        grid = Grid(grid.shape, np.asarray(twin_from_image) @ grid.lps_from_ijk)
    low, high = _box(grid, centre_mm, radius_mm)
    if np.any(low >= high):
        return RoiStatistics(0, None, None, None, None)
    (i0, j0, k0), (i1, j1, k1) = low.tolist(), high.tolist()
    k, j, i = np.meshgrid(np.arange(k0, k1), np.arange(j0, j1), np.arange(i0, i1), indexing="ij")
    offset = grid.to_lps(np.stack([i, j, k], axis=-1)) - np.asarray(centre_mm)
    inside = np.einsum("...a,...a->...", offset, offset) <= radius_mm**2
    values = volume.values[k0:k1, j0:j1, i0:i1][inside].astype(np.float64)
    if not values.size:
        return RoiStatistics(0, None, None, None, None)
    return RoiStatistics(
        int(values.size), float(values.mean()), float(values.std()), float(values.min()), float(values.max())
    )


def _box(grid: Grid, centre_mm: Point3, radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last voxel (i, j, k) of the box about the sphere, kept within the grid."""
    centre = grid.to_ijk(centre_mm)
    reach = radius_mm * np.linalg.norm(grid.ijk_from_lps[:3, :3], axis=1)
    size = np.asarray(grid.size_ijk)
    low = np.clip(np.floor(centre - reach).astype(int), 0, size)
    high = np.clip(np.ceil(centre + reach).astype(int) + 1, 0, size)
    return low, high
