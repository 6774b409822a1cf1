"""An access map and its candidates as JSON-able data: numbers unrounded, absent = None."""

from __future__ import annotations

from typing import Any

from ..domain.finding import finding_as_json
from ..domain.plan import Plan
from ..domain.verdict import COVERAGE_FACTOR
from .access import AccessMap
from .candidates import Candidate
from .plan_json import plan_as_json, tool_as_json
from .trajectory_json import trajectory_as_json

Json = dict[str, Any]


def access_as_json(access: AccessMap, candidates: tuple[Candidate, ...]) -> Json:
    """What was asked, how the ways fared, and the best of them."""
    request = access.request
    return {
        "schema": 1,
        "target": {"name": request.target_name or None, "point_mm": list(request.target_mm)},
        "tool": tool_as_json(request.tool),
        "organ": access.place.organ or None,
        "lesion": access.place.lesion or None,
        "kept_clear": [{"structure": name, "clearance_mm": mm} for name, mm in access.needed_mm.items()],
        "crossable": list(request.crossable),
        "through": list(request.through),
        "max_skin_angle_deg": request.max_skin_angle_deg,
        "min_bridge_mm": request.min_bridge_mm,
        "directions": len(access.directions),
        "allowed": int(access.allowed.sum()),
        "proven": int(access.proven.sum()),
        "refused": [{"reason": kind.name.lower(), "directions": n} for kind, n in access.counts().items() if kind],
        "blocked_by": [{"structure": name, "directions": n} for name, n in access.blocked_by().items()],
        "error_mm": COVERAGE_FACTOR * access.terms.combined_mm,
        "search_error_mm": access.error_mm,
        "candidates": [_candidate(access, c, n + 1) for n, c in enumerate(candidates)],
        "findings": [finding_as_json(f) for f in access.findings],
    }


def candidates_as_plan(candidates: tuple[Candidate, ...], name: str) -> Json:
    """The candidates as a plan file that `plan evaluate` reads."""
    return plan_as_json(Plan(trajectories=tuple(c.result.trajectory for c in candidates)), name)


def _candidate(access: AccessMap, candidate: Candidate, rank: int) -> Json:
    row = candidate.row
    return {
        "rank": rank,
        "score": candidate.score,
        "is_pareto": candidate.is_pareto,
        "estimate": {
            "length_mm": float(access.length_mm[row]),
            "clearance_mm": float(access.clearance_mm[row]),
            "slack_mm": float(access.slack_mm[row]),
            "nearest": access.structures[access.nearest[row]] if access.nearest[row] >= 0 else None,
            "skin_angle_deg": float(access.skin_angle_deg[row]),
            "risk": float(access.risk[row]),
        },
    } | trajectory_as_json(candidate.result)
