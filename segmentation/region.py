"""A part of the image that is to be labelled: a box in LPS mm, as voxels, and on the network's grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid
from surgtwin.errors import InputError

from .orientation import Reorientation
from .preprocess import Box, PreparedImage


@dataclass(frozen=True)
class RegionMm:
    """A box with sides along the patient's axes, LPS mm: lowest and highest x, y, z.

    Raises
    ------
    InputError
        If it is empty or not finite.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(self.low, self.high, strict=True)):
            raise InputError(f"The region {self} is not a box: each axis needs a lower and a higher end in mm.")

    def __str__(self) -> str:
        return (
            ", ".join(f"{n} {a:g} to {b:g}" for n, a, b in zip("xyz", self.low, self.high, strict=True)) + " mm (LPS)"
        )


def region_voxels(region: RegionMm, grid: Grid) -> Box:
    """Return the voxels [k, j, i] of an image that hold the box; on an oblique grid somewhat more than the box.

    Raises
    ------
    InputError
        If the box lies outside the image.
    """
    corners = np.array([[*c, 1.0] for c in itertools.product(*zip(region.low, region.high, strict=True))])
    indices = (np.linalg.inv(grid.lps_from_ijk) @ corners.T)[2::-1]
    # A voxel reaches half its width to both sides of its centre.
    first = np.floor(indices.min(1) + 0.5).astype(int)
    stop = np.ceil(indices.max(1) + 0.5).astype(int)
    ends = [(max(int(a), 0), min(int(b), n)) for a, b, n in zip(first, stop, grid.shape, strict=True)]
    if any(a >= b for a, b in ends):
        raise InputError(f"The region {region} lies outside the image, which spans {_extent(grid)}.")
    k, j, i = (slice(a, b) for a, b in ends)
    return (k, j, i)


def turned_region(region: Box, shape: Sequence[int], turn: Reorientation) -> Box:
    """Return a box of an array on the axes that ``turn`` gives the array."""
    ends = [(region[axis], shape[axis]) for axis in turn.axes]
    k, j, i = (
        slice(n - s.stop, n - s.start) if is_reversed else s
        for (s, n), is_reversed in zip(ends, turn.reversed_axes, strict=True)
    )
    return (k, j, i)


def network_region(region: Box, image: PreparedImage, transpose_forward: Sequence[int]) -> Box:
    """Return the voxels of the network's grid that the labels of a box of the image come from."""
    found = []
    for axis, given in enumerate(transpose_forward):
        crop, size = image.box[axis], int(image.data.shape[axis + 1])
        width = crop.stop - crop.start
        start, stop = (min(max(end - crop.start, 0), width) for end in (region[given].start, region[given].stop))
        if stop <= start:
            return (slice(0, 0), slice(0, 0), slice(0, 0))
        low = math.floor((start + 0.5) * size / width - 0.5)
        high = math.floor((stop - 0.5) * size / width - 0.5) + 1
        found.append(slice(min(max(low, 0), size - 1), min(high, size - 1) + 1))
    return (found[0], found[1], found[2])


def keep_region(labels: npt.NDArray[Any], region: Box | None) -> npt.NDArray[Any]:
    """Return the labels with 0 outside a box; all of them without one."""
    if region is None:
        return labels
    kept = np.zeros_like(labels)
    kept[region] = labels[region]
    return kept


def _extent(grid: Grid) -> str:
    ends = [np.array([-0.5, n - 0.5]) for n in grid.shape[::-1]]
    corners = np.array([[*c, 1.0] for c in itertools.product(*ends)]) @ grid.lps_from_ijk.T
    low, high = corners[:, :3].min(0).round(1), corners[:, :3].max(0).round(1)
    return ", ".join(f"{n} {a:g} to {b:g}" for n, a, b in zip("xyz", low, high, strict=True)) + " mm"
