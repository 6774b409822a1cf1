"""Tool paths on shapes of closed form: clearances, contacts, volumes, ports, verdicts with moment and place."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from surgtwin.domain.plan import Plan, ToolPath
from surgtwin.domain.tool import Capsule, CapsuleTool, NeedleTool, ToolPose
from surgtwin.domain.trajectory import Avoid
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import Cancelled, PlanError
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.plan_file import parse_plan
from surgtwin.planning.plan_json import plan_as_json
from surgtwin.planning.tool_path import ToolPathResult, evaluate_tool_path
from surgtwin.planning.tool_path_json import timeline_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.simulation.trocar import pose_through, poses_through
from tests.planning.shapes import FRAMES, OBLIQUE, STRAIGHT, Frame, ball, box, make_geometry, tube

R = 2.0
NEEDLE = NeedleTool(R, 40.0)


@lru_cache(maxsize=2)
def abdomen(frame: Frame) -> TwinGeometry:
    shapes = {
        "body": box((-48, -48, -48), (48, 48, 40)),
        "liver": ball((20, 0, -20), 18),
        "portal vein": tube((-20, -30, -30), (-20, 30, -30), 6),
    }
    return make_geometry(shapes, frame, 56)


def upright(frame: Frame, *tips, start_s: float = 0.0) -> tuple[ToolPose, ...]:
    """Poses with the shaft along the shapes' own +z, one second apart."""
    found = []
    for n, tip in enumerate(tips):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = frame.turn, frame.point(*tip)
        found.append(ToolPose(start_s + n, matrix))
    return tuple(found)


def judged(frame: Frame, path: ToolPath) -> ToolPathResult:
    return evaluate_tool_path(abdomen(frame), path)


def passed(result: ToolPathResult, name: str):
    return next(p for p in result.nearest if p.structure == name)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_path_over_a_vein_is_judged_at_its_nearest_moment(frame):
    """The tip goes along x at z = -15, over the vein's top at z = -24 in x = -20: 9 - r = 7 mm."""
    path = ToolPath("P", NEEDLE, upright(frame, (-40, -20, -15), (-10, -20, -15)), avoid=(Avoid("portal vein", 2.0),))
    result = judged(frame, path)
    found = passed(result, "portal vein")
    assert found.min_mm == pytest.approx(7.0, abs=0.4)
    assert found.at_mm == pytest.approx(frame.point(-20, -20, -15), abs=1.5)
    assert found.structure_at_mm == pytest.approx(frame.point(-20, -20, -24), abs=1.5)
    assert found.time_s == pytest.approx(2 / 3, abs=0.05)
    assert result.verdict is Verdict.SAFE and found.verdict is Verdict.SAFE
    assert {p.structure for p in result.nearest} == {"body", "liver", "portal vein"}
    assert passed(result, "liver").verdict is None
    assert [c.structure for c in result.timeline.contacts] == ["body"]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_path_into_a_vein_tells_when_where_and_how_deep(frame):
    """Straight down onto the vein's axis: it is entered when the tip is r over its top, and 8 mm deep at the end."""
    path = ToolPath("P", NEEDLE, upright(frame, (-20, 0, -10), (-20, 0, -30)), avoid=(Avoid("portal vein", 0.0),))
    result = judged(frame, path)
    assert passed(result, "portal vein").min_mm == pytest.approx(-8.0, abs=0.5)
    assert passed(result, "portal vein").at_mm == pytest.approx(frame.point(-20, 0, -30), abs=1.2)
    contact = next(c for c in result.timeline.contacts if c.structure == "portal vein")
    assert contact.start_s == pytest.approx((14 - R) / 20, abs=0.03)
    assert contact.end_s == 1.0 and contact.at_s == pytest.approx(1.0, abs=0.05)
    assert contact.deepest_mm == pytest.approx(8.0, abs=0.5)
    assert result.verdict is Verdict.VIOLATED
    assert result.judgement.time_s == pytest.approx(1.0, abs=0.05)
    assert "portal vein: touches" in result.judgement.reason
    moment = result.timeline.at(0.2)
    assert moment.clearance_mm["portal vein"] == pytest.approx(14 - 4 - R, abs=0.4)
    assert moment.contacts == ("body",) and result.timeline.at(0.9).contacts == ("body", "portal vein")


def test_where_nothing_is_named_nothing_but_the_body_may_be_touched():
    far = judged(STRAIGHT, ToolPath("P", NEEDLE, upright(STRAIGHT, (-20, 0, -2), (-22, 0, -2))))
    assert far.verdict is Verdict.SAFE and passed(far, "body").verdict is None
    into = judged(STRAIGHT, ToolPath("P", NEEDLE, upright(STRAIGHT, (20, 0, 0), (20, 0, -20))))
    assert into.verdict is Verdict.VIOLATED and into.judgement.reason.startswith("liver")
    near = judged(STRAIGHT, ToolPath("P", NEEDLE, upright(STRAIGHT, (20, 0, 1))))
    assert near.verdict is Verdict.UNPROVEN and "error dominates" in near.judgement.reason


@pytest.mark.parametrize("frame", FRAMES)
def test_a_burr_carves_what_it_passes_and_a_probe_nothing(frame):
    """A ball r 4 through the liver's middle: the bored hole of the napkin ring."""
    burr = CapsuleTool((Capsule((0, 0, 0), (0, 0, 0), 4.0),))
    path = ToolPath("P", burr, upright(frame, (-10, 0, -20), (46, 0, -20)))
    half = math.sqrt(18**2 - 16)
    hole = 4 / 3 * math.pi * (18**3 - half**3)
    result = judged(frame, path)
    assert result.removed_ml["liver"] * 1000 == pytest.approx(hole, rel=0.02)
    assert result.removed_ml["portal vein"] == 0.0
    assert result.swept_ml * 1000 == pytest.approx(math.pi * 16 * 56 + 4 / 3 * math.pi * 64, rel=0.01)
    probe = judged(frame, replace(path, cuts=False))
    assert set(probe.removed_ml.values()) == {0.0} and probe.swept_ml == pytest.approx(result.swept_ml)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_path_through_a_trocar_knows_its_port(frame):
    port = frame.point(0, 0, 40)
    tips = [frame.point(0, 0, 10), frame.point(0, 22.5, 10)]
    path = ToolPath("P", NeedleTool(R, 200.0), poses_through(port, tips, (0, 1)), port)
    course = judged(frame, path).trocar
    assert course is not None and course.worst.deviation_mm < 1e-6
    assert course.inward == pytest.approx(frame.direction(0, 0, -1), abs=0.05)
    assert [s.depth_mm for s in course.states] == pytest.approx([30, 37.5])
    assert [s.tilt_deg for s in course.states] == pytest.approx([0, 36.870], abs=3.0)
    assert course.states[0].handle_mm == pytest.approx(frame.point(0, 0, 210))


def test_a_shaft_beside_its_trocar_and_one_too_short_are_told():
    port = STRAIGHT.point(0, 0, 40)
    beside = ToolPath("P", NEEDLE, upright(STRAIGHT, (-5, 0, 12), (-5, 0, 14)), port, (Avoid("liver", 0),))
    evaluation = evaluate_plan(abdomen(STRAIGHT), Plan(tool_paths=(beside,)))
    found = {f.code: f for f in evaluation.findings}
    assert found["trocar-missed"].numbers["deviation_mm"] == pytest.approx(5.0)
    assert evaluation.tool_paths[0].verdict is Verdict.VIOLATED
    short = ToolPath("P", NEEDLE, (pose_through(port, STRAIGHT.point(0, 0, -5)),), port, (Avoid("liver", 0),))
    found = {f.code: f for f in evaluate_plan(abdomen(STRAIGHT), Plan(tool_paths=(short,))).findings}
    assert found["shaft-too-short"].numbers["missing_mm"] == pytest.approx(5.0)


def test_what_leaves_the_scan_is_unknown_but_computed():
    out = ToolPath("P", NEEDLE, upright(OBLIQUE, (0, 0, 0), (-150, 0, 0)), avoid=(Avoid("liver", 2.0),))
    evaluation = evaluate_plan(abdomen(OBLIQUE), Plan(tool_paths=(out,)))
    result = evaluation.tool_paths[0]
    finding = next(f for f in evaluation.findings if f.code == "outside-scan")
    assert "outside the scan: unknown tissue" in finding.message and finding.severity == "warning"
    assert result.outside is not None and result.outside.at_s == pytest.approx(1.0)
    assert result.verdict is Verdict.UNPROVEN and "unknown tissue" in result.judgement.reason
    assert result.swept_ml * 1000 > 150 * 40 * 4


def test_a_handle_behind_the_trocar_may_be_outside_the_scan():
    port = STRAIGHT.point(0, 0, 40)
    path = ToolPath(
        "P", NeedleTool(R, 300.0), (pose_through(port, STRAIGHT.point(-10, 0, 10)),), port, (Avoid("liver", 2.0),)
    )
    evaluation = evaluate_plan(abdomen(STRAIGHT), Plan(tool_paths=(path,)))
    assert evaluation.tool_paths[0].verdict is Verdict.SAFE
    finding = next(f for f in evaluation.findings if f.code == "outside-scan")
    assert finding.severity == "info" and "behind its trocar" in finding.message


def test_a_rigid_motion_of_everything_changes_nothing():
    results = []
    for frame in FRAMES:
        path = ToolPath("P", NEEDLE, upright(frame, (-40, -20, -15), (10, 30, 5), (20, 10, 3)))
        results.append(judged(frame, path))
    for name in ("liver", "portal vein"):
        one, other = (passed(r, name) for r in results)
        assert one.min_mm == pytest.approx(other.min_mm, abs=0.6)
        assert one.time_s == pytest.approx(other.time_s, abs=0.1)
    assert results[0].swept_ml == pytest.approx(results[1].swept_ml, rel=0.01)


def test_the_json_has_what_was_promised():
    path = ToolPath("P", NEEDLE, upright(STRAIGHT, (-20, 0, -10), (-20, 0, -30)))
    evaluation = evaluate_plan(abdomen(STRAIGHT), Plan(tool_paths=(path,)))
    content = evaluation_as_json(evaluation)["tool_paths"][0]
    assert content["name"] == "P" and content["verdict"] == "violated"
    assert {c["structure"] for c in content["min_clearance"]} == {"body", "liver", "portal vein"}
    assert all({"min_mm", "at_mm", "time_s"} <= set(c) for c in content["min_clearance"])
    assert content["swept_ml"] > 0 and content["removed_ml"]["portal vein"] > 0
    assert {c["structure"] for c in content["contacts"]} == {"body", "portal vein"}
    timeline = timeline_as_json(evaluation.tool_paths[0])
    assert len(timeline["time_s"]) == len(timeline["clearance_mm"]["liver"]) == content["poses"]
    again = parse_plan(plan_as_json(evaluation.plan))
    assert evaluate_plan(abdomen(STRAIGHT), again).tool_paths[0].swept_ml == evaluation.tool_paths[0].swept_ml


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"avoid": [{"structure": "lever", "clearance_mm": 1}]}, r"tool_paths\[0\].avoid\[0\].structure: there is no"),
        ({"poses": []}, r"tool_paths\[0\].poses"),
        (
            {"poses": [{"time_s": 0, "lps_from_tool": np.diag([2, 1, 1, 1]).tolist()}]},
            r"poses\[0\].lps_from_tool.*rigid",
        ),
        (
            {"poses": [{"time_s": t, "lps_from_tool": np.eye(4).tolist()} for t in (1, 1)]},
            r"tool_paths\[0\].poses\[1\].time_s: times must grow",
        ),
        ({"tool": {"type": "needle", "radius_mm": 0, "length_mm": 5}}, r"tool_paths\[0\].tool.radius_mm"),
    ],
)
def test_a_path_that_makes_no_sense_names_its_field(change, field):
    path = ToolPath("P", NEEDLE, upright(STRAIGHT, (-20, 0, -10)))
    content = plan_as_json(Plan(tool_paths=(path,)))
    content["tool_paths"][0] |= change
    with pytest.raises(PlanError, match=field):
        evaluate_plan(abdomen(STRAIGHT), parse_plan(content))


def test_a_simulation_can_be_stopped():
    path = ToolPath("P", NEEDLE, upright(STRAIGHT, (-20, 0, -10)))
    with pytest.raises(Cancelled):
        evaluate_tool_path(abdomen(STRAIGHT), path, progress=Progress(is_cancelled=lambda: True))


def test_two_ports_are_scored_by_the_angle_their_instruments_meet_at():
    """Ports at (-25, 0, 40) and (25, 0, 40), tips at z = 40 - 25 sqrt 3: an equilateral triangle."""
    depth = 40 - 25 * math.sqrt(3)
    ports = [STRAIGHT.point(x, 0, 40) for x in (-25, 25)]
    paths = tuple(
        ToolPath(name, NeedleTool(R, 200.0), (pose_through(port, STRAIGHT.point(0, 0, depth)),), port)
        for name, port in zip("AB", ports, strict=True)
    )
    free = ToolPath("C", NEEDLE, upright(STRAIGHT, (-20, 0, -2)))
    pairs = evaluation_as_json(evaluate_plan(abdomen(STRAIGHT), Plan(tool_paths=(*paths, free))))["port_pairs"]
    assert [p["paths"] for p in pairs] == [["A", "B"]]
    assert pairs[0]["angle_deg"] == pytest.approx(60.0) and pairs[0]["score"] == pytest.approx(1.0)
    assert pairs[0]["is_recommended"] and pairs[0]["at_mm"] == pytest.approx(STRAIGHT.point(0, 0, depth))
