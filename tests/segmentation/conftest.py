"""Tiny networks, plans and model folders for the tests of segmentation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segmentation.dataset import Intensity
from segmentation.network import PlainConvUNet, initialise_weights
from segmentation.package import ModelFacts, write_model_folder
from segmentation.training_config import Budget, CaseSource, TrainingConfig

LABELS = {"background": 0, "spleen": 1, "liver": 2, "aorta": 3}


def make_config(**changes: object) -> TrainingConfig:
    """A training configuration of a two-stage network on an anisotropic grid."""
    values: dict[str, object] = {
        "name": "tiny",
        "modality": "CT",
        "labels": LABELS,
        "sources": (CaseSource("cases", "_image.nii.gz", "_labels.nii.gz"),),
        "validation": ("cases/c1",),
        "spacing_mm": (3.0, 2.0, 2.0),
        "patch": (8, 16, 12),
        "features": (4, 8),
        "kernel_sizes": ((1, 3, 3), (3, 3, 3)),
        "strides": ((1, 1, 1), (2, 2, 2)),
        "convs": 1,
        "budget": Budget(iterations=4),
        "value_range": (-125.0, 275.0),
        "threads": 1,
    }
    return TrainingConfig(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def config() -> TrainingConfig:
    return make_config()


@pytest.fixture
def network(config: TrainingConfig) -> PlainConvUNet:
    """Random weights, always the same, with lively outputs."""
    torch.manual_seed(5)
    network = PlainConvUNet(config.architecture)
    initialise_weights(network)
    return network.eval().requires_grad_(False)


INTENSITY = Intensity(mean=80.0, std=60.0, low=-125.0, high=275.0, median=90.0)


@pytest.fixture
def model_folder(tmp_path: Path, config: TrainingConfig, network: PlainConvUNet) -> Path:
    """A complete model folder with random weights."""
    return write_model_folder(network, config, INTENSITY, ModelFacts("0.1", "none"), tmp_path / "tiny_model")
