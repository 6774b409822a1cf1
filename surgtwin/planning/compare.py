"""Plans side by side: the same figures of each, which is better in what, and which need not be looked at again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..domain.verdict import Verdict
from ..errors import PlanError
from .compare_figures import Better, Figure, figures_of
from .evaluation import PlanEvaluation

SAME_RELATIVE = 1e-9
"""Figures that differ by less than this share are the same: rounding in the last digits makes nobody better."""


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
    figures = [{(f.key, f.about): f for f in figures_of(e)} for e in evaluations.values()]
    # A row's place is that in the first plan which has it.
    wanted = dict.fromkeys(key for of_plan in figures for key in of_plan)
    rows = tuple(_row([of_plan.get(key) for of_plan in figures]) for key in wanted)
    names = tuple(evaluations)
    goals = [row for row in rows if row.is_goal]
    dominated = tuple(
        tuple(names[b] for b in range(len(names)) if b != a and _dominates(b, a, goals)) for a in range(len(names))
    )
    return PlanComparison(names, rows, dominated)


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
