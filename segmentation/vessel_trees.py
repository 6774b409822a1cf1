"""Which branches belong to the portal tree and which to the hepatic veins.

Both trees get thinner away from their root and turn little at each junction; where they touch, a way from one into the
other turns sharply or gets thicker again. So each branch goes to the root from which the way to it is the more natural
one (Dijkstra over directed branches), and to neither where both are about as good.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from itertools import permutations

import numpy as np

from surgtwin.domain.geometry import FloatArray
from surgtwin.imaging.centreline import Branch

TURN_COST = 3.0
"""Of a turn by 90 degrees; it goes with (1 - cos)^2: a usual fork of 40 degrees costs 0.2, going back 12."""
THICKER_COST = 3.0
"""Of a branch e times as thick as the one that leads to it."""
SCALE_STEP = 0.36
"""Radii (their logarithms) are known to one step of the scales they are measured at."""
LENGTH_COST = 0.01
"""Per millimetre: of two natural ways the shorter."""
GAP_COST = 0.1
"""Per millimetre that no vessel was seen over."""
CLEAR_MARGIN = 0.35
"""By less than this no tree is preferred: the branch stays unassigned."""
UNLIKELY = 3.0
"""A way that costs more than this is no vessel's: what only such ways reach stays unassigned."""
CONTACT_RADII = 2.2
"""A piece between junctions that is shorter than this many of its radii is where vessels meet or touch, no branch."""
OFFSET_MM = 3.0
"""Beyond this distance between two ends the way from one to the other counts as a part of the turn."""
LONGEST_GAP_MM = 8.0
STRAIGHT = 0.64
"""A gap is bridged only straight ahead of a free end, within the angle of this cosine (50 degrees)."""


class Tree(IntEnum):
    UNASSIGNED = 0
    PORTAL = 1
    HEPATIC = 2


def assign_trees(
    branches: Sequence[Branch], at_root: Mapping[Tree, Sequence[tuple[int, int, float]]]
) -> tuple[list[Tree], list[bool]]:
    """The tree of each branch, and whether any root can be reached from it.

    Parameters
    ----------
    at_root
        For each tree: (branch, node of it that touches the labelled vein, gap in mm).
    """
    joined, is_contact = _with_contacts(branches, at_root)
    roots = {
        tree: [
            (n, joined[n].nodes[branches[n].nodes.index(node)], gap) for n, node, gap in touching if not is_contact[n]
        ]
        for tree, touching in at_root.items()
    }
    ways = _ways(joined, is_contact)
    portal, hepatic = (_cost_from(joined, ways, roots.get(tree, ())) for tree in (Tree.PORTAL, Tree.HEPATIC))
    trees = [_better(p, h) for p, h in zip(portal, hepatic, strict=True)]
    reached = [bool(np.isfinite(min(p, h))) for p, h in zip(portal, hepatic, strict=True)]
    around: dict[int, set[tuple[Tree, bool]]] = defaultdict(set)
    for n, b in enumerate(joined):
        if not is_contact[n]:
            for node in b.nodes:
                around[node].add((trees[n], reached[n]))
    for n, b in enumerate(joined):
        if is_contact[n]:
            beside = {tree for tree, _ in around[b.nodes[0]]}
            trees[n] = beside.pop() if len(beside) == 1 else Tree.UNASSIGNED
            reached[n] = any(is_reached for _, is_reached in around[b.nodes[0]])
    return trees, reached


def _better(portal: float, hepatic: float) -> Tree:
    """The tree with the cheaper way, if it is a likely one and clearly cheaper."""
    best = min(portal, hepatic)
    if best > UNLIKELY or max(portal, hepatic) - best < CLEAR_MARGIN:
        return Tree.UNASSIGNED
    return Tree.PORTAL if portal < hepatic else Tree.HEPATIC


def _with_contacts(
    branches: Sequence[Branch], at_root: Mapping[Tree, Sequence[tuple[int, int, float]]]
) -> tuple[list[Branch], list[bool]]:
    """The branches with the nodes at both ends of each contact made one, and which of them are contacts."""
    used = Counter(node for b in branches for node in b.nodes)
    at_vein = {n for touching in at_root.values() for n, _, _ in touching}
    is_contact = [
        n not in at_vein and min(used[node] for node in b.nodes) > 1 and b.length_mm < CONTACT_RADII * b.radius_mm
        for n, b in enumerate(branches)
    ]
    owner: dict[int, int] = {}
    for b, contact in zip(branches, is_contact, strict=True):
        if contact:
            first, second = sorted(top(owner, node) for node in b.nodes)
            owner[second] = first
    joined = [replace(b, nodes=(top(owner, b.nodes[0]), top(owner, b.nodes[1]))) for b in branches]
    return joined, is_contact


def top(owner: dict[int, int], node: int) -> int:
    """The node that stands for all that are joined with this one."""
    while owner.setdefault(node, node) != node:
        node = owner[node]
    return node


def _ways(
    branches: Sequence[Branch], is_contact: Sequence[bool]
) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
    """(branch, node it is left by) -> (next branch, node that one is left by, cost)."""
    ends: dict[int, list[int]] = defaultdict(list)
    for n, branch in enumerate(branches):
        for node in dict.fromkeys(branch.nodes):
            if not is_contact[n]:
                ends[node].append(n)
    ways: dict[tuple[int, int], list[tuple[int, int, float]]] = defaultdict(list)
    for node, here in ends.items():
        for one, other in permutations(here, 2):
            cost = _junction(branches[one], branches[other], node)
            ways[one, node].append((other, _far(branches[other], node), cost))
    for first, tip, second, near, gap in _gaps(branches, ends, is_contact):
        for one, left, other, entered in ((first, tip, second, near), (second, near, first, tip)):
            cost = GAP_COST * gap + _thicker(branches[one], branches[other])
            ways[one, left].append((other, _far(branches[other], entered), cost))
    return ways


def _far(branch: Branch, node: int) -> int:
    return branch.nodes[1] if branch.nodes[0] == node else branch.nodes[0]


def _junction(a: Branch, b: Branch, node: int) -> float:
    """What it costs to come out of `a` at a node and go on into `b`."""
    out, into = -a.leaving(node), b.leaving(node)
    turn = 1.0 - float(np.dot(out, into))
    step = _tip(b, node) - _tip(a, node)
    length = float(np.linalg.norm(step))
    if length > OFFSET_MM:
        aside = 2.0 - float(np.dot(out, step) + np.dot(into, step)) / length
        turn = turn / 2 + aside / 4
    return TURN_COST * turn**2 + _thicker(a, b)


def _thicker(a: Branch, b: Branch) -> float:
    return THICKER_COST * max(0.0, float(np.log(b.radius_mm / a.radius_mm)) - SCALE_STEP)


def _gaps(
    branches: Sequence[Branch], ends: dict[int, list[int]], is_contact: Sequence[bool]
) -> list[tuple[int, int, int, int, float]]:
    """(branch, its free end, other branch, its nearer end, mm): what lies straight ahead of each free end."""
    free = [(n, node) for node, here in sorted(ends.items()) if len(here) == 1 for n in here]
    tips = {(n, node): _tip(branches[n], node) for n, b in enumerate(branches) if not is_contact[n] for node in b.nodes}
    keys = sorted(tips)
    places = np.array([tips[key] for key in keys]) if keys else np.empty((0, 3))
    found = []
    for n, node in free:
        step = places - tips[n, node]
        far = np.linalg.norm(step, axis=1)
        ahead = step @ -branches[n].leaving(node) >= far * STRAIGHT
        fits = [m for m in np.flatnonzero(ahead & (far <= LONGEST_GAP_MM)) if keys[m][0] != n and keys[m][1] != node]
        if fits:
            best = min(fits, key=lambda m: (far[m], keys[m]))
            found.append((n, node, *keys[best], float(far[best])))
    return found


def _tip(branch: Branch, node: int) -> FloatArray:
    return np.asarray(branch.points[0] if branch.nodes[0] == node else branch.points[-1])


def _cost_from(
    branches: Sequence[Branch],
    ways: dict[tuple[int, int], list[tuple[int, int, float]]],
    roots: Sequence[tuple[int, int, float]],
) -> list[float]:
    """Cheapest way to each branch from one tree's roots; infinite where there is none."""
    best: dict[tuple[int, int], float] = {}
    queue = [(GAP_COST * gap, n, _far(branches[n], node)) for n, node, gap in roots]
    heapq.heapify(queue)
    while queue:
        cost, n, leaving_by = heapq.heappop(queue)
        if (n, leaving_by) in best:
            continue
        best[n, leaving_by] = cost
        onward = cost + LENGTH_COST * branches[n].length_mm
        for other, far, more in ways.get((n, leaving_by), ()):
            if (other, far) not in best:
                heapq.heappush(queue, (onward + more, other, far))
    return [min(best.get((n, node), np.inf) for node in b.nodes) for n, b in enumerate(branches)]
