"""Depth, deviation and clearances of a tool are the geometry's; once the pose is stale nothing is told."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from surgtwin.domain.trajectory import Avoid
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import Guide, ToolPlace, path_offset
from surgtwin.live.tool_tip import ToolTip
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation
from tests.live.liver_scene import TUMOUR_MM, TUMOUR_R, VESSEL_MM, VESSEL_R, make_twin, make_way

VOXEL_MM = 1.4


@pytest.fixture(scope="module")
def geometry() -> TwinGeometry:
    return TwinGeometry(make_twin())


@pytest.fixture(scope="module")
def guide(geometry) -> Guide:
    return Guide(geometry, make_way())


def place(offset=(0, 0, 0), shaft=(-1, 0, 0)) -> ToolPlace:
    return ToolPlace(tuple(TUMOUR_MM + offset), tuple(np.asarray(shaft) / np.linalg.norm(shaft)))


def test_on_the_way_nothing_is_off() -> None:
    found = path_offset(place((-12, 0, 0)), make_way())
    assert found.depth_to_go_mm == pytest.approx(12)
    assert found.off_axis_mm == pytest.approx(0, abs=1e-9)
    assert found.angle_deg == pytest.approx(0, abs=1e-5)
    assert found.to_target_mm == pytest.approx(12)


def test_depth_deviation_and_angle_are_measured_apart() -> None:
    found = path_offset(place((-10, 3, 4), (-1, 0, 1)), make_way())
    assert found.depth_to_go_mm == pytest.approx(10)
    assert found.off_axis_mm == pytest.approx(5)
    assert found.angle_deg == pytest.approx(45)
    assert found.to_target_mm == pytest.approx(np.sqrt(125))


def test_past_the_target_the_depth_is_negative_and_a_turned_tool_points_away() -> None:
    found = path_offset(place((6, 0, 0), (1, 0, 0)), make_way())
    assert found.depth_to_go_mm == pytest.approx(-6)
    assert found.angle_deg == pytest.approx(180)


def test_the_figures_turn_with_the_patient() -> None:
    """Any rigid motion of tool and way together leaves them as they are."""
    turn, shift = rotation((25.0, -40.0, 70.0)), np.array([11.0, -300.0, 42.0])
    way, tool = make_way(), place((-10, 3, 4), (-1, 0.2, 1))
    moved_way = replace(way, entry_mm=tuple(turn @ way.entry_mm + shift), target_mm=tuple(turn @ way.target_mm + shift))
    moved = ToolPlace(tuple(turn @ tool.tip_mm + shift), tuple(turn @ tool.shaft))
    assert astuple(path_offset(moved, moved_way)) == pytest.approx(astuple(path_offset(tool, way)))


def test_the_tip_lies_where_the_marker_and_the_tools_file_say() -> None:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation((0, 0, 90)), (10, 20, 30)
    found = ToolPlace.of(pose, ToolTip((5, 0, 2), (1, 0, 0)))
    assert found.tip_mm == pytest.approx((10, 25, 32))
    assert found.shaft == pytest.approx((0, 1, 0))


def test_clearances_of_the_tip_are_those_of_the_balls(guide) -> None:
    told = guide.at(place((0, 12, 0)), Freshness.LIVE, 0.01)
    assert told.clearances_mm["tumour"] == pytest.approx(12 - TUMOUR_R, abs=VOXEL_MM)
    assert told.clearances_mm["vessel"] == pytest.approx(8 - VESSEL_R, abs=VOXEL_MM)
    assert told.clearances_mm["liver"] < 0
    assert list(told.clearances_mm.values()) == sorted(told.clearances_mm.values())


@pytest.mark.parametrize(
    ("offset", "shaft", "verdict"),
    [
        ((-10, 0, 0), (-1, 0, 0), Verdict.SAFE),
        ((0, 10, 0), (-1, 0, 0), Verdict.UNPROVEN),
        ((0, 20, 0), (-1, 0, 0), Verdict.VIOLATED),
        ((10, 20, 0), (-1, 0, 0), Verdict.VIOLATED),
    ],
)
def test_breaches_are_of_the_whole_shaft(guide, offset, shaft, verdict) -> None:
    told = guide.at(place(offset, shaft), Freshness.LIVE, 0.01)
    assert [(limit.structure, limit.verdict) for limit in told.limits] == [("vessel", verdict)]
    assert bool(told.warnings) is (verdict is not Verdict.SAFE)
    assert any("BREACH" in w for w in told.warnings) is (verdict is Verdict.VIOLATED)


def test_the_last_place_shows_that_the_tip_alone_would_have_been_clear(guide) -> None:
    told = guide.at(place((12, 20, 0)), Freshness.LIVE, 0.01)
    assert told.clearances_mm["vessel"] > 3
    assert told.limits[0].clearance_mm < 0


def test_an_uncertain_registration_proves_less(geometry) -> None:
    safe, unsure = Guide(geometry, make_way()), Guide(geometry, make_way(), tracking_mm=8.0)
    there = place((-10, 0, 0))
    assert safe.at(there, Freshness.LIVE, 0.0).limits[0].verdict is Verdict.SAFE
    assert unsure.at(there, Freshness.LIVE, 0.0).limits[0].verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("freshness", [Freshness.STALE, Freshness.LOST])
def test_an_old_pose_is_withheld_with_every_number(guide, freshness) -> None:
    told = guide.at(place(), freshness, 0.8)
    assert told.is_withheld
    assert (told.place, told.clearances_mm, told.offset, told.limits, told.warnings) == (None, None, None, (), ())
    assert told.age_s == 0.8


def test_a_late_pose_is_still_told(guide) -> None:
    assert not guide.at(place(), Freshness.LATE, 0.3).is_withheld


def test_without_a_way_there_are_clearances_alone(geometry) -> None:
    told = Guide(geometry).at(place(), Freshness.LIVE, 0.0)
    assert (told.offset, told.limits) == (None, ())
    assert set(told.clearances_mm) == {"liver", "vessel", "tumour"}


def test_a_way_that_names_an_unknown_structure_is_refused_at_once(geometry) -> None:
    with pytest.raises(PlanError, match="no structure 'cava'"):
        Guide(geometry, replace(make_way(), avoid=(Avoid("cava", 2.0),)))


def test_the_vessel_lies_where_the_tests_think(geometry) -> None:
    assert geometry.surface("vessel").at(VESSEL_MM[None])[0] == pytest.approx(-VESSEL_R, abs=VOXEL_MM)
