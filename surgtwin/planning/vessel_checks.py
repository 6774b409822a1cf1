"""What is wrong with a cut as its vessels see it: remnant without inflow or outflow, and what the image can't tell."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.verdict import Verdict
from .evaluation import PlanEvaluation
from .functional_remnant import FlowLoss, FunctionalRemnant
from .remnant import judge_remnant
from .resection import ResectionResult
from .settings import PlanningSettings
from .twin_geometry import TwinGeometry

LEAST_ML = 1.0
"""Losses below this are not worth a finding."""
MUCH_UNKNOWN = 0.2
"""Share of the remnant whose supply may stay unseen without a finding."""


def check_flow(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Branches that each cut divides, what they leave without flow, and what is withheld."""
    found: list[Finding] = []
    for result in evaluation.resections:
        if result.functional is not None:
            for flow in result.functional.flows:
                found += _flow_findings(result, flow)
    for result in evaluation.combined:
        if result.functional is not None and result.least_percent is not None:
            found += _percent_findings(result, result.functional, result.least_percent, settings)
    return found


def _flow_findings(result: ResectionResult, flow: FlowLoss) -> list[Finding]:
    found = []
    stopped = [c for c in flow.crossings if c.stops_flow]
    if flow.withheld:
        text = (
            f"What '{result.name}' leaves without {_word(flow)} through the {flow.vessel} is not stated: "
            f"{flow.withheld}. Thinner slices, or a scan in the phase that shows it, would tell."
        )
        found.append(Finding("flow-withheld", Severity.WARNING, text, None, {}, flow.structures[0]))
    if flow.lost_ml is not None and flow.lost_ml >= LEAST_ML:
        found.append(_lost_finding(result, flow))
    if not flow.withheld and flow.unknown_ml is not None and flow.unknown_ml > MUCH_UNKNOWN * result.remnant.ml:
        text = (
            f"No resolved branch of the {flow.vessel} is near {flow.unknown_ml:.0f} mL of what '{result.name}' leaves: "
            "what becomes of its flow is unknown. Segment more of the vessel."
        )
        numbers = {"unknown_ml": flow.unknown_ml}
        found.append(Finding("flow-unknown", Severity.WARNING, text, None, numbers, flow.structures[0]))
    if flow.pieces > 1:
        text = (
            f"The {flow.vessel} is in {flow.pieces} pieces. Each counts as having flow until its own root is cut, "
            "whatever fills the gap. Close the gaps in the segmentation."
        )
        found.append(
            Finding("vessel-in-pieces", Severity.INFO, text, None, {"pieces": flow.pieces}, flow.structures[0])
        )
    thin = [c for c in stopped if not c.is_resolved]
    if thin:
        text = (
            f"'{result.name}' divides {len(thin)} branch{'es' if len(thin) > 1 else ''} of the {flow.vessel} thinner "
            f"than the {flow.resolved_mm:.1f} mm that the voxels resolve; no volume is stated for "
            f"{'them' if len(thin) > 1 else 'it'}."
        )
        numbers = {"resolved_mm": flow.resolved_mm, "branches": float(len(thin))}
        found.append(Finding("branch-unresolved", Severity.INFO, text, thin[0].at_mm, numbers, flow.structures[0]))
    return found


def _lost_finding(result: ResectionResult, flow: FlowLoss) -> Finding:
    stopped = [c for c in flow.crossings if c.stops_flow]
    branches = ", ".join(f"'{c.branch}' ({c.diameter_mm:.1f} mm)" for c in stopped) or "the root"
    lost, unsure = flow.lost_ml or 0.0, flow.ambiguous_ml or 0.0
    state = (
        "without inflow (ischaemic)" if flow.is_inflow else "without outflow (congested, unless collaterals drain it)"
    )
    text = (
        f"'{result.name}' divides {branches} of the {flow.vessel} and leaves {lost:.0f} mL of the remnant {state}; "
        f"{unsure:.0f} mL lie too near the border to be sure."
    )
    numbers = {"lost_ml": lost, "ambiguous_ml": unsure}
    code = "remnant-ischaemic" if flow.is_inflow else "remnant-congested"
    where = stopped[0].at_mm if stopped else None
    return Finding(code, Severity.WARNING, text, where, numbers, flow.structures[0])


def _word(flow: FlowLoss) -> str:
    return "inflow" if flow.is_inflow else "outflow"


def _percent_findings(
    result: ResectionResult, functional: FunctionalRemnant, least: float, settings: PlanningSettings
) -> list[Finding]:
    """The functional remnant against the smallest in use, where the whole remnant would do."""
    if functional.most_percent is None or result.remnant_verdict is Verdict.VIOLATED:
        return []
    without = functional.least_percent if functional.least_percent is not None else functional.most_percent
    if judge_remnant(without, result.remnant_error_percent, least) is not Verdict.VIOLATED:
        return []
    sure = judge_remnant(functional.most_percent, result.remnant_error_percent, least) is Verdict.VIOLATED
    text = (
        f"Of the remnant of {result.flr_percent:.0f} % only {without:.0f} to {functional.most_percent:.0f} % keep "
        f"inflow and outflow; {least:.0f} % are in use for this tissue ({settings.thresholds.source})."
    )
    numbers = {"least_percent": least, "functional_percent": without, "with_congested_percent": functional.most_percent}
    severity = Severity.ERROR if sure else Severity.WARNING
    return [Finding("functional-remnant-small", severity, text, None, numbers, result.organ_name)]
