"""A vessel seen from the organ that it feeds or drains: which stretches of it run inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..errors import PlanError
from .nearest_line import LineSamples, sample_lines
from .tissue import Tissue
from .vessel_graph import VesselGraph
from .vessel_tracing import enclosed_share

TOUCHING = 0.25
"""Share of what lies around a stretch of vessel that has to be the organ for it to feed or drain it."""


@dataclass(frozen=True, eq=False)
class OrganVessel:
    """A vessel's graph and an organ.

    Parameters
    ----------
    structures
        Names of the structures that the graph was made of.
    enclosed
        (M,) for each of `samples`, how much of what lies around it is organ, from 0 to 1.
    """

    graph: VesselGraph
    structures: tuple[str, ...]
    samples: LineSamples
    enclosed: FloatArray

    @cached_property
    def is_touching(self) -> NDArray[np.bool_]:
        """(M,) the samples that feed or drain the organ."""
        return np.asarray(self.enclosed >= TOUCHING)

    @cached_property
    def _is_fork(self) -> NDArray[np.bool_]:
        """(M,) the first sample of each edge that begins where another one is."""
        first = np.flatnonzero(np.diff(self.samples.edge, prepend=-1))
        result = np.zeros(len(self.samples.edge), dtype=bool)
        result[first] = [len(self.graph.edges_at(e.nodes[0])) > 1 for e in self.graph.edges]
        return result

    def grouped(self, groups: Iterable[frozenset[int]]) -> LineSamples:
        """The samples that feed or drain the organ, by groups of edges; edges in none are left out.

        A fork belongs to the edge that leads to it alone: what is nearest to it would else belong to several groups.
        """
        number = np.full(len(self.graph.edges), -1, dtype=np.int64)
        count = 0
        for edges in groups:
            number[list(edges)] = count
            count += 1
        return self.samples.regrouped(np.where(self.is_touching & ~self._is_fork, number[self.samples.edge], -1), count)

    def has_inside(self, edges: frozenset[int]) -> bool:
        """Whether any of these edges feeds or drains the organ."""
        return bool((self.is_touching & np.isin(self.samples.edge, list(edges))).any())


def vessel_in_organ(
    graph: VesselGraph, structures: tuple[str, ...], tissue: Tissue, vessel_mask: NDArray[np.bool_]
) -> OrganVessel:
    """A vessel's graph together with an organ's tissue.

    Raises
    ------
    PlanError
        If no part of the vessel runs in or along the organ.
    """
    samples = sample_lines(graph)
    around = tissue.mask() | vessel_mask
    enclosed = np.empty(len(samples.points_mm))
    for n in range(len(graph.edges)):
        own = np.flatnonzero(samples.edge == n)
        enclosed[own] = enclosed_share(samples.points_mm[own], samples.radius_mm[own], around, tissue.grid)
    vessel = OrganVessel(graph, structures, samples, enclosed)
    if not vessel.is_touching.any():
        organ = ", ".join(tissue.names)
        raise PlanError(f"'{graph.vessel}' does not run inside {organ}; name a vessel that feeds or drains it.")
    return vessel
