"""A plan at a glance: a few criteria, each with its figure, what it is held against, and a verdict; never one sum.

The overall verdict is the worst of the rows. A weighted score would hide a violated margin behind a large remnant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..domain.finding import Finding, Severity
from ..domain.geometry import Point3
from ..domain.verdict import COVERAGE_FACTOR, Verdict, worst
from .ablation import AblationResult
from .evaluation import PlanEvaluation
from .margin import Margin
from .resection import ResectionResult
from .settings import DEFAULT_PLANNING, PlanningSettings

WANTED_BY_PLAN = "wanted by the plan"
_WORST_FIRST = (Verdict.VIOLATED, Verdict.UNPROVEN, Verdict.SAFE)


@dataclass(frozen=True)
class ScoreRow:
    """One criterion of a plan.

    Parameters
    ----------
    entry
        The resection, trajectory, ablation or path it is about; empty if it is about the plan.
    value, error, needed
        In `unit` ("mm", "%" or "" for a count). `error` is what the value may be off by; None where it has none.
        `value` is None if there is nothing to measure, `needed` if there is no threshold.
    is_least
        `needed` is the smallest value that is enough; else it is the largest that is allowed.
    source
        Where the threshold comes from.
    mend
        What would mend it, for a person; empty if nothing has to be mended.
    """

    criterion: str
    entry: str
    value: float | None
    unit: str
    verdict: Verdict
    error: float | None = None
    needed: float | None = None
    is_least: bool = True
    source: str = ""
    mend: str = ""
    at_mm: Point3 | None = None


@dataclass(frozen=True)
class Scorecard:
    """The criteria of a plan, the worst first."""

    rows: tuple[ScoreRow, ...]

    @property
    def overall(self) -> Verdict:
        """The worst verdict of any row."""
        return worst(tuple(row.verdict for row in self.rows))


Criterion = Callable[[PlanEvaluation, PlanningSettings], list[ScoreRow]]


def scorecard(evaluation: PlanEvaluation, settings: PlanningSettings = DEFAULT_PLANNING) -> Scorecard:
    """The scorecard of an evaluated plan; rows of one verdict stay in the order of the criteria."""
    rows = [row for criterion in CRITERIA for row in criterion(evaluation, settings)]
    return Scorecard(tuple(sorted(rows, key=lambda row: _WORST_FIRST.index(row.verdict))))


def margin_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """The margin of each cut to each of its targets."""
    return [_margin_row(result, margin) for result in evaluation.resections for margin in result.margins]


def _margin_row(result: ResectionResult, margin: Margin) -> ScoreRow:
    return ScoreRow(
        f"margin to {margin.target}", result.name, margin.min_mm, "mm", margin.verdict,
        error=COVERAGE_FACTOR * margin.terms.combined_mm, needed=margin.wanted_mm, source=WANTED_BY_PLAN,
        mend=_mend_margin(margin), at_mm=margin.at_mm,
    )  # fmt: skip


def _mend_margin(margin: Margin) -> str:
    if margin.verdict is Verdict.SAFE:
        return ""
    if margin.is_missed:
        return f"Move the cut beyond {margin.target}, or take it off the targets."
    missing = margin.wanted_mm + COVERAGE_FACTOR * margin.terms.combined_mm - (margin.min_mm or 0.0)
    text = f"Moved {missing:.1f} mm further from {margin.target} there, the cut would be safe"
    return f"{text}; {margin.terms.remedy}." if margin.verdict is Verdict.UNPROVEN else f"{text}."


def remnant_rows(evaluation: PlanEvaluation, settings: PlanningSettings) -> list[ScoreRow]:
    """What remains of each liver once every cut is carried out, against the least in use for its tissue."""
    tissue = evaluation.plan.patient.parenchyma.value
    return [
        ScoreRow(
            f"remnant of {result.organ_name}", result.name, result.flr_percent, "%", result.remnant_verdict,
            error=result.remnant_error_percent, needed=result.least_percent,
            source=f"{tissue} tissue: {settings.thresholds.source}", mend=_mend_remnant(result),
        )
        for result in evaluation.combined
        if result.remnant_verdict is not None and result.least_percent is not None
    ]  # fmt: skip


def _mend_remnant(result: ResectionResult) -> str:
    if result.remnant_verdict is Verdict.SAFE or result.least_percent is None:
        return ""
    missing = result.least_percent + result.remnant_error_percent - result.flr_percent
    millilitres = missing / 100.0 * (result.organ.ml - result.tumour_ml)
    return f"With {millilitres:.0f} mL more of {result.organ_name} left, it would be enough."


def zone_rows(evaluation: PlanEvaluation, settings: PlanningSettings) -> list[ScoreRow]:
    """The least margin around each target of treated zones; what is not covered has a negative one."""
    return [_zone_row(result, settings) for result in evaluation.ablations_combined if result.verdict is not None]


def _zone_row(result: AblationResult, settings: PlanningSettings) -> ScoreRow:
    error = COVERAGE_FACTOR * result.terms.combined_mm
    missing = result.wanted_mm + error - result.min_margin_mm
    mend = f"Reaching {missing:.1f} mm further there, the zone would be safe."
    verdict = result.verdict or Verdict.UNPROVEN
    return ScoreRow(
        f"margin of the zone around {result.target}", result.name, result.min_margin_mm, "mm", verdict,
        error=error, needed=result.wanted_mm, source=settings.ablation_margin_source,
        mend="" if verdict is Verdict.SAFE else mend, at_mm=result.at_mm,
    )  # fmt: skip


_GROUND = {
    "not-accepted": ("contours that no person has accepted", "Look at the contours and accept them."),
    "organ-cut-off": ("organs cut off by the edge of the scan", "Plan on a scan that holds the whole organ."),
    "outside-scan": ("parts of the plan outside the scan", "Plan on a scan that shows what lies there."),
}
"""Findings about what a plan rests on: code -> criterion, and what would mend it."""
_JUDGED_ABOVE = ("margin-", "remnant-unproven", "remnant-violated", "ablation-unproven", "ablation-violated")
"""Findings whose figures have a row of their own."""


def ground_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """What the figures rest on: accepted structures, and all of the organ in the scan."""
    rows = []
    for code, (criterion, mend) in _GROUND.items():
        about = [f for f in evaluation.findings if f.code == code]
        if about:
            rows.append(_counted(criterion, about, mend))
    return rows


def other_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """Whatever else was found wrong, counted; silence about it would make the overall verdict untrue."""
    known = (*_JUDGED_ABOVE, *_GROUND)
    other = [f for f in evaluation.findings if not f.code.startswith(known) and f.severity is not Severity.INFO]
    return [_counted("other findings", other, "Read the findings below.")] if other else []


def _counted(criterion: str, findings: list[Finding], mend: str) -> ScoreRow:
    """A row that says how many things there are that should not be: as many as the findings count, or one each."""
    is_error = any(f.severity is Severity.ERROR for f in findings)
    verdict = Verdict.VIOLATED if is_error else Verdict.UNPROVEN
    count = float(sum(f.numbers.get("structures", 1.0) for f in findings))
    return ScoreRow(criterion, "", count, "", verdict, needed=0.0, is_least=False, mend=mend)


CRITERIA: tuple[Criterion, ...] = (margin_rows, remnant_rows, zone_rows, ground_rows, other_rows)
"""What a scorecard shows, in this order within one verdict. A further criterion is one function and one row here."""
