"""Bent patches: small smooth shifts in mm, labels going with the values."""

from __future__ import annotations

import numpy as np
import torch

from segmentation.augment import AugmentSettings
from segmentation.dataset import TrainingCase
from segmentation.spatial import cut_patch, draw_bending

SPACING = (5.0, 1.0, 1.5)
PATCH = (12, 40, 32)


def ramp_case() -> TrainingCase:
    """Values that tell their own place along i, in voxels, on an anisotropic grid."""
    image = np.broadcast_to(np.arange(60, dtype=np.float16), (20, 70, 60)).copy()
    labels = (image > 30).astype(np.uint8)
    return TrainingCase("case", image, labels, {}, SPACING, 1.0)


def test_bending_moves_voxels_by_no_more_than_asked_and_never_folds() -> None:
    rng = np.random.default_rng(3)
    settings = AugmentSettings(elastic_share=1.0, elastic_mm=15.0)
    for _ in range(20):
        bending = draw_bending(rng, settings, PATCH, SPACING)
        assert bending is not None and bending.shape == (3, *PATCH)
        assert 1.0 < float(bending.abs().max()) <= 15.0
        for axis, step_mm in enumerate(SPACING):
            assert float(bending[axis].diff(dim=axis).min()) > -step_mm, "neighbours keep their order"


def test_a_constant_shift_is_exact_in_millimetres() -> None:
    shift = torch.zeros(3, *PATCH)
    shift[2] = 4 * SPACING[2]
    centre = np.array([9.5, 34.5, 29.5])
    bent = cut_patch(ramp_case(), centre, PATCH, None, shift)
    straight = cut_patch(ramp_case(), centre, PATCH, None)
    assert torch.allclose(bent.image, straight.image + 4, atol=0.05)
    assert torch.equal(bent.labels, (bent.image.round() > 30).to(torch.uint8))


def test_nothing_is_bent_unasked() -> None:
    assert draw_bending(np.random.default_rng(0), AugmentSettings(elastic_share=1.0), PATCH, SPACING) is None
