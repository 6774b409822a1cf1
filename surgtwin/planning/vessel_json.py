"""A vessel's graph, the territories of its branches and proposed segments as JSON-able data."""

from __future__ import annotations

from typing import Any

from .vessel_graph import VesselEdge, VesselGraph
from .vessel_map import VesselMap

Json = dict[str, Any]


def vessel_map_as_json(found: VesselMap) -> Json:
    """Everything that was found about a vessel of an organ; volumes of territories add up to the organ's."""
    shared = found.territories
    return {
        "organ": found.organ,
        "organ_ml": shared.tissue.volume_ml,
        "vessel": list(found.vessel.structures),
        "graph": graph_as_json(found.vessel.graph),
        "method": shared.method.value,
        "ambiguity_mm": shared.ambiguity_mm,
        "ambiguous_ml": shared.ambiguous_ml,
        "territories": [
            {"name": p.name, "ml": p.ml, "error_ml": p.error_ml, "ambiguous_ml": p.ambiguous_ml} for p in shared.parts
        ],
        "segments": None if found.segments is None else _segments(found),
    }


def _segments(found: VesselMap) -> Json:
    segments = found.segments
    return {
        "confirmed": False,
        "proposed": [
            {"name": s.name or None, "branches": list(s.branches), "ml": s.ml, "ambiguous_ml": s.ambiguous_ml}
            for s in (segments.segments if segments is not None else ())
        ],
        "tumours": [{"name": name, "lies_in": lies_in or None} for name, lies_in in found.tumours],
    }


def graph_as_json(graph: VesselGraph) -> Json:
    """Nodes and branches, LPS mm, away from the roots."""
    return {
        "roots_mm": [list(graph.nodes[n].point_mm) for n in graph.roots],
        "nodes": [{"point_mm": list(n.point_mm), "radius_mm": n.radius_mm, "kind": n.kind.value} for n in graph.nodes],
        "edges": [_edge(e) for e in graph.edges],
    }


def _edge(edge: VesselEdge) -> Json:
    return {
        "branch": edge.name,
        "nodes": list(edge.nodes),
        "length_mm": edge.length_mm,
        "mean_diameter_mm": edge.mean_diameter_mm,
        "min_diameter_mm": edge.min_diameter_mm,
        "generation": edge.generation,
        "strahler": edge.strahler,
        "closes_loop": edge.is_loop,
        "points_mm": edge.points_mm.tolist(),
        "radius_mm": edge.radius_mm.tolist(),
    }
