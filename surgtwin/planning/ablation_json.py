"""Treated zones as JSON-able data."""

from __future__ import annotations

from typing import Any

from ..domain.verdict import COVERAGE_FACTOR
from .ablation import COOLING, AblationResult


def ablation_as_json(r: AblationResult) -> dict[str, Any]:
    """The figures of a zone, or of several together, unrounded."""
    return {
        "name": r.name,
        "zones": list(r.zones),
        "target": r.target,
        "target_ml": r.target_ml,
        "coverage_percent": r.coverage_percent,
        "min_margin_mm": r.min_margin_mm,
        "wanted_mm": r.wanted_mm,
        "at_mm": list(r.at_mm),
        "rim_at_mm": list(r.rim_at_mm),
        "error_mm": COVERAGE_FACTOR * r.terms.combined_mm,
        "verdict": None if r.verdict is None else r.verdict.value,
        "reason": r.reason,
        "zone_ml": r.zone_ml,
        "overlap_ml": r.overlap_ml,
        "reached": [{"structure": name, "inside_ml": ml} for name, ml in r.reached_ml.items()],
        "is_outside_scan": r.is_outside,
        "note": COOLING,
    }
