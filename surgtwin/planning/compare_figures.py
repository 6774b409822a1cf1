"""The figures of a plan that are compared with those of another, each with the way in which it is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..domain.finding import Severity
from ..domain.verdict import COVERAGE_FACTOR, Verdict, worst
from .ablation import AblationResult
from .evaluation import PlanEvaluation
from .functional_remnant import FunctionalRemnant
from .line_distance import Clearance
from .resection import ResectionResult
from .verdicts import verdicts_of, worst_by_entry


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


def figures_of(evaluation: PlanEvaluation) -> list[Figure]:
    """All figures of an evaluated plan, in the order they are shown."""
    return [figure for source in FIGURE_SOURCES for figure in source(evaluation)]


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
    if r.functional is not None:
        listed += _flow(organ, r.functional)
    listed.append(Figure("cut_area_mm2", organ, f"{organ} cut surface", "mm²", Better.NEUTRAL, r.cut_area_mm2))
    return listed


def _flow(organ: str, functional: FunctionalRemnant) -> list[Figure]:
    """What is left with flow, and what of each vessel system is divided; None where the evaluation withholds it."""
    high, low = Better.HIGHER, Better.LOWER
    least, label = functional.least_percent, f"{organ} functional remnant, at least"
    listed = [
        Figure("functional_percent", organ, label, "%", high, least),
        Figure("ischaemic_ml", organ, f"{organ} remnant without inflow", "mL", low, functional.ischaemic_ml),
    ]
    for flow in functional.flows:
        diameters = [c.diameter_mm for c in flow.crossings]
        count = None if flow.withheld else float(len(diameters))
        thickest = None if flow.withheld else max(diameters, default=0.0)
        listed += [
            Figure("divided_branches", flow.vessel, f"branches of {flow.vessel} divided", "", low, count),
            Figure("divided_mm", flow.vessel, f"thickest branch of {flow.vessel} divided", "mm", low, thickest),
        ]
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


def _zones(evaluation: PlanEvaluation) -> list[Figure]:
    return [figure for result in evaluation.ablations_combined for figure in _zone(result)]


def _zone(r: AblationResult) -> list[Figure]:
    error, high = COVERAGE_FACTOR * r.terms.combined_mm, Better.HIGHER
    return [
        Figure("coverage_percent", r.target, f"{r.target} treated", "%", high, r.coverage_percent, is_goal=True),
        Figure(
            "ablative_margin_mm", r.target, f"least ablative margin of {r.target}", "mm", high, r.min_margin_mm, error,
            r.verdict, is_goal=True,
        ),
        Figure("zone_ml", r.target, f"tissue treated around {r.target}", "mL", Better.LOWER, r.zone_ml),
    ]  # fmt: skip


def _needles(evaluation: PlanEvaluation) -> list[Figure]:
    """Of all needles together: the least clearance to each structure that the plan protects, and the longest way."""
    needles = evaluation.trajectories
    if not needles:
        return []
    kept_clear: dict[str, list[Clearance]] = {}
    for clearance in (c for needle in needles for c in needle.clearances if c.needed_mm is not None):
        kept_clear.setdefault(clearance.structure, []).append(clearance)
    listed = [_clearance(name, clearances) for name, clearances in kept_clear.items()]
    together = (pair for pair in evaluation.needle_pairs if not pair.are_alternatives)
    gap = min(together, key=lambda p: p.gap_mm, default=None)
    if gap is not None:
        label = "least gap between needles"
        listed.append(
            Figure("needle_gap_mm", "", label, "mm", Better.HIGHER, gap.gap_mm, gap.error_mm, gap.verdict, is_goal=True)
        )
    longest = max(n.length_mm for n in needles)
    listed.append(Figure("needle_length_mm", "", "longest way of a needle", "mm", Better.LOWER, longest))
    risks = [n.robustness.probability for n in needles if n.robustness is not None]
    if risks:
        label = "placements that break a distance, worst needle"
        listed.append(Figure("needle_risk_percent", "", label, "%", Better.LOWER, 100.0 * max(risks)))
    return listed


def _clearance(structure: str, clearances: list[Clearance]) -> Figure:
    least = min(clearances, key=lambda c: c.min_mm)
    verdict = worst(tuple(c.verdict for c in clearances if c.verdict is not None))
    error, label = COVERAGE_FACTOR * least.terms.combined_mm, f"least clearance of needles to {structure}"
    return Figure(
        "needle_clearance_mm", structure, label, "mm", Better.HIGHER, least.min_mm, error, verdict, is_goal=True
    )


def _paths(evaluation: PlanEvaluation) -> list[Figure]:
    """Of all tool paths together: the least clearance to what may not be touched, and what is taken away."""
    paths = evaluation.tool_paths
    if not paths:
        return []
    limited = [p for path in paths for p in path.nearest if p.needed_mm is not None]
    listed = []
    if limited:
        # What is asked for differs between structures: the one that keeps least of its own clearance counts.
        worst_pass = min(limited, key=lambda p: p.min_mm - (p.needed_mm or 0.0))
        spare, error = worst_pass.min_mm - (worst_pass.needed_mm or 0.0), COVERAGE_FACTOR * worst_pass.terms.combined_mm
        label = "clearance of instruments beyond what is needed, least"
        listed.append(
            Figure("tool_spare_mm", "", label, "mm", Better.HIGHER, spare, error, worst_pass.verdict, is_goal=True)
        )
    named = dict.fromkeys(a.structure for path in paths for a in path.path.avoid)
    for name in named:
        least = min((p for p in limited if p.structure == name), key=lambda p: p.min_mm)
        error, label = COVERAGE_FACTOR * least.terms.combined_mm, f"least clearance of instruments to {name}"
        listed.append(Figure("tool_clearance_mm", name, label, "mm", Better.HIGHER, least.min_mm, error, least.verdict))
    contacts = float(sum(len(path.timeline.contacts) for path in paths))
    listed.append(Figure("tool_contacts", "", "contacts of instruments", "", Better.NEUTRAL, contacts))
    removed: dict[str, float] = {}
    for name, ml in (item for path in paths for item in path.removed_ml.items()):
        removed[name] = removed.get(name, 0.0) + ml
    for name, ml in removed.items():
        if ml > 0.0:
            listed.append(Figure("tool_removed_ml", name, f"{name} taken away", "mL", Better.NEUTRAL, ml))
    listed.append(
        Figure("tool_swept_ml", "", "space that instruments pass", "mL", Better.LOWER, sum(p.swept_ml for p in paths))
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


FIGURE_SOURCES: tuple[Callable[[PlanEvaluation], list[Figure]], ...] = (
    _resections,
    _needles,
    _zones,
    _paths,
    _judgement,
)
"""What is compared. Figures of another kind of entry are one function and one row here."""
