"""Orients a vessel's pieces away from its roots, counts generations, and names branches that have no name yet."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from .vessel_graph import NodeKind, VesselEdge, VesselGraph

LIKE_THICKEST = 0.5
"""An open end outside the organ is a root, too, if it is at least this many times as thick as the thickest one."""
AS_THICK = 0.85
"""Ends whose radii differ by less than this share are as thick as each other, for all that a mask tells."""
END_MM = 10.0


@dataclass(frozen=True)
class _Ways:
    """The shortest ways from the roots: mm to each node, and the edge by which each is reached (-1: a root)."""

    far_mm: dict[int, float]
    by: dict[int, int]


def rooted(graph: VesselGraph, roots: Sequence[int]) -> VesselGraph:
    """The graph with all edges turned away from these roots, generations and orders counted; names stay.

    Every piece needs a root among them. Edges without a name get one: "1", "2", ... for what hangs on the roots, the
    longest piece first, and "1.1", "1.2", ... for what hangs on "1", the thickest first.
    """
    ways = _ways(graph, roots)
    edges = [_turned(e, ways, n) for n, e in enumerate(graph.edges)]
    nodes = tuple(replace(node, kind=_kind(graph, n, roots)) for n, node in enumerate(graph.nodes))
    before = _before(edges, ways)
    edges = [replace(e, generation=g) for e, g in zip(edges, _generations(before), strict=True)]
    edges = [replace(e, strahler=s) for e, s in zip(edges, _strahler(edges, before), strict=True)]
    oriented = replace(graph, nodes=nodes, edges=tuple(edges), roots=tuple(roots))
    return _named(oriented, before)


def find_roots(graph: VesselGraph, is_outside: NDArray[np.bool_], depth_mm: FloatArray) -> tuple[int, ...]:
    """The nodes at which each piece of a vessel comes into an organ.

    Of each piece the thickest open end outside the organ and the others there that are about as thick; where none is
    outside, the thickest open end, or of several about as thick the one nearest to the organ's surface; in a ring
    without ends the thickest node.

    Parameters
    ----------
    is_outside, depth_mm
        For each node, whether it lies outside the organ, and how deep it lies inside.
    """
    roots: list[int] = []
    for piece in components(graph):
        ends = [n for n in piece if len(graph.edges_at(n)) == 1 and not _is_ring(graph, n)] or piece
        outside = [n for n in ends if is_outside[n]]
        thickness = {n: _thickness(graph, n) for n in ends}
        first = max(outside or ends, key=lambda n: (thickness[n], -n))
        if not outside:
            alike = [n for n in ends if thickness[n] >= AS_THICK * thickness[first]]
            first = min(alike, key=lambda n: (depth_mm[n], n))
        least = LIKE_THICKEST * thickness[first]
        roots += [first, *(n for n in outside if n != first and thickness[n] >= least)]
    return tuple(roots)


def _is_ring(graph: VesselGraph, node: int) -> bool:
    return any(graph.edges[n].nodes == (node, node) for n in graph.edges_at(node))


def _thickness(graph: VesselGraph, node: int) -> float:
    """Mean radius near a node of the thickest edge there: the last point's radius alone is the least sure of all."""
    place = np.asarray(graph.nodes[node].point_mm)
    found = []
    for n in graph.edges_at(node):
        edge = graph.edges[n]
        far = np.linalg.norm(edge.points_mm - place, axis=1)
        found.append(float(edge.radius_mm[far <= max(END_MM, float(far.min()))].mean()))
    return max(found)


def components(graph: VesselGraph) -> list[list[int]]:
    """The nodes of each connected piece, the longest piece first."""
    left, found = set(range(len(graph.nodes))), []
    while left:
        piece, todo = set[int](), [min(left)]
        while todo:
            node = todo.pop()
            if node not in piece:
                piece.add(node)
                todo += [m for n in graph.edges_at(node) for m in graph.edges[n].nodes]
        left -= piece
        found.append(sorted(piece))
    return sorted(found, key=lambda p: (-piece_length_mm(graph, p), p[0]))


def piece_length_mm(graph: VesselGraph, piece: Sequence[int]) -> float:
    """Length of all edges at some nodes."""
    edges = {n for node in piece for n in graph.edges_at(node)}
    return sum(graph.edges[n].length_mm for n in edges)


def _ways(graph: VesselGraph, roots: Sequence[int]) -> _Ways:
    far: dict[int, float] = {}
    by: dict[int, int] = {}
    queue = [(0.0, root, -1) for root in roots]
    heapq.heapify(queue)
    while queue:
        mm, node, edge = heapq.heappop(queue)
        if node in far:
            continue
        far[node], by[node] = mm, edge
        for n in graph.edges_at(node):
            for other in graph.edges[n].nodes:
                if other not in far:
                    heapq.heappush(queue, (mm + graph.edges[n].length_mm, other, n))
    return _Ways(far, by)


def _turned(edge: VesselEdge, ways: _Ways, number: int) -> VesselEdge:
    near, far = sorted(edge.nodes, key=lambda node: (ways.far_mm[node], node))
    is_loop = ways.by[far] != number
    if edge.nodes == (near, far):
        return replace(edge, is_loop=is_loop)
    points, radius = edge.points_mm[::-1], edge.radius_mm[::-1]
    return replace(edge, nodes=(near, far), points_mm=points, radius_mm=radius, is_loop=is_loop)


def _kind(graph: VesselGraph, node: int, roots: Sequence[int]) -> NodeKind:
    if node in roots:
        return NodeKind.ROOT
    return NodeKind.FORK if len(graph.edges_at(node)) > 1 else NodeKind.TIP


def _before(edges: Sequence[VesselEdge], ways: _Ways) -> list[int]:
    """For each edge the one that leads to it; -1 at a root."""
    return [ways.by[e.nodes[0]] for e in edges]


def _generations(before: Sequence[int]) -> list[int]:
    found = []
    for n in range(len(before)):
        generation = 1
        while before[n] >= 0:
            n, generation = before[n], generation + 1
        found.append(generation)
    return found


def _strahler(edges: Sequence[VesselEdge], before: Sequence[int]) -> list[int]:
    orders = [1] * len(edges)
    for n in sorted(range(len(edges)), key=lambda m: -edges[m].generation):
        after = [orders[m] for m in range(len(edges)) if before[m] == n and not edges[m].is_loop]
        if after:
            top = max(after)
            orders[n] = top + 1 if after.count(top) > 1 else top
    return orders


def _named(graph: VesselGraph, before: Sequence[int]) -> VesselGraph:
    """The graph with a name for every edge that has none; names that a person gave are not given again."""
    names = [e.name for e in graph.edges]
    taken = set(names)
    rank = {node: n for n, piece in enumerate(components(graph)) for node in piece}

    def order(n: int) -> tuple[int, float, float, int]:
        edge = graph.edges[n]
        return (rank[edge.nodes[0]], -round(edge.mean_diameter_mm, 3), -round(edge.length_mm, 3), n)

    todo = [(n, "") for n in sorted((m for m in range(len(names)) if before[m] < 0), key=order)]
    while todo:
        counts: dict[str, int] = {}
        onward = []
        for n, stem in todo:
            while not names[n]:
                counts[stem] = counts.get(stem, 0) + 1
                name = f"{stem}.{counts[stem]}" if stem else str(counts[stem])
                if name not in taken:
                    names[n] = name
                    taken.add(name)
            onward += [(m, names[n]) for m in sorted((m for m in range(len(names)) if before[m] == n), key=order)]
        todo = onward
    edges = tuple(replace(e, name=name) for e, name in zip(graph.edges, names, strict=True))
    return replace(graph, edges=edges)
