"""Outlines of a mask, and the mask within outlines: pixel centres inside stay inside, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray

HALF = 0.5
_STRAIGHT = 1e-9


def outlines(mask: NDArray[np.bool_]) -> list[FloatArray]:
    """Closed outlines (n, 2) in (i, j) of a mask [j, i], halfway between the pixels inside and outside.

    Each connected part is one outline. Holes are joined to it by a channel without width ("keyhole"), because a
    CLOSED_PLANAR contour cannot have holes (PS3.3, C.8.8.6.3); the even-odd rule then leaves them out.
    """
    from contourpy import FillType, contour_generator

    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        return []
    j0, i0 = int(rows.min()), int(columns.min())
    part = np.pad(mask[j0 : rows.max() + 1, i0 : columns.max() + 1], 1).astype(np.float64)
    generator = contour_generator(z=part, fill_type=FillType.OuterOffset)
    filled: Any = generator.filled(HALF, 2.0)
    points, offsets = filled
    found = []
    for polygon, bounds in zip(points, offsets, strict=True):
        loops = [_corners(polygon[a : b - 1]) for a, b in pairwise(bounds)]
        found.append(_with_keyholes(loops) + np.array([i0 - 1, j0 - 1]))
    return found


def fill(loops: Sequence[FloatArray], rows: int, columns: int) -> NDArray[np.bool_]:
    """Mask [j, i] of the pixel centres within closed outlines (n, 2) in (i, j), by the even-odd rule over all."""
    toggles = np.zeros((rows, columns + 1), dtype=np.uint8)
    for loop in loops:
        row, column = _crossings(loop, rows)
        np.bitwise_xor.at(toggles, (row, np.clip(column, 0, columns)), 1)
    return np.asarray(np.bitwise_xor.accumulate(toggles[:, :columns], axis=1) == 1)


def _crossings(loop: FloatArray, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the outline crosses the rows of pixel centres: the row, and the first pixel right of the crossing."""
    start, end = loop, np.roll(loop, -1, axis=0)
    upwards = end[:, 1] > start[:, 1]
    low = np.where(upwards[:, None], start, end)
    high = np.where(upwards[:, None], end, start)
    first = np.clip(np.ceil(low[:, 1]), 0, rows).astype(np.int64)
    last = np.clip(np.ceil(high[:, 1]), 0, rows).astype(np.int64)  # half open: a corner counts once
    count = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(loop)), count)
    if len(edge) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    slope = (high[edge, 0] - low[edge, 0]) / (high[edge, 1] - low[edge, 1])
    at = low[edge, 0] + (row - low[edge, 1]) * slope
    return row, np.ceil(np.clip(at, -1.0, 1e9)).astype(np.int64)


def _corners(loop: FloatArray) -> FloatArray:
    """The loop without the points in the middle of straight runs."""
    before, after = loop - np.roll(loop, 1, axis=0), np.roll(loop, -1, axis=0) - loop
    bend = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    keep = np.abs(bend) > _STRAIGHT
    return np.asarray(loop[keep] if np.count_nonzero(keep) >= 3 else loop)


def _with_keyholes(loops: Sequence[FloatArray]) -> FloatArray:
    """The first loop with the others joined to it, each by the shortest channel."""
    if len(loops) == 1:
        return loops[0]
    from scipy.spatial import cKDTree

    outer = loops[0]
    tree = cKDTree(outer)
    detours: dict[int, list[FloatArray]] = {}
    for hole in loops[1:]:
        distance, anchor = tree.query(hole)
        start = int(np.argmin(distance))
        at = int(anchor[start])
        around = np.roll(hole, -start, axis=0)
        detours.setdefault(at, []).append(np.concatenate([around, around[:1], outer[at : at + 1]]))
    parts: list[FloatArray] = []
    done = 0
    for at in sorted(detours):
        parts += [outer[done : at + 1], *detours[at]]
        done = at + 1
    return np.concatenate([*parts, outer[done:]])
