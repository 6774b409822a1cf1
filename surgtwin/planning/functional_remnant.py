"""What remains of an organ and still has inflow and outflow: a branch cut from its root feeds or drains nothing.

Lang et al., Arch Surg 2005 (doi 10.1001/archsurg.140.7.629): the territories of cut branches changed the decision in
most of 21 patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import PlanError
from .nearest_line import LineSamples, nearest_groups
from .organ_vessel import OrganVessel
from .settings import DEFAULT_PLANNING, PlanningSettings
from .split import CutSide, Split
from .twin_geometry import TwinGeometry
from .vessel_crossing import Crossing, CutVessel, cut_vessel
from .vessel_graph import VesselGraph
from .vessel_systems import VesselSystem, system_members, systems_of
from .vessel_tree import components

FLOWING, LOST = 0, 1


@dataclass(frozen=True, eq=False)
class FlowLoss:
    """What a cut does to the flow of one vessel system in the tissue that remains.

    Parameters
    ----------
    structures
        The structures that the vessel was traced in.
    crossings
        The branches that are cut, those that stop flow first, the thickest first.
    lost_ml
        Remnant whose nearest resolved branch has lost its flow; None when withheld.
    ambiguous_ml
        Remnant that is so nearly as close to a branch with flow as to one without that it may belong to either.
    unknown_ml
        Remnant so far from every resolved branch that the image does not show what feeds or drains it.
    withheld
        Why there is no figure; empty if there is one.
    pieces
        How many pieces the vessel is in. Each is taken to have flow until a cut takes its own root.
    """

    vessel: str
    is_inflow: bool
    structures: tuple[str, ...]
    resolved_mm: float
    crossings: tuple[Crossing, ...] = ()
    lost_ml: float | None = None
    ambiguous_ml: float | None = None
    unknown_ml: float | None = None
    withheld: str = ""
    pieces: int = 1


@dataclass(frozen=True, eq=False)
class FunctionalRemnant:
    """The remnant less what a cut leaves without inflow, and without outflow.

    Parameters
    ----------
    ischaemic_ml
        Remnant without inflow, tumour left out; None when that is withheld.
    congested_ml
        Remnant with inflow but without outflow: a band, not a loss, for collaterals may drain it.
    least_ml, most_ml
        Tumour-free remnant less the ischaemic part, and with all or none of the congested part; None when withheld.
    least_percent, most_percent
        The same of the organ without tumours, as `flr_percent` is.
    """

    flows: tuple[FlowLoss, ...]
    ischaemic_ml: float | None
    congested_ml: float | None
    least_ml: float | None
    most_ml: float | None
    least_percent: float | None
    most_percent: float | None


def functional_remnant(
    geometry: TwinGeometry,
    organ: str,
    split: Split,
    side: CutSide,
    tumours: Sequence[str] = (),
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> FunctionalRemnant | None:
    """The functional remnant of an organ after a cut; None if no vessel that feeds or drains it is in the twin.

    Parameters
    ----------
    tumours
        Structures that count as no function at all.
    """
    tissue, ml = split.tissue, split.tissue.grid.voxel_volume_ml
    is_tumour = _members(geometry, split, tumours)
    remains = np.where(is_tumour, 0.0, 1.0 - split.share.astype(np.float64)) * ml
    flows, masks = [], []
    for system in systems_of(organ):
        structures = system_members(geometry.twin.labels, system)
        if structures:
            flow, lost = _flow_loss(geometry, organ, system, structures, split, side, remains, settings)
            flows.append(flow)
            masks.append(lost)
    if not flows:
        return None
    without_inflow = _any_lost([m for f, m in zip(flows, masks, strict=True) if f.is_inflow], len(tissue))
    without_outflow = _any_lost([m for f, m in zip(flows, masks, strict=True) if not f.is_inflow], len(tissue))
    ischaemic = None if without_inflow is None else float(remains[without_inflow].sum())
    drained_badly = without_outflow
    if without_outflow is not None and without_inflow is not None:
        drained_badly = without_outflow & ~without_inflow
    congested = None if drained_badly is None else float(remains[drained_badly].sum())
    whole_ml = float(remains.sum())
    healthy_ml = float(np.count_nonzero(~is_tumour)) * ml
    most = None if ischaemic is None else whole_ml - ischaemic
    least = None if most is None or congested is None else most - congested
    percent = [None if v is None or healthy_ml <= 0 else 100.0 * v / healthy_ml for v in (least, most)]
    return FunctionalRemnant(tuple(flows), ischaemic, congested, least, most, percent[0], percent[1])


def _members(geometry: TwinGeometry, split: Split, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which voxels of the tissue belong to structures."""
    if not names:
        return np.zeros(len(split.tissue), dtype=bool)
    i, j, k = split.tissue.ijk.T
    return np.asarray(geometry.tissue(tuple(names)).mask()[k, j, i])


def _any_lost(masks: Sequence[NDArray[np.bool_] | None], count: int) -> NDArray[np.bool_] | None:
    """Voxels that any system leaves without flow; None if no system's figure is known."""
    known = [m for m in masks if m is not None]
    if not known:
        return None
    lost = np.zeros(count, dtype=bool)
    for mask in known:
        lost |= mask
    return lost


def _flow_loss(
    geometry: TwinGeometry,
    organ: str,
    system: VesselSystem,
    structures: tuple[str, ...],
    split: Split,
    side: CutSide,
    remains: NDArray[np.float64],
    settings: PlanningSettings,
) -> tuple[FlowLoss, NDArray[np.bool_] | None]:
    """One system's loss, and the voxels (N,) of the tissue that it leaves without flow; None when withheld."""
    spacing = max(split.tissue.grid.spacing)
    resolved = settings.resolved_voxels * spacing
    try:
        vessel = geometry.organ_vessel(structures[0], split.tissue)
    except PlanError as error:
        return FlowLoss(system.name, system.is_inflow, structures, resolved, withheld=error.reason), None
    cut = cut_vessel(vessel, side, resolved)
    lines = _resolved_lines(vessel, cut, resolved)
    if not len(lines.points_mm):
        reason = f"no branch inside '{organ}' is {resolved:.1f} mm wide, as voxels of {spacing:.1f} mm need it to be"
        return FlowLoss(system.name, system.is_inflow, structures, resolved, cut.crossings, withheld=reason), None
    lost, near, unknown = _lost(split, lines, remains > 0, settings)
    lost_ml, near_ml, unknown_ml = (float(remains[mask].sum()) for mask in (lost, near, unknown))
    flow = FlowLoss(
        system.name, system.is_inflow, structures, resolved, cut.crossings, lost_ml, near_ml, unknown_ml,
        pieces=len(components(vessel.graph)),
    )  # fmt: skip
    share = unknown_ml / max(float(remains.sum()), 1e-9)
    if share > settings.most_unknown:
        reason = (
            f"{100 * share:.0f} % of the remnant is more than {settings.vessel_reach_mm:.0f} mm from every branch that "
            f"the voxels resolve (from {resolved:.1f} mm on)"
        )
        return replace(flow, lost_ml=None, ambiguous_ml=None, withheld=reason), None
    return flow, lost


def _resolved_lines(vessel: OrganVessel, cut: CutVessel, resolved_mm: float) -> LineSamples:
    """The samples in the organ of branches that are wide enough all the way from the root, by whether flow is left."""
    graph = vessel.graph
    wide = wide_edges(graph, resolved_mm)
    used = vessel.is_touching & np.isin(vessel.samples.edge, list(wide))
    group = np.where(used, np.where(cut.has_flow, FLOWING, LOST), -1)
    return vessel.samples.regrouped(group, 2)


def wide_edges(graph: VesselGraph, resolved_mm: float) -> frozenset[int]:
    """Edges of at least this mean diameter that are reached from the roots over such edges alone."""
    narrow = [n for n, e in enumerate(graph.edges) if e.mean_diameter_mm < resolved_mm]
    return graph.reached(narrow)


def _lost(
    split: Split, lines: LineSamples, wanted: NDArray[np.bool_], settings: PlanningSettings
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Voxels (N,) of the tissue without flow, those near the border to it, and those far from every branch."""
    tissue = split.tissue
    lost, near, unknown = (np.zeros(len(tissue), dtype=bool) for _ in range(3))
    which = np.flatnonzero(wanted)
    begins = np.concatenate(([0], np.cumsum(wanted)))[tissue.block_start]
    cells = np.unique(begins)
    found = nearest_groups(
        tissue.points_mm(which), lines, is_weighted=False, closest_mm=settings.ambiguity_mm, cells=cells
    )
    is_far = found.distance_mm > settings.vessel_reach_mm
    lost[which] = (found.group == LOST) & ~is_far
    near[which] = (found.gap_mm < settings.ambiguity_mm) & ~is_far
    unknown[which] = is_far
    return lost, near, unknown
