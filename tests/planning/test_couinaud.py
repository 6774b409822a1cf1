"""Couinaud's segments from the names of portal branches, and the segments that a tumour lies in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from surgtwin.planning.couinaud import SegmentProposal, propose_segments, segments_of_name
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.vessel_edits import rename_branch
from tests.planning.shapes import STRAIGHT, ball, make_twin
from tests.planning.vessels import fork

ORGAN = ("liver", "portal vein", "tumour", "tumour 2")


@pytest.mark.parametrize(
    ("name", "segments"),
    [
        ("P6", ("VI",)),
        ("segment 7", ("VII",)),
        ("S4a", ("IVa",)),
        ("IVb", ("IVb",)),
        ("VIII", ("VIII",)),
        ("V/VIII", ("V", "VIII")),
        ("VII/VI", ("VI", "VII")),
        ("Right posterior", ("VI", "VII")),
        ("right anterior portal vein", ("V", "VIII")),
        ("left lateral section", ("II", "III")),
        ("caudate", ("I",)),
        ("1.2", ()),
        ("5", ()),
        ("IX", ()),
        ("segment 9", ()),
        ("trunk", ()),
        ("S6a", ()),
    ],
)
def test_names_stand_for_segments(name, segments):
    assert segments_of_name(name) == segments


@lru_cache(maxsize=1)
def geometry() -> TwinGeometry:
    shapes = {
        "liver": ball((0, 0, 0), 30),
        "portal vein": fork(1.0, 0.6),
        "tumour": ball((14, 0, 14), 7),
        "tumour 2": ball((10, 20, 0), 3),
    }
    return TwinGeometry(make_twin(shapes, STRAIGHT, 36, with_meshes=False))


def proposal(**names: str) -> SegmentProposal | None:
    tissue = geometry().tissue(ORGAN)
    vessel = geometry().organ_vessel("portal vein", tissue)
    graph = vessel.graph
    for branch, name in names.items():
        graph = rename_branch(graph, branch.replace("_", ".").removeprefix("b"), name)
    other = TwinGeometry(geometry().twin)
    other.use_graph(graph, "portal vein", tissue)
    mask = geometry().tissue(("portal vein",)).mask()
    return propose_segments(tissue, other.organ_vessel("portal vein", tissue), mask, ambiguity_mm=3.0)


def mask_of(name: str) -> np.ndarray:
    return geometry().tissue((name,)).mask()


def test_segments_add_up_to_the_liver_exactly():
    found = proposal(b1_1="P6", b1_2="P7")
    assert [s.name for s in found.segments] == ["VI", "VII", ""]
    assert sum(s.ml for s in found.segments) == pytest.approx(found.tissue.volume_ml, abs=1e-9)
    assert found.unnamed_ml == found.segments[-1].ml > 0


def test_a_tumour_across_a_border_lies_in_both_segments_and_one_inside_in_one():
    found = proposal(b1_1="P6", b1_2="P7")
    assert found.lies_in(mask_of("tumour")) == "VI/VII"
    assert found.lies_in(mask_of("tumour 2")) == "VI"


def test_a_sector_stands_for_its_segments():
    assert proposal(b1_1="right posterior", b1_2="P5").lies_in(mask_of("tumour 2")) == "VI/VII"


def test_a_structure_elsewhere_lies_in_no_segment():
    assert proposal(b1_1="P6").lies_in(np.zeros(geometry().twin.labels.grid.shape, dtype=bool)) == ""


def test_without_names_nothing_is_proposed():
    assert proposal() is None
    assert proposal(b1_1="tube") is None


def test_two_branches_of_one_segment_are_one_segment():
    found = proposal(b1_1="P6", b1_2="segment VI")
    assert [s.name for s in found.segments] == ["VI", ""]
    assert set(found.segments[0].branches) == {"P6", "segment VI"}
