"""The middle lines of tubes as a graph: branches between junctions, each with its course and its radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray

CUBE = np.ones((3, 3, 3), dtype=bool)
REACH_MM = 8.0
"""Length at a branch's end over which its direction is taken."""
SKIP_RADII = 1.0
"""Part of it that is left out, in radii: there a middle line bends into the junction."""
LOST_DEPTHS, LOST_VOXELS = 2.5, 2.0
"""A line stands for what is no further from it than this many times its depth, and some voxels: a flat vein is that
much wider than it is deep."""


@dataclass(frozen=True, eq=False)
class Branch:
    """A piece of middle line between two nodes.

    Parameters
    ----------
    nodes
        Numbers of the nodes at its first and last point; a free end is a node of its own.
    points
        (N, 3) along the branch, as (k, j, i) mm of the grid of cubes it was found on.
    radius_mm
        Median along it.
    """

    nodes: tuple[int, int]
    points: FloatArray
    radius_mm: float

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    def leaving(self, node: int) -> FloatArray:
        """(3,) unit direction in which the branch leaves one of its nodes; zeros if it is a single point."""
        points = self.points if node == self.nodes[0] else self.points[::-1]
        away = np.linalg.norm(points - points[0], axis=1)
        skip = SKIP_RADII * self.radius_mm if away.max() > 2 * SKIP_RADII * self.radius_mm else 0.0
        near = points[(away >= skip) & (away <= skip + REACH_MM)]
        if len(near) < 2:
            near = points
        step = near[-1] - near[0]
        length = float(np.linalg.norm(step))
        return step / length if length > 0 else np.zeros(3)


def skeleton_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[k, j, i] the voxels left when a mask is thinned to lines (Lee et al. 1994), inside the mask's box.

    Where thinning eats up a whole stretch, as it does with tubes that are evenly wide all along, a line through the
    deepest voxels takes its place.
    """
    from skimage.morphology import skeletonize

    lines = np.zeros(mask.shape, dtype=bool)
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    if boxes:
        part = np.ascontiguousarray(mask[boxes[0]])
        lines[boxes[0]] = _with_lost_stretches(skeletonize(part) > 0, part)
    return lines


def _with_lost_stretches(lines: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lines, and one through every part of the mask that none of them stands for."""
    import edt

    depth = edt.edt(mask, black_border=True)
    lines = lines.copy()
    reach = np.zeros(mask.shape, dtype=np.float32)
    voxels = np.argwhere(mask)
    # A lost part begins where some line ceases to stand for what is around it.
    pad = int(LOST_DEPTHS * depth.max() + LOST_VOXELS) + 4
    while True:
        voxels = voxels[~_stood_for(voxels, lines, depth)]
        if not len(voxels):
            return lines
        reach[tuple(voxels.T)] = _from_lines(voxels, lines)
        lost = np.zeros(mask.shape, dtype=bool)
        lost[tuple(voxels.T)] = True
        parts, _ = ndimage.label(lost, structure=CUBE)
        for n, box in enumerate(ndimage.find_objects(parts)):
            own = np.argwhere(parts[box] == n + 1) + [s.start for s in box]
            tip = own[int(np.argmax(reach[tuple(own.T)]))]
            around = tuple(slice(max(0, s.start - pad), s.stop + pad) for s in box)
            low = np.array([s.start for s in around])
            way = _way_to_lines(tip - low, lines[around], depth[around])
            lines[tuple((way + low).T)] = True


def _stood_for(voxels: NDArray[np.int64], lines: NDArray[np.bool_], depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which voxels (N, 3) lie in the ball, and some more, around any voxel of a line."""
    on_line = np.argwhere(lines)
    size = np.ceil(depth[tuple(on_line.T)]).astype(np.int64)
    covered = np.zeros(len(voxels), dtype=bool)
    for ball in np.unique(size)[::-1]:
        left = np.flatnonzero(~covered)
        bound = LOST_DEPTHS * float(ball) + LOST_VOXELS
        distance, _ = cKDTree(on_line[size == ball]).query(voxels[left], distance_upper_bound=bound)
        covered[left] = np.isfinite(distance)
    return covered


def _from_lines(voxels: NDArray[np.int64], lines: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance (N,) of voxels from the nearest line; from their own middle if there is none."""
    on_line = np.argwhere(lines)
    if not len(on_line):
        return np.asarray(np.linalg.norm(voxels - voxels.mean(axis=0), axis=1))
    return np.asarray(cKDTree(on_line).query(voxels)[0])


def _way_to_lines(tip: NDArray[np.int64], lines: NDArray[np.bool_], depth: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N, 3) voxels from a tip along the deepest way to a voxel beside a line; to the far end if none is joined."""
    from skimage.graph import MCP_Geometric

    ways = MCP_Geometric(np.where(depth > 0, 1.0 / np.maximum(depth, 1.0) ** 3, -1.0))
    total, _ = ways.find_costs([tuple(tip)])
    beside = ndimage.binary_dilation(lines, structure=CUBE) & np.isfinite(total)
    if beside.any():
        there = np.argwhere(beside)
        end = there[int(np.argmin(total[beside]))]
    else:
        away = np.where(np.isfinite(total), total, -1.0)
        end = np.array(np.unravel_index(int(away.argmax()), away.shape))
    return np.array(ways.traceback(tuple(end)))


def branches_of(lines: NDArray[np.bool_], radius_mm: NDArray[np.float32], step_mm: float) -> list[Branch]:
    """The branches of a skeleton, in an order that depends on it alone.

    Parameters
    ----------
    lines, radius_mm
        [k, j, i] on cubes of `step_mm`: the skeleton, and the radius of the tube at each voxel.
    """
    voxels = np.argwhere(lines)
    if not len(voxels):
        return []
    neighbours = _neighbours(voxels)
    degree = np.array([len(n) for n in neighbours])
    crossing = degree > 2
    centre, node_of = _junctions(voxels, crossing)
    branches: list[Branch] = []
    radii = radius_mm[tuple(voxels.T)]
    free = len(centre)
    done = crossing.copy()
    for start in [*np.flatnonzero(degree <= 1), *_beside(neighbours, crossing), *np.flatnonzero(degree == 2)]:
        if done[start]:
            continue
        path = _walk(int(start), neighbours, done)
        ends, free = _end_nodes(path, neighbours, node_of, free)
        points = voxels[path].astype(np.float64)
        head = [centre[ends[0]]] if ends[0] < len(centre) else []
        tail = [centre[ends[1]]] if ends[1] < len(centre) else []
        course = np.array([*head, *points, *tail]) * step_mm
        branches.append(Branch(ends, _smoothed(course), float(np.median(radii[path]))))
    return branches


def _neighbours(voxels: NDArray[np.int64]) -> list[list[int]]:
    """Indices of the 26-neighbours of each voxel, in rising order."""
    pairs = cKDTree(voxels).query_pairs(1.8, output_type="ndarray")
    found: list[list[int]] = [[] for _ in range(len(voxels))]
    for a, b in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tolist():
        found[a].append(b)
        found[b].append(a)
    return [sorted(n) for n in found]


def _junctions(voxels: NDArray[np.int64], crossing: NDArray[np.bool_]) -> tuple[list[FloatArray], NDArray[np.int64]]:
    """Middle of each cluster of crossing voxels, and each voxel's cluster (-1: none)."""
    node_of = np.full(len(voxels), -1, dtype=np.int64)
    if not crossing.any():
        return [], node_of
    low = voxels.min(axis=0)
    block = np.zeros(voxels.max(axis=0) - low + 1, dtype=bool)
    block[tuple((voxels[crossing] - low).T)] = True
    pieces, count = ndimage.label(block, structure=CUBE)
    node_of[crossing] = pieces[tuple((voxels[crossing] - low).T)] - 1
    return [voxels[node_of == n].mean(axis=0) for n in range(count)], node_of


def _beside(neighbours: list[list[int]], crossing: NDArray[np.bool_]) -> list[int]:
    return [n for n, near in enumerate(neighbours) if not crossing[n] and any(crossing[m] for m in near)]


def _walk(start: int, neighbours: list[list[int]], done: NDArray[np.bool_]) -> list[int]:
    """Voxels along a branch from one of its ends."""
    path, here = [start], start
    done[start] = True
    while True:
        onward = [n for n in neighbours[here] if not done[n]]
        if not onward:
            return path
        here = onward[0]
        done[here] = True
        path.append(here)


def _end_nodes(
    path: list[int], neighbours: list[list[int]], node_of: NDArray[np.int64], free: int
) -> tuple[tuple[int, int], int]:
    """Nodes at both ends of a path; free ends get new numbers from `free` on."""
    first = [int(node_of[n]) for n in neighbours[path[0]] if node_of[n] >= 0]
    last = [int(node_of[n]) for n in neighbours[path[-1]] if node_of[n] >= 0]
    if len(path) == 1:
        first, last = first[:1], first[1:]
    if not first:
        first, free = [free], free + 1
    if not last:
        last, free = [free], free + 1
    return (first[0], last[0]), free


def _smoothed(course: FloatArray) -> FloatArray:
    """The staircase of voxels made a smoother line; its ends stay."""
    if len(course) < 5:
        return course
    smooth: FloatArray = ndimage.uniform_filter1d(course, 5, axis=0, mode="nearest")
    smooth[0], smooth[-1] = course[0], course[-1]
    return smooth
