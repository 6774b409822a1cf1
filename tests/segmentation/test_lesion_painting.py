"""Painted lesions: labelled where they are painted, only in the liver, with the contrast they were given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segmentation.augment import Sample
from segmentation.lesion_distractors import paint_distractors
from segmentation.lesion_painting import LESION, LIVER, LesionPainter, LesionSettings, draw_look, paint_case
from segmentation.lesion_shapes import draw_ellipsoid, draw_line, filtered_noise, line_distance, smooth_field

SPACING = (2.5, 1.25, 1.5)
SHAPE = (40, 72, 64)
LIVER_HU = 110.0
NOISE_HU = 8.0
ALWAYS = LesionSettings(without_share=0.0, mean_count=3.0, distractor_share=0.0, level_shift_hu=0.0)


def liver_patch(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A ball of liver in fat, with noise."""
    k, j, i = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    middle = [(n - 1) / 2 for n in SHAPE]
    squared = sum(((x - m) * mm) ** 2 for x, m, mm in zip((k, j, i), middle, SPACING, strict=True))
    liver = squared < 40.0**2
    noise = np.random.default_rng(seed).normal(0, NOISE_HU, SHAPE)
    return (np.where(liver, LIVER_HU, -100.0) + noise).astype(np.float32), liver


def test_lesions_lie_in_the_liver_and_nothing_else_changes() -> None:
    image, liver = liver_patch()
    given = image.copy()
    for seed in range(6):
        painted, numbers, lesions = paint_case(image, liver, SPACING, np.random.default_rng(seed), ALWAYS)
        assert lesions and set(np.unique(numbers)) == set(range(len(lesions) + 1))
        assert not (numbers[~liver] > 0).any()
        changed = np.abs(painted - image) > 1.0
        assert changed[~liver].mean() < 0.02, "at most a blurred rim beside the liver"
    assert np.array_equal(image, given), "the input is left alone"


def test_a_lesion_has_the_contrast_and_noise_it_was_given() -> None:
    image, liver = liver_patch()
    measured = 0
    for seed in range(40):
        painted, numbers, lesions = paint_case(image, liver, SPACING, np.random.default_rng(seed), ALWAYS)
        for lesion in lesions:
            look = lesion.look
            if look.rim_hu or look.core_hu or lesion.shape.radius_mm < 10:
                continue
            inside = numbers == lesion.label
            values = painted[inside]
            allowed = 6 + look.grain_hu + 0.1 * abs(look.offset_hu)
            assert np.median(values) == pytest.approx(LIVER_HU + look.offset_hu, abs=allowed)
            assert values.std() > 0.5 * NOISE_HU, "the scan's noise stays"
            measured += 1
    assert measured >= 10


def test_a_small_ball_has_the_volume_asked_for_on_an_anisotropic_grid() -> None:
    rng = np.random.default_rng(3)
    for diameter in (12.0, 24.0):
        shape = draw_ellipsoid(np.array([20.0, 35.0, 31.0]), diameter, rng, roughness=0.0)
        box = shape.box(SHAPE, SPACING, 4.0)
        inside = shape.distance(box, SPACING, rng) < 0
        ml = np.count_nonzero(inside) * np.prod(SPACING)
        assert ml == pytest.approx(np.pi / 6 * diameter**3, rel=0.06)


def test_lesions_do_not_touch_and_avoid_big_vessels() -> None:
    image, liver = liver_patch()
    image[:, 30:42, 26:38] += np.where(liver[:, 30:42, 26:38], 80, 0)
    small = LesionSettings(without_share=0.0, mean_count=5.0, distractor_share=0.0, size_mm=(6.0, 14.0), push_share=0.0)
    for seed in range(8):
        _, numbers, lesions = paint_case(image, liver, SPACING, np.random.default_rng(seed), small)
        for lesion in lesions:
            on_vessel = (numbers == lesion.label)[:, 31:41, 27:37].sum()
            assert on_vessel <= 0.35 * (numbers == lesion.label).sum()
        for axis in range(3):
            a, b = (np.take(numbers, range(n, numbers.shape[axis] - 1 + n), axis) for n in (0, 1))
            assert not ((a > 0) & (b > 0) & (a != b)).any()


def test_the_same_seed_paints_the_same_and_another_does_not() -> None:
    image, liver = liver_patch()
    first, again, other = (
        paint_case(image, liver, SPACING, np.random.default_rng(seed), LesionSettings()) for seed in (5, 5, 6)
    )
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_a_patch_with_hardly_any_liver_is_left_alone() -> None:
    image, _ = liver_patch()
    liver = np.zeros(SHAPE, dtype=bool)
    liver[10:12, 10:12, 10:12] = True
    painted, numbers, lesions = paint_case(image, liver, SPACING, np.random.default_rng(0), ALWAYS)
    assert np.array_equal(painted, image) and not numbers.any() and lesions == []


def test_distractors_change_the_liver_only_and_carry_no_label() -> None:
    image, liver = liver_patch()
    changes = []
    for seed in range(12):
        painted = paint_distractors(image, liver, SPACING, np.random.default_rng(seed))
        assert np.array_equal(painted[~liver], image[~liver])
        changes.append(np.abs(painted - image).max())
    assert max(changes) > 20 and len(set(changes)) > 3


def test_the_painter_speaks_the_networks_units_and_keeps_other_labels_and_padding() -> None:
    image, liver = liver_patch()
    labels = np.where(liver, LIVER, 0).astype(np.uint8)
    normal = torch.from_numpy((image - 90.0) / 60.0)
    normal[:6] = 0.0
    labels[:6] = 0
    painter = LesionPainter(90.0, 60.0, ALWAYS)
    result = painter(Sample(normal, torch.from_numpy(labels)), SPACING, np.random.default_rng(1))
    assert bool((result.labels == LESION).any()) and result.image.dtype == torch.float32
    assert torch.equal(result.image[:6], normal[:6])
    untouched = torch.from_numpy(~liver) & (result.labels == 0)
    # The lesion's blurred edge may reach over the liver's edge by a voxel; most of what is outside is as it was.
    same = torch.isclose(result.image, normal, atol=1e-3)[untouched]
    assert float(same.float().mean()) > 0.98


def test_lesions_of_a_fatty_liver_are_often_bright_and_always_visible() -> None:
    rng = np.random.default_rng(0)
    offsets = np.array([draw_look(20.0, 40.0, 10.0, rng, LesionSettings()).offset_hu for _ in range(300)])
    assert (np.abs(offsets) >= 13.0).all()
    assert 0.25 < (offsets > 0).mean() < 0.6


def test_a_tube_is_as_far_as_its_nearest_point() -> None:
    rng = np.random.default_rng(2)
    points = draw_line(np.array([5.0, 20.0, 20.0]), 40.0, SPACING, rng)
    steps = np.linalg.norm(np.diff(points, axis=0) * SPACING, axis=1)
    assert steps == pytest.approx(2.0)
    box = (slice(0, 10), slice(10, 40), slice(12, 30))
    distance = line_distance(points, box, SPACING)
    voxel = np.array([4, 7, 9])
    here = (voxel + np.array([0, 10, 12]) - points) * SPACING
    assert distance[tuple(voxel)] == pytest.approx(np.linalg.norm(here, axis=1).min(), rel=1e-4)


def test_random_fields_vary_smoothly_and_noise_has_its_grain() -> None:
    rng = np.random.default_rng(4)
    field = smooth_field((30, 40, 50), rng)
    assert field.shape == (30, 40, 50) and np.abs(np.diff(field, axis=2)).max() < 0.6
    noise = filtered_noise((24, 24, 24), 3.0, (1.5, 1.5, 1.5), rng)
    assert noise.std() == pytest.approx(1.0, abs=1e-3)
    neighbours = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
    assert neighbours > 0.8
