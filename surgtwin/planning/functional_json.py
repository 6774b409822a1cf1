"""The functional remnant and the branches that a cut crosses as JSON-able data."""

from __future__ import annotations

from typing import Any

from .functional_remnant import FlowLoss, FunctionalRemnant
from .vessel_crossing import Crossing

Json = dict[str, Any]


def functional_as_json(functional: FunctionalRemnant | None) -> Json | None:
    """All figures, None where withheld; None for an organ of which no vessel is in the twin."""
    if functional is None:
        return None
    return {
        "ischaemic_ml": functional.ischaemic_ml,
        "congested_ml": functional.congested_ml,
        "remnant_ml": [functional.least_ml, functional.most_ml],
        "flr_percent": [functional.least_percent, functional.most_percent],
        "inflow": [_flow(f) for f in functional.flows if f.is_inflow],
        "outflow": [_flow(f) for f in functional.flows if not f.is_inflow],
    }


def _flow(flow: FlowLoss) -> Json:
    return {
        "vessel": flow.vessel,
        "structures": list(flow.structures),
        "resolved_mm": flow.resolved_mm,
        "lost_ml": flow.lost_ml,
        "ambiguous_ml": flow.ambiguous_ml,
        "unknown_ml": flow.unknown_ml,
        "withheld": flow.withheld or None,
        "pieces": flow.pieces,
        "crossings": [crossing_as_json(c) for c in flow.crossings],
    }


def crossing_as_json(crossing: Crossing) -> Json:
    """One place where a cut divides a branch."""
    return {
        "vessel": crossing.vessel,
        "branch": crossing.branch,
        "at_mm": list(crossing.at_mm),
        "diameter_mm": crossing.diameter_mm,
        "stops_flow": crossing.stops_flow,
        "is_at_capsule": crossing.is_at_capsule,
        "is_resolved": crossing.is_resolved,
        "distal": list(crossing.distal),
    }
