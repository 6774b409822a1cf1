"""Slices of a tilted or irregular stack, resampled onto a regular, right-angled grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid
from ..errors import GeometryError
from ..progress import Progress
from .slice_order import SliceOrder

MAX_GROWTH = 4
"""A regularised stack may have this many times as many slices as there were; more means gaps too wide to bridge."""
EXACT_FRACTION = 1e-3
"""A shift nearer than this to a whole pixel, or a slice nearer than this part of the spacing, is taken as it is."""


@dataclass(frozen=True, eq=False)
class StraightGrid:
    """Where the resampled slices lie.

    Parameters
    ----------
    heights_mm
        (n,) along the normal.
    first_ij, size_ij
        Pixel of the first slice's raster at which the new raster starts, and its size, along (i, j).
    """

    grid: Grid
    heights_mm: FloatArray
    first_ij: tuple[int, int]
    size_ij: tuple[int, int]


def straight_grid(order: SliceOrder, *, regularise: bool) -> StraightGrid:
    """The grid for a stack: the same pixels and normal, as wide as all slices together reach.

    Raises
    ------
    GeometryError
        If the gaps are too wide to be bridged.
    """
    heights = _even_heights(order) if regularise else _own_heights(order)
    layout = order.frames[0].instance.layout
    pixel = np.asarray(order.pixel_mm)
    shifts = _shifts(order) / pixel
    low = np.floor(shifts.min(axis=0) + EXACT_FRACTION).astype(int)
    high = np.ceil(shifts.max(axis=0) - EXACT_FRACTION).astype(int)
    size = (int(high[0] - low[0]) + layout.columns, int(high[1] - low[1]) + layout.rows)
    spacing = order.spacing_mm if regularise else float(heights[-1] - heights[0]) / (len(heights) - 1)
    origin = order.position_of(0) + order.row * low[0] * pixel[0] + order.column * low[1] * pixel[1]
    direction = np.column_stack([order.row, order.column, order.normal])
    grid = Grid.from_axes((len(heights), size[1], size[0]), origin, direction, (*order.pixel_mm, spacing))
    return StraightGrid(grid, heights, (int(low[0]), int(low[1])), size)


def _own_heights(order: SliceOrder) -> FloatArray:
    return np.linspace(float(order.heights_mm[0]), float(order.heights_mm[-1]), len(order.frames))


def _even_heights(order: SliceOrder) -> FloatArray:
    start, end, spacing = float(order.heights_mm[0]), float(order.heights_mm[-1]), order.spacing_mm
    count = int(np.floor((end - start + order.even_tolerance_mm) / spacing)) + 1
    if count > MAX_GROWTH * len(order.frames):
        raise GeometryError(
            f"{len(order.frames)} slices of {spacing:.2f} mm would have to become {count} to fill the gaps: too much "
            "would be invented. Export the series again."
        )
    return start + spacing * np.arange(count, dtype=np.float64)


def _shifts(order: SliceOrder) -> FloatArray:
    """(n, 2) mm sideways of each slice; zero where the stack is upright within the tolerance."""
    return np.zeros_like(order.sideways_mm) if order.is_upright else order.sideways_mm


def straighten(
    values: NDArray[Any], order: SliceOrder, target: StraightGrid, outside: float, progress: Progress
) -> NDArray[Any]:
    """`values` [k, j, i] of the slices in `order`, on the target grid, by linear interpolation.

    Parameters
    ----------
    outside
        Value where no slice reaches.
    """
    shifts = _shifts(order) / np.asarray(order.pixel_mm) - target.first_ij
    out = np.empty(target.grid.shape, dtype=values.dtype)
    for k, height in enumerate(target.heights_mm):
        progress.update(k / len(out), "Straightening slices")
        below, above, share = _neighbours(order, float(height))
        parts = [(below, 1.0 - share), (above, share)] if share else [(below, 1.0)]
        total = np.zeros(out.shape[1:], np.float32)
        weight = np.zeros(out.shape[1:], np.float32)
        for n, part in parts:
            rows, columns, moved = _moved(values[n], shifts[n], target.size_ij)
            total[rows, columns] += np.float32(part) * moved
            weight[rows, columns] += np.float32(part)
        covered = weight > 0
        np.divide(total, weight, out=total, where=covered)
        total[~covered] = outside
        out[k] = total if out.dtype.kind == "f" else np.rint(total)
    return out


def _neighbours(order: SliceOrder, height: float) -> tuple[int, int, float]:
    """The slices around a height, and the share of the upper one; the nearest alone if it is within the tolerance."""
    heights = order.heights_mm
    nearest = int(np.argmin(np.abs(heights - height)))
    if abs(heights[nearest] - height) <= order.even_tolerance_mm:
        return nearest, nearest, 0.0
    above = int(np.searchsorted(heights, height))
    above = min(max(above, 1), len(heights) - 1)
    share = (height - heights[above - 1]) / (heights[above] - heights[above - 1])
    return above - 1, above, float(np.clip(share, 0.0, 1.0))


def _moved(plane: NDArray[Any], shift: FloatArray, size_ij: tuple[int, int]) -> tuple[slice, slice, NDArray[Any]]:
    """A slice moved by (i, j) pixels, as float32, and the rows and columns of the new raster that it covers."""
    moved = plane.astype(np.float32)
    rows, moved = _moved_along(moved, float(shift[1]), size_ij[1], axis=0)
    columns, moved = _moved_along(moved, float(shift[0]), size_ij[0], axis=1)
    return rows, columns, moved


def _moved_along(plane: NDArray[Any], shift: float, size: int, axis: int) -> tuple[slice, NDArray[Any]]:
    whole = int(np.floor(shift + EXACT_FRACTION))
    fraction = np.float32(shift - whole)
    n = plane.shape[axis]
    if fraction <= EXACT_FRACTION:
        return slice(whole, whole + n), plane
    lower, upper = plane.take(range(n - 1), axis), plane.take(range(1, n), axis)
    return slice(whole + 1, min(whole + n, size)), fraction * lower + (1 - fraction) * upper


def regularised_finding(order: SliceOrder, target: StraightGrid, left_out: int) -> Finding:
    """What regularising did, for the record."""
    distance = np.abs(target.heights_mm[:, None] - order.heights_mm[None, :])
    invented = int(np.count_nonzero(distance.min(axis=1) > order.even_tolerance_mm))
    moved = float(distance.min(axis=0).max())
    gap = float(order.gaps_mm.max())
    dropped = f" {left_out} duplicate or damaged slices were left out." if left_out else ""
    message = (
        f"The slices were irregular (distances {order.gaps_mm.min():.2f} to {gap:.2f} mm) and were resampled to "
        f"{len(target.heights_mm)} slices {order.spacing_mm:.2f} mm apart, as allowed. {invented} of them are "
        f"interpolated between neighbours up to {gap:.2f} mm apart; original slices lie up to {moved:.2f} mm from the "
        f"nearest new one.{dropped} Detail in those places is not measured."
    )
    numbers = {
        "spacing_mm": order.spacing_mm,
        "slices_before": float(len(order.frames)),
        "slices_after": float(len(target.heights_mm)),
        "interpolated_slices": float(invented),
        "largest_gap_mm": gap,
        "largest_shift_mm": moved,
        "left_out": float(left_out),
    }
    return Finding("regularised", Severity.WARNING, message, numbers=numbers)


def tilt_finding(order: SliceOrder, target: StraightGrid) -> Finding:
    """What straightening a tilted stack did, for the record."""
    shift = order.worst_sideways_mm
    message = (
        f"The gantry was tilted by {order.tilt_degrees:.1f} degrees. The slices were moved sideways by up to "
        f"{shift:.1f} mm onto a right-angled grid of {target.size_ij[0]} x {target.size_ij[1]} pixels."
    )
    numbers = {"degrees": order.tilt_degrees, "largest_shift_mm": shift}
    return Finding("gantry-tilt", Severity.INFO, message, numbers=numbers)
