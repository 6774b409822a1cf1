"""From logits on the network's grid to labels on the image's grid, exactly and in bounded memory.

Labels are the argmax of linearly interpolated logits. Where all eight neighbouring samples agree on the label,
interpolation between them cannot change it (a convex combination keeps the largest the largest), so only the few
mixed cells are interpolated, with every class. Rows are written as soon as their logits are final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from .plans import LabelScheme
from .preprocess import nearest_rows
from .sliding_window import LogitSlab

CHUNK_VOXELS = 4_000_000
MIXED_CHUNK = 400_000
DENSE_SHARE = 0.12
"""With more mixed voxels than this, interpolating every voxel class by class is quicker than picking them out."""

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class AxisMap:
    """For each output sample along an axis: the lower input sample, and the share of the next one."""

    base: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]
    size_in: int


def axis_map(size_in: int, size_out: int, nearest: bool = False) -> AxisMap:
    """Return linear (or nearest) interpolation along one axis, sample centres edge to edge, border repeated."""
    if nearest:
        return AxisMap(nearest_rows(size_in, size_out), np.zeros(size_out, np.float32), size_in)
    centres = (np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5
    centres = np.clip(centres, 0, size_in - 1)
    base = np.minimum(np.floor(centres), max(0, size_in - 2)).astype(np.int64)
    return AxisMap(base, (centres - base).astype(np.float32), size_in)


def first_largest(logits: Tensor) -> Tensor:
    """Return the index of the largest along the first axis, the first of equals."""
    # torch's argmax over this axis is three times slower and gives the same.
    return logits.max(0).indices


def decide(logits: Tensor, scheme: LabelScheme) -> Tensor:
    """Return label values int16 ``[...]`` of logits whose first axis is the heads."""
    if not scheme.region_order:
        return first_largest(logits).to(torch.int16)
    labels = torch.zeros(logits.shape[1:], dtype=torch.int16, device=logits.device)
    for head, value in enumerate(scheme.region_order):
        labels[logits[head] > 0] = value
    return labels


def signature(logits: Tensor, scheme: LabelScheme) -> Tensor:
    """Return a number per sample; where neighbours share it, interpolation cannot change the label."""
    if not scheme.region_order:
        return first_largest(logits)
    pattern = torch.zeros(logits.shape[1:], dtype=torch.int64, device=logits.device)
    for head in range(logits.shape[0]):
        pattern |= (logits[head] > 0).to(torch.int64) << head
    return pattern


class LabelExporter:
    """Takes final logit slabs in order and fills a label array on the cropped image's grid.

    Parameters
    ----------
    labels
        ``[k, j, i]`` array to fill, uint8 or uint16 (a view into the whole image's labels).
    network_shape
        Shape of the logits' grid.
    coarse_axis
        Axis along which the nearest sample is taken instead of interpolating, None for none.
    """

    def __init__(
        self, labels: npt.NDArray[Any], network_shape: Shape, scheme: LabelScheme, coarse_axis: int | None = None
    ) -> None:
        self._labels = labels
        self._scheme = scheme
        sizes = zip(network_shape, labels.shape, strict=True)
        self._maps = [axis_map(n, out, axis == coarse_axis) for axis, (n, out) in enumerate(sizes)]
        self._held: Tensor | None = None
        self._held_first = 0
        self._next_row = 0

    def add(self, slab: LogitSlab) -> None:
        """Write every output row that the slab completes."""
        if self._held is None:
            held, self._held_first = slab.logits, slab.first_row
        else:
            held = torch.cat((self._held, slab.logits), 1)
        known = self._held_first + held.shape[1]
        rows = self._maps[0]
        needed = np.minimum(rows.base + 1, rows.size_in - 1)
        stop = int(np.searchsorted(needed, known - 1, side="right"))
        if stop > self._next_row:
            self._write(held, self._next_row, stop)
            self._next_row = stop
        # Rows that come next may still interpolate with the last row of this slab.
        first = int(rows.base[stop]) if stop < len(rows.base) else known - 1
        keep = min(max(first - self._held_first, 0), held.shape[1] - 1)
        self._held = held[:, keep:].clone()
        self._held_first += keep

    @property
    def is_complete(self) -> bool:
        """True once every output row is written."""
        return bool(self._next_row == self._labels.shape[0])

    def _write(self, logits: Tensor, first: int, stop: int) -> None:
        marks = signature(logits, self._scheme)
        mixed = mixed_cells(marks)
        values = decide(logits, self._scheme)
        table = logits.permute(1, 2, 3, 0).reshape(-1, logits.shape[0]).contiguous()
        plane = self._labels.shape[1] * self._labels.shape[2]
        depth = max(1, CHUNK_VOXELS // max(1, plane))
        for row in range(first, stop, depth):
            end = min(row + depth, stop)
            self._write_rows(values, mixed, table, row, end)

    def _write_rows(self, values: Tensor, mixed: Tensor, table: Tensor, row: int, end: int) -> None:
        device = values.device
        k_base = torch.from_numpy(self._maps[0].base[row:end] - self._held_first).to(device)
        j_base = torch.from_numpy(self._maps[1].base).to(device)
        i_base = torch.from_numpy(self._maps[2].base).to(device)
        labels = spread(values, k_base, j_base, i_base)
        mixed_here = spread(mixed, k_base, j_base, i_base)
        if float(mixed_here.float().mean()) > DENSE_SHARE:
            labels = self._interpolate_all(table, values.shape, row, end)
            self._labels[row:end] = labels.cpu().numpy().astype(self._labels.dtype)
            return
        where = mixed_here.nonzero()
        for start in range(0, len(where), MIXED_CHUNK):
            some = where[start : start + MIXED_CHUNK]
            corners, weights = self._corners(some, (k_base, j_base, i_base), row, values.shape)
            # A weighted sum of eight rows of the table for each voxel: trilinear interpolation of every class.
            logits = functional.embedding_bag(corners, table, per_sample_weights=weights, mode="sum")
            labels[some[:, 0], some[:, 1], some[:, 2]] = decide(logits.T, self._scheme)
        self._labels[row:end] = labels.cpu().numpy().astype(self._labels.dtype)

    def _interpolate_all(self, table: Tensor, shape: torch.Size, row: int, end: int) -> Tensor:
        """Return the labels of output rows, all voxels interpolated, one class in memory at a time."""
        best: Tensor | None = None
        labels = torch.zeros((end - row, *self._labels.shape[1:]), dtype=torch.int16, device=table.device)
        for head in range(table.shape[1]):
            logits = table[:, head].reshape(shape)
            for axis in range(3):
                logits = self._interpolate_axis(logits, axis, row, end)
            if self._scheme.region_order:
                labels[logits > 0] = self._scheme.region_order[head]
            elif best is None:
                best = logits
            else:
                wins = logits > best
                labels[wins] = head
                best = torch.where(wins, logits, best)
        return labels

    def _interpolate_axis(self, logits: Tensor, axis: int, row: int, end: int) -> Tensor:
        rows = slice(row, end) if axis == 0 else slice(None)
        base = torch.from_numpy(self._maps[axis].base[rows]).to(logits.device)
        low = base - self._held_first if axis == 0 else base
        high = (low + 1).clamp_max(logits.shape[axis] - 1)
        share = torch.from_numpy(self._maps[axis].share[rows]).to(logits.device)
        share = share.reshape([-1 if a == axis else 1 for a in range(3)])
        return torch.lerp(logits.index_select(axis, low), logits.index_select(axis, high), share)

    def _corners(
        self, voxels: Tensor, bases: tuple[Tensor, Tensor, Tensor], row: int, shape: torch.Size
    ) -> tuple[Tensor, Tensor]:
        """Return the table rows ``[n, 8]`` and weights ``[n, 8]`` around output voxels ``[n, (k, j, i)]``."""
        index = torch.zeros((len(voxels), 1), dtype=torch.int64, device=voxels.device)
        weight = torch.ones((len(voxels), 1), device=voxels.device)
        for axis in range(3):
            offset = row if axis == 0 else 0
            share_of = torch.from_numpy(self._maps[axis].share).to(voxels.device)
            low = bases[axis][voxels[:, axis]]
            high = (low + 1).clamp_max(shape[axis] - 1)
            share = share_of[voxels[:, axis] + offset]
            pair = torch.stack((low, high), 1)
            parts = torch.stack((1 - share, share), 1)
            index = (index[:, :, None] * shape[axis] + pair[:, None, :]).flatten(1)
            weight = (weight[:, :, None] * parts[:, None, :]).flatten(1)
        return index, weight


def spread(values: Tensor, k: Tensor, j: Tensor, i: Tensor) -> Tensor:
    """Return ``values[k, j, i]`` for every combination of the three index lists."""
    return values.index_select(0, k).index_select(1, j).index_select(2, i)


def mixed_cells(marks: Tensor) -> Tensor:
    """Return where a sample and its next neighbours along the three axes do not all carry one mark."""
    low, high = marks, marks
    for axis in range(3):
        low = torch.minimum(low, _following(low, axis))
        high = torch.maximum(high, _following(high, axis))
    return low != high


def _following(values: Tensor, axis: int) -> Tensor:
    """The next value along an axis, the last one repeated."""
    return torch.cat((values.narrow(axis, 1, values.shape[axis] - 1), values.narrow(axis, -1, 1)), axis)


def keep_largest_pieces(labels: npt.NDArray[Any], values: tuple[int, ...]) -> dict[int, int]:
    """Clear, in place, all but the largest piece of each label value; returns the voxels removed of each."""
    import cc3d

    removed: dict[int, int] = {}
    for value in values:
        mask = labels == value
        if not mask.any():
            continue
        largest = cc3d.largest_k(mask, k=1, connectivity=26) > 0
        stray = mask & ~largest
        removed[value] = int(np.count_nonzero(stray))
        labels[stray] = 0
    return removed


def clear_far_pieces(
    labels: npt.NDArray[Any], reach_mm: Mapping[int, float], spacing_mm: Sequence[float]
) -> dict[int, int]:
    """Clear, in place, pieces that lie too far from the largest of their value to belong to it.

    Parameters
    ----------
    labels
        [k, j, i].
    reach_mm
        Label value -> the gap in mm between the boxes around a piece and around the largest that is still near.
    spacing_mm
        Of the voxels along k, j, i.

    Returns
    -------
    dict[int, int]
        Voxels removed of each value of which any were.
    """
    import cc3d

    removed: dict[int, int] = {}
    for value, reach in reach_mm.items():
        pieces, count = cc3d.connected_components(labels == value, connectivity=26, return_N=True)
        if count < 2:
            continue
        found = cc3d.statistics(pieces, no_slice_conversion=True)
        sizes, boxes = found["voxel_counts"][1:], found["bounding_boxes"][1:].astype(np.float64)
        low, high = boxes[:, ::2], boxes[:, 1::2]
        most = int(np.argmax(sizes))
        gap = np.maximum(np.maximum(low - high[most], low[most] - high), 0.0) * np.asarray(spacing_mm)
        far = np.flatnonzero(np.linalg.norm(gap, axis=1) > reach) + 1
        if len(far):
            labels[np.isin(pieces, far)] = 0
            removed[value] = int(sizes[far - 1].sum())
    return removed
