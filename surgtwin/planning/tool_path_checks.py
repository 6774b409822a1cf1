"""What is wrong with tool paths: clearances, ports, and ways out of the scan."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .evaluation import PlanEvaluation
from .settings import PlanningSettings
from .tool_path import NearestPass, ToolPathResult
from .twin_geometry import TwinGeometry


def check_tool_paths(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Clearances that are broken or left open, shafts beside their trocar or too short, and unknown tissue."""
    found = []
    for result in evaluation.tool_paths:
        found += [_clearance(result, p) for p in result.nearest if p.verdict not in (None, Verdict.SAFE)]
        found += _port(result, settings)
        found += _outside(result)
    return found


def _clearance(result: ToolPathResult, p: NearestPass) -> Finding:
    violated, error = p.verdict is Verdict.VIOLATED, COVERAGE_FACTOR * p.terms.combined_mm
    needed = p.needed_mm or 0.0
    if p.min_mm <= 0.0:
        text = f"'{result.name}' enters '{p.structure}' by {-p.min_mm:.1f} mm at {p.time_s:.1f} s"
    else:
        text = f"'{result.name}' passes '{p.structure}' at {p.min_mm:.1f} mm at {p.time_s:.1f} s"
    state = "less than" if violated else "which cannot be told from"
    text += f" (give or take {error:.1f}), {state} the {needed:.1f} mm wanted. "
    text += "Lead the path away there." if violated else f"{p.reason[0].upper()}{p.reason[1:]}."
    numbers = {"min_mm": p.min_mm, "needed_mm": needed, "error_mm": error, "time_s": p.time_s}
    severity = Severity.ERROR if violated else Severity.WARNING
    return Finding(f"path-{p.verdict}", severity, text, p.structure_at_mm, numbers, p.structure)


def _port(result: ToolPathResult, settings: PlanningSettings) -> list[Finding]:
    course, found = result.trocar, []
    if course is None:
        return []
    off = course.worst
    if off.deviation_mm > settings.trocar_tolerance_mm:
        text = (
            f"At {off.time_s:.1f} s the shaft of '{result.name}' passes {off.deviation_mm:.1f} mm beside its trocar; "
            f"{settings.trocar_tolerance_mm:.1f} mm are possible. Turn the poses about the trocar, or move it."
        )
        numbers = {"deviation_mm": off.deviation_mm, "time_s": off.time_s}
        found.append(Finding("trocar-missed", Severity.ERROR, text, course.trocar_mm, numbers))
    short = course.deepest
    if short.shaft_left_mm < 0.0:
        text = (
            f"At {short.time_s:.1f} s the shaft of '{result.name}' is {-short.shaft_left_mm:.1f} mm too short to "
            "come from its trocar. Take a longer instrument, or move the trocar."
        )
        numbers = {"missing_mm": -short.shaft_left_mm, "time_s": short.time_s}
        found.append(Finding("shaft-too-short", Severity.ERROR, text, course.trocar_mm, numbers))
    return found


def _outside(result: ToolPathResult) -> list[Finding]:
    out = result.outside
    if out is None:
        return []
    part = "the instrument" if out.is_in_body else "the part of the instrument behind its trocar"
    text = (
        f"'{result.name}': {part} lies outside the scan: unknown tissue. From {out.first_s:.1f} s on, at most "
        f"{out.farthest_mm:.0f} mm outside. Nothing is known of what it meets there."
    )
    severity = Severity.WARNING if out.is_in_body else Severity.INFO
    return [Finding("outside-scan", severity, text, out.at_mm, {"outside_mm": out.farthest_mm, "time_s": out.at_s})]
