"""Plans side by side: the same figures of each, which is better in what, and which need not be looked at again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..domain.finding import Severity
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from ..errors import PlanError
from .evaluation import PlanEvaluation
from .resection import ResectionResult
from .verdicts import verdicts_of, worst_by_entry

SAME_RELATIVE = 1e-9
"""Figures that differ by less than this share are the same: rounding in the last digits makes nobody better."""


class Better(StrEnum):
    """Which way a figure is better; a neutral one only informs."""

    HIGHER = "higher"
    LOWER = "lower"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Figure:
    """One figure of one plan.

    Parameters
    ----------
    key, about
        What it is ("remnant_percent") and of which structure ("liver"); the same figures of several plans share both.
    is_goal
        Whether it decides if one plan dominates another. Figures that follow from a goal are none.
    error
        Half-width of its error bar, in its unit; None if it has none.
    """

    key: str
    about: str
    label: str
    unit: str
    better: Better
    value: float | None
    error: float | None = None
    verdict: Verdict | None = None
    is_goal: bool = False


@dataclass(frozen=True)
class ComparedValue:
    """A plan's value in a row."""

    value: float | None
    error: float | None
    verdict: Verdict | None


@dataclass(frozen=True)
class ComparisonRow:
    """One figure of all plans.

    Parameters
    ----------
    values
        One a plan, in the order of the plans; None where a plan has no such figure.
    best
        Positions of the plans with the best value; empty for neutral figures, and where all are the same or one alone
        has a value.
    """

    key: str
    about: str
    label: str
    unit: str
    better: Better
    is_goal: bool
    values: tuple[ComparedValue | None, ...]
    best: tuple[int, ...]

    def number(self, plan: int) -> float | None:
        """The plain number of a plan, or None."""
        value = self.values[plan]
        return None if value is None else value.value


@dataclass(frozen=True)
class PlanComparison:
    """Plans compared.

    Parameters
    ----------
    names
        Of the plans, in the order they were given.
    dominated_by
        For each plan the names of those that are better in at least one goal and worse in none. Empty: it is on the
        Pareto front. Plans that lack a goal the other has are never compared so: they serve different ends.
    """

    names: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]
    dominated_by: tuple[tuple[str, ...], ...]

    def row(self, key: str, about: str = "") -> ComparisonRow:
        """The row of a figure. Raises PlanError if no plan has it."""
        for row in self.rows:
            if (row.key, row.about) == (key, about):
                return row
        raise PlanError(f"none of the compared plans has '{key}' of '{about}'.")

    @property
    def goals(self) -> tuple[ComparisonRow, ...]:
        """The rows that decide on domination."""
        return tuple(row for row in self.rows if row.is_goal)


def compare_plans(evaluations: Mapping[str, PlanEvaluation]) -> PlanComparison:
    """Compare two or more plans that were evaluated on one twin revision.

    Parameters
    ----------
    evaluations
        Name of the plan -> its evaluation, in the order they shall stand side by side.

    Raises
    ------
    PlanError
        If there are fewer than two.
    """
    if len(evaluations) < 2:
        raise PlanError(f"two or more plans are needed for a comparison; found {len(evaluations)}.")
    figures = [_figures(e) for e in evaluations.values()]
    # A row's place is that in the first plan which has it.
    wanted = dict.fromkeys(key for of_plan in figures for key in of_plan)
    rows = tuple(_row([of_plan.get(key) for of_plan in figures]) for key in wanted)
    names = tuple(evaluations)
    goals = [row for row in rows if row.is_goal]
    dominated = tuple(
        tuple(names[b] for b in range(len(names)) if b != a and _dominates(b, a, goals)) for a in range(len(names))
    )
    return PlanComparison(names, rows, dominated)


def _figures(evaluation: PlanEvaluation) -> dict[tuple[str, str], Figure]:
    return {(f.key, f.about): f for source in FIGURE_SOURCES for f in source(evaluation)}


def _row(figures: list[Figure | None]) -> ComparisonRow:
    first = next(f for f in figures if f is not None)
    values = tuple(None if f is None else ComparedValue(f.value, f.error, f.verdict) for f in figures)
    best = _best([None if v is None else v.value for v in values], first.better)
    return ComparisonRow(first.key, first.about, first.label, first.unit, first.better, first.is_goal, values, best)


def _best(values: list[float | None], better: Better) -> tuple[int, ...]:
    there = {n: value for n, value in enumerate(values) if value is not None}
    if better is Better.NEUTRAL or len(there) < 2:
        return ()
    best = max(there.values()) if better is Better.HIGHER else min(there.values())
    winners = tuple(n for n, value in there.items() if is_same(value, best))
    return () if len(winners) == len(there) else winners


def is_same(a: float, b: float) -> bool:
    """Whether two figures differ by rounding only."""
    return math.isclose(a, b, rel_tol=SAME_RELATIVE, abs_tol=SAME_RELATIVE)


def _dominates(one: int, other: int, goals: list[ComparisonRow]) -> bool:
    is_better = False
    for row in goals:
        a, b = row.number(one), row.number(other)
        if a is None and b is None:
            continue
        if a is None or b is None:
            return False
        if is_same(a, b):
            continue
        if (a > b) is not (row.better is Better.HIGHER):
            return False
        is_better = True
    return is_better


def _resections(evaluation: PlanEvaluation) -> list[Figure]:
    return [figure for r in evaluation.combined for figure in (*_volumes(r), *_margins(r))]


def _volumes(r: ResectionResult) -> list[Figure]:
    organ, high, low = r.organ_name, Better.HIGHER, Better.LOWER
    listed = [
        Figure("resected_ml", organ, f"{organ} resected", "mL", low, r.resected.ml, r.resected.error_ml),
        Figure("remnant_ml", organ, f"{organ} remnant", "mL", high, r.remnant.ml, r.remnant.error_ml),
        Figure(
            "remnant_percent", organ, f"{organ} remnant", "%", high, r.remnant_percent, r.remnant_error_percent,
            r.remnant_verdict, is_goal=True,
        ),
        Figure("flr_percent", organ, f"{organ} tumour-free remnant", "%", high, r.flr_percent),
    ]  # fmt: skip
    listed += [
        Figure(f"sflr_percent {formula}", organ, f"{organ} standardised remnant ({formula})", "%", high, percent)
        for formula, percent in r.sflr_percent.items()
    ]
    if r.body_weight_percent is not None:
        label = f"{organ} remnant to body weight"
        listed.append(Figure("remnant_to_body_weight_percent", organ, label, "%", high, r.body_weight_percent))
    listed.append(Figure("cut_area_mm2", organ, f"{organ} cut surface", "mm²", Better.NEUTRAL, r.cut_area_mm2))
    return listed


def _margins(r: ResectionResult) -> list[Figure]:
    listed = []
    for m in r.margins:
        error = COVERAGE_FACTOR * m.terms.combined_mm
        label = f"least margin to {m.target}"
        listed.append(
            Figure("margin_min_mm", m.target, label, "mm", Better.HIGHER, m.min_mm, error, m.verdict, is_goal=True)
        )
        listed.append(
            Figure("margin_p05_mm", m.target, f"5 % margin to {m.target}", "mm", Better.HIGHER, m.low_mm, error)
        )
    return listed


def _judgement(evaluation: PlanEvaluation) -> list[Figure]:
    verdicts = list(worst_by_entry(verdicts_of(evaluation)).values())
    severities = [f.severity for f in evaluation.findings]
    counts = (
        ("violated", "parts of the plan violated", verdicts.count(Verdict.VIOLATED), True),
        ("unproven", "parts of the plan unproven", verdicts.count(Verdict.UNPROVEN), False),
        ("errors", "findings: errors", severities.count(Severity.ERROR), True),
        ("warnings", "findings: warnings", severities.count(Severity.WARNING), False),
    )
    return [
        Figure(key, "", label, "", Better.LOWER, float(count), is_goal=is_goal) for key, label, count, is_goal in counts
    ]


FIGURE_SOURCES: tuple[Callable[[PlanEvaluation], list[Figure]], ...] = (_resections, _judgement)
"""What is compared. Figures of another kind of entry are one function and one row here."""
