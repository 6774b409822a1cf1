"""A label map on another grid: exactly where both share one lattice, else by the nearest voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import SAME_POSITION_MM, FloatArray, Grid, transform_points
from .labels import LabelMap

LATTICE_TOLERANCE_MM = 10 * SAME_POSITION_MM
"""Two grids whose voxel centres are nowhere further apart share one lattice: NIfTI keeps places in single precision."""


@dataclass(frozen=True, eq=False)
class Regridded:
    """`is_exact`: every voxel is a voxel of the source. `lost`: labelled voxels of the source beyond the new grid."""

    labels: LabelMap
    is_exact: bool
    lost: int


def regrid_labels(labels: LabelMap, grid: Grid) -> Regridded:
    """`labels` on `grid`; values and structures stay. What `grid` does not cover is left out, and counted."""
    if labels.grid.is_same_space(grid):
        return Regridded(labels, True, 0)
    source_from_target = labels.grid.ijk_from_lps @ grid.lps_from_ijk
    exact = _lattice_map(source_from_target, labels.grid, grid)
    take = _take_on_lattice if exact is not None else _take_nearest
    matrix = exact if exact is not None else source_from_target
    layers = tuple(take(layer, matrix, grid.shape) for layer in labels.layers)
    moved = LabelMap(grid, layers, labels.structures)
    return Regridded(moved, exact is not None, _lost(labels, grid))


def _lattice_map(source_from_target: FloatArray, source: Grid, target: Grid) -> FloatArray | None:
    """The whole-number map of indices nearest to the given one, or None if it places a voxel elsewhere."""
    whole = np.round(source_from_target)
    axes = np.abs(whole[:3, :3])
    if not (np.array_equal(axes.sum(axis=0), [1, 1, 1]) and np.array_equal(axes.sum(axis=1), [1, 1, 1])):
        return None
    ni, nj, nk = target.size_ijk
    ends = np.array([[i, j, k] for i in (0, ni - 1) for j in (0, nj - 1) for k in (0, nk - 1)], dtype=np.float64)
    there = source.to_lps(ends @ whole[:3, :3].T + whole[:3, 3])
    return whole if np.abs(there - target.to_lps(ends)).max() <= LATTICE_TOLERANCE_MM else None


def _take_on_lattice(layer: NDArray[Any], matrix: FloatArray, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Permuted, flipped and shifted by whole voxels; zero where the source ends."""
    out = np.zeros(shape, dtype=layer.dtype)
    order, into, out_of = [], [], []
    for target_axis in range(3):  # k, j, i of the array are 2, 1, 0 of the matrix
        column = 2 - target_axis
        row = int(np.argmax(np.abs(matrix[:3, column])))
        sign, shift = int(matrix[row, column]), int(matrix[row, 3])
        source_axis = 2 - row
        here, there = _overlap(shape[target_axis], layer.shape[source_axis], sign, shift)
        order.append(source_axis)
        into.append(here)
        out_of.append(there)
    out[tuple(into)] = layer.transpose(order)[tuple(out_of)]
    return out


def _overlap(n_target: int, n_source: int, sign: int, shift: int) -> tuple[slice, slice]:
    """Slices of the target's and the source's axis with source = sign * target + shift."""
    ends = (-shift, n_source - 1 - shift) if sign > 0 else (shift - n_source + 1, shift)
    first, last = max(0, ends[0]), min(n_target - 1, ends[1])
    if first > last:
        return slice(0, 0), slice(0, 0)
    start, stop = sign * first + shift, sign * last + shift
    if sign > 0:
        return slice(first, last + 1), slice(start, stop + 1)
    return slice(first, last + 1), slice(start, stop - 1 if stop > 0 else None, -1)


def _take_nearest(layer: NDArray[Any], matrix: FloatArray, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Value of the nearest source voxel, zero beyond its grid; one slice at a time."""
    out = np.zeros(shape, dtype=layer.dtype)
    j, i = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    in_plane = i[..., None] * matrix[:3, 0] + j[..., None] * matrix[:3, 1] + matrix[:3, 3]
    limits = np.array(layer.shape[::-1])
    for k in range(shape[0]):
        index = np.floor(in_plane + k * matrix[:3, 2] + 0.5).astype(np.int64)
        inside = np.all((index >= 0) & (index < limits), axis=-1)
        near = index[inside]
        out[k][inside] = layer[near[:, 2], near[:, 1], near[:, 0]]
    return out


def _lost(labels: LabelMap, grid: Grid) -> int:
    """Labelled voxels whose centre lies in no voxel of `grid`."""
    target_from_source = grid.ijk_from_lps @ labels.grid.lps_from_ijk
    limits = np.array(grid.size_ijk) - 0.5 + SAME_POSITION_MM
    lost = 0
    for layer in labels.layers:
        for k, plane in enumerate(layer):
            j, i = np.nonzero(plane)
            index = transform_points(target_from_source, np.column_stack([i, j, np.full(len(i), k)]))
            lost += int(np.count_nonzero(np.any((index < -0.5 - SAME_POSITION_MM) | (index > limits), axis=1)))
    return lost
