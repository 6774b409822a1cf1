"""The criteria of straight ways and of instruments' paths: for each, the limit that is kept worst."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .evaluation import PlanEvaluation
from .needle_limits import Limit, LimitKind
from .score_row import WANTED_BY_PLAN, ScoreRow
from .settings import PlanningSettings
from .tool_path import NearestPass, ToolPathResult
from .trajectory import TrajectoryResult

_WORST_FIRST = (Verdict.VIOLATED, Verdict.UNPROVEN, Verdict.SAFE)
_AT_MOST = (LimitKind.TOOL_LENGTH, LimitKind.SKIN_ANGLE, LimitKind.CAPSULE_ANGLE, LimitKind.SCAN)
"""Limits whose needed value is the largest that is allowed."""
_ANGLES = (LimitKind.SKIN_ANGLE, LimitKind.CAPSULE_ANGLE)
_WITHOUT_ERROR = (*_AT_MOST, LimitKind.THROUGH)
_SOURCES = {
    LimitKind.TOOL_LENGTH: "length of the tool",
    LimitKind.BONE: "rule for needles through soft tissue",
    LimitKind.SCAN: "unknown tissue proves nothing",
}
"""Limits that no plan states."""
_WORDS = {
    LimitKind.TOOL_LENGTH: "length of the way",
    LimitKind.CLEARANCE: "clearance to {}",
    LimitKind.BONE: "clearance to {}",
    LimitKind.THROUGH: "way through {}",
    LimitKind.WALL: "wall in {}",
    LimitKind.SKIN_ANGLE: "angle to the skin",
    LimitKind.CAPSULE_ANGLE: "angle to the capsule",
    LimitKind.BRIDGE: "organ before the lesion",
    LimitKind.SCAN: "way outside the scan",
}


def limit_row(result: TrajectoryResult, limit: Limit) -> ScoreRow:
    """A limit of a trajectory as a criterion."""
    has_error = limit.found is not None and limit.kind not in _WITHOUT_ERROR
    error = COVERAGE_FACTOR * result.terms.combined_mm if has_error else None
    return ScoreRow(
        _WORDS[limit.kind].format(limit.structure), result.name, limit.found,
        "deg" if limit.kind in _ANGLES else "mm", limit.verdict, error=error, needed=limit.needed,
        is_least=limit.kind not in _AT_MOST, source=_SOURCES.get(limit.kind, WANTED_BY_PLAN),
        mend=_mend(limit, error), at_mm=limit.at_mm,
    )  # fmt: skip


def _mend(limit: Limit, error: float | None) -> str:
    if limit.verdict is Verdict.SAFE:
        return ""
    if limit.kind in (LimitKind.CLEARANCE, LimitKind.BONE) and limit.found is not None:
        missing = limit.needed + (error or 0.0) - limit.found
        return f"Led {missing:.1f} mm further from {limit.structure} there, the way would be safe."
    return f"{limit.reason[:1].upper()}{limit.reason[1:]}."


def needle_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """For each trajectory the limit that is kept worst; all of them stand in the trajectory's own table."""
    rows = [[limit_row(result, limit) for limit in result.limits] for result in evaluation.trajectories]
    return [min(of_one, key=_badness) for of_one in rows if of_one]


def _badness(row: ScoreRow) -> tuple[int, float]:
    slack = 0.0 if row.value is None or row.needed is None else row.value - row.needed
    return _WORST_FIRST.index(row.verdict), slack if row.is_least else -slack


def pair_rows(evaluation: PlanEvaluation, settings: PlanningSettings) -> list[ScoreRow]:
    """The two needles that come nearest to each other."""
    rows = [
        ScoreRow(
            "gap between needles", f"{p.first}, {p.second}", p.gap_mm, "mm", p.verdict, error=p.error_mm, needed=0.0,
            source=f"placement errors: {settings.needles.noise.source}",
            mend="" if p.verdict is Verdict.SAFE else "Move one of the needles away.", at_mm=p.first_mm,
        )
        for p in evaluation.needle_pairs
    ]  # fmt: skip
    return [min(rows, key=_badness)] if rows else []


def path_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """For each tool path the structure that it is worst to; where something else is worse, that."""
    return [_path_row(result) for result in evaluation.tool_paths]


def _path_row(result: ToolPathResult) -> ScoreRow:
    limited = [pass_row(result, p) for p in result.nearest if p.verdict is not None]
    worst = min(limited, key=_badness, default=None)
    if worst is not None and worst.verdict is result.verdict:
        return worst
    reason = result.judgement.reason
    mend = f"{reason[:1].upper()}{reason[1:]}." if reason else ""
    return ScoreRow(
        "the path as a whole", result.name, None, "", result.verdict, mend=mend, at_mm=result.judgement.at_mm
    )


def pass_row(result: ToolPathResult, p: NearestPass) -> ScoreRow:
    """A path's nearest pass of a structure as a criterion."""
    error = COVERAGE_FACTOR * p.terms.combined_mm
    verdict = p.verdict or Verdict.SAFE
    missing = (p.needed_mm or 0.0) + error - p.min_mm
    mend = f"Led {missing:.1f} mm further from {p.structure} at {p.time_s:.1f} s, the path would be safe."
    return ScoreRow(
        f"clearance to {p.structure}", result.name, p.min_mm, "mm", verdict, error=error, needed=p.needed_mm,
        source=WANTED_BY_PLAN, mend="" if verdict is Verdict.SAFE else mend, at_mm=p.at_mm,
    )  # fmt: skip
