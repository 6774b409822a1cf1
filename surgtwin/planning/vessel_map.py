"""A vessel of an organ with its branches, their territories and, in a liver, the segments they stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.cut import TerritoryMethod
from ..errors import PlanError
from ..progress import SILENT, Progress
from .couinaud import SegmentProposal, propose_segments
from .organ_vessel import OrganVessel
from .resection import border_error_mm
from .settings import DEFAULT_PLANNING, PlanningSettings
from .territory import Territories, share_out
from .tissue import organ_members
from .twin_geometry import TwinGeometry
from .vessel_graph import VesselGraph
from .vessel_systems import is_portal, system_members, systems_of

_AUTOMATIC = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, eq=False)
class VesselMap:
    """What `surgtwin plan vessels` tells.

    Parameters
    ----------
    segments
        Proposed from the names of portal branches; None for another vessel, or without such names.
    tumours
        (name, segments that it lies in) of the organ's tumours; empty without segments.
    """

    organ: str
    vessel: OrganVessel
    territories: Territories
    segments: SegmentProposal | None = None
    tumours: tuple[tuple[str, str], ...] = ()


def map_vessel(
    geometry: TwinGeometry,
    organ: str,
    vessel: str = "",
    branches: Sequence[str] = (),
    method: TerritoryMethod = TerritoryMethod.NEAREST,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> VesselMap:
    """Trace a vessel of an organ and share the organ out among its branches.

    Parameters
    ----------
    vessel
        Empty for the first inflow, else outflow, that the table knows and the twin has.
    branches
        Each stands for what hangs on it; empty for those that a person named, else the first that divide the organ.

    Raises
    ------
    PlanError
        If organ, vessel or a branch is not there, the vessel does not run in the organ, or no vessel is known.
    """
    geometry.structure(organ, "organ")
    chosen = vessel or known_vessel(geometry, organ)
    geometry.structure(chosen, "vessel")
    tissue = geometry.tissue(organ_members(geometry.twin.labels, organ))
    progress.update(0.0)
    found = geometry.organ_vessel(chosen, tissue, "vessel")
    mask = geometry.tissue(found.structures).mask()
    progress.update(0.4)
    territories = share_out(
        tissue,
        found,
        branches or first_branches(found),
        mask,
        method=method,
        ambiguity_mm=settings.ambiguity_mm,
        mesh=geometry.tissue_mesh(tissue),
        border_mm=border_error_mm(geometry.error_terms()),
    )
    progress.update(0.8)
    if not is_portal(organ, found.structures):
        return VesselMap(organ, found, territories)
    segments = propose_segments(tissue, found, mask, method=method, ambiguity_mm=settings.ambiguity_mm)
    tumours = geometry.abnormal(tissue.names) if segments is not None else ()
    placed = tuple((n, segments.lies_in(geometry.tissue((n,)).mask())) for n in tumours) if segments else ()
    progress.update(1.0)
    return VesselMap(organ, found, territories, segments, placed)


def known_vessel(geometry: TwinGeometry, organ: str) -> str:
    """The structure of the first vessel system of an organ that the twin has. Raises PlanError if it has none."""
    for system in sorted(systems_of(organ), key=lambda s: not s.is_inflow):
        members = system_members(geometry.twin.labels, system)
        if members:
            return members[0]
    raise PlanError(f"no vessel of '{organ}' is known in this twin; name one with a mask of its own.", "vessel")


def first_branches(vessel: OrganVessel) -> tuple[str, ...]:
    """The branches that a person named; else those of the first generation in which several run in the organ."""
    graph = vessel.graph
    inside = [n for n in graph.names if vessel.has_inside(frozenset(graph.edges_of(n)))]
    named = tuple(n for n in inside if not _AUTOMATIC.fullmatch(n))
    if named:
        return named
    for generation in range(1, max(e.generation for e in graph.edges) + 1):
        some = tuple(sorted((n for n in inside if _generation(graph, n) == generation), key=_by_numbers))
        if len(some) > 1:
            return some
    return tuple(inside)


def _by_numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))


def _generation(graph: VesselGraph, name: str) -> int:
    return min(graph.edges[n].generation for n in graph.edges_of(name))
