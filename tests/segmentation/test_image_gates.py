"""What spoils a segmentation shows in the values: an empty image, no HU, a phantom, metal, a small field, arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segmentation.image_gates import check_arms, check_field, check_metal, check_values
from segmentation.placed import Placed, place_structures
from segmentation.posture import check_posture, table_side
from segmentation.scan_facts import ScanFacts
from surgtwin.domain.finding import Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation

SHAPE = (24, 100, 120)
SPACING = (4.0, 3.8, 5.0)
GRID = Grid.from_axes(SHAPE, (300.0, -50.0, 820.0), rotation((3.0, -4.0, 5.0)), SPACING)


def torso(semi_axes_mm: tuple[float, float] = (180.0, 120.0)) -> tuple[np.ndarray, Placed]:
    """HU [k, j, i] of an elliptic trunk of muscle under fat, with a spine; and the body inside its skin."""
    _, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    x, y = i * SPACING[0], j * SPACING[1]
    radius = np.hypot(x / semi_axes_mm[0], y / semi_axes_mm[1])
    hu = np.full(SHAPE, -1000.0)
    hu[radius < 1] = -100
    hu[radius < 0.85] = 50
    hu[np.hypot(x, y - 70) < 20] = 500
    noise = np.random.default_rng(2).normal(0, 8, SHAPE)
    return np.rint(hu + noise).astype(np.int16), body_of(radius < 1)


def body_of(mask: np.ndarray) -> Placed:
    return Placed("body", GRID, tuple(slice(0, n) for n in SHAPE), mask)


def volume(hu: np.ndarray, modality: Modality = Modality.CT) -> Volume:
    return Volume(GRID, hu, modality, SourceInfo("synthetic", "0" * 64))


def test_a_usual_torso_raises_nothing() -> None:
    hu, body = torso()
    nothing = check_values(volume(hu), body) + check_field(GRID, hu, body, {}) + check_arms(GRID, hu, body)
    assert nothing + check_metal(GRID, hu, body, {}) + check_posture(GRID, hu, body, ScanFacts(position="HFS")) == []


@pytest.mark.parametrize("modality", [Modality.CT, Modality.MR])
def test_an_image_of_one_value_is_empty(modality: Modality) -> None:
    (found,) = check_values(volume(np.full(SHAPE, 7, np.int16), modality), None)
    assert found.code == "empty-image" and found.severity is Severity.ERROR


def test_a_ct_that_was_rescaled_is_not_in_hounsfield_units() -> None:
    hu, body = torso()
    (found,) = check_values(volume(hu + np.int16(1100)), body)
    assert found.code == "not-hounsfield" and found.numbers["lowest"] > 0
    assert check_values(volume(hu + np.int16(1100), Modality.MR), body) == []
    (dense,) = check_values(volume((hu * 0.25 + 400).astype(np.int16) - np.int16(900) * (hu < -500)), body)
    assert dense.code == "not-hounsfield"


def test_a_water_phantom_is_no_patient() -> None:
    _, body = torso()
    water = np.where(body.mask, 0, -1000) + np.random.default_rng(1).normal(0, 10, SHAPE)
    (found,) = check_values(volume(water.astype(np.int16)), body)
    assert found.code == "no-patient" and found.numbers["fat_share"] < 0.01


def test_a_body_wider_than_the_field_is_said_with_side_and_area() -> None:
    hu, body = torso((290.0, 120.0))
    (found,) = check_field(GRID, hu, body, {})
    assert found.code == "body-cut-by-field" and "left" in found.message and "right" in found.message
    half_height = 120.0 * np.sqrt(1 - (SPACING[0] * 59.5 / 290.0) ** 2)
    assert found.numbers["cut_cm2"] == pytest.approx(2 * 2 * half_height * 24 * 5.0 / 100, rel=0.03)
    assert found.severity is Severity.INFO and "not beside the organs" in found.message


def test_skin_cut_off_beside_the_organs_is_a_warning_with_its_own_area() -> None:
    hu, body = torso((290.0, 120.0))
    layer = np.zeros(SHAPE, np.uint8)
    layer[6:18, 40:60, 40:60] = 1
    placed = place_structures(LabelMap(GRID, (layer,), (structure_for(1, "liver"),)))
    (found,) = check_field(GRID, hu, body, placed)
    assert found.severity is Severity.WARNING and "beside the organs, at its" in found.message
    assert found.numbers["beside_organs_cm2"] == pytest.approx(found.numbers["cut_cm2"] / 2)
    layer[6:18] = 0
    layer[6:7, 40:60, 40:60] = 1
    thin = place_structures(LabelMap(GRID, (layer,), (structure_for(1, "liver"),)))
    assert check_field(GRID, hu, body, thin)[0].severity is Severity.INFO


def test_a_round_field_that_cuts_the_body_is_seen_too() -> None:
    hu, body = torso((236.0, 150.0))
    _, rows, columns = SHAPE
    j, i = np.ogrid[:rows, :columns]
    outside = np.hypot((j - (rows - 1) / 2) / (rows / 2), (i - (columns - 1) / 2) / (columns / 2)) > 1.0
    hu[:, outside] = -1000
    inside = body_of(body.mask & ~outside)
    (found,) = check_field(GRID, hu, inside, {})
    assert "round" in found.message and found.numbers["cut_cm2"] > 30
    small = body_of(torso((150.0, 100.0))[1].mask)
    assert check_field(GRID, hu, small, {}) == []


def test_metal_is_placed_and_the_organs_near_it_are_named() -> None:
    hu, body = torso()
    hu[10:12, 40:44, 50:54] = 3071
    layer = np.zeros(SHAPE, np.uint8)
    layer[8:14, 46:56, 46:60] = 1
    layer[20:24, 60:66, 90:100] = 2
    names = (structure_for(1, "liver"), structure_for(2, "left kidney"))
    placed = place_structures(LabelMap(GRID, (layer,), names))
    (found,) = check_metal(GRID, hu, body, placed)
    assert found.severity is Severity.WARNING and "near liver:" in found.message
    assert found.numbers["metal_ml"] == pytest.approx(32 * GRID.voxel_volume_ml)
    assert found.where_mm == pytest.approx(tuple(GRID.to_lps([51.5, 41.5, 10.5])), abs=3.0)
    assert check_metal(GRID, hu, body_of(np.zeros(SHAPE, bool)), placed) == []


def test_arms_beside_the_trunk_are_told_from_the_table() -> None:
    hu, body = torso((160.0, 110.0))
    hu[:, 40:58, 2:12] = 40
    hu[:, 46:52, 5:9] = 700
    hu[:, 92:95, 20:100] = 200
    (found,) = check_arms(GRID, hu, body)
    assert found.code == "arms-in-field" and found.numbers["pieces"] == 1
    assert found.numbers["arms_ml"] == pytest.approx(24 * 18 * 10 * GRID.voxel_volume_ml, rel=0.3)


def with_table(in_front: bool) -> tuple[np.ndarray, Placed]:
    hu, body = torso((170.0, 110.0))
    rows = slice(8, 11) if in_front else slice(89, 92)
    hu[:, rows, 20:100] = 150
    return hu, body


def test_the_table_is_found_on_its_side() -> None:
    assert table_side(GRID, *with_table(in_front=False)) == "back"
    assert table_side(GRID, *with_table(in_front=True)) == "front"
    assert table_side(GRID, *torso()) is None


@pytest.mark.parametrize(("position", "in_front", "code"), [
    ("HFS", False, None), ("FFS", False, None), ("", False, None), ("HFP", True, "prone"), ("", True, "prone"),
    ("HFS", True, "table-contradicts-position"), ("FFP", False, "table-contradicts-position"),
    ("HFDR", False, None),
])  # fmt: skip
def test_the_stated_position_and_the_table_must_agree(position: str, in_front: bool, code: str | None) -> None:
    hu, body = with_table(in_front)
    found = check_posture(GRID, hu, body, replace(ScanFacts(), position=position))
    assert [f.code for f in found] == ([] if code is None else [code])
