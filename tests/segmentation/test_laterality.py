"""Right is right, the spine behind, the head up: reversed axes are named together, situs inversus never 'corrected'."""

from __future__ import annotations

import numpy as np
import pytest

from sample_data.phantom import PhantomSpec, make_phantom
from segmentation.laterality import check_orientation
from segmentation.placed import place_structures
from segmentation.sanity import place_body
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from tests.conftest import rotation


@pytest.fixture(scope="module")
def labels() -> LabelMap:
    """A whole abdomen on an oblique, anisotropic, left-handed coronal grid."""
    spec = PhantomSpec((60, 72, 92), (4.2, 4.0, 4.6), "LIP", rotation_deg=(8.0, -5.0, 12.0), noise_hu=0.0, spread=0.5)
    return make_phantom(spec).labels


def reversed_axes(labels: LabelMap, signs: tuple[float, float, float]) -> LabelMap:
    """The same voxels, with axes of the patient named the wrong way round."""
    matrix = np.diag([*signs, 1.0]) @ labels.grid.lps_from_ijk
    return LabelMap(Grid(labels.grid.shape, matrix), labels.layers, labels.structures)


def findings(labels: LabelMap) -> list[Finding]:
    return check_orientation(place_structures(labels), place_body(labels))


def test_an_oblique_coronal_scan_of_a_usual_patient_raises_nothing(labels: LabelMap) -> None:
    assert findings(labels) == []


AXES = ("left_right_reversed", "front_back_reversed", "head_feet_reversed")
FLIPS = [
    ((-1, 1, 1), "situs inversus"),
    ((1, -1, 1), "flipped front to back"),
    ((1, 1, -1), "reverse order"),
    ((-1, -1, 1), "prone"),
    ((-1, 1, -1), "feet first"),
    ((1, -1, -1), "front and back as well as head and feet"),
    ((-1, -1, -1), "mirrored through a point"),
]


@pytest.mark.parametrize(("signs", "words"), FLIPS)
def test_every_way_of_turning_the_patient_over_is_one_error(labels: LabelMap, signs, words: str) -> None:
    (found,) = findings(reversed_axes(labels, signs))
    assert found.code == "unusual-orientation" and found.severity is Severity.ERROR
    assert words in found.message and "Nothing was changed" in found.message
    assert tuple(found.numbers[axis] for axis in AXES) == tuple(float(s < 0) for s in signs)
    assert found.numbers["pairs_reversed"] <= found.numbers["pairs_judged"] and found.numbers["worst_mm"] > 20


def blocks(volumes: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]]) -> LabelMap:
    """Boxes of 5 mm voxels (i to the left, j to the back, k to the head), on a turned, shifted grid."""
    layer = np.zeros((60, 60, 90), np.uint8)
    for value, box in enumerate(volumes.values(), start=1):
        layer[tuple(slice(*edges) for edges in box)] = value
    grid = Grid.from_axes(layer.shape, (-230.0, 40.0, 900.0), rotation((4, 6, -9)), (5.0, 5.0, 5.0))
    return LabelMap(grid, (layer,), tuple(structure_for(n, name) for n, name in enumerate(volumes, start=1)))


def test_a_single_displaced_organ_is_a_warning_with_its_place() -> None:
    usual = {"liver": ((30, 50), (10, 40), (8, 40)), "spleen": ((34, 46), (30, 44), (70, 84)),
             "right kidney": ((20, 32), (34, 46), (20, 32)), "left kidney": ((20, 32), (34, 46), (60, 72)),
             "stomach": ((34, 46), (12, 26), (44, 60))}  # fmt: skip
    assert findings(blocks(usual)) == []
    low = blocks({**usual, "spleen": ((4, 16), (30, 44), (70, 84))})
    (found,) = findings(low)
    assert (found.code, found.severity, found.structure) == ("unusual-position", Severity.WARNING, "spleen")
    assert found.where_mm == pytest.approx(tuple(low.grid.to_lps([76.5, 36.5, 9.5])))
    assert found.numbers["offset_mm"] > 50


def test_a_liver_that_was_called_spleen_is_noticed_though_the_order_is_usual() -> None:
    mirrored = {"liver": ((34, 44), (30, 44), (8, 20)), "spleen": ((30, 50), (10, 40), (50, 82))}
    (found,) = findings(blocks(mirrored))
    assert found.code == "mirrored-organs" and found.severity is Severity.ERROR
    assert "situs inversus" in found.message and found.numbers["spleen_ml"] > found.numbers["liver_ml"]


def test_a_huge_spleen_beside_a_usual_liver_is_no_mirrored_patient() -> None:
    both = {"liver": ((30, 50), (10, 40), (8, 40)), "spleen": ((25, 55), (10, 50), (48, 84))}
    assert findings(blocks(both)) == []


def test_exchanged_vessels_make_a_large_spleen_a_mirrored_patient() -> None:
    usual = {
        "liver": ((30, 50), (10, 40), (8, 40)), "spleen": ((30, 46), (10, 40), (62, 82)),
        "aorta": ((4, 50), (40, 44), (50, 54)), "inferior vena cava": ((4, 50), (40, 44), (42, 46)),
    }  # fmt: skip
    assert findings(blocks(usual)) == []
    vessels = {"aorta": usual["inferior vena cava"], "inferior vena cava": usual["aorta"]}
    found = {f.code: f for f in findings(blocks({**usual, **vessels}))}
    assert set(found) == {"mirrored-organs", "unusual-position"}
    assert found["mirrored-organs"].severity is Severity.ERROR
    assert found["mirrored-organs"].numbers["great_vessels_exchanged"] == 1.0
    small = {**usual, **vessels, "spleen": ((34, 46), (28, 40), (70, 80))}
    assert {f.code for f in findings(blocks(small))} == {"unusual-position"}


def test_a_lost_cava_beside_a_large_spleen_is_a_mirrored_patient_and_a_usual_one_is_not() -> None:
    """What the network in the box finds in a real abdomen that was flipped: half the liver each, hardly a cava."""
    found = {
        "liver": ((30, 50), (10, 40), (8, 40)), "spleen": ((28, 52), (8, 40), (52, 84)),
        "aorta": ((4, 50), (40, 44), (44, 48)), "inferior vena cava": ((20, 23), (39, 42), (38, 41)),
    }  # fmt: skip
    (error,) = findings(blocks(found))
    assert error.code == "mirrored-organs" and error.severity is Severity.ERROR
    assert "situs inversus" in error.message and error.numbers["cava_lost"] == 1.0
    assert "flipped left to right" in error.message and "next to nothing" in error.message
    without = {name: box for name, box in found.items() if name != "inferior vena cava"}
    assert [f.code for f in findings(blocks(without))] == ["mirrored-organs"]
    # A huge spleen beside a cava of usual size; a small spleen whose cava was lost; a model that knows no vessels.
    assert findings(blocks({**found, "inferior vena cava": ((4, 50), (38, 42), (36, 40))})) == []
    assert findings(blocks({**found, "spleen": ((34, 46), (28, 40), (70, 80))})) == []
    assert findings(blocks({name: found[name] for name in ("liver", "spleen")})) == []


def test_one_pair_alone_does_not_reverse_the_patient() -> None:
    pair = {"right kidney": ((20, 32), (34, 46), (60, 72)), "left kidney": ((20, 32), (34, 46), (20, 32))}
    assert [f.code for f in findings(blocks(pair))] == ["unusual-position"]
