"""Needles past, into and through analytic shapes, against closed forms, in straight and oblique frames."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, StayInside, Trajectory
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.needle_limits import LimitKind
from surgtwin.planning.needle_settings import NeedleSettings, PlacementNoise
from surgtwin.planning.settings import PlanningSettings
from surgtwin.planning.trajectory import TrajectoryResult, evaluate_trajectory
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_geometry, tube

NEEDLE = NeedleTool(1.0, 150.0)
VOXEL_MM = 0.7
"""What a surface of voxels may be off, of the grids used here."""


def way(frame: Frame, entry, target, **changes) -> Trajectory:
    return Trajectory("T", frame.point(*entry), frame.point(*target), changes.pop("tool", NEEDLE), **changes)


@lru_cache(maxsize=4)
def abdomen(frame: Frame) -> TwinGeometry:
    """A body of R 50 with a liver, a tumour in it, a vein beside the way and a bone far off."""
    shapes = {
        "body": ball((0, 0, 0), 50),
        "liver": ball((10, 0, 0), 28),
        "tumour": ball((10, 0, 0), 8),
        "vein": tube((-32, -30, 12), (-32, 30, 12), 5),
        "bone": box((-6, 36, -6), (6, 44, 6)),
    }
    return make_geometry(shapes, frame)


def judged(frame: Frame, entry, target, **changes) -> TrajectoryResult:
    return evaluate_trajectory(abdomen(frame), way(frame, entry, target, **changes))


def cylinder(own):
    """Along x, from -40 to 40, of radius 8, with flat ends."""
    return (np.abs(own[..., 0]) <= 40) & (np.hypot(own[..., 1], own[..., 2]) <= 8)


def limit(result: TrajectoryResult, kind: LimitKind):
    (found,) = (each for each in result.limits if each.kind is kind)
    return found


@pytest.mark.parametrize("frame", FRAMES)
def test_the_clearance_past_a_ball_is_that_of_the_closed_form(frame):
    geometry = make_geometry({"vein": ball((0, 12, 0), 5)}, frame)
    result = evaluate_trajectory(geometry, way(frame, (-50, 0, 0), (50, 0, 0)))
    (clearance,) = result.clearances
    assert result.length_mm == pytest.approx(100)
    assert clearance.min_mm == pytest.approx(6.0, abs=VOXEL_MM)
    assert clearance.at_mm == pytest.approx(frame.point(0, 0, 0), abs=4)
    assert clearance.depth_mm == pytest.approx(50, abs=4)
    assert clearance.structure_at_mm == pytest.approx(frame.point(0, 7, 0), abs=4)
    assert result.crossed == ()


@pytest.mark.parametrize("frame", FRAMES)
def test_what_a_needle_lies_in_has_a_negative_clearance_of_its_depth(frame):
    geometry = make_geometry({"vein": ball((0, 3, 0), 20)}, frame)
    (clearance,) = evaluate_trajectory(geometry, way(frame, (-50, 0, 0), (50, 0, 0))).clearances
    assert clearance.min_mm == pytest.approx(-(20 - 3) - 1, abs=VOXEL_MM)
    assert clearance.at_mm == pytest.approx(frame.point(0, 0, 0), abs=3)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_angle_at_an_impact_parameter_of_half_the_radius_is_30_degrees(frame):
    result = judged(frame, (-55, 25, 0), (30, 25, 0))
    assert result.skin is not None
    assert result.skin.angle_deg == pytest.approx(30.0, abs=1.5)
    assert result.skin.depth_mm == pytest.approx(55 - math.sqrt(50**2 - 25**2), abs=VOXEL_MM)
    assert result.depth_mm == pytest.approx(85 - result.skin.depth_mm)


@pytest.mark.parametrize("frame", FRAMES)
def test_structures_are_crossed_in_order_with_their_lengths(frame):
    result = judged(frame, (-53, 0, 18), (10, 0, 0))
    names = list(dict.fromkeys(c.structure for c in result.crossed))
    assert names == ["body", "vein", "liver", "tumour"]
    by_name = {c.structure: c for c in result.crossed}
    assert by_name["tumour"].length_mm == pytest.approx(8, abs=VOXEL_MM)
    assert by_name["liver"].length_mm == pytest.approx(20, abs=2 * VOXEL_MM)
    assert by_name["vein"].length_mm == pytest.approx(10, abs=1)
    assert result.place.lesion == "tumour" and result.place.organ == "liver"
    assert result.bridge_mm == pytest.approx(20, abs=2 * VOXEL_MM)
    assert result.capsule is not None and result.capsule.structure == "liver"
    assert result.capsule.angle_deg == pytest.approx(0, abs=3)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_angle_to_a_long_tumours_axis_is_told_and_a_round_one_has_none(frame):
    shapes = {"liver": ball((0, 0, 0), 40), "tumour": tube((-12, 0, 0), (12, 0, 0), 5)}
    along = evaluate_trajectory(make_geometry(shapes, frame), way(frame, (0, -50, 0), (0, 0, 0)))
    assert along.off_axis_deg == pytest.approx(90, abs=2)
    askew = way(frame, (-30, -30, 0), (0, 0, 0))
    assert evaluate_trajectory(make_geometry(shapes, frame), askew).off_axis_deg == pytest.approx(45, abs=2)
    assert judged(frame, (-53, 0, -10), (10, 0, 0)).off_axis_deg is None


def test_the_curve_has_its_least_value_where_the_clearance_is_least():
    result = judged(STRAIGHT, (-53, 0, -4), (10, 0, -4))
    row = result.curve.structures.index("vein")
    clearance = next(c for c in result.clearances if c.structure == "vein")
    at = int(result.curve.clearance_mm[row].argmin())
    assert result.curve.clearance_mm[row, at] == pytest.approx(clearance.min_mm, abs=0.05)
    assert result.curve.depth_mm[at] == pytest.approx(clearance.depth_mm, abs=2)
    assert result.curve.depth_mm[[0, -1]] == pytest.approx([0, result.length_mm])


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("needed", "verdict"), [(2.0, "safe"), (10.0, "unproven"), (18.0, "violated")])
def test_a_distance_is_judged_within_its_error(frame, needed, verdict):
    """The needle passes 16 - 5 - 1 = 10 mm from the vein."""
    result = judged(frame, (-53, 0, -4), (10, 0, -4), avoid=(Avoid("vein", needed),))
    found = limit(result, LimitKind.CLEARANCE)
    assert found.found == pytest.approx(10, abs=VOXEL_MM)
    assert found.verdict == verdict and result.verdict == verdict
    assert bool(found.reason) == (verdict != "safe")


@pytest.mark.parametrize("wanted", [(18.0, 2.0), (2.0, 18.0)])
def test_of_two_clearances_from_one_structure_the_larger_one_counts(wanted):
    result = judged(STRAIGHT, (-53, 0, -4), (10, 0, -4), avoid=tuple(Avoid("vein", mm) for mm in wanted))
    assert limit(result, LimitKind.CLEARANCE).needed == 18.0 and result.verdict is Verdict.VIOLATED


def test_bone_is_forbidden_to_a_needle_but_not_to_a_screw():
    hit = judged(STRAIGHT, (0, 49, 0), (10, 0, 0))
    assert limit(hit, LimitKind.BONE).verdict is Verdict.VIOLATED and hit.verdict is Verdict.VIOLATED
    through = judged(STRAIGHT, (0, 49, 0), (10, 0, 0), through=("bone",))
    assert through.verdict is Verdict.SAFE
    assert limit(through, LimitKind.THROUGH).found == pytest.approx(8.3, abs=1.5)
    into = judged(STRAIGHT, (0, 49, 0), (0, 40, 0))
    assert all(each.kind is not LimitKind.BONE for each in into.limits), "a biopsy of the bone itself"


def test_what_must_be_crossed_and_is_not_is_named():
    result = judged(STRAIGHT, (-53, 0, -10), (10, 0, 0), through=("bone",))
    found = limit(result, LimitKind.THROUGH)
    assert (found.structure, found.verdict, found.reason) == ("bone", Verdict.VIOLATED, "not crossed")


def test_a_way_longer_than_the_tool_is_violated():
    short = judged(STRAIGHT, (-53, 0, -10), (10, 0, 0), tool=NeedleTool(1.0, 60.0))
    found = limit(short, LimitKind.TOOL_LENGTH)
    assert found.verdict is Verdict.VIOLATED and found.found == pytest.approx(short.length_mm) and found.needed == 60


def test_angles_and_the_bridge_of_tissue_are_limits():
    flat = judged(STRAIGHT, (-55, 40, 0), (10, 20, 0), max_skin_angle_deg=20, max_capsule_angle_deg=10)
    assert limit(flat, LimitKind.SKIN_ANGLE).verdict is Verdict.VIOLATED
    assert limit(flat, LimitKind.CAPSULE_ANGLE).verdict is Verdict.VIOLATED
    enough = judged(STRAIGHT, (-53, 0, -10), (10, 0, 0), min_bridge_mm=10)
    assert limit(enough, LimitKind.BRIDGE).verdict is Verdict.SAFE
    little = judged(STRAIGHT, (-53, 0, -10), (10, 0, 0), min_bridge_mm=30)
    assert limit(little, LimitKind.BRIDGE).verdict is Verdict.VIOLATED


def test_a_target_in_no_organ_proves_no_bridge():
    result = judged(STRAIGHT, (-50, 0, -25), (-30, 0, -25), min_bridge_mm=5)
    assert result.bridge_mm is None and limit(result, LimitKind.BRIDGE).verdict is Verdict.UNPROVEN


@pytest.mark.parametrize("frame", FRAMES)
def test_a_way_that_leaves_the_scan_is_computed_and_never_proven(frame):
    result = judged(frame, (-150, 0, -10), (10, 0, 0), tool=NeedleTool(1.0, 200.0))
    assert result.outside_mm > 60
    assert limit(result, LimitKind.SCAN).verdict is Verdict.UNPROVEN and result.verdict is Verdict.UNPROVEN
    assert result.skin is not None and result.skin.depth_mm == pytest.approx(100.2, abs=1)


def test_an_entry_below_the_skin_has_no_skin_angle():
    assert judged(STRAIGHT, (-30, 0, -10), (10, 0, 0)).skin is None


@pytest.mark.parametrize("frame", FRAMES)
def test_a_screw_in_a_pedicle_keeps_the_wall_of_the_closed_form(frame):
    """A cylinder of radius 8, a screw of radius 3 one millimetre off its axis: 4 mm of wall, but for the mouth."""
    geometry = make_geometry({"L3 vertebra": cylinder}, frame)
    screw = way(frame, (-40, 1, 0), (20, 1, 0), tool=NeedleTool(3.0, 80.0), inside=(StayInside("L3 vertebra", 1.0),))
    wall = limit(evaluate_trajectory(geometry, screw), LimitKind.WALL)
    assert wall.found == pytest.approx(4.0, abs=VOXEL_MM) and wall.verdict is not Verdict.VIOLATED
    askew = replace(screw, target_mm=frame.point(20, 12, 0))
    breach = limit(evaluate_trajectory(geometry, askew), LimitKind.WALL)
    assert breach.verdict is Verdict.VIOLATED and breach.found == pytest.approx(-(12 - 8) - 3, abs=1.0), (
        "the tip is out"
    )
    aside = replace(screw, entry_mm=frame.point(-40, 30, 0), target_mm=frame.point(20, 30, 0))
    assert limit(evaluate_trajectory(geometry, aside), LimitKind.WALL).found == pytest.approx(-25, abs=VOXEL_MM)


def test_a_screw_that_begins_deep_in_bone_is_judged_from_its_beginning():
    geometry = make_geometry({"L3 vertebra": tube((-40, 0, 0), (40, 0, 0), 8)})
    screw = way(STRAIGHT, (-20, 4, 0), (20, 0, 0), tool=NeedleTool(3.0, 80.0), inside=(StayInside("L3 vertebra", 0),))
    assert limit(evaluate_trajectory(geometry, screw), LimitKind.WALL).found == pytest.approx(1.0, abs=VOXEL_MM)


def test_a_screw_through_a_bone_that_is_all_mouth_has_no_wall():
    geometry = make_geometry({"L3 vertebra": ball((0, 0, 0), 1.4)})
    screw = way(STRAIGHT, (-30, 0, 0), (0, 0, 0), tool=NeedleTool(3.0, 80.0), inside=(StayInside("L3 vertebra", 5.0),))
    found = limit(evaluate_trajectory(geometry, screw), LimitKind.WALL)
    assert found.verdict is Verdict.VIOLATED and found.found == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_cranial_path_passes_the_skull_and_keeps_off_the_vessel(frame):
    def skull(own):
        radius = np.linalg.norm(own, axis=-1)
        return (radius <= 46) & (radius >= 40)

    shapes = {"body": ball((0, 0, 0), 50), "brain": ball((0, 0, 0), 40), "skull": skull}
    shapes |= {"sinus": tube((-30, 0, 12), (30, 0, 12), 3), "tumour": ball((0, 0, 0), 6)}
    geometry = make_geometry(shapes, frame)
    path = way(frame, (0, -52, 0), (0, 0, 0), through=("skull",), avoid=(Avoid("sinus", 3.0),))
    result = evaluate_trajectory(geometry, path)
    assert [c.structure for c in result.crossed] == ["body", "skull", "brain", "tumour"]
    assert limit(result, LimitKind.THROUGH).found == pytest.approx(6, abs=VOXEL_MM)
    assert limit(result, LimitKind.CLEARANCE).found == pytest.approx(8, abs=VOXEL_MM)
    assert result.verdict is Verdict.SAFE


def test_a_displaced_needle_breaks_a_flat_limit_as_often_as_the_normal_distribution_says():
    """A wall 4 mm beside the way, 1 mm of which the needle takes: only the tip's own displacement counts at its end."""
    geometry = make_geometry({"vein": box((-50, 4, -50), (50, 50, 50))})
    noise = PlacementNoise(tip_mm=3.0, source="test")
    settings = PlanningSettings(needles=NeedleSettings(noise=noise, samples=2000))
    result = evaluate_trajectory(
        geometry, way(STRAIGHT, (-45, 0, 0), (45, 0, 0), avoid=(Avoid("vein", 0.0),)), settings
    )
    (clearance,) = result.clearances
    expected = 0.5 * math.erfc(clearance.min_mm / noise.tip_sd_mm / math.sqrt(2))
    robust = result.robustness
    assert robust is not None and robust.standard_error > 0
    assert abs(robust.probability - expected) < 4 * robust.standard_error
    assert robust.probability < robust.upper
    again = evaluate_trajectory(geometry, result.trajectory, settings).robustness
    assert again == robust, "the same seed gives the same answer"


def test_a_needle_far_from_everything_is_not_said_to_be_never_wrong():
    robust = judged(STRAIGHT, (-53, 0, -10), (10, 0, 0), avoid=(Avoid("bone", 0.0),)).robustness
    assert robust is not None and robust.probability == 0 and robust.upper == pytest.approx(3 / 1000, rel=0.01)


def test_moving_patient_and_plan_together_changes_no_figure():
    one, other = (judged(f, (-53, 5, -12), (10, 0, 0), avoid=(Avoid("vein", 5.0),)) for f in FRAMES)
    for a, b in zip(one.clearances, other.clearances, strict=True):
        assert a.structure == b.structure and a.min_mm == pytest.approx(b.min_mm, abs=1.0)
    assert one.verdict == other.verdict


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"avoid": (Avoid("bone", 0), Avoid("nerve", 1))}, "avoid[1].structure"),
        ({"through": ("skull",)}, "through[0]"),
        ({"inside": (StayInside("pedicle", 1),)}, "inside[0].structure"),
    ],
)
def test_an_unknown_structure_is_named_with_its_field_and_the_known_ones(changes, field):
    with pytest.raises(PlanError, match="there are: body, liver, tumour, vein, bone") as caught:
        judged(OBLIQUE, (-53, 0, -10), (10, 0, 0), **changes)
    assert caught.value.field == field
