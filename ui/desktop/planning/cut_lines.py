"""A cut as lines on a slice, and what of the slice it takes: polylines in LPS mm, for any zoom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from surgtwin.domain.geometry import FloatArray
from ui.render.slices import SliceStack

from .pictures import CutPicture

STEP_MM = 2.0
MAX_NODES = 160
SOFT_MM = 2.0
"""The side's value counts up to this far from the cut when the region taken is outlined."""


@dataclass(frozen=True, eq=False)
class CutLine:
    """A run of the cut on a slice: places (N, 3), each with its margin (N,); whether it lies in the organ."""

    places_mm: FloatArray
    margins_mm: FloatArray
    is_inside: bool


@dataclass(frozen=True, eq=False)
class SliceCut:
    """All of a cut on one slice; `taken` are closed outlines (N, 3)."""

    lines: tuple[CutLine, ...]
    taken: tuple[FloatArray, ...]


def cut_on_slice(cut: CutPicture, stack: SliceStack, point_mm: FloatArray) -> SliceCut:
    """The cut on the slice through a point, inside a box around the organ."""
    from skimage.measure import find_contours

    low, high = cut.inside.tissue.bounds_mm
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    along = (corners - point_mm) @ stack.step
    if along.min() > 0 or along.max() < 0:
        return SliceCut((), ())
    axes = []
    for direction in (stack.right, stack.down):
        span = (corners - point_mm) @ direction
        count = int(np.clip((span.max() - span.min()) / STEP_MM, 8, MAX_NODES))
        axes.append(np.linspace(span.min(), span.max(), count))
    nodes = point_mm + axes[0][:, None, None] * stack.right + axes[1][None, :, None] * stack.down
    shape = nodes.shape[:2]
    flat = nodes.reshape(-1, 3)
    side, inside = cut.side.signed(flat).reshape(shape), cut.inside.at(flat).reshape(shape)

    def placed(contour: FloatArray) -> FloatArray:
        a = np.interp(contour[:, 0], np.arange(shape[0]), axes[0])
        b = np.interp(contour[:, 1], np.arange(shape[1]), axes[1])
        return np.asarray(point_mm + a[:, None] * stack.right + b[:, None] * stack.down)

    region = np.minimum(np.clip(side / (2.0 * SOFT_MM), -0.5, 0.5), inside - 0.5)
    taken = tuple(placed(c) for c in find_contours(region, 0.0)) if (region > 0).any() else ()
    lines = [line for c in find_contours(side, 0.0) for line in _runs(cut, placed(c))]
    return SliceCut(tuple(lines), taken)


def _runs(cut: CutPicture, places: FloatArray) -> list[CutLine]:
    """A line divided where it enters and leaves the organ; neighbours share the place between them."""
    is_inside = cut.inside.at(places) > 0.5
    margins = cut.margins.at(places)
    changes = np.flatnonzero(np.diff(is_inside)) + 1
    edges = [0, *changes.tolist(), len(places)]
    runs = []
    for begin, end in pairwise(edges):
        stop = min(end + 1, len(places))
        if stop - begin > 1:
            runs.append(CutLine(places[begin:stop], margins[begin:stop], bool(is_inside[begin])))
    return runs
