"""Which of many middle lines is nearest to a place, and by how much: block by block, exact, with radii as weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ..domain.geometry import FloatArray
from .vessel_graph import VesselGraph

SAMPLE_MM = 1.0
"""Distance of the points that stand for a line; at 5 mm from it they are 0.025 mm too far at most."""
CELL_MM = 8.0
"""Points within one cube of this size are looked at together."""
CENTRES = 512
"""Cells whose middles are compared with all lines at once: bounds the memory."""


@dataclass(frozen=True, eq=False)
class LineSamples:
    """Points along middle lines.

    Parameters
    ----------
    points_mm, radius_mm
        (M, 3) LPS and (M,).
    edge, group
        (M,) the edge of the graph that each lies on, and the group (0 ... groups - 1) that the edge is in.
    groups
        How many groups there are; one without a point is never the nearest.
    """

    points_mm: FloatArray
    radius_mm: FloatArray
    edge: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: int

    def regrouped(self, group: NDArray[np.int64], groups: int) -> LineSamples:
        """The points whose new group is not negative, in new groups."""
        kept = group >= 0
        return LineSamples(self.points_mm[kept], self.radius_mm[kept], self.edge[kept], group[kept], groups)


def sample_lines(graph: VesselGraph) -> LineSamples:
    """Points along every edge, both ends included; each edge is a group."""
    points, radius, edge = [], [], []
    for n, e in enumerate(graph.edges):
        at = np.linspace(0.0, e.length_mm, max(2, int(np.ceil(e.length_mm / SAMPLE_MM)) + 1))
        points.append(np.stack([np.interp(at, e.along_mm, e.points_mm[:, axis]) for axis in range(3)], 1))
        radius.append(np.interp(at, e.along_mm, e.radius_mm))
        edge.append(np.full(len(at), n))
    every = np.concatenate(edge)
    return LineSamples(np.concatenate(points), np.concatenate(radius), every, every, len(graph.edges))


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of N points: the nearest group, its distance in mm, and how much farther the next group is.

    With weights the distance is to the line less the radius there. `gap_mm` is infinite where it is surely more than
    was asked for.
    """

    group: NDArray[np.int64]
    distance_mm: FloatArray
    gap_mm: FloatArray


def nearest_groups(
    points_mm: FloatArray,
    lines: LineSamples,
    *,
    is_weighted: bool,
    closest_mm: float = np.inf,
    cells: NDArray[np.int64] | None = None,
) -> Nearest:
    """The nearest group of lines to each point.

    Parameters
    ----------
    closest_mm
        Gaps larger than this need not be told apart.
    cells
        (B + 1,) where each run of neighbouring points begins, if the points are sorted so.
    """
    group = np.zeros(len(points_mm), dtype=np.int64)
    distance, gap = np.zeros(len(points_mm)), np.full(len(points_mm), np.inf)
    for where, local, middle, reach, at_middle in _cells(points_mm, lines, is_weighted, cells):
        least = np.full(lines.groups, np.inf)
        np.minimum.at(least, lines.group, at_middle)
        order = np.partition(least, min(1, lines.groups - 1))
        best, second = float(order[0]), float(order[min(1, lines.groups - 1)])
        is_sure = lines.groups == 1 or second - best > 2 * reach + closest_mm
        limit = best if is_sure else min(second, best + 2 * reach + closest_mm)
        wanted = np.flatnonzero((at_middle <= limit + 2 * reach) & (at_middle <= least[lines.group] + 2 * reach))
        values, names = _by_group(local, middle, lines, wanted, is_weighted)
        first = values.argmin(1)
        rows = np.arange(len(values))
        group[where], distance[where] = names[first], values[rows, first]
        if len(names) > 1:
            gap[where] = np.partition(values, 1, axis=1)[:, 1] - values[rows, first]
    return Nearest(group, distance, gap)


def group_distances(points_mm: FloatArray, lines: LineSamples, *, is_weighted: bool) -> FloatArray:
    """(N, groups) the distance of each point from every group, less the radius if weighted."""
    result = np.empty((len(points_mm), lines.groups))
    for where, local, middle, reach, at_middle in _cells(points_mm, lines, is_weighted, None):
        least = np.full(lines.groups, np.inf)
        np.minimum.at(least, lines.group, at_middle)
        wanted = np.flatnonzero(at_middle <= least[lines.group] + 2 * reach)
        result[where] = _by_group(local, middle, lines, wanted, is_weighted)[0]
    return result


def _by_group(
    local: FloatArray, middle: FloatArray, lines: LineSamples, wanted: NDArray[np.int64], is_weighted: bool
) -> tuple[FloatArray, NDArray[np.int64]]:
    """(n, g) distance of the points of one cell from the groups that have a wanted point, and those groups."""
    wanted = wanted[np.argsort(lines.group[wanted], kind="stable")]
    samples = lines.points_mm[wanted] - middle
    squared = (local**2).sum(1)[:, None] - 2.0 * local @ samples.T + (samples**2).sum(1)
    values = np.sqrt(np.maximum(squared, 0.0))
    if is_weighted:
        values -= lines.radius_mm[wanted]
    names, starts = np.unique(lines.group[wanted], return_index=True)
    return np.minimum.reduceat(values, starts, axis=1), names


def _cells(
    points_mm: FloatArray, lines: LineSamples, is_weighted: bool, starts: NDArray[np.int64] | None
) -> Iterator[tuple[NDArray[np.int64] | slice, FloatArray, FloatArray, float, FloatArray]]:
    """For each cell: its points' numbers, the points from its middle, middle, reach, and all lines seen from there."""
    order = None
    if starts is None:
        order, starts = _sorted_into_cells(points_mm)
    for begin in range(0, len(starts) - 1, CENTRES):
        ends = starts[begin : begin + CENTRES + 1]
        runs = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        where = [run if order is None else order[run] for run in runs]
        parts = [points_mm[w] for w in where]
        middles = np.array([(p.min(0) + p.max(0)) / 2.0 for p in parts])
        seen = _distances(middles, lines.points_mm)
        if is_weighted:
            seen -= lines.radius_mm
        for n, part in enumerate(parts):
            local = part - middles[n]
            reach = float(np.sqrt((local**2).sum(1).max())) + 1e-6
            yield where[n], local, middles[n], reach, seen[n]


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(cdist(a, b))


def _sorted_into_cells(points_mm: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order in which points of one cube follow each other, and where each cube begins."""
    if not len(points_mm):
        return np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    cube = np.floor((points_mm - points_mm.min(0)) / CELL_MM).astype(np.int64)
    size = cube.max(0) + 1
    key = (cube[:, 0] * size[1] + cube[:, 1]) * size[2] + cube[:, 2]
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    return order, np.append(first, len(order))
