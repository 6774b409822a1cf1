"""What is wrong with treated zones: margins, what else they destroy, and what the figures leave out."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .ablation import COOLING, AblationResult
from .evaluation import PlanEvaluation
from .heat_sinks import heat_sink_findings
from .settings import PlanningSettings
from .structure_roles import is_wrapping
from .twin_geometry import TwinGeometry

LEAST_REACHED_ML = 0.01
"""Less of a structure inside a zone than this is not worth a sentence."""


def check_ablations(geometry: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Margins too small or left open, structures beside the target, zones outside the scan, and vessel cooling."""
    together = evaluation.ablations_combined
    found = [_margin_finding(r, settings) for r in together if r.verdict is not Verdict.SAFE]
    for result in together:
        found += _reached_findings(geometry, result)
        found += heat_sink_findings(geometry, result)
        if result.is_outside:
            text = f"Part of '{result.name}' lies outside the scan: unknown tissue, which is not counted."
            found.append(Finding("outside-scan", Severity.WARNING, text, None, {}, result.target))
    if together:
        text = f"{COOLING[0].upper()}{COOLING[1:]}. Keep a larger margin there."
        found.append(Finding("cooling-not-modelled", Severity.INFO, text))
    return found


def _margin_finding(result: AblationResult, settings: PlanningSettings) -> Finding:
    violated, error = result.verdict is Verdict.VIOLATED, COVERAGE_FACTOR * result.terms.combined_mm
    if result.coverage_percent <= 0.0:
        text = f"'{result.name}' misses '{result.target}'. Move the zone to it."
    elif result.min_margin_mm < 0.0:
        text = (
            f"'{result.name}' covers {result.coverage_percent:.1f} % of '{result.target}': part of it lies up to "
            f"{-result.min_margin_mm:.1f} mm outside the zone. Move the zone there, or add one."
        )
    else:
        state = "is less than" if violated else "cannot be told from"
        mend = "Move the zone, or add one." if violated else f"{result.reason[0].upper()}{result.reason[1:]}."
        text = (
            f"The least margin of '{result.name}' around '{result.target}' is {result.min_margin_mm:.1f} mm (give or "
            f"take {error:.1f}), which {state} the {result.wanted_mm:.1f} mm wanted "
            f"({settings.ablation_margin_source}). {mend}"
        )
    numbers = {
        "min_margin_mm": result.min_margin_mm,
        "wanted_mm": result.wanted_mm,
        "error_mm": error,
        "coverage_percent": result.coverage_percent,
    }
    severity = Severity.ERROR if violated else Severity.WARNING
    return Finding(f"ablation-{result.verdict}", severity, text, result.at_mm, numbers, result.target)


def _reached_findings(geometry: TwinGeometry, result: AblationResult) -> list[Finding]:
    """Structures the zone destroys part of, but for the target, what it is a part of, and the body as a whole."""
    expected = {result.target, geometry.structure(result.target).part_of}
    found = []
    for name, ml in result.reached_ml.items():
        structure = geometry.structure(name)
        if name in expected or structure.part_of == result.target or is_wrapping(structure) or ml < LEAST_REACHED_ML:
            continue
        text = f"'{result.name}' reaches '{name}': {ml:.2f} mL of it lie inside the zone."
        found.append(Finding("ablation-reaches", Severity.WARNING, text, None, {"inside_ml": ml}, name))
    return found
