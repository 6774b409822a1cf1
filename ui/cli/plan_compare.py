"""`surgtwin plan compare`: plans side by side."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.twin import Twin
from surgtwin.errors import PlanError
from surgtwin.planning.compare import ComparedValue, ComparisonRow, PlanComparison, compare_plans
from surgtwin.planning.compare_json import comparison_as_json
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json
from .plan_source import ChosenPlan, choose_plan

_DIGITS = {"mL": 0, "mm²": 0, "": 0, "remnant_to_body_weight_percent": 2}
"""Digits behind the point by figure or by unit; one for the rest."""


def run(options: argparse.Namespace) -> int:
    twin = load_twin(options.twin)
    chosen = _choose(twin, options.plans)
    compared = compare_plans(_evaluate(twin, chosen))
    if options.json:
        about: dict[str, Any] = {"case_id": twin.case_id, "revision": twin.revision.number}
        answer = about | comparison_as_json(compared)
        for told, plan in zip(answer["plans"], chosen, strict=True):
            told |= {"version": plan.version, "status": plan.status or None}
        write_json(answer)
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  (research use only)")
    for plan in chosen:
        say(f"  {plan.title}")
    _say(compared)
    return 0


def _choose(twin: Twin, wanted: list[str]) -> list[ChosenPlan]:
    chosen = [choose_plan(twin, name) for name in wanted]
    names = [c.name for c in chosen]
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise PlanError(f"'{repeated[0]}' stands twice among the plans to compare; give each another name.")
    return chosen


def _evaluate(twin: Twin, chosen: list[ChosenPlan]) -> dict[str, PlanEvaluation]:
    geometry, bar, judged = TwinGeometry(twin), ProgressBar(), {}
    try:
        for n, plan in enumerate(chosen):
            part = bar.progress().part(n / len(chosen), (n + 1) / len(chosen), plan.name)
            try:
                judged[plan.name] = evaluate_plan(geometry, plan.plan, progress=part)
            except PlanError as error:
                raise error.within(f"plan '{plan.name}'") from error
    finally:
        bar.close()
    return judged


def _say(compared: PlanComparison) -> None:
    rows = [[row.label, row.unit, *_cells(row)] for row in compared.rows]
    columns = range(2, 2 + len(compared.names))
    say("\n" + table(rows, ("", "", *compared.names), right=columns))
    say("\n* better   ± error bar   no star: the same, or not to be ranked")
    for name, by in zip(compared.names, compared.dominated_by, strict=True):
        if by:
            others = " and ".join(f"'{b}'" for b in by)
            say(f"'{name}' is beaten by {others}: better in at least one goal, worse in none")
    goals = ", ".join(dict.fromkeys(row.label for row in compared.goals))
    say(f"goals: {goals}")


def _cells(row: ComparisonRow) -> list[str]:
    return [_cell(row, value) + (" *" if n in row.best else "  ") for n, value in enumerate(row.values)]


def _cell(row: ComparisonRow, value: ComparedValue | None) -> str:
    if value is None or value.value is None:
        return "-"
    digits = _DIGITS.get(row.key, _DIGITS.get(row.unit, 1))
    text = f"{value.value:.{digits}f}"
    if value.error is not None:
        text += f" ± {value.error:.{digits}f}"
    return text if value.verdict is None else f"{text} {value.verdict.value}"
