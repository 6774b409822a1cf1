"""A vessel as a graph: branches from the roots outward, each with its course, its radius and a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from ..domain.geometry import FloatArray, Point3, frozen
from ..errors import PlanError


class NodeKind(StrEnum):
    """What a node is: where the vessel comes in or goes out, where it divides, or where it is lost to sight."""

    ROOT = "root"
    FORK = "fork"
    TIP = "tip"


@dataclass(frozen=True)
class VesselNode:
    """An end of edges.

    Parameters
    ----------
    point_mm
        LPS.
    radius_mm
        Of the largest ball around it inside the vessel; at an open end, of the vessel that ends there.
    """

    point_mm: Point3
    radius_mm: float
    kind: NodeKind = NodeKind.TIP


@dataclass(frozen=True, eq=False)
class VesselEdge:
    """A stretch of vessel between two nodes, from the one nearer to a root to the other.

    Parameters
    ----------
    name
        Of the branch that it belongs to; a branch is all edges of one name.
    points_mm, radius_mm
        (N, 3) LPS and (N,): the middle line and the radius along it. N is at least 2.
    generation
        1 at a root, one more at every fork.
    strahler
        1 at a tip, one more where two of the same order meet (Strahler 1957).
    is_loop
        The end away from the root is reached another way too, and by a shorter one.
    """

    name: str
    nodes: tuple[int, int]
    points_mm: FloatArray
    radius_mm: FloatArray
    generation: int = 1
    strahler: int = 1
    is_loop: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_mm", frozen(np.asarray(self.points_mm, dtype=np.float64)))
        object.__setattr__(self, "radius_mm", frozen(np.asarray(self.radius_mm, dtype=np.float64)))

    @cached_property
    def along_mm(self) -> FloatArray:
        """(N,) way from the first point to each."""
        steps = np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1)
        return np.concatenate(([0.0], np.cumsum(steps)))

    @property
    def length_mm(self) -> float:
        return float(self.along_mm[-1])

    @property
    def mean_diameter_mm(self) -> float:
        """Mean along the way."""
        if self.length_mm <= 0:
            return 2.0 * float(self.radius_mm.mean())
        return 2.0 * float(np.trapezoid(self.radius_mm, self.along_mm)) / self.length_mm

    @property
    def min_diameter_mm(self) -> float:
        return 2.0 * float(self.radius_mm.min())


@dataclass(frozen=True, eq=False)
class VesselGraph:
    """The graph of one vessel, or of several structures that are one vessel.

    Parameters
    ----------
    vessel
        Name of the vessel, for messages.
    roots
        Numbers of the nodes from which blood comes (or to which it drains); every piece has at least one.
    """

    vessel: str
    nodes: tuple[VesselNode, ...]
    edges: tuple[VesselEdge, ...]
    roots: tuple[int, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the branches, in the edges' order."""
        return tuple(dict.fromkeys(e.name for e in self.edges))

    @property
    def length_mm(self) -> float:
        return sum(e.length_mm for e in self.edges)

    def edges_of(self, name: str, field: str = "branch") -> tuple[int, ...]:
        """Numbers of a branch's edges. Raises PlanError naming the field that asked and the branches there are."""
        found = tuple(n for n, e in enumerate(self.edges) if e.name == name)
        if not found:
            there_are = ", ".join(self.names)
            raise PlanError(f"'{self.vessel}' has no branch '{name}'; there are: {there_are}.", field)
        return found

    def edges_at(self, node: int) -> tuple[int, ...]:
        """Numbers of the edges that end at a node."""
        return self._ends.get(node, ())

    @cached_property
    def _ends(self) -> dict[int, tuple[int, ...]]:
        ends: dict[int, list[int]] = {}
        for n, edge in enumerate(self.edges):
            for node in dict.fromkeys(edge.nodes):
                ends.setdefault(node, []).append(n)
        return {node: tuple(here) for node, here in ends.items()}

    def reached(self, without: Iterable[int] = ()) -> frozenset[int]:
        """Numbers of the edges that are reached from the roots when some are taken out."""
        out, seen, nodes = set(without), set[int](), list(self.roots)
        while nodes:
            for n in self.edges_at(nodes.pop()):
                if n not in seen and n not in out:
                    seen.add(n)
                    nodes.extend(self.edges[n].nodes)
        return frozenset(seen)

    def downstream(self, names: Iterable[str], field: str = "branches") -> frozenset[int]:
        """Numbers of the edges of branches and of all that hangs on them alone.

        Raises
        ------
        PlanError
            If there is no such branch.
        """
        own = [n for i, name in enumerate(names) for n in self.edges_of(name, f"{field}[{i}]")]
        return frozenset(range(len(self.edges))) - self.reached(own)

    def nearest_edge(self, point_mm: Point3) -> tuple[int, int]:
        """The edge nearest to a place, and the number of its point that is."""
        best = [
            (float(d.min()), n, int(d.argmin()))
            for n, d in enumerate(np.linalg.norm(e.points_mm - point_mm, axis=1) for e in self.edges)
        ]
        _, edge, point = min(best)
        return edge, point
