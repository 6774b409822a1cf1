"""`surgtwin plan vessels`: the branches of a vessel, and what each feeds or drains of an organ."""

from __future__ import annotations

import argparse

from surgtwin.domain.cut import TerritoryMethod
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.vessel_graph import VesselEdge
from surgtwin.planning.vessel_json import vessel_map_as_json
from surgtwin.planning.vessel_map import VesselMap, map_vessel
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json
from .plan_source import choose_plan


def run(options: argparse.Namespace) -> int:
    """Trace the vessel, and share the organ out among its branches."""
    twin = load_twin(options.twin)
    geometry, bar = TwinGeometry(twin), ProgressBar()
    if options.plan is not None:
        geometry = geometry.with_vessel_names(choose_plan(twin, options.plan).plan.vessels)
    try:
        found = map_vessel(
            geometry,
            options.organ,
            options.vessel,
            options.branch,
            TerritoryMethod(options.method),
            progress=bar.progress(),
        )
    finally:
        bar.close()
    if options.json:
        write_json({"case_id": twin.case_id, "revision": twin.revision.number} | vessel_map_as_json(found))
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  {found.vessel.graph.vessel}  (research use only)")
    _say(found)
    return 0


def _say(found: VesselMap) -> None:
    header = ("branch", "length mm", "diameter mm", "least mm", "generation", "middle at (L, P, S) mm")
    say(table([_row(e) for e in found.vessel.graph.edges], header, right=range(1, 5)))
    shared = found.territories
    rows = [[p.name, f"{p.ml:.0f}", f"{p.error_ml:.0f}", f"{p.ambiguous_ml:.0f}"] for p in shared.parts]
    rows.append(["together", f"{shared.tissue.volume_ml:.0f}", "", f"{shared.ambiguous_ml:.0f}"])
    say("\n" + table(rows, (f"territory in {found.organ}", "mL", "give or take", "ambiguous mL"), right=(1, 2, 3)))
    say(f"ambiguous: the next branch is less than {shared.ambiguity_mm:g} mm farther than the nearest one")
    say(f"nearest is meant as: {shared.method}")
    if found.segments is not None:
        named = ", ".join(f"{s.name} {s.ml:.0f} mL" for s in found.segments.segments if s.name)
        say(f"\nsegments proposed from the branches' names, for a person to confirm: {named}")
        for name, lies_in in found.tumours:
            say(f"  {name} lies in {lies_in or 'no segment with a name'}")


def _row(edge: VesselEdge) -> list[str]:
    x, y, z = edge.points_mm[len(edge.points_mm) // 2]
    return [
        edge.name, f"{edge.length_mm:.1f}", f"{edge.mean_diameter_mm:.1f}", f"{edge.min_diameter_mm:.1f}",
        str(edge.generation), f"{x:.1f}, {y:.1f}, {z:.1f}",
    ]  # fmt: skip
