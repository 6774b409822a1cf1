"""Plans side by side: who is better in what, and who is beaten in everything."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut, ShellCut
from surgtwin.domain.finding import Severity
from surgtwin.domain.plan import PatientFigures, Plan, Resection, ToolPath
from surgtwin.domain.tool import NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Avoid, Trajectory
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.compare import compare_plans
from surgtwin.planning.compare_figures import Better
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.functional_remnant import FlowLoss, FunctionalRemnant
from surgtwin.planning.verdicts import verdicts_of, worst_by_entry
from surgtwin.planning.vessel_crossing import Crossing
from tests.planning.shapes import OBLIQUE, ball, make_geometry, tube

BODY = PatientFigures(170, 70)


@pytest.fixture(scope="module")
def geometry():
    return make_geometry({"liver": ball((0, 0, 0), 40), "tumour": ball((25, 0, 0), 8)}, OBLIQUE, 46)


def cut_at(x, name="A", targets=("tumour",), margin=5.0):
    surface = PlaneCut(OBLIQUE.point(x, 0, 0), OBLIQUE.direction(1, 0, 0))
    return Resection(name, "liver", surface, targets=targets, margin_mm=margin)


@pytest.fixture(scope="module")
def judged(geometry):
    plans = {
        "wide": Plan(BODY, (cut_at(3, "W"),)),
        "narrow": Plan(BODY, (cut_at(9, "N"),)),
        "through": Plan(BODY, (cut_at(25, "T"),)),
        "untargeted": Plan(BODY, (cut_at(3, "U", targets=()),)),
    }
    return {name: evaluate_plan(geometry, plan) for name, plan in plans.items()}


def pick(judged, *names):
    return compare_plans({name: judged[name] for name in names})


def test_a_row_holds_the_evaluations_own_figures_and_names_the_better(judged):
    compared = pick(judged, "wide", "narrow")
    for n, name in enumerate(compared.names):
        figures = judged[name].combined[0]
        assert compared.row("remnant_percent", "liver").number(n) == figures.remnant_percent
        assert compared.row("resected_ml", "liver").values[n].error == figures.resected.error_ml
        assert compared.row("margin_min_mm", "tumour").values[n].verdict is figures.margins[0].verdict
    assert compared.row("remnant_percent", "liver").best == (1,)
    assert compared.row("resected_ml", "liver").best == (1,)
    assert compared.row("margin_min_mm", "tumour").best == (0,)
    assert compared.row("sflr_percent Vauthey", "liver").unit == "%"


def test_each_of_two_trade_offs_stays_on_the_front(judged):
    assert pick(judged, "wide", "narrow").dominated_by == ((), ())


def test_a_plan_that_is_worse_in_one_goal_and_better_in_none_is_dominated(judged):
    wide = judged["wide"]
    worse = replace(
        wide,
        combined=(replace(wide.combined[0], remnant_percent=wide.combined[0].remnant_percent - 1.0),),
    )
    assert compare_plans({"a": wide, "b": worse}).dominated_by == ((), ("a",))
    assert compare_plans({"b": worse, "a": wide}).dominated_by == (("a",), ())


def test_equal_plans_have_no_better_one_and_dominate_nobody(judged):
    compared = compare_plans({"a": judged["wide"], "b": judged["wide"]})
    assert compared.dominated_by == ((), ())
    assert all(row.best == () for row in compared.rows)


def test_rounding_makes_nobody_better(judged):
    wide = judged["wide"]
    by_rounding = replace(
        wide,
        combined=(replace(wide.combined[0], remnant_percent=wide.combined[0].remnant_percent * (1 + 1e-13)),),
    )
    compared = compare_plans({"a": wide, "b": by_rounding})
    assert compared.row("remnant_percent", "liver").best == () and compared.dominated_by == ((), ())


def test_plans_with_other_goals_are_not_played_off_against_each_other(judged):
    compared = pick(judged, "through", "untargeted")
    assert compared.row("margin_min_mm", "tumour").values[1] is None
    assert compared.row("margin_min_mm", "tumour").best == ()
    assert compared.dominated_by == ((), ())


def test_a_cut_through_the_tumour_counts_as_violated(judged):
    compared = pick(judged, "wide", "through")
    assert [compared.row("violated").number(n) for n in (0, 1)] == [0.0, 1.0]
    assert compared.row("violated").best == (0,)
    errors = [f for f in judged["through"].findings if f.severity is Severity.ERROR]
    assert compared.row("errors").number(1) == len(errors) > 0


def test_every_row_says_which_way_is_better_and_has_a_value_for_each_plan(judged):
    compared = pick(judged, "wide", "narrow", "through", "untargeted")
    assert all(len(row.values) == 4 for row in compared.rows)
    assert len({(row.key, row.about) for row in compared.rows}) == len(compared.rows)
    assert {row.key for row in compared.goals} == {"remnant_percent", "margin_min_mm", "violated", "errors"}
    assert all(row.better is not Better.NEUTRAL for row in compared.goals)


def test_one_plan_cannot_be_compared(judged):
    with pytest.raises(PlanError, match="two or more"):
        pick(judged, "wide")
    with pytest.raises(PlanError, match="none of the compared"):
        pick(judged, "wide", "narrow").row("remnant_percent", "spleen")


def test_verdicts_of_every_entry_are_gathered_once(geometry):
    shell = Resection("S", "liver", ShellCut(("tumour",), 6.0), targets=("tumour",), margin_mm=5.0)
    one = evaluate_plan(geometry, Plan(resections=(cut_at(25, "T"),)))
    two = evaluate_plan(geometry, Plan(resections=(cut_at(25, "T"), shell)))
    assert [v.text for v in verdicts_of(one)] == ["resection T, remnant", "resection T, margins tumour"]
    assert worst_by_entry(verdicts_of(one)) == {"resection T": Verdict.VIOLATED}
    assert list(worst_by_entry(verdicts_of(two))) == ["resection T", "resection S", "resections together T + S"]


def test_zones_on_one_target_are_compared_together(geometry):
    centre, axis = OBLIQUE.point(25, 0, 0), OBLIQUE.direction(0, 0, 1)
    large = Ablation("Z", "tumour", centre, axis, (14.0, 14.0, 14.0))
    small = Ablation("Z", "tumour", OBLIQUE.point(22, 0, 0), axis, (7.0, 7.0, 7.0))
    more = Ablation("Y", "tumour", OBLIQUE.point(28, 0, 0), axis, (7.0, 7.0, 7.0))
    plans = {"one": Plan(ablations=(large,)), "two": Plan(ablations=(small, more))}
    judged = {name: evaluate_plan(geometry, plan) for name, plan in plans.items()}
    compared = compare_plans(judged)
    assert compared.row("coverage_percent", "tumour").best == (0,)
    margins = compared.row("ablative_margin_mm", "tumour")
    assert margins.number(0) == pytest.approx(6.0, abs=0.7) and margins.best == (0,)
    assert compared.row("zone_ml", "tumour").best == (1,)
    assert compared.dominated_by == ((), ("one",))
    assert list(worst_by_entry(verdicts_of(judged["one"]))) == ["ablation Z"]
    assert list(worst_by_entry(verdicts_of(judged["two"]))) == ["ablations together Z + Y"]


def needle(name, y, avoid=("vein", 4.0)):
    return Trajectory(
        name, OBLIQUE.point(-30, y, 0), OBLIQUE.point(20, y, 0), NeedleTool(1.0, 150.0), avoid=(Avoid(*avoid),)
    )


def test_needles_are_compared_by_their_worst_clearance_to_each_protected_structure():
    shapes = {"liver": ball((0, 0, 0), 34), "vein": tube((0, 0, -30), (0, 0, 30), 3.0)}
    geometry = make_geometry(shapes, OBLIQUE, 40)
    plans = {
        "clear": Plan(trajectories=(needle("T", 20.0),)),
        "near": Plan(trajectories=(needle("T", 20.0), needle("U", 8.0))),
        "hit": Plan(trajectories=(needle("T", 0.0),)),
    }
    judged = {name: evaluate_plan(geometry, plan) for name, plan in plans.items()}
    compared = compare_plans(judged)
    row = compared.row("needle_clearance_mm", "vein")
    assert [row.number(n) for n in range(3)] == [
        pytest.approx(16.0, abs=0.6), pytest.approx(4.0, abs=0.6), pytest.approx(-4.0, abs=0.6)
    ]  # fmt: skip
    assert row.best == (0,) and [v.verdict.value for v in row.values] == ["safe", "unproven", "violated"]
    assert compared.row("needle_gap_mm").values[0] is None
    assert compared.row("needle_gap_mm").number(1) == pytest.approx(10.0, abs=0.01)
    assert compared.row("needle_length_mm").best == ()
    assert compared.dominated_by[2] == ("clear",)
    texts = [(v.text, v.verdict.value) for v in verdicts_of(judged["hit"])]
    assert ("trajectory T, limits clearance vein", "violated") in texts
    assert len(texts) == len({text for text, _ in texts})
    assert [v.entry for v in verdicts_of(judged["near"])][-1] == "needles T and U"


def test_the_functional_remnant_is_compared_where_there_is_one(judged):
    def crossing(mm):
        return Crossing("portal vein", "1", (0.0, 0.0, 0.0), mm, True, False, True, ("1",))

    def with_flow(name, ischaemic, least, cut):
        flows = (
            FlowLoss("portal vein", True, ("portal vein",), 2.0, tuple(crossing(mm) for mm in cut)),
            FlowLoss("hepatic veins", False, (), 2.0, withheld="no root"),
        )
        functional = FunctionalRemnant(flows, ischaemic, 5.0, 100.0, 105.0, least, None)
        return replace(judged[name], combined=(replace(judged[name].combined[0], functional=functional),))

    compared = compare_plans({"a": with_flow("wide", 30.0, 20.0, (3, 8)), "b": with_flow("narrow", 3.0, None, ())})
    assert [compared.row("divided_mm", "portal vein").number(n) for n in (0, 1)] == [8.0, 0.0]
    assert compared.row("divided_branches", "portal vein").best == (1,)
    assert compared.row("divided_mm", "hepatic veins").number(0) is None
    assert compared.row("ischaemic_ml", "liver").best == (1,)
    withheld = compared.row("functional_percent", "liver")
    assert withheld.number(0) == 20.0 and withheld.number(1) is None and withheld.best == ()


def test_tool_paths_are_compared_by_what_they_keep_of_the_clearance_they_need():
    shapes = {"liver": ball((0, 0, -14), 20), "vein": tube((0, -24, 14), (0, 24, 14), 3.0)}
    geometry = make_geometry(shapes, OBLIQUE, 40)

    def path(name, x, z, avoid=(), cuts=False):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = OBLIQUE.turn, OBLIQUE.point(x, 0, z)
        poses = (ToolPose(0.0, matrix), ToolPose(1.0, matrix))
        return ToolPath(name, NeedleTool(1.0, 60.0), poses, avoid=avoid, cuts=cuts)

    vein = (Avoid("vein", 5.0),)
    plans = {
        "beside": Plan(tool_paths=(path("P", 20, 2, vein),)),
        "nearer": Plan(tool_paths=(path("P", 12, 2, vein),)),
        "free": Plan(tool_paths=(path("P", 12, -4, cuts=True),)),
    }
    compared = compare_plans({name: evaluate_plan(geometry, plan) for name, plan in plans.items()})
    spare = compared.row("tool_spare_mm")
    assert [spare.number(n) for n in (0, 1)] == [pytest.approx(11.0, abs=0.6), pytest.approx(3.0, abs=0.6)]
    assert spare.number(2) < 0 and spare.values[2].verdict is Verdict.VIOLATED
    assert compared.row("tool_clearance_mm", "vein").number(0) == pytest.approx(16.0, abs=0.6)
    assert compared.row("tool_clearance_mm", "vein").values[2] is None
    assert compared.row("tool_removed_ml", "liver").number(2) > 0
    assert compared.row("tool_swept_ml").number(0) == pytest.approx(math.pi * (60 + 4 / 3) / 1000, rel=0.05)
    assert compared.dominated_by == ((), ("beside",), ("beside", "nearer"))


def test_needles_to_one_target_are_alternatives_and_cannot_meet(geometry):
    target = OBLIQUE.point(25, 0, 0)
    ways = tuple(
        Trajectory(name, OBLIQUE.point(-20, y, 0), target, NeedleTool(1.0, 150.0)) for name, y in (("T", 0), ("U", 20))
    )
    judged = evaluate_plan(geometry, Plan(trajectories=ways))
    assert judged.needle_pairs[0].verdict is Verdict.VIOLATED and judged.needle_pairs[0].are_alternatives
    assert all("needles" not in v.entry for v in verdicts_of(judged))
    compared = compare_plans({"a": judged, "b": judged})
    assert all(row.key != "needle_gap_mm" for row in compared.rows)
