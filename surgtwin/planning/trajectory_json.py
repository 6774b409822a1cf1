"""A judged trajectory as JSON-able data: numbers unrounded, absent = None."""

from __future__ import annotations

from typing import Any

from ..domain.geometry import Point3
from ..domain.verdict import COVERAGE_FACTOR, ErrorTerms
from .crossing import Crossing, Passage
from .line_distance import Clearance
from .needle_conflicts import NeedlePair
from .needle_limits import Limit
from .robustness import Robustness
from .trajectory import TrajectoryResult

Json = dict[str, Any]


def trajectory_as_json(r: TrajectoryResult) -> Json:
    """The figures of one trajectory."""
    return {
        "name": r.name,
        "entry_mm": list(r.trajectory.entry_mm),
        "target_mm": list(r.trajectory.target_mm),
        "tool": {"radius_mm": r.trajectory.tool.radius_mm, "length_mm": r.trajectory.tool.length_mm},
        "length_mm": r.length_mm,
        "depth_mm": r.depth_mm,
        "skin": _passage(r.skin),
        "capsule": _passage(r.capsule),
        "organ": r.place.organ or None,
        "lesion": r.place.lesion or None,
        "bridge_mm": r.bridge_mm,
        "off_axis_deg": r.off_axis_deg,
        "crossed": [_crossing(c) for c in r.crossed],
        "clearances": [_clearance(c) for c in r.clearances],
        "clearance_curve": {
            "depth_mm": r.curve.depth_mm.tolist(),
            "structures": [
                {"structure": name, "mean_mm": float(row.mean()), "clearance_mm": row.tolist()}
                for name, row in zip(r.curve.structures, r.curve.clearance_mm, strict=True)
            ],
        },
        "limits": [_limit(limit) for limit in r.limits],
        "unnamed_mm": r.unnamed_mm,
        "outside_mm": r.outside_mm,
        "robustness": None if r.robustness is None else _robustness(r.robustness),
        "error_mm": COVERAGE_FACTOR * r.terms.combined_mm,
        "error_terms": _terms(r.terms),
        "verdict": r.verdict.value,
    }


def pair_as_json(pair: NeedlePair) -> Json:
    """How near two needles come."""
    return {
        "names": [pair.first, pair.second],
        "gap_mm": pair.gap_mm,
        "at_mm": [list(pair.first_mm), list(pair.second_mm)],
        "angle_deg": pair.angle_deg,
        "error_mm": pair.error_mm,
        "are_alternatives": pair.are_alternatives,
        "verdict": pair.verdict.value,
    }


def _passage(p: Passage | None) -> Json | None:
    if p is None:
        return None
    return {"structure": p.structure, "depth_mm": p.depth_mm, "at_mm": list(p.at_mm), "angle_deg": p.angle_deg}


def _crossing(c: Crossing) -> Json:
    return {
        "structure": c.structure,
        "entry_depth_mm": c.entry_depth_mm,
        "exit_depth_mm": c.exit_depth_mm,
        "length_mm": c.length_mm,
        "entry_mm": list(c.entry_mm),
        "exit_mm": list(c.exit_mm),
    }


def _clearance(c: Clearance) -> Json:
    return {
        "structure": c.structure,
        "min_mm": c.min_mm,
        "at_mm": list(c.at_mm),
        "depth_mm": c.depth_mm,
        "structure_at_mm": list(c.structure_at_mm),
        "needed_mm": c.needed_mm,
        "verdict": None if c.verdict is None else c.verdict.value,
    }


def _limit(limit: Limit) -> Json:
    return {
        "kind": limit.kind.value,
        "structure": limit.structure or None,
        "found": limit.found,
        "needed": limit.needed,
        "verdict": limit.verdict.value,
        "reason": limit.reason or None,
        "at_mm": _place(limit.at_mm),
    }


def _robustness(r: Robustness) -> Json:
    return {
        "probability": r.probability,
        "standard_error": r.standard_error,
        "upper_95": r.upper,
        "samples": r.samples,
        "tip_error_mm": r.noise.tip_mm,
        "entry_error_mm": r.noise.entry_mm,
        "source": r.noise.source,
        "by_structure": [{"structure": name, "probability": p} for name, p in r.by_structure],
    }


def _terms(terms: ErrorTerms) -> Json:
    return {
        "voxel_mm": terms.voxel_mm,
        "segmentation_mm": terms.segmentation_mm,
        "registration_mm": terms.registration_mm,
        "k": COVERAGE_FACTOR,
    }


def _place(point: Point3 | None) -> list[float] | None:
    return None if point is None else list(point)
