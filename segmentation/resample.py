"""Resampling as three small matrix products per volume, the same numbers as spline interpolation.

Spline resampling of a regular grid is linear and separable: along each axis it is one matrix that depends on the
two sizes alone. Applying the three matrices is far faster than evaluating splines point by point and runs on any
device. The matrices are those of ``skimage.transform.resize(order, mode='edge', anti_aliasing=False)``, which
nnU-Net uses, so results agree to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

CUBIC = 3
LINEAR = 1


@lru_cache(maxsize=64)
def axis_matrix(size_in: int, size_out: int, order: int) -> npt.NDArray[np.float32]:
    """Return the ``[size_out, size_in]`` matrix that resamples one axis.

    Sample centres are aligned edge to edge (``grid_mode``), outside values repeat the border.
    """
    basis = np.eye(size_in, dtype=np.float64)
    zoomed = ndimage.zoom(basis, (size_out / size_in, 1.0), order=order, mode="nearest", grid_mode=True)
    matrix: npt.NDArray[np.float32] = np.ascontiguousarray(zoomed, dtype=np.float32)
    matrix.flags.writeable = False
    return matrix


def resample(volume: Tensor, shape: Sequence[int], order: int, clip: bool = True) -> Tensor:
    """Return ``volume`` resampled over its last three axes to ``shape``.

    Parameters
    ----------
    volume
        ``[..., k, j, i]`` float tensor.
    order
        3 for cubic B-splines, 1 for linear.
    clip
        Keep the result within the range of the input, as skimage does.
    """
    source = tuple(int(n) for n in volume.shape[-3:])
    target = tuple(int(n) for n in shape)
    if source == target:
        return volume
    result = volume
    # The axis that shrinks the most goes first, so that the later products are small.
    for axis in sorted(range(3), key=lambda a: target[a] / source[a]):
        if source[axis] != target[axis]:
            matrix = torch.tensor(axis_matrix(source[axis], target[axis], order))
            result = _apply(result, matrix.to(result.device, result.dtype), axis)
    if clip and order > LINEAR:
        result = result.clamp(volume.min(), volume.max())
    return result


def _apply(volume: Tensor, matrix: Tensor, axis: int) -> Tensor:
    if axis == 2:
        return volume @ matrix.T
    if axis == 1:
        return torch.matmul(matrix, volume)
    flat = volume.reshape(*volume.shape[:-3], volume.shape[-3], -1)
    return torch.matmul(matrix, flat).reshape(*volume.shape[:-3], matrix.shape[0], *volume.shape[-2:])


def resample_labels(labels: npt.NDArray[np.uint8], shape: Sequence[int], class_count: int) -> npt.NDArray[np.uint8]:
    """Return a label array ``[k, j, i]`` on ``shape``: the class with the largest linearly resampled membership."""
    best = torch.full(tuple(shape), 0.0)
    result = torch.zeros(tuple(shape), dtype=torch.uint8)
    source = torch.from_numpy(labels)
    for value in range(class_count):
        mask = source == value
        if value and not bool(mask.any()):
            continue
        membership = resample(mask.float(), shape, LINEAR, clip=False)
        wins = membership > best
        best[wins] = membership[wins]
        result[wins] = value
    return result.numpy()
