"""Images as registration sees them: soft-tissue values between 0 and 1, smoothed for a scale, on a grid of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain.geometry import Grid
from ..domain.volume import Modality, Volume

Values = npt.NDArray[np.float32]
CT_RANGE_HU = (-160.0, 260.0)
"""From fat to enhanced blood: air, bone's inside and metal move nothing."""
PERCENTILES = (1.0, 99.0)
SMOOTHING = 0.3
"""Standard deviation of the blur of an image that is thinned out, in voxels of the coarser grid."""


def normalised(volume: Volume) -> Values:
    """[k, j, i] float32 in 0..1: CT by fixed Hounsfield limits, anything else by its own percentiles."""
    values = volume.values.astype(np.float32)
    if volume.modality is Modality.CT:
        low, high = CT_RANGE_HU
    else:
        low, high = (float(v) for v in np.percentile(values[:: max(1, values.shape[0] // 64)], PERCENTILES))
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0), dtype=np.float32)


def to_image(values: npt.NDArray[Any], grid: Grid) -> Any:
    """A SimpleITK image of a scalar array on its grid."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(values)
    place(image, grid)
    return image


def grid_of(image: Any) -> Grid:
    """The grid that a SimpleITK image lies on."""
    size = image.GetSize()
    direction = np.asarray(image.GetDirection()).reshape(3, 3)
    return Grid.from_axes((size[2], size[1], size[0]), image.GetOrigin(), direction, image.GetSpacing())


def thinned(image: Any, step_mm: float) -> Any:
    """The image blurred and averaged to voxels of about `step_mm`; itself where it is as coarse already.

    `Shrink` takes single voxels, off by up to half a step from where it says they lie: bins are averaged instead.
    """
    import SimpleITK as sitk

    spacing, size = image.GetSpacing(), image.GetSize()
    factors = [max(1, min(round(step_mm / s), n // 4)) for s, n in zip(spacing, size, strict=True)]
    if max(factors) == 1:
        return image
    coarse = sitk.BinShrink(image, factors)
    return sitk.SmoothingRecursiveGaussian(coarse, [SMOOTHING * s for s in coarse.GetSpacing()])


def place(image: Any, grid: Grid) -> None:
    """Give a SimpleITK image its place. Left-handed and oblique grids are ITK's business too."""
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())
