from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage

from segmentation.model_folder import read_model_folder
from segmentation.plans import ChannelNormalisation, ModelPlan, ResampleRule
from segmentation.preprocess import coarse_axis, nonzero_box, prepare, target_shape
from surgtwin.errors import ModelError

CPU = torch.device("cpu")


@pytest.fixture
def plan(model_folder) -> ModelPlan:
    return read_model_folder(model_folder).plan


def ct(shape: tuple[int, int, int], seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, shape)
    return (ndimage.gaussian_filter(noise, 1.2) * 900 + 20).astype(np.int16)


def plain_way(image: np.ndarray, spacing: tuple[float, ...], plan: ModelPlan) -> np.ndarray:
    """Normalise the whole image, then resample it as one, as nnU-Net does."""
    rule = plan.normalisation[0]
    values = (np.clip(image.astype(np.float64), rule.low, rule.high) - rule.mean) / rule.std
    shape = [round(n * s / t) for n, s, t in zip(image.shape, spacing, plan.spacing_mm, strict=True)]
    zoom = [n / m for n, m in zip(shape, image.shape, strict=True)]
    return np.clip(ndimage.zoom(values, zoom, order=3, mode="nearest", grid_mode=True), values.min(), values.max())


def test_slab_by_slab_equals_the_whole(plan: ModelPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmentation.preprocess.SLAB_VOXELS", 5000)
    image = ct((31, 40, 36))
    found = prepare([image], (2.2, 1.1, 1.3), plan, CPU)
    truth = plain_way(image, (2.2, 1.1, 1.3), plan)
    assert found.data.shape == (1, *truth.shape) and found.data.dtype == torch.float32
    assert np.abs(found.data[0].numpy() - truth).max() < 1e-4


def test_an_image_on_the_plans_grid_is_only_normalised(plan: ModelPlan) -> None:
    image = ct((10, 12, 14))
    found = prepare([image], plan.spacing_mm, plan, CPU).data[0].numpy()
    np.testing.assert_allclose(found, (np.clip(image, -125, 275) - 80.0) / 60.0, atol=1e-5)


def test_clipped_and_full_values_look_the_same_to_the_network(plan: ModelPlan) -> None:
    image = ct((14, 20, 20))
    image[:3] = -1000
    image[5, 5:9, 5:9] = 1500
    full = prepare([image], (5.0, 1.0, 1.0), plan, CPU).data
    clipped = prepare([np.clip(image, -125, 275)], (5.0, 1.0, 1.0), plan, CPU).data
    torch.testing.assert_close(full, clipped)


def test_zero_borders_are_cropped_and_remembered(plan: ModelPlan) -> None:
    image = np.zeros((20, 30, 40), dtype=np.int16)
    image[3:17, 5:25, 8:33] = 100
    image[10, 10, 10] = 0
    assert nonzero_box([image]) == (slice(3, 17), slice(5, 25), slice(8, 33))
    prepared = prepare([image], plan.spacing_mm, plan, CPU)
    assert prepared.cropped_shape == (14, 20, 25) and prepared.transposed_shape == (20, 30, 40)


def test_an_empty_image_is_not_cropped_away(plan: ModelPlan) -> None:
    assert prepare([np.zeros((5, 6, 7), np.int16)], plan.spacing_mm, plan, CPU).data.shape == (1, 5, 6, 7)


def test_transposed_plans_turn_the_axes(plan: ModelPlan) -> None:
    turned = dataclasses.replace(plan, transpose_forward=(2, 0, 1))
    image = ct((10, 12, 14))
    found = prepare([image], (2.0, 2.0, 3.0), turned, CPU)
    np.testing.assert_allclose(
        found.data[0].numpy(), (np.clip(image.transpose(2, 0, 1), -125, 275) - 80.0) / 60.0, atol=1e-5
    )


def test_z_score_has_mean_zero_and_spread_one(plan: ModelPlan) -> None:
    scheme = dataclasses.replace(plan, normalisation=(ChannelNormalisation("ZScoreNormalization", False),))
    found = prepare([ct((10, 12, 14)) + 5000], plan.spacing_mm, scheme, CPU).data
    assert float(found.mean()) == pytest.approx(0, abs=1e-4)
    assert float(found.std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_z_score_inside_the_mask_leaves_the_outside_alone(plan: ModelPlan) -> None:
    scheme = dataclasses.replace(plan, normalisation=(ChannelNormalisation("ZScoreNormalization", True),))
    image = np.zeros((10, 12, 14), dtype=np.int16)
    image[2:8, 2:10, 2:12] = np.random.default_rng(0).integers(50, 90, (6, 8, 10))
    image[2, 2, 2] = 0
    found = prepare([image], plan.spacing_mm, scheme, CPU).data[0]
    inside = image[2:8, 2:10, 2:12] != 0
    assert float(found[0, 0, 0]) == 0.0
    assert float(found.numpy()[inside].mean()) == pytest.approx(0, abs=1e-4)


def test_the_coarse_axis_is_resampled_apart_by_the_nearest_slice(plan: ModelPlan) -> None:
    rule = dataclasses.replace(plan, image_rule=ResampleRule(3, 0, None), spacing_mm=(3.0, 1.0, 1.0))
    image = ct((6, 20, 20))
    found = prepare([image], (6.0, 1.0, 1.0), rule, CPU).data[0]
    assert found.shape == (12, 20, 20)
    torch.testing.assert_close(found[0::2], found[1::2])
    assert coarse_axis(rule.image_rule, (1.0, 1.0, 6.0), (1.0, 1.0, 1.0)) == 2
    assert coarse_axis(rule.image_rule, (1.0, 6.0, 6.0), (1.0, 1.0, 1.0)) is None
    assert coarse_axis(rule.image_rule, (2.0, 1.0, 1.0), (5.0, 1.0, 1.0)) == 0
    assert coarse_axis(ResampleRule(3, 0, False), (6.0, 1.0, 1.0), (3.0, 1.0, 1.0)) is None


def test_a_coarse_axis_other_than_the_first_works_too(plan: ModelPlan) -> None:
    rule = dataclasses.replace(plan, image_rule=ResampleRule(3, 0, None), spacing_mm=(1.0, 1.0, 3.0))
    image = ct((20, 20, 6))
    found = prepare([image], (1.0, 1.0, 6.0), rule, CPU).data[0]
    turned = dataclasses.replace(rule, spacing_mm=(3.0, 1.0, 1.0))
    other = prepare([image.transpose(2, 0, 1)], (6.0, 1.0, 1.0), turned, CPU).data[0]
    torch.testing.assert_close(found, other.permute(1, 2, 0))


def test_the_number_of_channels_is_checked(plan: ModelPlan) -> None:
    with pytest.raises(ModelError, match="1 channels; the image has 2"):
        prepare([ct((4, 4, 4))] * 2, (1.0, 1.0, 1.0), plan, CPU)


def test_shapes_never_round_to_nothing() -> None:
    assert target_shape((1, 100, 100), (0.5, 1.0, 1.0), (3.0, 2.0, 2.0)) == (1, 50, 50)
