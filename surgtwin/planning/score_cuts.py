"""The criteria of cuts and treated zones: margins, and what remains."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .ablation import AblationResult
from .evaluation import PlanEvaluation
from .margin import Margin
from .remnant import judge_remnant
from .resection import ResectionResult
from .score_row import WANTED_BY_PLAN, ScoreRow
from .settings import PlanningSettings

FUNCTION_SMALL = "functional-remnant-small"


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
    return [
        ScoreRow(
            f"remnant of {result.organ_name}", result.name, result.flr_percent, "%", result.remnant_verdict,
            error=result.remnant_error_percent, needed=result.least_percent,
            source=_tissue_source(evaluation, settings), mend=_mend_remnant(result),
        )
        for result in evaluation.combined
        if result.remnant_verdict is not None and result.least_percent is not None
    ]  # fmt: skip


def functional_rows(evaluation: PlanEvaluation, settings: PlanningSettings) -> list[ScoreRow]:
    """The part of each liver's remnant that keeps inflow and outflow, against the same threshold as the remnant.

    What is only congested may be drained by collaterals, and what lies far from every branch that is seen may have lost
    its own: where either decides, the verdict is left open.
    """
    rows = []
    for result in evaluation.combined:
        kept, needed, error = result.functional, result.least_percent, result.remnant_error_percent
        if kept is None or kept.least_percent is None or kept.most_percent is None or needed is None:
            continue
        verdict, at_best = (judge_remnant(p, error, needed) for p in (kept.least_percent, kept.most_percent))
        if verdict is Verdict.VIOLATED and at_best is not Verdict.VIOLATED:
            verdict = Verdict.UNPROVEN
        unknown = judge_remnant(kept.least_percent - _unknown_percent(result), error, needed)
        mend = "Spare the branches that the cut divides."
        if verdict is Verdict.SAFE and unknown is not Verdict.SAFE:
            verdict, mend = Verdict.UNPROVEN, "Segment more of the vessels: most branches are not shown."
        rows.append(
            ScoreRow(
                f"{result.organ_name} with inflow and outflow", result.name, kept.least_percent, "%", verdict,
                error=error, needed=needed, source=_tissue_source(evaluation, settings),
                mend="" if verdict is Verdict.SAFE else mend,
            )
        )  # fmt: skip
    return rows


def _unknown_percent(result: ResectionResult) -> float:
    """How much of the healthy organ remains without a branch in sight, percent."""
    healthy = result.organ.ml - result.tumour_ml
    flows = result.functional.flows if result.functional is not None else ()
    unknown = max((f.unknown_ml or 0.0 for f in flows), default=0.0)
    return 100.0 * unknown / healthy if healthy > 0 else 0.0


def _tissue_source(evaluation: PlanEvaluation, settings: PlanningSettings) -> str:
    return f"{evaluation.plan.patient.parenchyma.value} tissue: {settings.thresholds.source}"


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
