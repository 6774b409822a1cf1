"""What a person changes about a vessel's graph: names of branches, where they begin and end, the root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..domain.geometry import Point3
from ..domain.plan_values import checked_name, checked_point
from ..errors import PlanError
from .vessel_graph import NodeKind, VesselEdge, VesselGraph, VesselNode
from .vessel_tree import components, rooted


def rename_branch(graph: VesselGraph, branch: str, name: str) -> VesselGraph:
    """The graph with one branch called otherwise.

    Raises
    ------
    PlanError
        If there is no such branch, or another one has the new name.
    """
    own = graph.edges_of(branch)
    checked_name(name)
    if name != branch and name in graph.names:
        raise PlanError(f"'{graph.vessel}' has a branch '{name}' already; choose another name, or join them.", "name")
    return _called(graph, own, name)


def join_branches(graph: VesselGraph, branches: Sequence[str]) -> VesselGraph:
    """The graph with several branches made one, which keeps the first one's name.

    Raises
    ------
    PlanError
        If there are fewer than two, one does not exist, or they do not touch.
    """
    if len(dict.fromkeys(branches)) < 2:
        raise PlanError("joining needs two or more different branches.", "branches")
    own = [n for i, b in enumerate(branches) for n in graph.edges_of(b, f"branches[{i}]")]
    if len(components(_only(graph, own))) > 1:
        raise PlanError(
            f"{', '.join(repr(b) for b in branches)} do not touch; join only what hangs together.", "branches"
        )
    return _called(graph, own, branches[0])


def split_branch(graph: VesselGraph, branch: str, at_mm: Point3, name: str) -> VesselGraph:
    """The graph with a branch divided at the place of it nearest to `at_mm`; what lies beyond gets the new name.

    Raises
    ------
    PlanError
        If there is no such branch, the name is taken, or the place is at an end of the branch's edge.
    """
    own = graph.edges_of(branch)
    at = checked_point(at_mm, "at_mm")
    if checked_name(name) in graph.names:
        raise PlanError(f"'{graph.vessel}' has a branch '{name}' already; choose another name.", "name")
    which, point = _only_edges(graph, own).nearest_edge(at)
    number, edge = own[which], graph.edges[own[which]]
    if point in (0, len(edge.points_mm) - 1):
        raise PlanError("that place is an end of the branch; choose one along it.", "at_mm")
    x, y, z = (float(v) for v in edge.points_mm[point])
    middle = len(graph.nodes)
    nodes = (*graph.nodes, VesselNode((x, y, z), float(edge.radius_mm[point]), NodeKind.FORK))
    near = _part(edge, slice(0, point + 1), (edge.nodes[0], middle))
    far = replace(_part(edge, slice(point, None), (middle, edge.nodes[1])), name=name)
    edges = (*graph.edges[:number], near, far, *graph.edges[number + 1 :])
    divided = rooted(replace(graph, nodes=nodes, edges=edges), graph.roots)
    beyond = divided.downstream((name,))
    return _called(divided, [n for n in beyond if divided.edges[n].name == branch], name)


def set_root(graph: VesselGraph, point_mm: Point3) -> VesselGraph:
    """The graph with the node nearest to a place as the only root of its piece; the other pieces keep theirs."""
    at = checked_point(point_mm, "root_mm")
    far = [float(np.linalg.norm(np.subtract(node.point_mm, at))) for node in graph.nodes]
    root = int(np.argmin(far))
    piece = next(p for p in components(graph) if root in p)
    return rooted(graph, (root, *(r for r in graph.roots if r not in piece)))


def _called(graph: VesselGraph, own: Sequence[int], name: str) -> VesselGraph:
    edges = tuple(replace(e, name=name) if n in own else e for n, e in enumerate(graph.edges))
    return replace(graph, edges=edges)


def _part(edge: VesselEdge, points: slice, nodes: tuple[int, int]) -> VesselEdge:
    return replace(edge, nodes=nodes, points_mm=edge.points_mm[points], radius_mm=edge.radius_mm[points])


def _only_edges(graph: VesselGraph, own: Sequence[int]) -> VesselGraph:
    return replace(graph, edges=tuple(graph.edges[n] for n in own))


def _only(graph: VesselGraph, own: Sequence[int]) -> VesselGraph:
    """The edges alone, and of the nodes only those at their ends."""
    part = _only_edges(graph, own)
    number = {node: n for n, node in enumerate(sorted({node for e in part.edges for node in e.nodes}))}
    edges = tuple(replace(e, nodes=(number[e.nodes[0]], number[e.nodes[1]])) for e in part.edges)
    return replace(part, nodes=tuple(graph.nodes[n] for n in number), edges=edges, roots=())
