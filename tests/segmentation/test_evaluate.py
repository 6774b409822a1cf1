from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from segmentation.evaluate import bootstrap_interval, evaluate_labels, label_boxes, score_masks, union_box
from surgtwin.errors import LabelError

SPACING = (5.0, 0.8, 1.3)


def blob(shift: tuple[int, int, int] = (0, 0, 0), scale: float = 1.0) -> np.ndarray:
    z, y, x = np.meshgrid(*(np.arange(n) for n in (12, 40, 36)), indexing="ij")
    middle = (6 + shift[0], 20 + shift[1], 18 + shift[2])
    return ((z - middle[0]) / 3.5) ** 2 + ((y - middle[1]) / 11) ** 2 + ((x - middle[2]) / 9) ** 2 < scale


def as_image(mask: np.ndarray) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(SPACING[::-1])
    return image


@pytest.mark.parametrize("shift", [(0, 3, -2), (1, 0, 0), (-2, 5, 4)])
def test_figures_agree_with_simpleitk(shift: tuple[int, int, int]) -> None:
    a, b = blob(shift, 0.9), blob()
    found = score_masks(a, b, SPACING)
    overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
    overlap.Execute(as_image(b), as_image(a))
    assert found.dice == pytest.approx(overlap.GetDiceCoefficient())
    assert found.iou == pytest.approx(overlap.GetJaccardCoefficient())
    both = (a & b).sum()
    assert found.sensitivity == pytest.approx(both / b.sum()) and found.precision == pytest.approx(both / a.sum())
    volumes = SimpleITK.LabelShapeStatisticsImageFilter()
    volumes.Execute(as_image(a))
    assert found.volume_ml == pytest.approx(volumes.GetPhysicalSize(1) / 1000)
    assert found.volume_difference_ml == pytest.approx((int(a.sum()) - int(b.sum())) * 5.2 / 1000)
    # SimpleITK measures between voxel centres, we between the corners of the voxels' surfaces.
    farthest = SimpleITK.HausdorffDistanceImageFilter()
    farthest.Execute(as_image(a), as_image(b))
    assert found.hausdorff_mm == pytest.approx(farthest.GetHausdorffDistance(), abs=np.linalg.norm(SPACING) / 2)


def test_empty_space_around_the_masks_changes_nothing() -> None:
    a, b = blob((0, 3, -2)), blob()
    wide = ((3, 2), (0, 9), (7, 1))
    assert score_masks(np.pad(a, wide), np.pad(b, wide), SPACING) == score_masks(a, b, SPACING)


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


def test_boxes_hold_exactly_each_label() -> None:
    labels = np.zeros((4, 6, 8), np.uint16)
    labels[1:3, 2, 4:7] = 300
    labels[3, 5, 0] = 2
    boxes = label_boxes(labels)
    assert boxes == {300: (slice(1, 3), slice(2, 3), slice(4, 7)), 2: (slice(3, 4), slice(5, 6), slice(0, 1))}
    assert union_box(boxes[300], boxes[2]) == (slice(1, 4), slice(2, 6), slice(0, 7))
    assert union_box(None, boxes[2]) == boxes[2] and labels[union_box(None, None)].size == 0


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
    interval = bootstrap_interval(values)
    assert interval is not None
    assert 0.8 <= interval[0] < values.mean() < interval[1] <= 0.95
    assert bootstrap_interval(values) == interval, "the same cases give the same interval"


def test_two_cases_have_no_bootstrap_interval() -> None:
    assert bootstrap_interval(np.array([0.8, 0.9])) is None
