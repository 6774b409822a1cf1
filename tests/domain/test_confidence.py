from __future__ import annotations

import math

import numpy as np
import pytest

from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.geometry import Grid
from surgtwin.errors import LabelError


def oblique() -> Grid:
    c, s = math.cos(0.4), math.sin(0.4)
    return Grid.from_axes((3, 4, 5), (-20.0, 31.0, 7.5), [[c, -s, 0], [s, c, 0], [0, 0, -1]], (1.5, 2.0, 4.0))


def test_the_confidence_at_a_place_is_that_of_the_nearest_voxel() -> None:
    grid = oblique()
    codes = np.arange(60, dtype=np.uint8).reshape(grid.shape)
    found = ConfidenceMap(grid, codes, True, "test")
    for ijk in ((0.3, 2.4, 1.0), (4.4, -0.4, 2.0)):
        i, j, k = (round(n) for n in ijk)
        assert found.at(tuple(grid.to_lps(ijk))) == codes[k, j, i] / 255
    assert found.at(tuple(grid.to_lps((0, 0, 0)))) is None, "code 0: nothing is said"
    assert found.at(tuple(grid.to_lps((5.6, 0, 0)))) is None and found.at(tuple(grid.to_lps((0, 0, -0.6)))) is None


def test_a_confidence_map_cannot_be_changed_nor_be_of_another_shape_or_type() -> None:
    codes = np.zeros((3, 4, 5), np.uint8)
    with pytest.raises(ValueError, match="read-only"):
        ConfidenceMap(oblique(), codes, True, "").codes[0, 0, 0] = 1
    with pytest.raises(LabelError, match="float32"):
        ConfidenceMap(oblique(), codes.astype(np.float32), True, "")
    with pytest.raises(LabelError, match=r"\(4, 4, 5\)"):
        ConfidenceMap(oblique(), np.zeros((4, 4, 5), np.uint8), True, "")


@pytest.mark.parametrize(
    "numbers", [(10, 11, 12, 0.9), (10, 8, 9, 0.9), (10, -1, 12, 0.9), (10, 9, math.inf, 0.9), (10, 9, 11, 1.0)]
)
def test_an_interval_that_cannot_be_is_refused(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(LabelError, match=r"liver|level"):
        VolumeInterval("liver", *numbers)


def test_an_interval_holds_for_the_volume_it_was_made_for() -> None:
    interval = VolumeInterval("liver", 1617.0, 1550.2, 1689.7, 0.9)
    assert interval.is_of(1617.0 * (1 + 1e-9)) and not interval.is_of(1617.1)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (VolumeInterval("liver", 1617.0, 1550.2, 1689.7, 0.9), "1550-1690"),
        (VolumeInterval("adrenal", 3.1, 2.04, 4.6, 0.9), "2.0-4.6"),
        (VolumeInterval("liver", 900.0, 850.0, 980.0, 0.9, is_cut=True), "> 850"),
    ],
)
def test_the_text_is_what_a_person_reads(interval: VolumeInterval, text: str) -> None:
    assert interval.as_text() == text
