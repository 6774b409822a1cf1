"""One slice out of a volume, at the resolution of the screen."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkImagingCore import vtkImageReslice

from surgtwin.domain.geometry import FloatArray

from .image_data import pictures, vtk_matrix, wrap
from .slices import SliceFrame

MAX_SLAB_SAMPLES = 200


class SlabMode(StrEnum):
    """How the slices within a slab become one picture."""

    MEAN = "mean"
    MIP = "mip"
    MINIP = "minip"


class Reslicer:
    """Cuts pictures out of one array.

    Parameters
    ----------
    values
        [k, j, i]; shared, not copied.
    lps_from_ijk
        (4, 4), any invertible affine.
    is_labels
        True for labels: the nearest voxel counts. False for an image: linear.
    background
        The value outside the volume.
    """

    def __init__(
        self, values: NDArray[Any], lps_from_ijk: FloatArray, *, is_labels: bool = False, background: float = 0.0
    ) -> None:
        self._ijk_from_lps = np.linalg.inv(lps_from_ijk)
        self._filter = vtkImageReslice()
        self._filter.SetInputData(wrap(values))
        self._filter.SetOutputDimensionality(3)
        self._filter.SetBackgroundLevel(background)
        self._filter.SetOutputSpacing(1.0, 1.0, 1.0)
        self._filter.SetOutputOrigin(0.0, 0.0, 0.0)
        if is_labels:
            self._filter.SetInterpolationModeToNearestNeighbor()
        else:
            self._filter.SetInterpolationModeToLinear()

    def cut(self, frame: SliceFrame, slab_mm: float = 0.0, mode: SlabMode = SlabMode.MEAN) -> NDArray[Any]:
        """[row, column] values of the frame, row 0 on top; a slab of `slab_mm` about the slice is merged."""
        samples = int(np.clip(round(slab_mm / frame.stack.step_mm), 1, MAX_SLAB_SAMPLES))
        depth_mm = slab_mm / samples if samples > 1 else 1.0
        lps_from_pixel = frame.lps_from_pixel(depth_mm)
        lps_from_pixel[:3, 3] -= lps_from_pixel[:3, 2] * (samples - 1) / 2
        self._filter.SetResliceAxes(vtk_matrix(self._ijk_from_lps @ lps_from_pixel))
        self._filter.SetOutputExtent(0, frame.size[0] - 1, 0, frame.size[1] - 1, 0, samples - 1)
        self._filter.Update()
        layers = pictures(self._filter.GetOutput())
        return layers[0].copy() if samples == 1 else _merged(layers, mode)


def _merged(layers: NDArray[Any], mode: SlabMode) -> NDArray[Any]:
    """Layers [n, row, column] as one. (VTK's own slab lies half a layer off its plane in 9.7.)"""
    if mode is SlabMode.MIP:
        return np.asarray(layers.max(axis=0))
    if mode is SlabMode.MINIP:
        return np.asarray(layers.min(axis=0))
    return np.asarray(layers.mean(axis=0, dtype=np.float32))
