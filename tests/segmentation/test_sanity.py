from __future__ import annotations

import numpy as np
import pytest

from segmentation.sanity import check_segmentation
from segmentation.scan_facts import ScanFacts
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from tests.conftest import rotation

NAMES = {"liver": 1, "spleen": 2, "right kidney": 3, "left kidney": 4, "stomach": 5}
EXPECTED = tuple(NAMES)
AXES = rotation((6.0, -4.0, 9.0))
ORIGIN = (-150.0, -90.0, -400.0)


def healthy() -> np.ndarray:
    """Blocks [k, j, i] of 4 mm voxels: i to the left, j to the back, k to the head."""
    labels = np.zeros((60, 60, 90), dtype=np.uint8)
    labels[35:55, 15:45, 10:45] = 1
    labels[38:50, 30:44, 72:84] = 2
    labels[20:34, 36:46, 22:34] = 3
    labels[20:34, 36:46, 58:70] = 4
    labels[36:50, 14:28, 50:70] = 5
    return labels


def label_map(labels: np.ndarray) -> LabelMap:
    grid = Grid.from_axes(labels.shape, ORIGIN, AXES, (4.0, 4.0, 4.0))
    return LabelMap(grid, (labels,), tuple(structure_for(value, name) for name, value in NAMES.items()))


def findings(labels: np.ndarray, **more: object) -> list[Finding]:
    return check_segmentation(label_map(labels), EXPECTED, **more)  # type: ignore[arg-type]


def codes(labels: np.ndarray, **more: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for f in findings(labels, **more):
        found.setdefault(f.code, []).append(f.structure or f.message)
    return found


def test_a_healthy_abdomen_raises_nothing() -> None:
    assert findings(healthy()) == []


def test_an_organ_at_the_edge_is_a_lower_bound_with_edge_area_and_place() -> None:
    labels = healthy()
    labels[50:60, 15:45, 10:45] = 1
    (found,) = findings(labels)
    assert (found.code, found.structure, found.severity) == ("cut-by-edge", "liver", Severity.WARNING)
    assert "upper edge" in found.message
    assert found.numbers["edge_area_cm2"] == pytest.approx(30 * 35 * 0.16)
    assert found.numbers["upper_cm2"] == pytest.approx(30 * 35 * 0.16)
    assert found.where_mm == pytest.approx(tuple(label_map(labels).grid.to_lps([27.0, 29.5, 59.0])))


def test_every_edge_that_cuts_is_named() -> None:
    labels = healthy()
    labels[35:60, 15:45, 0:45] = 1
    (found,) = findings(labels)
    assert "upper and right edge" in found.message
    assert found.numbers["right_cm2"] == pytest.approx(25 * 30 * 0.16)


def test_a_grazed_organ_is_a_remark_and_three_cut_ones_are_one_warning() -> None:
    labels = healthy()
    labels[55:60, 20:25, 20:25] = 1
    (found,) = findings(labels)
    assert (found.code, found.structure, found.severity) == ("cut-by-edge", "liver", Severity.INFO)
    pair = [f for f in check_segmentation(label_map(healthy()[25:]), EXPECTED) if f.code == "cut-by-edge"]
    assert [f.structure for f in pair] == ["right kidney", "left kidney"]
    upper = healthy()[:45]
    (found,) = [f for f in check_segmentation(label_map(upper), EXPECTED) if f.code == "cut-by-edge"]
    assert found.severity is Severity.WARNING and found.structure == ""
    assert "upper edge of the scan cuts liver (168 cm2), spleen (26.9 cm2), stomach (44.8 cm2);" in found.message


def test_vessels_that_leave_the_scan_above_are_told_in_one_remark() -> None:
    labels = np.zeros((40, 40, 40), dtype=np.uint8)
    labels[5:, 20:28, 20:28] = 1
    labels[5:, 20:28, 4:12] = 2
    grid = Grid.from_axes(labels.shape, ORIGIN, AXES, (3.0, 3.0, 4.0))
    names = ("aorta", "inferior vena cava")
    rows = tuple(structure_for(n, name) for n, name in enumerate(names, start=1))
    found = [f for f in check_segmentation(LabelMap(grid, (labels,), rows), names) if "edge" in f.message]
    assert [(f.code, f.severity) for f in found] == [("continues-beyond-scan", Severity.INFO)]
    assert "upper edge" in found[0].message and "aorta, inferior vena cava" in found[0].message
    labels[10:20, 20:28, 28:] = 1
    found = [f for f in check_segmentation(LabelMap(grid, (labels,), rows), names) if "edge" in f.message]
    assert [(f.code, f.structure) for f in found] == [("cut-by-edge", "aorta"), ("continues-beyond-scan", "")]


def test_an_organ_that_ends_where_padding_begins_is_cut() -> None:
    labels = healthy()
    labels[50:58, 15:45, 10:45] = 1
    field = (slice(0, 58), slice(0, 60), slice(0, 90))
    assert findings(labels) == []
    (found,) = findings(labels, field=field)
    assert "upper edge" in found.message
    assert found.numbers["upper_cm2"] == pytest.approx(30 * 35 * 0.16)
    assert found.where_mm == pytest.approx(tuple(label_map(labels).grid.to_lps([27.0, 29.5, 57.0])))


def test_an_organ_cut_by_the_edge_is_not_called_too_small() -> None:
    labels = np.roll(healthy(), -34, axis=0)
    labels[20:] = 0
    assert "unusual-volume" not in codes(labels)


def test_a_missing_a_tiny_and_a_scattered_organ_are_named() -> None:
    labels = healthy()
    labels[labels == 2] = 0
    labels[labels == 4] = 0
    labels[20, 40, 60:64] = 4
    labels[2:12, 2:12, 25:35] = 3
    found = codes(labels)
    assert found["structure-absent"] == ["spleen"]
    assert found["unusual-volume"] == ["left kidney"]
    assert found["scattered"] == ["right kidney"]


def test_the_share_outside_the_largest_piece_and_its_place_are_told() -> None:
    labels = healthy()
    labels[2:12, 36:46, 22:34] = 3
    (found,) = [f for f in findings(labels) if f.code == "scattered"]
    assert found.numbers["outside_largest_share"] == pytest.approx(1200 / (1200 + 1680))
    assert found.severity is Severity.WARNING
    assert found.where_mm == pytest.approx(tuple(label_map(labels).grid.to_lps([27.5, 40.5, 6.5])))


def test_stray_voxels_that_were_cleared_before_count_as_scattered() -> None:
    assert codes(healthy(), removed={"left kidney": 1680 // 4}) == {"scattered": ["left kidney"]}
    assert codes(healthy(), removed={"left kidney": 1680 // 20}) == {}


def test_pieces_that_leave_by_the_same_edge_may_meet_beyond_it() -> None:
    labels = healthy()
    labels[50:60, 20:30, 12:18] = labels[50:60, 20:30, 24:30] = 1
    labels[35:50][labels[35:50] == 1] = 0
    assert "scattered" not in codes(labels)


@pytest.mark.parametrize("name", EXPECTED)
def test_volumes_in_findings_are_millilitres(name: str) -> None:
    labels = np.zeros((60, 60, 90), dtype=np.uint8)
    labels[30, 30, 30] = NAMES[name]
    volumes = [f for f in check_segmentation(label_map(labels), (name,)) if f.code == "unusual-volume"]
    assert volumes[0].numbers["volume_ml"] == pytest.approx(0.064)
    assert volumes[0].severity is Severity.WARNING


def test_a_rare_size_is_a_remark_and_an_extreme_one_a_warning() -> None:
    rare, extreme = healthy(), healthy()
    rare[33:53, 28:50, 70:88] = 2
    extreme[10:55, 28:55, 70:88] = 2
    for labels, severity in ((rare, Severity.INFO), (extreme, Severity.WARNING)):
        (found,) = [f for f in findings(labels) if f.code == "unusual-volume"]
        assert (found.structure, found.severity) == ("spleen", severity)
        assert "usual in adults are 50 to 450 mL" in found.message


def test_the_liver_is_judged_by_the_patients_size_where_it_is_known() -> None:
    assert codes(healthy(), facts=ScanFacts(height_cm=175.0, weight_kg=75.0)) == {}
    small = codes(healthy(), facts=ScanFacts(height_cm=140.0, weight_kg=33.0))
    assert small == {"unusual-volume": ["liver"]}


def test_a_childs_organs_are_not_judged_by_adults() -> None:
    labels = healthy()
    labels[20:27][labels[20:27] == 4] = 0
    assert codes(labels) == {"unusual-volume": ["left kidney"]}
    assert codes(labels, facts=ScanFacts(age_years=9.0)) == {}
