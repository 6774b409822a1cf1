"""What is wrong with straight ways: limits that are broken or unproven, ways through what nobody spoke of, needles
that meet."""

from __future__ import annotations

from ..domain.finding import Finding, Severity
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .evaluation import PlanEvaluation
from .needle_conflicts import NeedlePair
from .needle_limits import Limit, LimitKind
from .settings import PlanningSettings
from .structure_roles import body_of, is_wrapping
from .trajectory import TrajectoryResult
from .twin_geometry import TwinGeometry


def check_trajectories(geometry: TwinGeometry, evaluation: PlanEvaluation, _: PlanningSettings) -> list[Finding]:
    """Every limit that is not surely kept, and what each way passes through unasked."""
    found: list[Finding] = []
    for result in evaluation.trajectories:
        found += [limit_finding(result, each) for each in result.limits if each.verdict is not Verdict.SAFE]
        found += _unasked(geometry, result)
        found += _skin(geometry, result)
    return found + _unaccepted(geometry, evaluation)


def check_needles(_: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings) -> list[Finding]:
    """Needles that would meet, were all of the plan's placed together."""
    apart = [p for p in evaluation.needle_pairs if not p.are_alternatives]
    found = [_pair_finding(pair) for pair in apart if pair.verdict is not Verdict.SAFE]
    names = dict.fromkeys(n for p in evaluation.needle_pairs if p.are_alternatives for n in (p.first, p.second))
    if names:
        text = f"{', '.join(names)} share a target: they are taken for alternatives, of which one is carried out."
        found.append(Finding("needles-alternative", Severity.INFO, text))
    return found


def limit_finding(result: TrajectoryResult, limit: Limit) -> Finding:
    """What a broken or unproven limit means, and what would mend it."""
    violated = limit.verdict is Verdict.VIOLATED
    numbers = {"needed": limit.needed, "error_mm": COVERAGE_FACTOR * result.terms.combined_mm}
    if limit.found is not None:
        numbers["found"] = limit.found
    severity = Severity.ERROR if violated else Severity.WARNING
    code = "outside-scan" if limit.kind is LimitKind.SCAN else f"needle-{limit.kind}-{limit.verdict}"
    return Finding(code, severity, _text(result, limit), limit.at_mm, numbers, limit.structure)


def _text(result: TrajectoryResult, limit: Limit) -> str:
    name, what, found = f"'{result.name}'", f"'{limit.structure}'", limit.found
    if found is None:
        return f"A limit of {name} can't be judged: {limit.reason}."
    match limit.kind:
        case LimitKind.SCAN:
            return f"{name} runs {found:.0f} mm outside the scan: unknown tissue. Nothing about that part is proven."
        case LimitKind.TOOL_LENGTH:
            text = (
                f"{name} is {found:.0f} mm long, its tool {limit.needed:.0f} mm. Take a longer tool or a nearer entry."
            )
        case LimitKind.THROUGH:
            text = f"{name} does not cross {what}, which it must."
        case LimitKind.SKIN_ANGLE | LimitKind.CAPSULE_ANGLE:
            text = f"{name} meets {what} at {found:.0f} degrees to its normal; {limit.needed:.0f} are allowed."
        case LimitKind.WALL:
            text = f"{name} leaves a wall of {found:.1f} mm in {what}; {limit.needed:.1f} mm are wanted"
            text = _with_error(text, result, limit)
        case LimitKind.BRIDGE:
            text = f"{name} passes {found:.1f} mm of {what} before its target; {limit.needed:.1f} mm are wanted"
            text = _with_error(text, result, limit)
        case _ if found < 0:
            text = f"{name} lies {-found:.1f} mm deep in {what}; {limit.needed:.1f} mm of clearance are wanted"
            text = _with_error(text, result, limit)
        case _:
            text = f"{name} passes {found:.1f} mm from {what}; {limit.needed:.1f} mm are wanted"
            text = _with_error(text, result, limit)
    return text


def _with_error(text: str, result: TrajectoryResult, limit: Limit) -> str:
    error = COVERAGE_FACTOR * result.terms.combined_mm
    if limit.verdict is Verdict.VIOLATED:
        return f"{text} (give or take {error:.1f}). Move the entry or the target."
    return f"{text}, which its error of {error:.1f} mm leaves open: {limit.reason}."


def _unasked(geometry: TwinGeometry, result: TrajectoryResult) -> list[Finding]:
    """Structures that the needle enters and that neither hold its target nor stand in the plan."""
    known = {s.name: s for s in geometry.twin.structures}
    spoken_of = {limit.structure for limit in result.limits} | set(result.place.holders) | {result.place.organ}
    spoken_of |= {i.structure for i in result.trajectory.inside}
    found = []
    for clearance in result.clearances:
        name = clearance.structure
        if clearance.min_mm >= 0 or name in spoken_of or is_wrapping(known[name]):
            continue
        length = sum(c.length_mm for c in result.crossed if c.structure == name)
        how = f"passes through {length:.0f} mm of" if length > 0 else "grazes"
        text = f"'{result.name}' {how} '{name}', of which the plan says nothing."
        numbers = {"length_mm": length, "min_mm": clearance.min_mm}
        found.append(Finding("needle-crosses", Severity.WARNING, text, clearance.at_mm, numbers, name))
    return found


def _unaccepted(geometry: TwinGeometry, evaluation: PlanEvaluation) -> list[Finding]:
    """Structures that the needles' limits rest on and that no person has accepted."""
    used: dict[str, None] = {}
    for result in evaluation.trajectories:
        used |= dict.fromkeys(limit.structure for limit in result.limits if limit.structure)
        used |= dict.fromkeys(result.place.holders)
    cut = {name for each in evaluation.cuts for name in each.tissue.names}
    twin = geometry.twin
    doubtful = [n for n in used if n not in cut | twin.accepted and twin.labels.structure(n).origin != "given"]
    if not doubtful:
        return []
    text = f"No person has accepted {', '.join(doubtful)}; look at the contours before relying on any clearance."
    return [Finding("not-accepted", Severity.WARNING, text, None, {"structures": float(len(doubtful))})]


def _skin(geometry: TwinGeometry, result: TrajectoryResult) -> list[Finding]:
    if result.skin is not None:
        return []
    if body_of(geometry.twin) is None:
        text = "The twin has no 'body', so that no angle to the skin is known. Build it again, or add a body label."
        return [Finding("no-skin", Severity.INFO, text)]
    text = f"'{result.name}' begins inside the body: the way from the skin to its entry is not judged."
    return [Finding("entry-inside", Severity.WARNING, text, result.entry_mm)]


def _pair_finding(pair: NeedlePair) -> Finding:
    numbers = {"gap_mm": pair.gap_mm, "error_mm": pair.error_mm, "angle_deg": pair.angle_deg}
    if pair.verdict is Verdict.VIOLATED:
        text = f"'{pair.first}' and '{pair.second}' run into each other; they can't be placed together."
        return Finding("needles-meet", Severity.ERROR, text, pair.first_mm, numbers)
    text = (
        f"'{pair.first}' and '{pair.second}' come within {pair.gap_mm:.1f} mm of each other; errors of placing them "
        f"may take {pair.error_mm:.1f} mm of it."
    )
    return Finding("needles-near", Severity.WARNING, text, pair.first_mm, numbers)
