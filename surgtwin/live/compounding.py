"""Pictures put together into a volume: every pixel given to the voxels it lies among, holes closed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np
import numpy.typing as npt

from ..domain.geometry import FloatArray, transform_points

Values = npt.NDArray[np.float32]
LEAST_WEIGHT = 1e-3
"""Of one whole pixel block: a voxel that was given less was not seen."""
LINES = tuple(way for way in product((-1, 0, 1), repeat=3) if way > (0, 0, 0))
"""The thirteen ways through a voxel to those beside it."""
BYTES_PER_VOXEL = 32
"""Sum, weight, and what closing holes needs at once."""


class Compound(StrEnum):
    """What a voxel takes of several pictures: their mean, their brightest, or the latest."""

    MEAN = "mean"
    MAX = "max"
    LAST = "last"


@dataclass(frozen=True, eq=False)
class Blocks:
    """A picture in blocks of pixels, about half a voxel wide.

    Parameters
    ----------
    values
        (N,) mean, or the brightest, of each block's valid pixels.
    weights
        (N,) share of its pixels that are valid, above 0.
    ij
        (N, 2) the blocks' middles in pixels.
    """

    values: Values
    weights: Values
    ij: FloatArray


def blocks_of(picture: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], side: int, how: Compound) -> Blocks:
    """Blocks of `side` x `side` pixels of a picture [j, i] that hold valid ones."""
    rows, columns = (-(-n // side) for n in picture.shape)
    padding = [(0, rows * side - picture.shape[0]), (0, columns * side - picture.shape[1])]
    shape = (rows, side, columns, side)
    use = np.pad(valid, padding).reshape(shape)
    values = np.pad(picture.astype(np.float32), padding).reshape(shape)
    count = use.sum(axis=(1, 3), dtype=np.float32)
    if how is Compound.MAX:
        told = np.where(use, values, -np.inf).max(axis=(1, 3))
    else:
        told = np.where(use, values, np.float32(0)).sum(axis=(1, 3), dtype=np.float32) / np.maximum(count, 1)
    j, i = np.nonzero(count)
    middles = np.asarray(np.stack([i, j], axis=1) * float(side) + (side - 1) / 2, dtype=np.float64)
    weights = np.asarray(count[j, i] / (side * side), dtype=np.float32)
    return Blocks(told[j, i].astype(np.float32), weights, middles)


class Compounder:
    """A volume that pictures are added to, one after another.

    With the mean, a block is shared among the eight voxels around it by its distance to them (trilinear); otherwise the
    nearest voxel takes it. The latest picture replaces what earlier ones gave the voxels that it reaches.

    Parameters
    ----------
    shape
        (k, j, i).
    """

    def __init__(self, shape: tuple[int, int, int], how: Compound) -> None:
        self._how = how
        self._padded = tuple(n + 2 for n in shape)  # a rim takes what lies half outside, and is left behind
        count = int(np.prod(self._padded))
        self._sum = np.full(count, -np.inf if how is Compound.MAX else 0.0, dtype=np.float32)
        self._weight = np.zeros(count, dtype=np.float32)

    def add(self, blocks: Blocks, voxel_from_pixel: FloatArray) -> None:
        """Give a picture's blocks to the voxels; what lies beyond the volume is lost."""
        pixels = np.concatenate([blocks.ij, np.zeros((len(blocks.ij), 1))], axis=1)
        kji = transform_points(voxel_from_pixel, pixels)[:, ::-1].T + 1.0
        if self._how is Compound.MEAN:
            self._share(blocks, kji)
            return
        nearest = np.rint(kji)
        inside = self._inside(nearest, 1)
        index = self._flat(nearest[:, inside].astype(np.intp))
        values, weights = blocks.values[inside], blocks.weights[inside]
        if self._how is Compound.MAX:
            np.maximum.at(self._sum, index, values)
            self._weight[index] = 1.0
            return
        self._sum[index] = self._weight[index] = 0.0
        np.add.at(self._sum, index, values * weights)
        np.add.at(self._weight, index, weights)

    def result(self) -> tuple[Values, npt.NDArray[np.bool_]]:
        """Values [k, j, i], 0 where nothing was seen, and where something was."""
        weight, total = (a.reshape(self._padded)[1:-1, 1:-1, 1:-1] for a in (self._weight, self._sum))
        seen = weight >= LEAST_WEIGHT
        values = np.zeros(seen.shape, dtype=np.float32)
        if self._how is Compound.MAX:
            values[seen] = total[seen]
        else:
            np.divide(total, weight, out=values, where=seen)
        return values, seen

    def _share(self, blocks: Blocks, kji: FloatArray) -> None:
        low = np.floor(kji)
        inside = self._inside(low, 2)
        upper = (kji - low)[:, inside].astype(np.float32)
        first = self._flat(low[:, inside].astype(np.intp))
        values, weights = blocks.values[inside], blocks.weights[inside]
        parts = (1 - upper, upper)
        for k, j, i in np.ndindex(2, 2, 2):
            share = weights * parts[k][0] * parts[j][1] * parts[i][2]
            index = first + ((k * self._padded[1] + j) * self._padded[2] + i)
            np.add.at(self._sum, index, share * values)
            np.add.at(self._weight, index, share)

    def _inside(self, kji: FloatArray, room: int) -> npt.NDArray[np.bool_]:
        """Which whole indices (3, N) leave so much room up to the padded volume's end."""
        inside = np.ones(kji.shape[1], dtype=np.bool_)
        for places, n in zip(kji, self._padded, strict=True):
            inside &= (places >= 0) & (places <= n - room)
        return inside

    def _flat(self, kji: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return np.asarray((kji[0] * self._padded[1] + kji[1]) * self._padded[2] + kji[2])


def fill_holes(values: Values, seen: npt.NDArray[np.bool_], reach: float) -> tuple[Values, npt.NDArray[np.bool_]]:
    """The volume with its holes filled, and which voxels these are.

    A hole is what closing the seen region by a ball of `reach` voxels adds, where a line through it meets seen voxels
    on both sides: a gap between pictures is one, the space beside the sweep is not. It is interpolated along the
    shortest such line, so that what lies in the pictures' planes stays sharp.
    """
    import edt

    if reach <= 0 or seen.all() or not seen.any():
        return values, np.zeros_like(seen)
    near = edt.edt(~seen, black_border=False) <= reach
    closed = edt.edt(near, black_border=False) > reach if not near.all() else near
    room = int(np.ceil(2 * reach)) + 1
    padded = np.pad(np.where(seen, values, np.float32(np.nan)), room, constant_values=np.nan)
    holes = np.nonzero(closed & ~seen)
    found = _across(padded, tuple(axis + room for axis in holes), 2 * reach + 1)
    is_met = np.isfinite(found)
    filled, mask = values.copy(), np.zeros_like(seen)
    met = tuple(axis[is_met] for axis in holes)
    filled[met], mask[met] = found[is_met], True
    return filled, mask


def _across(padded: Values, places: tuple[npt.NDArray[np.intp], ...], longest: float) -> Values:
    """Values (N,) at places, between the ends of the shortest line no longer than that; not a number without one."""
    flat = padded.ravel()
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    at = np.asarray(np.ravel_multi_index(places, padded.shape))
    best = np.full(len(at), np.float32(np.inf))
    found = np.full(len(at), np.float32(np.nan))
    for way in LINES:
        length = float(np.linalg.norm(way))
        step, most = int(strides @ way), int(longest / length)
        (ahead, value_ahead), (behind, value_behind) = (_first(flat, at, sign * step, most) for sign in (1, -1))
        total = (ahead + behind) * np.float32(length)
        is_better = (total < best) & (total <= longest)
        share = ahead[is_better] / (ahead + behind)[is_better]
        found[is_better] = value_ahead[is_better] * (1 - share) + value_behind[is_better] * share
        best[is_better] = total[is_better]
    return found


def _first(flat: Values, at: npt.NDArray[np.intp], step: int, most: int) -> tuple[Values, Values]:
    """How many steps (N,) away the first seen voxel lies, infinite beyond the last, and its value."""
    steps = np.full(len(at), np.float32(np.inf))
    values = np.zeros(len(at), dtype=np.float32)
    for n in range(most, 0, -1):
        there = flat[at + n * step]
        is_seen = np.isfinite(there)
        steps[is_seen], values[is_seen] = n, there[is_seen]
    return steps, values
