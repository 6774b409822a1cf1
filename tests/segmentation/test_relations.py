"""Neighbours are near, paired organs lie on two sides, and nothing is found twice."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.placed import Placed, place_structures
from segmentation.relations import check_relations, gap_mm
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from tests.conftest import rotation

SHAPE = (50, 40, 80)
USUAL = {
    "liver": [(20, 40, 5, 30, 5, 35)],
    "gallbladder": [(14, 20, 8, 14, 20, 26)],
    "right kidney": [(8, 20, 26, 36, 12, 24)],
    "left kidney": [(8, 20, 26, 36, 56, 68)],
    "aorta": [(0, 50, 22, 26, 41, 45)],
    "inferior vena cava": [(0, 50, 22, 26, 34, 38)],
}
Box = tuple[int, int, int, int, int, int]


def placed(boxes: dict[str, list[Box]]) -> dict[str, Placed]:
    layer = np.zeros(SHAPE, np.uint8)
    for value, parts in enumerate(boxes.values(), start=1):
        for k0, k1, j0, j1, i0, i1 in parts:
            layer[k0:k1, j0:j1, i0:i1] = value
    grid = Grid.from_axes(SHAPE, (77.0, -500.0, 1200.0), rotation((5.0, -6.0, 8.0)), (4.0, 4.5, 5.0))
    return place_structures(LabelMap(grid, (layer,), tuple(structure_for(n, b) for n, b in enumerate(boxes, 1))))


def findings(**changes: list[Box]) -> list[Finding]:
    return check_relations(
        placed({**USUAL, **{name.replace("_", " "): boxes for name, boxes in changes.items()}}), None
    )


def test_a_usual_arrangement_raises_nothing() -> None:
    assert findings() == []


def test_a_gallbladder_away_from_the_liver_is_named_with_its_distance() -> None:
    (found,) = findings(gallbladder=[(14, 20, 8, 14, 60, 66)])
    assert (found.code, found.structure) == ("unusual-relation", "gallbladder")
    assert found.numbers["gap_mm"] == pytest.approx(np.hypot(26 * 4.0, 5.0), rel=0.02)


def test_a_gap_is_between_the_nearest_voxels() -> None:
    found = placed(USUAL)
    assert gap_mm(found["aorta"], found["inferior vena cava"]) == pytest.approx(4 * 4.0)


def test_two_kidneys_on_one_side_are_an_error() -> None:
    (found,) = findings(right_kidney=[(24, 36, 31, 37, 60, 72)])
    assert (found.code, found.severity, found.structure) == ("both-on-one-side", Severity.ERROR, "right kidney")
    assert "patient's left" in found.message


def test_two_livers_are_an_error_at_the_smaller_ones_place() -> None:
    (found,) = findings(liver=[(20, 40, 5, 30, 5, 30), (20, 40, 5, 20, 55, 75)])
    assert (found.code, found.severity, found.structure) == ("on-both-sides", Severity.ERROR, "liver")
    assert found.numbers["larger_ml"] == pytest.approx(20 * 25 * 25 * 0.09)
    assert found.numbers["smaller_ml"] == pytest.approx(20 * 15 * 20 * 0.09)


def test_a_speck_on_the_other_side_is_no_second_organ() -> None:
    assert findings(liver=[(20, 40, 5, 30, 5, 35), (30, 33, 5, 8, 70, 73)]) == []
