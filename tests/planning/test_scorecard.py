"""The scorecard: the evaluation's own figures, the worst first, and no verdict better than what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.domain.cut import PlaneCut, ShellCut
from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.plan import Parenchyma, PatientFigures, Plan, Resection
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Ablation, Avoid, Trajectory
from surgtwin.domain.verdict import COVERAGE_FACTOR, Verdict, worst
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.scorecard import CRITERIA, Scorecard, scorecard
from surgtwin.planning.settings import DEFAULT_PLANNING
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.verdicts import verdicts_of
from tests.planning.shapes import OBLIQUE, ball, make_geometry, make_twin

BODY = PatientFigures(170, 70, Parenchyma.CIRRHOSIS)
ORDER = (Verdict.VIOLATED, Verdict.UNPROVEN, Verdict.SAFE)


@pytest.fixture(scope="module")
def geometry() -> TwinGeometry:
    return make_geometry(
        {"liver": ball((0, 0, 0), 40), "tumour": ball((25, 0, 0), 8), "vein": ball((-10, 0, 0), 5)}, OBLIQUE, 46
    )


def cut_at(x: float, name: str = "A", margin: float = 5.0, targets: tuple[str, ...] = ("tumour",)) -> Resection:
    surface = PlaneCut(OBLIQUE.point(x, 0, 0), OBLIQUE.direction(1, 0, 0))
    return Resection(name, "liver", surface, targets=targets, margin_mm=margin)


def needle(clearance_mm: float = 3.0) -> Trajectory:
    """Passes 8 mm from the middle of the vein, a ball of 5 mm; the needle's own radius is 1 mm."""
    return Trajectory(
        "N", OBLIQUE.point(-45, 8, 0), OBLIQUE.point(20, 8, 0), NeedleTool(1.0, 120.0), (Avoid("vein", clearance_mm),)
    )


PLANS = {
    "wide": Plan(BODY, (cut_at(3),)),
    "through": Plan(BODY, (cut_at(25),)),
    "missed": Plan(BODY, (cut_at(36),)),
    "untargeted": Plan(BODY, (cut_at(3, targets=()),)),
    "shell": Plan(PatientFigures(), (Resection("S", "liver", ShellCut(("tumour",), 12.0), targets=("tumour",)),)),
    "needle": Plan(BODY, trajectories=(needle(),)),
    "zone": Plan(BODY, ablations=(Ablation("Z", "tumour", OBLIQUE.point(25, 0, 0), (1, 0, 0), (20, 20, 20)),)),
    "everything": Plan(BODY, (cut_at(25),), (needle(9.0),), ()),
}


@pytest.fixture(scope="module")
def judged(geometry):
    return {name: evaluate_plan(geometry, plan) for name, plan in PLANS.items()}


@pytest.mark.parametrize("name", PLANS)
def test_rows_stand_worst_first_and_the_worst_is_the_overall_verdict(judged, name) -> None:
    card = scorecard(judged[name])
    ranks = [ORDER.index(row.verdict) for row in card.rows]
    assert ranks == sorted(ranks)
    assert card.overall is worst(tuple(row.verdict for row in card.rows))


@pytest.mark.parametrize("name", PLANS)
def test_the_overall_verdict_is_never_better_than_any_verdict_or_finding(judged, name) -> None:
    overall = ORDER.index(scorecard(judged[name]).overall)
    assert all(overall <= ORDER.index(v.verdict) for v in verdicts_of(judged[name]))
    if any(f.severity is Severity.ERROR for f in judged[name].findings):
        assert overall == ORDER.index(Verdict.VIOLATED)
    if any(f.severity is Severity.WARNING for f in judged[name].findings):
        assert overall <= ORDER.index(Verdict.UNPROVEN)


def test_a_margins_row_holds_the_evaluations_figures_and_their_source(judged) -> None:
    row = next(r for r in scorecard(judged["wide"]).rows if r.criterion == "margin to tumour")
    margin = judged["wide"].resections[0].margins[0]
    assert (row.value, row.needed, row.verdict) == (margin.min_mm, 5.0, margin.verdict)
    assert row.error == COVERAGE_FACTOR * margin.terms.combined_mm
    assert row.value == pytest.approx(14.0, abs=0.5)
    assert row.source == "wanted by the plan"
    assert row.is_least and row.mend == ""


def test_the_remnants_threshold_is_that_of_the_tissue_and_names_its_source(judged) -> None:
    row = next(r for r in scorecard(judged["wide"]).rows if r.criterion == "remnant of liver")
    assert row.needed == DEFAULT_PLANNING.thresholds.percent[Parenchyma.CIRRHOSIS]
    assert "cirrhosis" in row.source and DEFAULT_PLANNING.thresholds.source in row.source
    assert row.value == judged["wide"].combined[0].flr_percent


def test_what_would_mend_a_margin_is_what_it_lacks_with_its_error(geometry) -> None:
    evaluation = evaluate_plan(geometry, Plan(BODY, (cut_at(12, margin=10.0),)))
    row = next(r for r in scorecard(evaluation).rows if r.criterion == "margin to tumour")
    assert row.verdict is Verdict.VIOLATED
    lacking = 10.0 + row.error - row.value
    assert f"{lacking:.1f} mm" in row.mend
    moved = evaluate_plan(geometry, Plan(BODY, (cut_at(12 - lacking - 0.2, margin=10.0),)))
    assert moved.resections[0].margins[0].verdict is Verdict.SAFE


def test_a_target_that_is_missed_is_to_be_taken_not_to_be_kept_from(judged) -> None:
    row = next(r for r in scorecard(judged["missed"]).rows if r.criterion == "margin to tumour")
    assert row.verdict is Verdict.VIOLATED
    assert "beyond tumour" in row.mend


def test_a_needles_row_is_its_worst_limit(judged) -> None:
    row = next(r for r in scorecard(judged["needle"]).rows if r.entry == "N")
    assert row.criterion == "clearance to vein"
    assert row.value == pytest.approx(8.0 - 5.0 - 1.0, abs=0.4)
    assert row.needed == 3.0


def test_a_zones_row_is_the_least_margin_around_its_target(judged) -> None:
    row = next(r for r in scorecard(judged["zone"]).rows if r.entry == "Z")
    assert row.value == pytest.approx(12.0, abs=0.4)
    assert row.source == DEFAULT_PLANNING.ablation_margin_source


def test_contours_that_nobody_accepted_are_counted_and_leave_the_plan_unproven() -> None:
    twin = make_twin({"liver": ball((0, 0, 0), 40), "tumour": ball((25, 0, 0), 8)}, OBLIQUE, 46)
    found = tuple(replace(s, origin="network") for s in twin.structures)
    geometry = TwinGeometry(replace(twin, labels=replace(twin.labels, structures=found)))
    evaluation = evaluate_plan(geometry, Plan(BODY, (cut_at(3),)))
    row = next(r for r in scorecard(evaluation).rows if "no person" in r.criterion)
    assert row.value == 2.0
    assert row.verdict is Verdict.UNPROVEN


def test_a_finding_that_no_criterion_knows_counts_all_the_same(judged) -> None:
    strange = Finding("never-heard-of", Severity.ERROR, "Something is very wrong.")
    card = scorecard(replace(judged["wide"], findings=(*judged["wide"].findings, strange)))
    assert card.overall is Verdict.VIOLATED
    assert card.rows[0].criterion == "other findings"


def test_a_verdict_that_no_criterion_knows_counts_all_the_same(judged, monkeypatch) -> None:
    monkeypatch.setattr("surgtwin.planning.scorecard.CRITERIA", ())
    assert len(CRITERIA) > 5
    assert scorecard(judged["through"]).overall is Verdict.VIOLATED


def test_a_plan_without_any_criterion_has_no_rows(geometry) -> None:
    evaluation = evaluate_plan(geometry, Plan(trajectories=(replace(needle(), avoid=()),)))
    rows = scorecard(replace(evaluation, findings=(), trajectories=())).rows
    assert rows == ()


def test_a_card_without_rows_is_unproven_not_safe() -> None:
    assert Scorecard(()).overall is Verdict.UNPROVEN
