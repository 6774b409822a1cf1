"""Takes from a skeleton's pieces what is the wall's roughness, not vessel: spurs, doubled lines, forks of no length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..domain.geometry import FloatArray
from .vessel_skeleton import Piece

SPUR_RADII = 1.0
"""A free piece that stands out of the vessel it hangs on by less than this many of its own radii is a bump."""


@dataclass(frozen=True)
class Node:
    """A place where pieces meet or end, LPS mm, and the radius of the ball inside the vessel there."""

    point_mm: FloatArray
    radius_mm: float


Nodes = Mapping[int, Node]


def nodes_of(pieces: Sequence[Piece]) -> dict[int, Node]:
    """The nodes at the ends of pieces."""
    nodes: dict[int, Node] = {}
    for piece in pieces:
        for number, at in zip(piece.nodes, (0, -1), strict=True):
            if number not in nodes:
                nodes[number] = Node(piece.points_mm[at], float(piece.radius_mm[at]))
    return nodes


def pruned(pieces: Sequence[Piece], grain_mm: float) -> list[Piece]:
    """The pieces that are vessels, joined where only two are left at a node.

    Of the bumps the one that stands out least goes first, because what hangs on the same fork may then run on.

    Parameters
    ----------
    grain_mm
        What stands out by less is as likely a step between voxels as a vessel.
    """
    left = _without_doubles(_contracted(_without_small_rings(_joined(pieces))))
    while True:
        nodes, count = nodes_of(left), _count(left)
        bumps = [(_stands_out(p, nodes, count, grain_mm), n) for n, p in enumerate(left)]
        out, which = min(bumps, default=(np.inf, -1))
        if out >= 0:
            return _joined(_without_small_rings(left))
        left = _joined([p for n, p in enumerate(left) if n != which])


def _count(pieces: Sequence[Piece]) -> Counter[int]:
    """How many ends of pieces meet at each node."""
    return Counter(node for p in pieces for node in p.nodes)


def _stands_out(piece: Piece, nodes: Nodes, count: Mapping[int, int], grain_mm: float) -> float:
    """By how many mm a free piece stands out more than a bump may; infinite for pieces that are not free."""
    free = [count[node] == 1 for node in piece.nodes]
    if free[0] == free[1]:
        return np.inf
    ordered = piece.turned() if free[0] else piece
    ball = nodes[ordered.nodes[0]].radius_mm
    outside = np.linalg.norm(ordered.points_mm - ordered.points_mm[0], axis=1) > ball
    own = float(np.median(ordered.radius_mm[outside])) if outside.any() else ball
    return ordered.length_mm - ball - max(SPUR_RADII * own, grain_mm)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with any two that meet alone at a node made one."""
    left = list(pieces)
    count = _count(left)
    for node in sorted(n for n, c in count.items() if c == 2):
        here = [n for n, p in enumerate(left) if node in p.nodes]
        if len(here) != 2:
            continue
        a, b = (left[n] for n in here)
        first = a if a.nodes[1] == node else a.turned()
        second = b if b.nodes[0] == node else b.turned()
        whole = Piece(
            (first.nodes[0], second.nodes[1]),
            np.concatenate((first.points_mm, second.points_mm[1:])),
            np.concatenate((first.radius_mm, second.radius_mm[1:])),
        )
        left[here[0]] = whole
        del left[here[1]]
    return left


def _contracted(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with forks that lie inside one another's ball made one fork, the one with the larger ball."""
    left = list(pieces)
    while True:
        nodes, count = nodes_of(left), _count(left)
        short = [
            (p.length_mm, n)
            for n, p in enumerate(left)
            if p.nodes[0] != p.nodes[1]
            and min(count[node] for node in p.nodes) > 2
            and p.length_mm < max(nodes[node].radius_mm for node in p.nodes)
        ]
        if not short:
            return left
        piece = left.pop(min(short)[1])
        kept, gone = sorted(piece.nodes, key=lambda node: (-nodes[node].radius_mm, node))
        left = [_moved(p, gone, kept, nodes[kept]) for p in left]


def _moved(piece: Piece, gone: int, kept: int, node: Node) -> Piece:
    """The piece with its ends at one node led on to another."""
    for end in (0, 1):
        if piece.nodes[end] == gone:
            straight = piece.turned() if end == 0 else piece
            straight = Piece(
                (straight.nodes[0], kept),
                np.concatenate((straight.points_mm, node.point_mm[None])),
                np.concatenate((straight.radius_mm, [node.radius_mm])),
            )
            piece = straight.turned() if end == 0 else straight
    return piece


def _without_doubles(pieces: Sequence[Piece]) -> list[Piece]:
    """Of two pieces between the same nodes that lie within one another's wall the thicker one."""
    left = sorted(pieces, key=lambda p: -float(np.median(p.radius_mm)))
    kept: list[Piece] = []
    for piece in left:
        same = [p for p in kept if set(p.nodes) == set(piece.nodes) and piece.nodes[0] != piece.nodes[1]]
        if not any(_is_within(piece, p) for p in same):
            kept.append(piece)
    order = {id(p): n for n, p in enumerate(pieces)}
    return _joined(sorted(kept, key=lambda p: order[id(p)]))


def _is_within(piece: Piece, other: Piece) -> bool:
    apart = np.linalg.norm(piece.points_mm[:, None] - other.points_mm[None], axis=2)
    nearest = apart.argmin(1)
    return bool((apart.min(1) < piece.radius_mm + other.radius_mm[nearest]).all())


def _without_small_rings(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces without those that come back to their own node within its vessel."""
    nodes = nodes_of(pieces)
    return [p for p in pieces if p.nodes[0] != p.nodes[1] or p.length_mm > 2 * np.pi * nodes[p.nodes[0]].radius_mm]


def renumbered(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces, their nodes numbered from 0 in the order they come in."""
    number: dict[int, int] = {}
    for piece in pieces:
        for node in piece.nodes:
            number.setdefault(node, len(number))
    return [replace(p, nodes=(number[p.nodes[0]], number[p.nodes[1]])) for p in pieces]
