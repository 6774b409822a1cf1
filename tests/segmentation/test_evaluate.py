from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial.distance import cdist

from segmentation.evaluate import bootstrap_interval, boundary, evaluate_labels, score_masks
from surgtwin.errors import LabelError

SPACING = (5.0, 0.8, 1.3)


def blob(shift: tuple[int, int, int] = (0, 0, 0), scale: float = 1.0) -> np.ndarray:
    z, y, x = np.meshgrid(*(np.arange(n) for n in (12, 40, 36)), indexing="ij")
    middle = (6 + shift[0], 20 + shift[1], 18 + shift[2])
    return ((z - middle[0]) / 3.5) ** 2 + ((y - middle[1]) / 11) ** 2 + ((x - middle[2]) / 9) ** 2 < scale


def slow_distances(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every surface voxel against every other, one by one."""
    cross = generate_binary_structure(3, 1)
    surfaces = [np.argwhere(m & ~binary_erosion(m, cross)) * np.array(SPACING) for m in (a, b)]
    all_pairs = cdist(*surfaces)
    return all_pairs.min(1), all_pairs.min(0)


@pytest.mark.parametrize("shift", [(0, 3, -2), (1, 0, 0), (-2, 5, 4)])
def test_figures_equal_the_slow_way(shift: tuple[int, int, int]) -> None:
    a, b = blob(shift, 0.9), blob()
    found = score_masks(a, b, SPACING, tolerance_mm=2.0)
    there, back = slow_distances(a, b)
    merged = np.concatenate([there, back])
    assert found.hausdorff_mm == pytest.approx(merged.max(), rel=1e-5)
    assert found.hausdorff_95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-5)
    assert found.surface_distance_mm == pytest.approx(merged.mean(), rel=1e-5)
    assert found.surface_dice == pytest.approx((merged <= 2.0).mean())
    both = (a & b).sum()
    assert found.dice == pytest.approx(2 * both / (a.sum() + b.sum()))
    assert found.iou == pytest.approx(both / (a | b).sum())
    assert found.sensitivity == pytest.approx(both / b.sum()) and found.precision == pytest.approx(both / a.sum())
    assert found.volume_difference_ml == pytest.approx((int(a.sum()) - int(b.sum())) * 5.2 / 1000)


def test_a_mask_agrees_with_itself() -> None:
    found = score_masks(blob(), blob(), SPACING)
    assert found.dice == found.iou == found.surface_dice == 1.0
    assert found.hausdorff_mm == found.surface_distance_mm == 0.0


def test_a_shift_by_one_slice_is_one_slice_thickness() -> None:
    a = np.zeros((8, 10, 10), bool)
    a[2:5, 3:7, 3:7] = True
    found = score_masks(np.roll(a, 1, axis=0), a, SPACING)
    assert found.hausdorff_mm == pytest.approx(5.0)


def test_empty_masks_have_no_distances() -> None:
    nothing, something = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    missed = score_masks(nothing, something, SPACING)
    assert (missed.dice, missed.sensitivity, missed.precision) == (0.0, 0.0, None)
    assert missed.hausdorff_mm is None and missed.surface_dice == 0.0
    neither = score_masks(nothing, nothing, SPACING)
    assert neither.dice is None and neither.surface_dice is None


def test_the_array_edge_counts_as_surface() -> None:
    assert boundary(np.ones((3, 3, 3), bool)).sum() == 26


def test_label_maps_are_scored_by_name() -> None:
    reference = blob().astype(np.uint8)
    reference[0, 0, :5] = 2
    scores = evaluate_labels(reference, reference, SPACING, {"background": 0, "liver": 1, "aorta": 2, "spleen": 3})
    assert list(scores) == ["liver", "aorta", "spleen"]
    assert scores["liver"].dice == 1.0 and scores["spleen"].dice is None
    with pytest.raises(LabelError, match="shape"):
        evaluate_labels(reference, reference[1:], SPACING, {"liver": 1})


def test_bootstrap_interval_holds_the_mean() -> None:
    values = np.array([0.8, 0.85, 0.9, 0.95])
    low, high = bootstrap_interval(values)
    assert 0.8 <= low < values.mean() < high <= 0.95
