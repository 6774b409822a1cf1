"""Tool paths as JSON-able data, and the timeline that goes with one."""

from __future__ import annotations

from typing import Any

from ..domain.verdict import COVERAGE_FACTOR
from ..simulation.scan_edge import Outside
from ..simulation.timeline import Contact
from ..simulation.trocar import TrocarState
from .path_trocar import TrocarCourse
from .tool_path import NearestPass, ToolPathResult

Json = dict[str, Any]


def tool_path_as_json(r: ToolPathResult) -> Json:
    """The figures of a path, unrounded."""
    judged = r.judgement
    return {
        "name": r.name,
        "verdict": r.verdict.value,
        "reason": judged.reason,
        "time_s": judged.time_s,
        "at_mm": None if judged.at_mm is None else list(judged.at_mm),
        "min_clearance": [_nearest(p) for p in r.nearest],
        "contacts": [_contact(c) for c in r.timeline.contacts],
        "swept_ml": r.swept_ml,
        "removed_ml": dict(r.removed_ml),
        "poses": len(r.timeline.motion),
        "step_mm": r.timeline.motion.step_mm,
        "between_mm": r.between_mm,
        "trocar": None if r.trocar is None else _trocar(r.trocar),
        "outside_scan": None if r.outside is None else _outside(r.outside),
    }


def timeline_as_json(r: ToolPathResult) -> Json:
    """Every pose that was looked at and the clearances there: lists of one length."""
    motion = r.timeline.motion
    return {
        "time_s": motion.times_s.tolist(),
        "lps_from_tool": motion.lps_from_tool.tolist(),
        "clearance_mm": {c.structure: c.mm.tolist() for c in r.timeline.clearances},
    }


def _nearest(p: NearestPass) -> Json:
    return {
        "structure": p.structure,
        "min_mm": p.min_mm,
        "at_mm": list(p.at_mm),
        "structure_at_mm": list(p.structure_at_mm),
        "time_s": p.time_s,
        "needed_mm": p.needed_mm,
        "verdict": None if p.verdict is None else p.verdict.value,
        "reason": p.reason,
        "error_mm": COVERAGE_FACTOR * p.terms.combined_mm,
    }


def _contact(c: Contact) -> Json:
    return {
        "structure": c.structure,
        "start_s": c.start_s,
        "end_s": c.end_s,
        "deepest_mm": c.deepest_mm,
        "at_mm": list(c.at_mm),
        "at_s": c.at_s,
    }


def _trocar(course: TrocarCourse) -> Json:
    return {
        "trocar_mm": list(course.trocar_mm),
        "inward_normal": None if course.inward is None else list(course.inward),
        "worst_deviation_mm": course.worst.deviation_mm,
        "worst_deviation_s": course.worst.time_s,
        "poses": [_state(s) for s in course.states],
    }


def _state(s: TrocarState) -> Json:
    return {
        "time_s": s.time_s,
        "depth_mm": s.depth_mm,
        "tilt_deg": s.tilt_deg,
        "handle_mm": list(s.handle_mm),
        "deviation_mm": s.deviation_mm,
        "shaft_left_mm": s.shaft_left_mm,
    }


def _outside(o: Outside) -> Json:
    return {
        "first_s": o.first_s,
        "at_mm": list(o.at_mm),
        "at_s": o.at_s,
        "farthest_mm": o.farthest_mm,
        "may_be_in_body": o.is_in_body,
    }
