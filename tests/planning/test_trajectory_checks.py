"""What is said about needles: each broken or open limit with its place and what would mend it, and the JSON of it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import pytest

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.plan import Plan
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, StayInside, Trajectory
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import STRAIGHT, ball, box, make_geometry, make_twin, tube

NEEDLE = NeedleTool(1.0, 150.0)
SHAPES = {
    "body": ball((0, 0, 0), 50),
    "liver": ball((10, 0, 0), 28),
    "tumour": ball((10, 0, 0), 8),
    "vein": tube((-32, -30, 12), (-32, 30, 12), 5),
    "bone": box((-6, 36, -6), (6, 44, 6)),
}


@lru_cache(maxsize=1)
def abdomen() -> TwinGeometry:
    return make_geometry(SHAPES)


def findings(entry, target=(10, 0, 0), **changes) -> dict[str, Finding]:
    needle = Trajectory("T", STRAIGHT.point(*entry), STRAIGHT.point(*target), changes.pop("tool", NEEDLE), **changes)
    return {f.code: f for f in evaluate_plan(abdomen(), Plan(trajectories=(needle,))).findings}


def test_a_way_that_keeps_everything_has_nothing_said_about_it():
    assert findings((-53, 0, -10), avoid=(Avoid("vein", 2.0),)) == {}


def test_a_broken_clearance_is_an_error_with_its_place_and_remedy():
    found = findings((-53, 0, -4), avoid=(Avoid("vein", 18.0),))["needle-clearance-violated"]
    assert found.severity is Severity.ERROR and found.structure == "vein"
    assert "18.0 mm are wanted" in found.message and "Move the entry or the target" in found.message
    assert found.where_mm is not None and found.numbers["found"] == pytest.approx(8.7, abs=0.7)


def test_an_open_clearance_is_a_warning_that_names_what_would_shrink_the_error():
    found = findings((-53, 0, -4), avoid=(Avoid("vein", 8.0),))["needle-clearance-unproven"]
    assert found.severity is Severity.WARNING and "second look at the contour" in found.message


def test_a_needle_deep_in_bone_is_told_its_depth():
    found = findings((0, 49, 0))["needle-bone-violated"]
    assert "deep in 'bone'" in found.message


def test_what_is_crossed_unasked_is_a_warning():
    found = findings((-53, 0, 18))["needle-crosses"]
    assert found.structure == "vein" and "of which the plan says nothing" in found.message
    assert found.numbers["length_mm"] == pytest.approx(10, abs=1)


def test_leaving_the_scan_is_said_in_the_words_that_scripts_look_for():
    found = findings((-120, 0, -10))["outside-scan"]
    assert "outside the scan: unknown tissue" in found.message and found.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tool": NeedleTool(1.0, 40.0)}, "needle-tool-length-violated"),
        ({"through": ("bone",)}, "needle-through-violated"),
        ({"inside": (StayInside("bone", 1.0),)}, "needle-wall-violated"),
        ({"max_skin_angle_deg": 1.0}, "needle-skin-angle-violated"),
        ({"max_capsule_angle_deg": 5.0, "target": (10, 6, 0)}, "needle-capsule-angle-violated"),
        ({"min_bridge_mm": 60.0}, "needle-bridge-violated"),
    ],
)
def test_every_other_limit_has_its_finding(changes, code):
    found = findings((-53, 6, -10), **changes)[code]
    assert found.severity is Severity.ERROR and "'T'" in found.message


def test_an_entry_below_the_skin_and_a_twin_without_skin_are_told():
    assert findings((-30, 0, -10))["entry-inside"].severity is Severity.WARNING
    bare = make_geometry({"liver": ball((0, 0, 0), 20)})
    needle = Trajectory("T", STRAIGHT.point(-40, 0, 0), STRAIGHT.point(0, 0, 0), NEEDLE)
    codes = [f.code for f in evaluate_plan(bare, Plan(trajectories=(needle,))).findings]
    assert codes == ["no-skin"]


def test_proposals_that_nobody_accepted_are_named():
    twin = make_twin(SHAPES)
    proposed = tuple(replace(s, origin="network") for s in twin.labels.structures)
    twin = replace(twin, labels=replace(twin.labels, structures=proposed), accepted=frozenset({"bone"}))
    needle = Trajectory(
        "T", STRAIGHT.point(-53, 0, -10), STRAIGHT.point(10, 0, 0), NEEDLE, avoid=(Avoid("vein", 1), Avoid("bone", 1))
    )
    found = evaluate_plan(TwinGeometry(twin), Plan(trajectories=(needle,))).findings
    assert [f.code for f in found] == ["not-accepted"]
    assert "vein" in found[0].message and "bone" not in found[0].message and "tumour" in found[0].message


def test_the_json_has_the_agreed_keys_and_only_numbers_that_json_knows():
    needle = Trajectory(
        "T", STRAIGHT.point(-53, 0, 18), STRAIGHT.point(10, 0, 0), NEEDLE, avoid=(Avoid("vein", 5),), min_bridge_mm=5
    )
    answer = evaluation_as_json(evaluate_plan(abdomen(), Plan(trajectories=(needle,))))
    (told,) = json.loads(json.dumps(answer, allow_nan=False))["trajectories"]
    assert {"name", "length_mm", "clearances", "crossed", "verdict"} <= told.keys()
    assert told["verdict"] == "violated"
    assert {c["structure"] for c in told["clearances"]} == set(SHAPES)
    vein = next(c for c in told["clearances"] if c["structure"] == "vein")
    assert vein["min_mm"] < -5 and vein["needed_mm"] == 5 and len(vein["at_mm"]) == 3
    assert [c["structure"] for c in told["crossed"]][-1] == "tumour"
    assert told["robustness"]["probability"] > 0.9
    curve = told["clearance_curve"]
    assert all(len(row["clearance_mm"]) == len(curve["depth_mm"]) for row in curve["structures"])
