"""A network that answers one tile at a time, whatever library computes it; this one in torch."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from surgtwin.progress import Progress

from .network import ConvNormAct, UNet


class TileNetwork(Protocol):
    """Something that maps a tile to logits."""

    @property
    def head_count(self) -> int:
        """The number of outputs."""
        ...

    def logits(self, tile: Tensor, progress: Progress) -> Tensor:
        """Return logits ``[heads, k, j, i]`` float32 of a tile ``[channels, k, j, i]``.

        The answer holds until the next call: it may lie in memory that is used again.

        Raises
        ------
        Cancelled
            Soon after the person asked to stop, in the middle of the tile too.
        """
        ...


class TorchTiles:
    """A network in torch, on the device of its weights; float32, or mixed with ``compute_dtype``."""

    def __init__(self, network: UNet, compute_dtype: torch.dtype = torch.float32) -> None:
        self._network = network
        self._dtype = compute_dtype

    @property
    def head_count(self) -> int:
        """The number of outputs."""
        return self._network.arch.class_count

    def logits(self, tile: Tensor, progress: Progress) -> Tensor:
        """Return logits ``[heads, k, j, i]`` float32 of a tile; see `TileNetwork`."""
        is_flat = self._network.arch.is_flat
        given = tile[:, 0][None] if is_flat else tile[None]
        with _ForwardHooks(self._network, progress), torch.inference_mode():
            if self._dtype == torch.float32:
                answer: Tensor = self._network(given)
            else:
                layout = torch.channels_last if is_flat else torch.channels_last_3d
                with torch.autocast(tile.device.type, dtype=self._dtype):
                    answer = self._network(given.contiguous(memory_format=layout)).float()
        return answer[0][:, None] if is_flat else answer[0]


class _ForwardHooks:
    """While active, every convolution block checks for cancellation, so that no tile delays it for seconds."""

    def __init__(self, network: UNet, progress: Progress) -> None:
        self._network = network
        self._progress = progress
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> None:
        for module in self._network.modules():
            if isinstance(module, ConvNormAct):
                self._handles.append(module.register_forward_pre_hook(self._check))

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _check(self, *_: object) -> None:
        self._progress.check()
