"""Judged tool paths and treated zones as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence

from surgtwin.planning.ablation import COOLING, AblationResult
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.tool_path import ToolPathResult

from .console import say, table

NEAR_MM = 20.0
MOST_NAMED = 3
"""Names of more zones than this fill the line."""


def say_zones(evaluation: PlanEvaluation) -> None:
    """What each zone covers, how far it reaches beyond its target, and what it leaves out."""
    several = [z for z in evaluation.ablations_combined if len(z.zones) > 1]
    zones = [*evaluation.ablations, *several]
    if not zones:
        return
    header = ("zone", "target", "zone mL", "covered %", "margin mm", "wanted mm", "verdict", "")
    say("\n" + table([_zone(z) for z in zones], header, right=(2, 3, 4, 5)))
    say(COOLING)


def say_paths(paths: Sequence[ToolPathResult]) -> None:
    """What each instrument comes near to, touches and takes away."""
    for path in paths:
        _say_path(path)


def _say_path(r: ToolPathResult) -> None:
    motion, judged = r.timeline.motion, r.judgement
    when = "" if judged.time_s is None else f" at {judged.time_s:.1f} s"
    why = f": {judged.reason}{when}" if judged.reason else ""
    say(f"\ntool path {r.name}: {r.verdict.value}{why}")
    duration = r.timeline.end_s - r.timeline.start_s
    say(f"{len(motion)} poses in {duration:.1f} s, no point moving more than {motion.step_mm:.2f} mm between two")
    near = [p for p in r.nearest if p.min_mm < NEAR_MM or p.verdict is not None]
    rows = [
        [
            p.structure,
            f"{p.min_mm:.1f}",
            f"{p.time_s:.1f}",
            _place(p.at_mm),
            "-" if p.needed_mm is None else f"{p.needed_mm:.1f}",
            "-" if p.verdict is None else p.verdict.value,
            p.reason,
        ]
        for p in near
    ]
    header = ("structure", "least mm", "at s", "place (LPS mm)", "wanted mm", "verdict", "")
    if rows:
        say(table(rows, header, right=(1, 2, 4)))
    contacts = [
        [c.structure, f"{c.start_s:.2f}", f"{c.end_s:.2f}", f"{c.deepest_mm:.1f}", _place(c.at_mm)]
        for c in r.timeline.contacts
    ]
    if contacts:
        say("\n" + table(contacts, ("contact", "from s", "to s", "deepest mm", "place (LPS mm)"), right=(1, 2, 3)))
    if r.trocar is not None:
        _say_port(r)
    removed = ", ".join(f"{name} {ml:.2f} mL" for name, ml in r.removed_ml.items() if ml > 0.0)
    say(f"\nsweeps {r.swept_ml:.1f} mL; " + (f"takes {removed}" if removed else "takes nothing"))


def _say_port(r: ToolPathResult) -> None:
    if r.trocar is None:
        return
    rows = [
        [
            f"{s.time_s:.1f}",
            f"{s.depth_mm:.1f}",
            "-" if s.tilt_deg is None else f"{s.tilt_deg:.1f}",
            _place(s.handle_mm),
            f"{s.deviation_mm:.1f}",
        ]
        for s in r.trocar.states
    ]
    say("\n" + table(rows, ("trocar at s", "depth mm", "tilt deg", "handle (LPS mm)", "beside mm"), right=(0, 1, 2, 4)))


def _zone(z: AblationResult) -> list[str]:
    return [
        z.name if len(z.zones) <= MOST_NAMED else f"{z.zones[0]} ... {z.zones[-1]} ({len(z.zones)} together)",
        z.target,
        f"{z.zone_ml:.1f}",
        f"{z.coverage_percent:.1f}",
        f"{z.min_margin_mm:.1f}",
        f"{z.wanted_mm:.1f}",
        "together" if z.verdict is None else z.verdict.value,
        z.reason,
    ]


def _place(point: Sequence[float]) -> str:
    return ", ".join(f"{c:.0f}" for c in point)
