"""Several processes that train one network, started by torch's own launcher; one process alone needs nothing.

``torchrun --nproc-per-node 4 -m segmentation.train CONFIG --data DIR --output RUN`` gives each process a rank, and on a
machine with GPUs a GPU of its own. Gradients are averaged by ``DistributedDataParallel``; rank 0 writes everything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from surgtwin.errors import Cancelled, DeviceError, InputError, SurgTwinError

from .network import UNet

PATIENCE = timedelta(hours=6)
"""How long a process waits for rank 0, which prepares cases and validates for all."""

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes that train together, and this one's place among them."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """True for the one process that logs, saves and validates."""
        return self.rank == 0

    def largest(self, *values: float) -> list[float]:
        """Return each value's maximum over all processes; every process must call it."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return [float(value) for value in shared.tolist()]

    def first_only(self, work: Callable[[], T]) -> T | None:
        """Let rank 0 do something that the others wait for, and return its result there, None elsewhere.

        Raises
        ------
        SurgTwinError
            In every process, when rank 0 fails with one; the others raise it as an InputError, or as Cancelled.
        """
        if self.size == 1:
            return work()
        result, failure = None, None
        if self.is_first:
            try:
                result = work()
            except SurgTwinError as error:
                failure = error
        told = [(isinstance(failure, Cancelled), str(failure)) if failure else None]
        dist.broadcast_object_list(told, 0, device=self.device)
        if failure is not None:
            raise failure
        if told[0] is not None:
            was_cancelled, message = told[0]
            raise Cancelled(message) if was_cancelled else InputError(message)
        return result


@contextmanager
def joined_world() -> Iterator[World]:
    """Yield this process's place among those that torchrun started; alone if it was not started so.

    Raises
    ------
    DeviceError
        If there are fewer GPUs than processes on a machine that has some, or the processes do not find each other.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    device = _own_device(int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1:
        yield World(device)
        return
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except (ValueError, RuntimeError) as error:
        raise DeviceError(
            f"The {size} processes of the training do not find each other: {error}. Start them with torchrun."
        ) from error
    try:
        yield World(device, dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def _own_device(local_rank: int) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        return torch.device("cpu")
    if local_rank >= count:
        raise DeviceError(f"Process {local_rank} has no GPU: there are {count}. Start no more processes than GPUs.")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class EveryScale(nn.Module):
    """A U-Net whose ``forward`` answers every resolution, so that it can be wrapped."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the logits of each resolution, finest first."""
        return self.network.forward_every_scale(x)


def trained_together(network: UNet, world: World) -> nn.Module:
    """Return what the optimiser's steps run: the network at every scale, gradients averaged over all processes."""
    every_scale = EveryScale(network)
    if world.size == 1:
        return every_scale
    devices = [world.device] if world.device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(every_scale, device_ids=devices)
