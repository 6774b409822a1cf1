"""How far segments are from a closed surface, exact for its triangles, with nothing sampled.

The triangles are sorted into cells of three sizes. For every segment a cell's ball says how near and how far its
triangles can be; cells that can't hold the nearest one are left alone, as in a search tree, but many segments at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from .segments import closest_segment_triangle, distance_to_segments
from .surface_distance import TIE_MM, weighted_heights

FINE_MM, TIMES = 4.0, (3, 4)
"""Edge of the smallest cells, and how many of them fit along the next larger ones."""
MAX_PAIRS = 1_500_000
"""Pairs of segments and cells looked at together: bounds the memory."""
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SegmentNearest:
    """What was found for each segment.

    Parameters
    ----------
    distance_mm
        (N,) positive outside, negative where all of the segment is inside, 0 where it crosses the surface.
    on_segment, on_surface
        (N, 3) LPS: the nearest places.
    """

    distance_mm: FloatArray
    on_segment: FloatArray
    on_surface: FloatArray


@dataclass(frozen=True, eq=False)
class _Level:
    """Cells of one size: balls around their triangles, and where their children begin among those of the next level."""

    centres: FloatArray
    radii: FloatArray
    child_start: Indices


@dataclass(frozen=True, eq=False)
class SegmentDistance:
    """A closed, outward surface that can be asked how far segments, or points, are from it."""

    mesh: OrganMesh

    @cached_property
    def _keys(self) -> Indices:
        """Number of each triangle's smallest cell; those of one larger cell follow each other."""
        centres = self.mesh.vertices_mm[self.mesh.triangles].mean(1)
        index = np.floor((centres - centres.min(0)) / FINE_MM).astype(np.int64)
        inner = []
        for times in TIMES:
            inner.append(_numbered(index % times, np.full(3, times)))
            index //= times
        key = _numbered(index, index.max(0) + 1)
        for times, own in zip(reversed(TIMES), reversed(inner), strict=True):
            key = key * times**3 + own
        return key

    @cached_property
    def _order(self) -> Indices:
        """Triangles sorted so that those of one cell follow each other, whatever the cell's size."""
        return np.asarray(np.argsort(self._keys, kind="stable"))

    @cached_property
    def _corners(self) -> FloatArray:
        return np.asarray(self.mesh.vertices_mm[self.mesh.triangles[self._order]])

    @cached_property
    def _normals(self) -> FloatArray:
        a, b, c = (self._corners[:, n] for n in range(3))
        cross = np.cross(b - a, c - a)
        length = np.linalg.norm(cross, axis=1, keepdims=True)
        return np.asarray(cross / np.where(length > 0, length, 1.0))

    @cached_property
    def _levels(self) -> tuple[_Level, ...]:
        """The largest cells first, the triangles themselves last."""
        low, high = self._corners.min(1), self._corners.max(1)
        key, starts = self._keys[self._order], [np.arange(len(self._order))]
        for times in (1, *TIMES):
            key = key // times**3
            starts.insert(0, self._starts(key))
        levels = []
        for own, finer in pairwise(starts):
            least, most = np.minimum.reduceat(low, own), np.maximum.reduceat(high, own)
            child = np.append(np.searchsorted(finer, own), len(finer))
            levels.append(_Level((least + most) / 2.0, np.linalg.norm(most - least, axis=1) / 2.0, child))
        middle = self._corners.mean(1)
        reach = np.linalg.norm(self._corners - middle[:, None], axis=2).max(1)
        return (*levels, _Level(middle, reach, np.zeros(0, np.int64)))

    @staticmethod
    def _starts(sorted_keys: Indices) -> Indices:
        return np.concatenate(([0], np.flatnonzero(np.diff(sorted_keys)) + 1))

    def nearest(self, starts: FloatArray, ends: FloatArray, known_mm: FloatArray | None = None) -> SegmentNearest:
        """The nearest places of segments from `starts` to `ends` (N, 3), which may be one point each.

        `known_mm` (N, 3) are places on the surface, not far from the nearest ones: they save time.
        """
        count = len(starts)
        distance, on_segment, on_surface = np.empty(count), np.empty((count, 3)), np.empty((count, 3))
        per_chunk = max(1, MAX_PAIRS // max(len(self._levels[0].radii), 64))
        for begin in range(0, count, per_chunk):
            part = slice(begin, begin + per_chunk)
            known = None if known_mm is None else known_mm[part]
            distance[part], on_segment[part], on_surface[part] = self._chunk(starts[part], ends[part], known)
        return SegmentNearest(distance, on_segment, on_surface)

    def _chunk(
        self, starts: FloatArray, ends: FloatArray, known: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        along = ends - starts
        most = np.full(len(starts), np.inf)
        if known is not None:
            most = distance_to_segments(known, starts, along) + TIE_MM
        cells = len(self._levels[0].radii)
        row, cell = np.repeat(np.arange(len(starts)), cells), np.tile(np.arange(cells), len(starts))
        for level in self._levels:
            away = distance_to_segments(level.centres[cell], starts[row], along[row])
            # The middle of a triangle is a place on it; of a cell it is only known that some lies in its ball.
            np.minimum.at(most, row, away + level.radii[cell] if len(level.child_start) else away)
            kept = away - level.radii[cell] <= most[row]
            row, cell = row[kept], cell[kept]
            if len(level.child_start):
                row, cell = _children(level.child_start, row, cell)
        return self._exact(starts, ends, row, cell)

    def _exact(
        self, starts: FloatArray, ends: FloatArray, row: Indices, triangle: Indices
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        points = starts[row]
        others = points if starts is ends else ends[row]
        found = closest_segment_triangle(points, others, self._corners[triangle])
        least = np.full(len(starts), np.inf)
        np.minimum.at(least, row, found.distance_mm)
        tied = np.flatnonzero(found.distance_mm <= least[row] + TIE_MM)
        offset = found.on_segment[tied] - found.on_triangle[tied]
        square = np.einsum("nc,nc->n", offset, self._normals[triangle[tied]])
        # Triangles that share the nearest edge or corner give the sign together: one of them may face away.
        heights = weighted_heights(offset, found.on_triangle[tied], self._corners[triangle[tied]])
        height = np.bincount(row[tied], heights, len(starts))
        order = np.lexsort((-np.abs(square), row[tied]))
        chosen, distance = tied[order[self._starts(row[tied][order])]], np.copysign(least, height)
        distance[least <= TIE_MM] = 0.0
        return distance, found.on_segment[chosen], found.on_triangle[chosen]


def _numbered(index: Indices, sizes: Indices) -> Indices:
    """One number for each (N, 3) index below the sizes."""
    return np.asarray((index[:, 2] * sizes[1] + index[:, 1]) * sizes[0] + index[:, 0])


def _children(start: Indices, row: Indices, cell: Indices) -> tuple[Indices, Indices]:
    """Every pair of a segment and a cell as pairs of the segment and the cell's children."""
    counts = start[cell + 1] - start[cell]
    ends = np.cumsum(counts)
    inner = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    return np.repeat(row, counts), np.repeat(start[cell], counts) + inner
