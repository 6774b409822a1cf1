"""How much an image looks like a bright tube, at every voxel, and how thick that tube would be.

Frangi's measure of tubes (MICCAI 1998, doi 10.1007/BFb0056195) at several scales, each scale normalised (Lindeberg) so
that an ideal tube answers with its own contrast, whatever its radius.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import Grid
from ..errors import ImageError
from ..progress import SILENT, Progress

Values = NDArray[np.float32]
RADIUS_PER_SIGMA = float(np.sqrt(2.0))
"""A disc of radius r answers most to second derivatives of a Gaussian of sigma = r / sqrt(2)."""
IDEAL_RESPONSE = float(np.exp(-1.0))
"""sigma^2 times either curvature across a tube of contrast 1, at the scale that fits it."""
ALPHA, BETA = 0.5, 0.5
"""Frangi's weights against plates and against blobs."""
PLATE_FACTOR = float(1.0 - np.exp(-0.5 / ALPHA**2))
"""What is left of an ideal tube's measure by the weight against plates."""
COARSEST_STEP = 0.6
"""Largest step, in sigmas, on which a scale is computed: wide scales need no fine grid."""


def isotropic_grid(grid: Grid, mask: NDArray[np.bool_], step_mm: float, margin_mm: float) -> Grid:
    """A grid of cubes with axes at right angles, nearest to those of `grid`, over the box of `mask` and a margin.

    Raises
    ------
    ImageError
        If the mask is empty.
    """
    found = np.argwhere(mask)[:, ::-1]
    if not found.size:
        raise ImageError("There are no voxels to lay a grid over.")
    low, high = found.min(axis=0) - 0.5, found.max(axis=0) + 0.5
    corners = grid.to_lps([[i, j, k] for i in (low[0], high[0]) for j in (low[1], high[1]) for k in (low[2], high[2])])
    axes, upper = np.linalg.qr(grid.direction)
    axes = axes * np.where(np.diag(upper) < 0, -1.0, 1.0)
    along = corners @ axes
    start, stop = along.min(axis=0) - margin_mm, along.max(axis=0) + margin_mm
    size = np.ceil((stop - start) / step_mm).astype(int)
    origin = axes @ (start + step_mm / 2)
    return Grid.from_axes((int(size[2]), int(size[1]), int(size[0])), origin, axes, (step_mm,) * 3)


def vesselness(
    values: NDArray[Any],
    step_mm: float,
    radii_mm: Sequence[float],
    *,
    noise: float,
    progress: Progress = SILENT,
) -> tuple[Values, Values]:
    """Contrast of the bright tube that each voxel may be the middle of, and that tube's radius in mm.

    Parameters
    ----------
    values
        [k, j, i] on cubes with edges of `step_mm`.
    radii_mm
        Radii of tubes to look for.
    noise
        Contrast, in the values' unit, of a tube that noise can make: weaker answers fade to 0.

    Returns
    -------
    tuple
        Both [k, j, i] float32. An ideal tube of radius r and contrast c has c on its axis where r is among the radii,
        0 where nothing is brighter than what surrounds it.

    Raises
    ------
    ImageError
        If radii, step or noise are not positive, or the image is too small to have a curvature.
    """
    if step_mm <= 0 or noise <= 0 or not radii_mm or min(radii_mm) <= 0:
        raise ImageError("Vesselness needs radii, a step and a noise level above 0.")
    if min(values.shape) < 5:
        raise ImageError(
            f"An image of {values.shape} voxels is too small for vesselness; 5 along each axis are needed."
        )
    image = np.ascontiguousarray(values, dtype=np.float32)
    best = np.zeros(image.shape, dtype=np.float32)
    radius = np.zeros(image.shape, dtype=np.float32)
    for n, r in enumerate(radii_mm):
        progress.update(n / len(radii_mm))
        response = _at_scale(image, step_mm, r / RADIUS_PER_SIGMA, noise)
        better = response > best
        np.copyto(best, response, where=better)
        radius[better] = r
    progress.update(1.0)
    return best, radius


def _at_scale(image: Values, step_mm: float, sigma_mm: float, noise: float) -> Values:
    """The measure at one scale, computed on as coarse a grid as the scale allows."""
    import SimpleITK as sitk

    # A short side is left as fine as it is: shrinking it would leave no voxels to differentiate.
    factors = [max(1, min(int(COARSEST_STEP * sigma_mm / step_mm), n // 5)) for n in image.shape[::-1]]
    fine = sitk.GetImageFromArray(image)
    fine.SetSpacing((step_mm,) * 3)
    smooth = sitk.SmoothingRecursiveGaussian(fine, sigma_mm)
    coarse = sitk.Shrink(smooth, factors) if max(factors) > 1 else smooth
    measure = sitk.ObjectnessMeasureImageFilter()
    measure.SetObjectDimension(1)
    measure.SetBrightObject(True)
    measure.SetScaleObjectnessMeasure(True)
    measure.SetAlpha(ALPHA)
    measure.SetBeta(BETA)
    measure.SetGamma(float(noise))
    found = measure.Execute(sitk.Cast(coarse * (sigma_mm**2 / (IDEAL_RESPONSE * PLATE_FACTOR)), sitk.sitkFloat32))
    if max(factors) > 1:
        found = sitk.Resample(found, fine, sitk.Transform(), sitk.sitkLinear, 0.0)
    return np.asarray(sitk.GetArrayFromImage(found), dtype=np.float32)
