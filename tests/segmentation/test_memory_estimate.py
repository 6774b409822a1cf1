"""Memory asked for before a run: what it grows with, and what the rows at a time save."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segmentation.device import ComputePlan
from segmentation.memory_estimate import SMALL_SLAB_BYTES, MemoryNeed, activation_bytes, free_bytes, memory_need
from segmentation.model_folder import ModelFolder, read_model_folder

CPU = ComputePlan(torch.device("cpu"), torch.float32, "float32")
HALF = ComputePlan(torch.device("cpu"), torch.bfloat16, "bfloat16 mixed")
SPACING = (3.0, 2.0, 2.0)


@pytest.fixture
def model(model_folder: Path) -> ModelFolder:
    return read_model_folder(model_folder)


def need(model: ModelFolder, shape: tuple[int, int, int], compute: ComputePlan = CPU, slab: int = 2**26) -> MemoryNeed:
    return memory_need(model.plan, model.labels.head_count, shape, SPACING, compute, slab)


def test_a_longer_scan_needs_more_for_image_and_labels_only(model: ModelFolder) -> None:
    short, long = need(model, (100, 256, 256)), need(model, (200, 256, 256))
    assert long.image == 2 * short.image and long.labels == 2 * short.labels
    assert long.accumulators == short.accumulators and long.activations == short.activations


def test_accumulators_are_at_least_the_logits_of_a_row_of_tiles(model: ModelFolder) -> None:
    logits = model.labels.head_count * model.plan.patch[0] * 256 * 256 * 4
    found = need(model, (100, 256, 256))
    assert logits < found.accumulators < 8 * logits
    assert logits < need(model, (100, 256, 256), slab=SMALL_SLAB_BYTES).accumulators < found.accumulators


def test_half_precision_halves_the_feature_maps_and_a_gpu_holds_no_labels(model: ModelFolder) -> None:
    full, half = need(model, (50, 64, 64)), need(model, (50, 64, 64), HALF)
    assert half.activations == full.activations // 2 and half.image == full.image
    on_cpu, on_gpu = full.on_device(torch.device("cpu")), full.on_device(torch.device("cuda"))
    assert on_cpu - on_gpu == full.labels


def test_feature_maps_are_counted_stage_by_stage(model: ModelFolder) -> None:
    # Two stages of 4 and 8 features, the second on an eighth of the voxels; 4 heads.
    assert activation_bytes(model.plan.architecture, (8, 16, 12), 4) == 8 * 16 * 12 * (3 * 4 + 4 + 4 + 8 / 8) * 4


def test_some_memory_is_free() -> None:
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50
