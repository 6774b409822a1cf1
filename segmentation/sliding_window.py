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

from .network import ConvNormAct, Triple, UNet

SIGMA_SHARE = 1 / 8
CONSTANT_RANGE = 1e-5
"""A tile whose values differ by less holds one value: it needs the network once, however often it occurs."""


@dataclass(frozen=True)
class TileSettings:
    """How tiles are laid and computed. ``mirror_axes`` are spatial axes 0..2."""

    step: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    compute_dtype: torch.dtype = torch.float32


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
    networks: Sequence[UNet],
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
    tiles_per_row = len(starts[1]) * len(starts[2])
    window = gaussian_window(patch).to(data.device)
    heads = networks[0].arch.class_count
    total = torch.zeros((heads, patch[0], *padded.shape[2:]), device=data.device)
    weight = torch.zeros(total.shape[1:], device=data.device)
    with runner.cancellable(), torch.inference_mode():
        for row, start in enumerate(starts[0]):
            for n, (j, i) in enumerate(itertools.product(starts[1], starts[2])):
                progress.update((row * tiles_per_row + n) / (len(starts[0]) * tiles_per_row))
                tile = padded[:, start : start + patch[0], j : j + patch[1], i : i + patch[2]]
                spot = (slice(None), slice(j, j + patch[1]), slice(i, i + patch[2]))
                total[(slice(None), *spot)] += runner.logits(tile) * window
                weight[spot] += window
            last = row + 1 == len(starts[0])
            done = patch[0] if last else starts[0][row + 1] - start
            slab = _without_padding(total[:, :done] / weight[:done], start, before, data.shape)
            if slab is not None:
                yield slab
            if not last:
                total = torch.cat((total[:, done:], torch.zeros_like(total[:, :done])), 1)
                weight = torch.cat((weight[done:], torch.zeros_like(weight[:done])), 0)
    progress.update(1.0)


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

    def __init__(self, networks: Sequence[UNet], settings: TileSettings, progress: Progress) -> None:
        self._networks = networks
        self._settings = settings
        self._progress = progress
        self._constant: dict[float, Tensor] = {}

    def cancellable(self) -> _ForwardHooks:
        """Return a context in which every layer asks whether to go on."""
        return _ForwardHooks(self._networks, self._progress)

    def logits(self, tile: Tensor) -> Tensor:
        """Return the mean logits ``[heads, k, j, i]`` float32 of a tile ``[channels, k, j, i]``."""
        if tile.shape[0] != 1 or float(tile.max() - tile.min()) > CONSTANT_RANGE:
            return self._run(tile)
        value = round(float(tile.mean()), 4)
        if value not in self._constant:
            self._constant = {value: self._run(tile)}
        return self._constant[value]

    def _run(self, tile: Tensor) -> Tensor:
        axes = self._settings.mirror_axes
        choices = [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]
        total: Tensor | None = None
        for network in self._networks:
            for mirrored in choices:
                dims = [a + 2 for a in mirrored]
                batch = tile[None].flip(dims) if dims else tile[None]
                answer = self._forward(network, batch)
                answer = answer.flip(dims) if dims else answer
                total = answer if total is None else total + answer
        if total is None:
            raise ValueError("A prediction needs at least one network.")
        return total[0] / (len(self._networks) * len(choices))

    def _forward(self, network: UNet, batch: Tensor) -> Tensor:
        dtype, is_flat = self._settings.compute_dtype, network.arch.is_flat
        given = batch[:, :, 0] if is_flat else batch
        if dtype == torch.float32:
            logits: Tensor = network(given)
        else:
            layout = torch.channels_last if is_flat else torch.channels_last_3d
            with torch.autocast(batch.device.type, dtype=dtype):
                logits = network(given.contiguous(memory_format=layout)).float()
        return logits[:, :, None] if is_flat else logits


class _ForwardHooks:
    """While active, every convolution block checks for cancellation, so that no tile delays it for seconds."""

    def __init__(self, networks: Sequence[UNet], progress: Progress) -> None:
        self._networks = networks
        self._progress = progress
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> None:
        for network in self._networks:
            for module in network.modules():
                if isinstance(module, ConvNormAct):
                    self._handles.append(module.register_forward_pre_hook(self._check))

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _check(self, *_: object) -> None:
        self._progress.check()
