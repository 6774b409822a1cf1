"""What a plan's checks say, and that they say nothing of a sound plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, PlaneCut, ShellCut
from surgtwin.domain.finding import Severity
from surgtwin.domain.plan import Parenchyma, PatientFigures, Plan, Resection
from surgtwin.errors import PlanError
from surgtwin.planning.bezier import flat_patch, is_folded
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.planning.shapes import STRAIGHT, ball, make_geometry, make_twin

SHAPES = {"liver": ball((0, 0, 0), 40), "tumour": ball((25, 0, 0), 8)}


@pytest.fixture(scope="module")
def geometry() -> TwinGeometry:
    return make_geometry(SHAPES, STRAIGHT, 46)


def plane(x: float, towards: float = 1.0) -> PlaneCut:
    return PlaneCut(STRAIGHT.point(x, 0, 0), STRAIGHT.direction(towards, 0, 0))


def plan(surface, **changes) -> Plan:
    return Plan(PatientFigures(170, 70), (Resection("A", "liver", surface, targets=("tumour",), **changes),))


def codes(geometry: TwinGeometry, judged: Plan) -> list[str]:
    return [f.code for f in evaluate_plan(geometry, judged).findings]


def test_a_sound_plan_has_no_findings(geometry):
    assert codes(geometry, plan(plane(5), margin_mm=5.0)) == []


def test_margins_are_said_with_place_and_remedy(geometry):
    findings = evaluate_plan(geometry, plan(plane(12), margin_mm=10.0)).findings
    assert [f.code for f in findings] == ["margin-violated"]
    assert findings[0].severity is Severity.ERROR
    assert findings[0].where_mm == pytest.approx(STRAIGHT.point(17, 0, 0), abs=2.5)
    assert findings[0].numbers["min_mm"] == pytest.approx(5.0, abs=0.4)
    unproven = evaluate_plan(geometry, plan(plane(7), margin_mm=10.0)).findings[0]
    assert unproven.code == "margin-unproven" and "second look at the contour" in unproven.message


def test_a_missed_target_and_a_cut_one_are_told_apart(geometry):
    missed = evaluate_plan(geometry, plan(plane(-10, -1.0))).findings[0]
    through = evaluate_plan(geometry, plan(plane(25))).findings[0]
    assert "does not resect 'tumour'" in missed.message
    assert "cuts through 'tumour'" in through.message
    assert through.numbers["min_mm"] == pytest.approx(-8.0, abs=0.4)


def test_too_small_a_remnant_is_said_of_all_cuts_together(geometry):
    cuts = tuple(Resection(n, "liver", plane(x, t)) for n, x, t in (("A", 0, 1.0), ("B", -22, -1.0)))
    sick = Plan(PatientFigures(170, 70, Parenchyma.CIRRHOSIS), cuts)
    assert "remnant-violated" in codes(geometry, sick)
    assert "remnant-violated" not in codes(geometry, replace(sick, resections=cuts[1:]))


def test_a_remnant_in_two_parts_is_said(geometry):
    slab = CombinedCut(Combination.INTERSECTION, (plane(-5), plane(5, -1.0)))
    found = evaluate_plan(geometry, Plan(resections=(Resection("A", "liver", slab),))).findings
    assert [f.code for f in found] == ["remnant-in-parts"]
    assert found[0].numbers["parts"] == 2


def test_a_shell_inside_the_organ_is_buried():
    deep = make_geometry({"liver": ball((0, 0, 0), 40), "tumour": ball((0, 0, 0), 8)}, STRAIGHT, 46)
    assert "specimen-buried" in codes(deep, plan(ShellCut(("tumour",), 10.0), margin_mm=5.0))


def test_a_folded_patch_is_said(geometry):
    net = flat_patch(STRAIGHT.point(5, 0, 0), (0, 90, 0), (0, 0, 90))
    net[1, :, 1] += 150.0
    net[2, :, 1] -= 150.0
    folded = BezierCut(net)
    assert is_folded(folded.control_points_mm)
    assert "cut-folds" in codes(geometry, plan(folded))


def test_what_nobody_accepted_is_said():
    twin = make_twin(SHAPES, STRAIGHT, 46)
    found = tuple(replace(s, origin="network") for s in twin.structures)
    unseen = replace(twin, labels=replace(twin.labels, structures=found))
    assert "not-accepted" in codes(TwinGeometry(unseen), plan(plane(5), margin_mm=5.0))
    seen = replace(unseen, accepted=frozenset({"liver", "tumour"}))
    assert codes(TwinGeometry(seen), plan(plane(5), margin_mm=5.0)) == []


def test_an_organ_cut_off_by_the_scan_is_said():
    short = make_geometry(SHAPES, STRAIGHT, 36)
    assert "organ-cut-off" in codes(short, plan(plane(5), margin_mm=5.0))


def test_errors_name_the_path_within_the_plan(geometry):
    good = plan(plane(5)).resections[0]
    with pytest.raises(PlanError, match=r"^resections\[1\]\.surface: the cut misses") as caught:
        evaluate_plan(geometry, Plan(resections=(good, replace(good, name="B", surface=plane(90)))))
    assert caught.value.field == "resections[1].surface"


def test_the_json_has_what_was_promised(geometry):
    answer = evaluation_as_json(evaluate_plan(geometry, plan(plane(5), margin_mm=5.0)))
    first = answer["resections"][0]
    assert first["resected_ml"] + first["remnant_ml"] == pytest.approx(first["organ_ml"], abs=1e-9)
    assert first["remnant_percent"] == pytest.approx(100 * first["remnant_ml"] / first["organ_ml"])
    assert first["margins"][0]["verdict"] == "safe" and len(first["margins"][0]["at_mm"]) == 3
    assert answer["patient"]["tlv_ml"]["Vauthey"] == pytest.approx(1509.66, abs=0.01)
    assert answer["patient"]["tlv_ml"]["Urata"] == pytest.approx(1286.36, abs=0.01)
    assert answer["patient"]["bsa_m2"] == pytest.approx(1.81812, abs=1e-5)
    assert answer["combined"][0]["resections"] == ["A"]
