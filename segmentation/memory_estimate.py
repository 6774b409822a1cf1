"""How much memory a run will need, and how much there is, asked before it starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import torch

from .device import ComputePlan
from .network import UNetArchitecture
from .plans import ModelPlan, Spacing
from .preprocess import target_shape, transposed

FLOAT_BYTES = 4
CONFIDENCE_BYTES = 1
LABEL_COPIES = 2
"""Labels on transposed axes, and turned back."""
LIVE_COPIES = 3
"""Finest feature maps held at once beside the skips: a layer's input (two maps wide), its output."""
EXPORT_COPIES = 5
"""Of the rows that are brought back to the image at a time: mean, joined, marked, as a table, as probabilities."""
NORMAL_SLAB_BYTES = 64 * 2**20
SMALL_SLAB_BYTES = 1
"""Logits handed out at a time: a few rows; under want of memory one row."""


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes by what they are for."""

    image: int
    accumulators: int
    activations: int
    labels: int

    def on_device(self, device: torch.device) -> int:
        """Return what the device itself must hold; labels never lie on a GPU."""
        held = self.image + self.accumulators + self.activations
        return held if device.type == "cuda" else held + self.labels


def memory_need(
    plan: ModelPlan, heads: int, shape: Sequence[int], spacing_mm: Spacing, compute: ComputePlan, slab_bytes: int
) -> MemoryNeed:
    """Return the estimate for an image ``[k, j, i]`` at its own spacing (before any transposition)."""
    spacing = transposed(spacing_mm, plan)
    turned = [shape[a] for a in plan.transpose_forward]
    grid = target_shape(turned, spacing, plan.spacing_for(spacing))
    padded = [max(n, p) for n, p in zip(grid, plan.patch, strict=True)]
    row = heads * padded[1] * padded[2] * FLOAT_BYTES
    exported = min(max(1, slab_bytes // row), plan.patch[0]) * row * EXPORT_COPIES
    label_bytes = 1 if heads <= 256 else 2
    return MemoryNeed(
        # While it is resampled a second array stands beside the first.
        image=2 * plan.architecture.in_channels * math.prod(grid) * FLOAT_BYTES,
        accumulators=plan.patch[0] * (row + padded[1] * padded[2] * FLOAT_BYTES) + exported,
        activations=activation_bytes(plan.architecture, plan.patch, compute.compute_dtype.itemsize),
        labels=LABEL_COPIES * math.prod(shape) * label_bytes + math.prod(grid) * CONFIDENCE_BYTES,
    )


def activation_bytes(architecture: UNetArchitecture, patch: Sequence[int], number_bytes: int) -> int:
    """Return what a tile's feature maps take: the skips, and the finest maps of the layer that runs."""
    voxels = float(math.prod(patch))
    total = LIVE_COPIES * architecture.features[0] * voxels + architecture.class_count * voxels
    for features, stride in zip(architecture.features, architecture.strides, strict=True):
        voxels /= math.prod(stride)
        total += features * voxels
    return int(total * number_bytes)


def free_bytes(device: torch.device) -> int:
    """Return the memory that is free now on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
