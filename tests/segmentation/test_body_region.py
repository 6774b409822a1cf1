"""A network labels something in any image; what is no abdomen is told apart by the size of what was found."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.body_region import wrong_region
from surgtwin.domain.geometry import Grid
from tests.conftest import rotation

VALUES = {"spleen": 1, "right kidney": 2, "left kidney": 3, "liver": 6, "stomach": 7}
SHAPE = (30, 30, 30)


def grid_of(voxel_ml: float) -> Grid:
    side = (voxel_ml * 1000) ** (1 / 3)
    return Grid.from_axes(SHAPE, (-40, 10, 70), rotation((10, -20, 30)), (side, side, side))


def labels_with(box: tuple[slice, slice, slice], value: int) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[box] = value
    return labels


INSIDE = (slice(10, 20), slice(10, 20), slice(10, 20))
AT_THE_EDGE = (slice(0, 10), slice(10, 20), slice(10, 20))


def test_small_pieces_inside_the_image_are_no_abdomen():
    found = wrong_region(grid_of(0.2), labels_with(INSIDE, 6), VALUES)
    assert found is not None
    assert found.numbers["left_out_ml"] == pytest.approx(200.0)
    assert "200 mL" in found.message


def test_one_whole_organ_is_enough():
    assert wrong_region(grid_of(0.7), labels_with(INSIDE, 6), VALUES) is None
    assert wrong_region(grid_of(0.1), labels_with(INSIDE, 2), VALUES) is None


def test_an_organ_cut_by_the_edge_may_be_smaller():
    assert wrong_region(grid_of(0.2), labels_with(AT_THE_EDGE, 6), VALUES) is None
    assert wrong_region(grid_of(0.05), labels_with(AT_THE_EDGE, 6), VALUES) is not None


def test_a_model_that_knows_few_of_the_organs_is_not_judged():
    assert wrong_region(grid_of(0.2), labels_with(INSIDE, 6), {"liver": 6, "aorta": 8}) is None
