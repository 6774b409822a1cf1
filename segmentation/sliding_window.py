"""The network over a whole image, tile by tile, with logits handed out as soon as they are final.

Tiles lie where nnU-Net puts them and are blended with its Gaussian. They are visited from the first slice to the
last, and only the rows that later tiles still touch are held: memory grows with a slice, not with the image.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from surgtwin.progress import SILENT, Progress

from .memory_estimate import NORMAL_SLAB_BYTES
from .network import Triple, UNet
from .tile_network import TileNetwork, TorchTiles

SIGMA_SHARE = 1 / 8
CONSTANT_RANGE = 1e-5
"""A tile whose values differ by less holds one value: it needs the network once, however often it occurs."""


NO_WEIGHT = 1e-12

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class TileSettings:
    """How tiles are laid and computed.

    Parameters
    ----------
    mirror_axes
        Spatial axes 0..2.
    compute_dtype
        Of networks given in torch.
    slab_bytes
        Size of the slabs handed out, since whoever takes them makes copies; a slab has at least one row.
    region
        Voxels of the network's grid whose logits are wanted, None for all. Tiles lie where they always lie, those that
        do not touch it are left out: inside, logits are the same to the bit; elsewhere they may be 0.
    """

    step: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    compute_dtype: torch.dtype = torch.float32
    slab_bytes: int = NORMAL_SLAB_BYTES
    region: Box | None = None


@dataclass(frozen=True)
class LogitSlab:
    """Final logits ``[heads, rows, j, i]`` of the rows from ``first_row`` on."""

    first_row: int
    logits: Tensor


def tile_starts(size: int, patch: int, step: float) -> list[int]:
    """Return the first voxel of each tile along one axis, evenly spread, as nnU-Net places them."""
    # A two-dimensional network's patch is one slice thick: half a slice is no distance.
    distance = max(1.0, patch * step)
    count = math.ceil((size - patch) / distance) + 1 if size > patch else 1
    return [int(np.round((size - patch) / (count - 1) * n)) if count > 1 else 0 for n in range(count)]


@lru_cache(maxsize=4)
def gaussian_window(patch: Triple) -> Tensor:
    """Return the blending weights of a tile ``[k, j, i]``, largest in the middle, nowhere zero."""
    product = np.ones((1, 1, 1))
    for axis, size in enumerate(patch):
        line = np.zeros(size)
        line[size // 2] = 1.0
        blurred = ndimage.gaussian_filter1d(line, size * SIGMA_SHARE, mode="constant")
        product = product * blurred.reshape([-1 if a == axis else 1 for a in range(3)])
    # nnU-Net keeps the window in half precision, scaled to 10, and lifts what vanishes to the least value left.
    half = (product * (10.0 / product.max())).astype(np.float16).astype(np.float32)
    half[half == 0] = half[half > 0].min()
    return torch.from_numpy(half)


def predict_slabs(
    networks: Sequence[UNet | TileNetwork],
    data: Tensor,
    patch: Triple,
    settings: TileSettings,
    progress: Progress = SILENT,
) -> Iterator[LogitSlab]:
    """Yield the mean logits of all networks, rows in order, each row once.

    Parameters
    ----------
    data
        ``[channels, k, j, i]`` normalised image on the device of the networks.

    Raises
    ------
    Cancelled
        Within one layer of the network after the person asked to stop.
    """
    runner = _TileRunner(networks, settings, progress)
    padded, before = pad_to_patch(data, patch)
    starts = [tile_starts(n, p, settings.step) for n, p in zip(padded.shape[1:], patch, strict=True)]
    corners = list(itertools.product(*starts))
    wanted = [c for c in corners if _touches(c, patch, before, settings.region)]
    sums = _Sums(runner.head_count, patch, padded)
    done = 0
    with torch.inference_mode():
        for row, start in enumerate(starts[0]):
            for corner in (c for c in wanted if c[0] == start):
                progress.update(done / len(wanted))
                tile = padded[(slice(None), *(slice(c, c + p) for c, p in zip(corner, patch, strict=True)))]
                sums.add(runner.logits(tile), corner[1:])
                done += 1
            final = patch[0] if row + 1 == len(starts[0]) else starts[0][row + 1] - start
            for first, logits in sums.means(final, settings.slab_bytes):
                slab = _without_padding(logits, start + first, before, data.shape)
                if slab is not None:
                    yield slab
            sums.drop(final)
    progress.update(1.0)


def _touches(corner: Sequence[int], patch: Triple, before: Triple, region: Box | None) -> bool:
    """Whether a tile of the padded image holds some of the region."""
    if region is None:
        return True
    places = zip(corner, patch, before, region, strict=True)
    return all(c < r.stop + b and c + p > r.start + b for c, p, b, r in places)


class _Sums:
    """Weighted logits of the rows that tiles still touch, and their weights, in a ring: no row is ever moved."""

    def __init__(self, heads: int, patch: Triple, padded: Tensor) -> None:
        self._patch = patch
        self._window = gaussian_window(patch).to(padded.device)
        self._total = torch.zeros((heads, patch[0], *padded.shape[2:]), device=padded.device)
        self._weight = torch.zeros(self._total.shape[1:], device=padded.device)
        self._head = 0

    def add(self, logits: Tensor, place: Sequence[int]) -> None:
        """Add a tile whose rows are those held; ``place`` is its first voxel [j, i]."""
        j, i = place
        plane = (slice(j, j + self._patch[1]), slice(i, i + self._patch[2]))
        for rows, held in self._held(0, self._patch[0]):
            self._total[(slice(None), held, *plane)].addcmul_(logits[:, rows], self._window[rows])
            self._weight[(held, *plane)] += self._window[rows]

    def means(self, rows: int, slab_bytes: int) -> Iterator[tuple[int, Tensor]]:
        """Yield (first row, logits ``[heads, rows, j, i]``) of the first ``rows``, 0 where no tile was."""
        depth = max(1, slab_bytes // (self._total[:, 0].numel() * self._total.element_size()))
        for first in range(0, rows, depth):
            for part, held in self._held(first, min(first + depth, rows)):
                yield part.start, self._total[:, held] / self._weight[held].clamp_min(NO_WEIGHT)

    def drop(self, rows: int) -> None:
        """Forget the first rows; empty ones follow the last."""
        for _, held in self._held(0, rows):
            self._total[:, held].zero_()
            self._weight[held].zero_()
        self._head = (self._head + rows) % self._patch[0]

    def _held(self, start: int, stop: int) -> Iterator[tuple[slice, slice]]:
        """Yield rows and where they lie, in one piece or in two."""
        turn = self._patch[0] - self._head
        for first, last in ((start, min(stop, turn)), (max(start, turn), stop)):
            if first < last:
                shift = self._head - (self._patch[0] if first >= turn else 0)
                yield slice(first, last), slice(first + shift, last + shift)


def pad_to_patch(data: Tensor, patch: Triple) -> tuple[Tensor, Triple]:
    """Return the image padded with zeros to at least the patch, and the rows added before it on each axis."""
    missing = [max(0, p - n) for p, n in zip(patch, data.shape[1:], strict=True)]
    before = (missing[0] // 2, missing[1] // 2, missing[2] // 2)
    if not any(missing):
        return data, before
    sides = [side for a in (2, 1, 0) for side in (before[a], missing[a] - before[a])]
    return nn.functional.pad(data, sides), before


def _without_padding(logits: Tensor, start: int, before: Triple, shape: torch.Size) -> LogitSlab | None:
    first = max(start, before[0])
    stop = min(start + logits.shape[1], before[0] + shape[1])
    if stop <= first:
        return None
    rows = slice(first - start, stop - start)
    plane = (slice(before[1], before[1] + shape[2]), slice(before[2], before[2] + shape[3]))
    return LogitSlab(first - before[0], logits[(slice(None), rows, *plane)])


class _TileRunner:
    """Runs all networks, with mirroring, on one tile; remembers the answer for a tile of one value."""

    def __init__(self, networks: Sequence[UNet | TileNetwork], settings: TileSettings, progress: Progress) -> None:
        if not networks:
            raise ValueError("A prediction needs at least one network.")
        self._networks: list[TileNetwork] = [
            TorchTiles(n, settings.compute_dtype) if isinstance(n, UNet) else n for n in networks
        ]
        axes = settings.mirror_axes
        self._mirrors = [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]
        self._progress = progress
        self._constant: dict[float, Tensor] = {}

    @property
    def head_count(self) -> int:
        """The number of outputs."""
        return self._networks[0].head_count

    def logits(self, tile: Tensor) -> Tensor:
        """Return the mean logits ``[heads, k, j, i]`` float32 of a tile ``[channels, k, j, i]``."""
        low, high = tile.aminmax()
        if tile.shape[0] != 1 or float(high - low) > CONSTANT_RANGE:
            return self._run(tile)
        value = round(float(tile.mean()), 4)
        if value not in self._constant:
            self._constant = {value: self._run(tile).clone()}
        return self._constant[value]

    def _run(self, tile: Tensor) -> Tensor:
        count = len(self._networks) * len(self._mirrors)
        answers = self._answers(tile)
        if count == 1:
            return next(answers)
        # An answer may lie in memory that the next one is written to.
        total = next(answers).clone()
        for answer in answers:
            total += answer
        return total.div_(count)

    def _answers(self, tile: Tensor) -> Iterator[Tensor]:
        for network in self._networks:
            for mirrored in self._mirrors:
                dims = [a + 1 for a in mirrored]
                answer = network.logits(tile.flip(dims) if dims else tile, self._progress)
                yield answer.flip(dims) if dims else answer
