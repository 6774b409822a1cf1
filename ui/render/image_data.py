"""Numpy arrays as VTK images, and back, without copying."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from surgtwin.domain.geometry import FloatArray


def wrap(values: NDArray[Any], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> vtkImageData:
    """`values` [k, j, i] as an image at the origin, sharing its memory; it keeps the array alive.

    An array that is not contiguous is copied once.
    """
    contiguous = np.ascontiguousarray(values)
    image = vtkImageData()
    image.SetDimensions(*reversed(contiguous.shape))
    image.SetSpacing(*spacing)
    image.GetPointData().SetScalars(numpy_to_vtk(contiguous.reshape(-1), deep=False))
    return image


def pictures(image: vtkImageData) -> NDArray[Any]:
    """The slices of an image as an array [slice, row, column], sharing its memory."""
    width, height, count = image.GetDimensions()
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(count, height, width))


def vtk_matrix(matrix: FloatArray) -> vtkMatrix4x4:
    """(4, 4) as VTK takes it."""
    result = vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel().tolist())
    return result


def rgb_image(picture: NDArray[np.uint8]) -> vtkImageData:
    """A picture [row, column, 3] as a flat image, row 0 first."""
    rows, columns, _ = picture.shape
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(picture).reshape(-1, 3), deep=True))
    return image
