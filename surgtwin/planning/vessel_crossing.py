"""Which branches of a vessel a cut crosses, where and how thick they are there, and what still has flow after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..domain.geometry import FloatArray, Point3
from .nearest_line import LineSamples
from .organ_vessel import OrganVessel
from .split import CutSide
from .vessel_graph import VesselGraph
from .vessel_tracing import ENCLOSED

GRAZING_MM = 0.5
"""A stretch that a cut takes, or leaves, is none if the middle line lies no deeper than this on that side of it."""
STEADY_SAMPLES = 5
"""A vessel is inside the organ or outside by the median of this many samples: the capsule's steps don't count."""


@dataclass(frozen=True)
class Crossing:
    """A place where a cut divides a branch.

    Parameters
    ----------
    vessel, branch
        Names of the vessel and of the branch.
    diameter_mm
        Of the vessel there.
    stops_flow
        Whether flow reached this place before the cut and reaches it after: here it is stopped. Else the branch is
        crossed once more beyond such a place.
    is_at_capsule
        The branch is taken with the organ's resected part and divided where it comes in, not in the cut surface.
    is_resolved
        Whether the voxels are fine enough to be sure of a branch of this diameter.
    distal
        Names of the branches that hang on this place, its own first.
    """

    vessel: str
    branch: str
    at_mm: Point3
    diameter_mm: float
    stops_flow: bool
    is_at_capsule: bool
    is_resolved: bool
    distal: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CutVessel:
    """A vessel after a cut.

    Parameters
    ----------
    has_flow
        (M,) for each of the vessel's samples, whether it stays and a root still reaches it.
    """

    vessel: OrganVessel
    crossings: tuple[Crossing, ...]
    has_flow: NDArray[np.bool_]


def cut_vessel(vessel: OrganVessel, side: CutSide, resolved_mm: float) -> CutVessel:
    """What a cut of the organ makes of a vessel; the cut's continuation outside the organ divides nothing.

    Parameters
    ----------
    resolved_mm
        Thinner branches are not resolved by the voxels.
    """
    samples, graph = vessel.samples, vessel.graph
    value = side.signed(samples.points_mm)
    inside = _steady(vessel) >= ENCLOSED
    gone = _without_grazing(inside & (value > 0), inside, value, samples)
    gone = _agreed_at_nodes(gone, graph, samples)
    has_flow = _with_flow(gone, graph, samples)
    before = np.flatnonzero((samples.edge[1:] == samples.edge[:-1]) & (gone[1:] != gone[:-1]))
    crossings = [_crossing(vessel, int(n), value, inside, has_flow, resolved_mm) for n in before]
    # A taken branch whose tip leaves the capsule's mask is not divided there.
    divided = [c for c in crossings if c.stops_flow or not c.is_at_capsule]
    return CutVessel(vessel, tuple(sorted(divided, key=lambda c: (not c.stops_flow, -c.diameter_mm))), has_flow)


def _steady(vessel: OrganVessel) -> FloatArray:
    """How enclosed (M,) each sample is, steadied along its edge."""
    share = vessel.enclosed.copy()
    for own in _edges(vessel.samples):
        share[own] = ndimage.median_filter(vessel.enclosed[own], size=STEADY_SAMPLES, mode="nearest")
    return share


def _edges(samples: LineSamples) -> list[slice]:
    """The samples of each edge: they follow one another."""
    starts = np.flatnonzero(np.diff(samples.edge, prepend=-1))
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(samples.edge)], strict=True)]


def _without_grazing(
    gone: NDArray[np.bool_], inside: NDArray[np.bool_], value: FloatArray, samples: LineSamples
) -> NDArray[np.bool_]:
    """`gone` without stretches between two of the other kind that lie hardly beyond the cut."""
    result = gone.copy()
    for own in _edges(samples):
        here = result[own]
        starts = np.flatnonzero(np.diff(here.astype(np.int8), prepend=2))
        ends = [*starts[1:], len(here)]
        for start, stop in list(zip(starts, ends, strict=True))[1:-1]:
            stretch = slice(own.start + int(start), own.start + int(stop))
            if bool(inside[stretch].all()) and float(np.abs(value[stretch]).max()) < GRAZING_MM:
                result[stretch] = ~result[stretch]
    return result


def _agreed_at_nodes(gone: NDArray[np.bool_], graph: VesselGraph, samples: LineSamples) -> NDArray[np.bool_]:
    """`gone` with all ends of edges that meet at a node alike: what most of them say, else that it stays."""
    result = gone.copy()
    ends: dict[int, list[int]] = {}
    for edge, own in zip(graph.edges, _edges(samples), strict=True):
        ends.setdefault(edge.nodes[0], []).append(own.start)
        ends.setdefault(edge.nodes[1], []).append(own.stop - 1)
    for here in ends.values():
        result[here] = 2 * int(gone[here].sum()) > len(here)
    return result


def _with_flow(gone: NDArray[np.bool_], graph: VesselGraph, samples: LineSamples) -> NDArray[np.bool_]:
    """Which samples are left and joined to a root by others that are left."""
    count = len(gone)
    edges = _edges(samples)
    starts = np.array([own.start for own in edges])
    stops = np.array([own.stop - 1 for own in edges])
    nodes = np.array([e.nodes for e in graph.edges]) + count
    inner = np.flatnonzero(samples.edge[1:] == samples.edge[:-1])
    a = np.concatenate((inner, starts, stops))
    b = np.concatenate((inner + 1, nodes[:, 0], nodes[:, 1]))
    node_gone = np.zeros(count + len(graph.nodes), dtype=bool)
    node_gone[:count] = gone
    node_gone[nodes[:, 0]], node_gone[nodes[:, 1]] = gone[starts], gone[stops]
    open_ = ~(node_gone[a] | node_gone[b])
    size = count + len(graph.nodes)
    links = coo_array((np.ones(int(open_.sum())), (a[open_], b[open_])), shape=(size, size))
    _, piece = connected_components(links, directed=False)
    roots = np.array([count + r for r in graph.roots])
    fed = piece[roots[~node_gone[roots]]]
    return np.asarray(~gone & np.isin(piece[:count], fed))


def _crossing(
    vessel: OrganVessel,
    n: int,
    value: FloatArray,
    inside: NDArray[np.bool_],
    has_flow: NDArray[np.bool_],
    resolved_mm: float,
) -> Crossing:
    """The crossing between sample n and the next."""
    samples, graph = vessel.samples, vessel.graph
    pair = slice(n, n + 2)
    a, b = (float(v) for v in value[pair])
    is_at_capsule = not bool(inside[pair].all())
    t = 0.5 if is_at_capsule or (a > 0) == (b > 0) else a / (a - b)
    x, y, z = (float(v) for v in (1 - t) * samples.points_mm[n] + t * samples.points_mm[n + 1])
    diameter = 2.0 * float((1 - t) * samples.radius_mm[n] + t * samples.radius_mm[n + 1])
    edge = int(samples.edge[n])
    return Crossing(
        graph.vessel,
        graph.edges[edge].name,
        (x, y, z),
        diameter,
        bool(has_flow[pair].any()),
        is_at_capsule,
        diameter >= resolved_mm,
        _distal(graph, edge),
    )


def _distal(graph: VesselGraph, edge: int) -> tuple[str, ...]:
    beyond = set(range(len(graph.edges))) - graph.reached((edge,))
    names: Sequence[str] = [graph.edges[edge].name, *(graph.edges[n].name for n in sorted(beyond))]
    return tuple(dict.fromkeys(names))
