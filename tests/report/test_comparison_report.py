"""Plans side by side: the comparison's own figures, who is best, and the Pareto plot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.domain.plan import Parenchyma, Plan
from surgtwin.errors import PlanError
from surgtwin.planning.compare import compare_plans
from surgtwin.report.comparison import BEST, comparison_report
from surgtwin.report.document import Chart, Paragraph, Table
from tests.planning.shapes import OBLIQUE
from tests.report.subjects import body, liver_twin, needle, reported, right_cut, subject, wedge


@pytest.fixture(scope="module")
def twin():
    return liver_twin(OBLIQUE)


@pytest.fixture(scope="module")
def plans(twin):
    return (
        reported(twin, Plan(body(), (right_cut(OBLIQUE, 4),)), "wide"),
        reported(twin, Plan(body(), (right_cut(OBLIQUE, -5),)), "narrow"),
        reported(twin, Plan(body(), (wedge(),)), "wedge"),
    )


@pytest.fixture(scope="module")
def report(twin, plans):
    return comparison_report(subject(twin), plans)


def section(report, title):
    return next(s for s in report.sections if s.title == title)


def test_each_plan_has_a_column_with_the_figures_of_its_evaluation(report, plans) -> None:
    table = [b for b in section(report, "Side by side").blocks if isinstance(b, Table)][1]
    assert [c.title for c in table.columns[1:]] == ["wide", "narrow", "wedge"]
    row = next(r for r in table.rows if r[0].text == "Liver resected")
    for cell, plan in zip(row[1:], plans, strict=True):
        value, _, error, unit = cell.text.removeprefix(f"{BEST} ").split()
        resected = plan.evaluation.combined[0].resected
        assert float(value) == pytest.approx(resected.ml, abs=0.5)
        assert float(error) == pytest.approx(resected.error_ml, abs=0.5)
        assert unit == "mL"


def test_the_best_of_each_figure_is_starred(report, plans) -> None:
    table = [b for b in section(report, "Side by side").blocks if isinstance(b, Table)][1]
    compared = compare_plans({p.name: p.evaluation for p in plans})
    starred = [tuple(n for n, c in enumerate(row[1:]) if c.text.startswith(BEST)) for row in table.rows]
    told = [row for row in compared.rows if any(row.number(n) is not None for n in range(3))]
    assert starred == [row.best for row in told]
    assert any(starred)


def test_the_chart_places_each_plan_at_its_remnant_and_least_margin(report, plans) -> None:
    chart = next(b for b in section(report, "Remnant against margin").blocks if isinstance(b, Chart))
    for point, plan in zip(chart.points, plans, strict=True):
        together = plan.evaluation.combined[0]
        assert (point.name, point.x) == (plan.name, together.remnant_percent)
        assert point.y == min(m.min_mm for m in together.margins)


def test_the_chart_calls_best_what_no_other_plan_beats(report) -> None:
    chart = next(b for b in section(report, "Remnant against margin").blocks if isinstance(b, Chart))
    for point in chart.points:
        beaten = any(o.x >= point.x and o.y >= point.y and (o.x, o.y) != (point.x, point.y) for o in chart.points)
        assert point.is_best is not beaten
    assert any(p.is_best for p in chart.points)


def test_plans_without_remnants_have_words_in_place_of_a_chart(twin) -> None:
    plans = tuple(reported(twin, Plan(trajectories=(needle(OBLIQUE),)), name) for name in ("one", "two"))
    blocks = section(comparison_report(subject(twin), plans), "Remnant against margin").blocks
    assert all(isinstance(b, Paragraph) for b in blocks)


def test_every_plan_is_seen_from_the_same_two_sides(report) -> None:
    seen = {(p.plan, p.view) for p in report.pictures()}
    assert seen == {(n, view) for n in range(3) for view in ("anterior", "right")}


def test_plans_that_take_the_patient_for_different_people_say_so(twin, plans) -> None:
    frail = reported(twin, Plan(replace(body(), parenchyma=Parenchyma.CIRRHOSIS), (right_cut(OBLIQUE),)), "frail")
    same, different = (comparison_report(subject(twin), pair).facts.pairs for pair in (plans[:2], (plans[0], frail)))
    assert [name for name, _ in same if "figures" in name] == ["Patient's figures"]
    told = [value for name, value in different if "figures" in name]
    assert [value.rsplit(maxsplit=1)[-1] for value in told] == ["normal", "cirrhosis"]


def test_one_plan_or_two_of_one_name_are_refused(twin, plans) -> None:
    with pytest.raises(PlanError, match="two or more"):
        comparison_report(subject(twin), plans[:1])
    with pytest.raises(PlanError, match="same name"):
        comparison_report(subject(twin), (plans[0], plans[0]))
