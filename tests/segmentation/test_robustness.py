from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from segmentation import robustness
from segmentation.held_out_cases import HeldOutCase
from segmentation.robustness import (
    Robustness,
    dice_by_structure,
    robustness_table,
    summarise_variant,
    variants_for,
)
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import make_oblique_grid

STRUCTURES = {"liver": 1, "spleen": 2}


def place_values(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """An image that is linear in the patient's frame, and two labels of planes there: wrong geometry shows."""
    k, j, i = np.indices(grid.shape)
    lps = grid.to_lps(np.stack([i, j, k], axis=-1)) - grid.center()
    values = (lps @ np.array([1.0, 2.0, 0.5])).astype(np.float32)
    labels = np.where(lps[..., 0] > 6, 2, np.where(lps[..., 2] > 2, 1, 0)).astype(np.uint8)
    return values, labels


def make_case(grid: Grid, modality: Modality = Modality.CT) -> HeldOutCase:
    values, labels = place_values(grid)
    source = SourceInfo("synthetic", content_sha256(grid, values))
    return HeldOutCase("data/case1", Volume(grid, values, modality, source), labels)


def values_at(case: HeldOutCase, like: HeldOutCase) -> tuple[np.ndarray, np.ndarray]:
    """Image values and labels of the unchanged case at the places of a changed case's voxels."""
    k, j, i = np.indices(like.labels.shape)
    index = case.volume.grid.to_ijk(like.volume.grid.to_lps(np.stack([i, j, k], axis=-1)))
    whole = np.round(index).astype(int)
    assert np.abs(index - whole).max() < 1e-6, "a changed image has its voxels at old places"
    place = (whole[..., 2], whole[..., 1], whole[..., 0])
    return case.volume.values[place], case.labels[place]


@pytest.mark.parametrize(
    "change", [robustness.with_thick_slices, robustness.stored_otherwise, robustness.with_middle_half]
)
def test_a_changed_grid_keeps_values_and_labels_where_they_are_in_the_patient(
    change: Callable[[HeldOutCase], HeldOutCase],
) -> None:
    case = make_case(make_oblique_grid((13, 20, 17)))
    changed = change(case)
    values, labels = values_at(case, changed)
    assert changed.labels.shape == changed.volume.values.shape == changed.volume.grid.shape
    np.testing.assert_array_equal(changed.labels, labels)
    inner = (slice(1, -1),) * 3
    np.testing.assert_allclose(changed.volume.values[inner], values[inner], atol=1e-4)


def test_thick_slices_lie_twice_as_far_apart_along_the_coarsest_axis() -> None:
    grid = Grid((9, 10, 30), np.diag([0.8, 3.0, 1.0, 1.0]))
    changed = robustness.with_thick_slices(make_case(grid))
    assert changed.volume.grid.shape == (9, 5, 30) and changed.volume.grid.spacing == pytest.approx((0.8, 6.0, 1.0))


def test_a_thick_slice_is_the_mean_of_three() -> None:
    grid = Grid((5, 4, 4), np.diag([1.0, 1.0, 5.0, 1.0]))
    case = make_case(grid)
    values = np.zeros(grid.shape, np.float32)
    values[1], values[2] = 4.0, 8.0
    case = HeldOutCase(case.name, Volume(grid, values, Modality.CT, case.volume.source), case.labels)
    np.testing.assert_array_equal(robustness.with_thick_slices(case).volume.values[:, 0, 0], [1.0, 5.0, 0.0])


def test_the_middle_half_is_cut_from_foot_to_head_however_the_image_lies() -> None:
    coronal = Grid((30, 24, 20), np.array([[1, 0, 0, 5], [0, 0, 2, 0], [0, -1.5, 0, 9], [0, 0, 0, 1]], dtype=float))
    changed = robustness.with_middle_half(make_case(coronal))
    assert changed.volume.grid.shape == (30, 12, 20)
    assert changed.volume.grid.center() == pytest.approx(coronal.center(), abs=1.5)


def test_storing_otherwise_turns_every_axis() -> None:
    case = make_case(Grid((6, 7, 8), np.diag([1.0, 1.0, 2.0, 1.0])))
    assert (case.volume.grid.axis_codes, robustness.stored_otherwise(case).volume.grid.axis_codes) == ("LPS", "AIR")


@pytest.mark.parametrize("modality", [Modality.CT, Modality.MR])
def test_variants_are_the_same_each_time_and_keep_the_case(modality: Modality) -> None:
    case = make_case(make_oblique_grid((12, 16, 14)), modality)
    variants = variants_for(modality)
    assert len({v.name for v in variants}) == len(variants) == 5
    for variant in variants:
        first, second = variant.change(case), variant.change(case)
        np.testing.assert_array_equal(first.volume.values, second.volume.values)
        assert first.name == case.name and first.volume.modality == modality
        assert first.volume.source.content_sha256 != case.volume.source.content_sha256, variant.name


def test_noise_is_as_strong_as_it_says() -> None:
    case = make_case(make_oblique_grid((20, 40, 40)))
    added = robustness.with_noise(case).volume.values - case.volume.values
    assert added.std() == pytest.approx(robustness.CT_NOISE_HU, rel=0.03) and abs(added.mean()) < 1.0


def test_a_narrow_window_cuts_and_steps() -> None:
    grid = Grid((2, 2, 300), np.eye(4))
    values = np.broadcast_to(np.linspace(-400, 600, 300, dtype=np.float32), grid.shape)
    case = HeldOutCase("c", Volume(grid, values, Modality.CT, SourceInfo("synthetic", "x")), np.zeros(grid.shape, "u1"))
    found = robustness.in_narrow_window(case).volume.values
    assert (found.min(), found.max()) == robustness.NARROW_WINDOW_HU
    inside = (values > -100) & (values < 240)
    assert np.abs(found - values)[inside].max() <= 340 / 127 / 2 + 1e-3


def test_shading_brightens_the_back() -> None:
    grid = Grid((4, 11, 5), np.diag([1.0, -1.0, 1.0, 1.0]))
    flat = np.full(grid.shape, 100, np.uint8)
    case = HeldOutCase("c", Volume(grid, flat, Modality.MR, SourceInfo("synthetic", "x")), np.zeros(grid.shape, "u1"))
    found = robustness.with_shading(case).volume.values
    assert found[0, 0, 0] == pytest.approx(130) and found[0, -1, 0] == pytest.approx(70), "j runs to the front here"


def test_dice_is_counted_for_what_the_reference_has() -> None:
    reference, found = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)
    reference[0], found[0, :2], found[1] = 1, 1, 2
    assert dice_by_structure(found, reference, STRUCTURES) == {"liver": pytest.approx(2 * 8 / 24), "spleen": None}


def test_a_variant_is_summed_up_over_structures_first() -> None:
    row = summarise_variant(
        "x", [{"liver": 0.9, "spleen": 0.5, "aorta": None}, {"liver": 0.7, "spleen": None, "aorta": None}]
    )
    assert row == Robustness("x", pytest.approx(0.65), "spleen", 0.5)
    table = robustness_table([Robustness("as they are", 0.8, "spleen", 0.7), row])
    assert "| x | 0.650 | -0.150 | spleen 0.500 |" in table and "| as they are | 0.800 |  | spleen 0.700 |" in table
