"""Judged trajectories as tables for a person."""

from __future__ import annotations

from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.needle_limits import Limit, LimitKind
from surgtwin.planning.trajectory import TrajectoryResult

from .console import say, table

DISTANCES = (LimitKind.CLEARANCE, LimitKind.BONE)
NEAR_MM = 20.0


def say_trajectories(evaluation: PlanEvaluation) -> None:
    """What each way is like, what it crosses, and how its limits fare."""
    if not evaluation.trajectories:
        return
    header = ("needle", "length mm", "depth mm", "to skin", "to capsule", "misplaced", "verdict", "crosses")
    say("\n" + table([_row(t) for t in evaluation.trajectories], header, right=(1, 2, 3, 4, 5)))
    limits = [[t.name, *_limit(limit)] for t in evaluation.trajectories for limit in _worth_saying(t)]
    say("\n" + table(limits, ("needle", "limit", "structure", "found", "needed", "verdict", ""), right=(3, 4)))
    kept = sum(len(t.limits) for t in evaluation.trajectories) - len(limits)
    if kept:
        say(f"{kept} more limits are kept with more than {NEAR_MM:.0f} mm to spare")


def _worth_saying(t: TrajectoryResult) -> list[Limit]:
    """All limits but distances that are kept easily."""
    return [
        limit
        for limit in t.limits
        if limit.kind not in DISTANCES or limit.found is None or limit.found - limit.needed < NEAR_MM
    ]


def _limit(limit: Limit) -> list[str]:
    found = "-" if limit.found is None else f"{limit.found:.1f}"
    return [limit.kind.value, limit.structure, found, f"{limit.needed:.1f}", limit.verdict.value, limit.reason]


def _row(t: TrajectoryResult) -> list[str]:
    crossed = [f"{c.structure} {c.length_mm:.0f}" for c in t.crossed]
    return [
        t.name,
        f"{t.length_mm:.1f}",
        "-" if t.depth_mm is None else f"{t.depth_mm:.1f}",
        "-" if t.skin is None else f"{t.skin.angle_deg:.0f}°",
        "-" if t.capsule is None else f"{t.capsule.angle_deg:.0f}°",
        "-" if t.robustness is None else f"{100 * t.robustness.probability:.1f} %",
        t.verdict.value,
        ", ".join(crossed),
    ]
