"""What a cut takes and leaves of each territory, where a person named the branches that the territories hang on."""

from __future__ import annotations

from functools import partial

from ..errors import PlanError
from .couinaud import propose_segments
from .organ_vessel import TOUCHING, OrganVessel
from .settings import DEFAULT_PLANNING, PlanningSettings
from .split import Split
from .territory import share_out
from .territory_share import SharedTissue, TerritoryShares
from .tissue import Tissue
from .twin_geometry import TwinGeometry
from .vessel_map import first_branches
from .vessel_systems import is_portal
from .vessel_tracing import enclosed_share

UNNAMED = "no segment"
"""Liver nearest to branches whose names say no segment."""


def territory_shares(
    geometry: TwinGeometry, organ: str, split: Split, settings: PlanningSettings = DEFAULT_PLANNING
) -> tuple[TerritoryShares, ...]:
    """What a cut takes of each territory of an organ, for every vessel in it whose branches the plan names."""
    found = []
    for names in geometry.vessel_names:
        try:
            vessel = geometry.organ_vessel(names.vessel, split.tissue)
        except PlanError:
            # It runs in another organ, which has its own territories.
            continue
        if not _runs_in(vessel, split.tissue):
            continue
        make = partial(_shared, geometry, organ, vessel, split.tissue, settings.ambiguity_mm)
        shared = geometry.shared_tissue(vessel, settings.ambiguity_mm, make)
        found.append(shared.shares(vessel.graph.vessel, split.share, split.tissue.grid.voxel_volume_ml))
    return tuple(found)


def _runs_in(vessel: OrganVessel, tissue: Tissue) -> bool:
    """Whether the organ itself lies around some of the vessel: its own branches beside it count for nothing here."""
    samples = vessel.samples
    share = enclosed_share(samples.points_mm, samples.radius_mm, tissue.mask(), tissue.grid)
    return bool((share >= TOUCHING).any())


def _shared(
    geometry: TwinGeometry, organ: str, vessel: OrganVessel, tissue: Tissue, ambiguity_mm: float
) -> SharedTissue:
    """The liver's segments where portal branches are named after them; else the territories of the named branches."""
    mask = geometry.tissue(vessel.structures).mask()
    if is_portal(organ, vessel.structures):
        proposal = propose_segments(tissue, vessel, mask, ambiguity_mm=ambiguity_mm)
        if proposal is not None:
            said = tuple(s.name or UNNAMED for s in proposal.segments)
            return SharedTissue(True, said, tuple(s.ambiguous_ml for s in proposal.segments), proposal.index)
    shared = share_out(tissue, vessel, first_branches(vessel), mask, ambiguity_mm=ambiguity_mm)
    names, doubt = zip(*((p.name, p.ambiguous_ml) for p in shared.parts), strict=True)
    return SharedTissue(False, names, doubt, shared.index)
