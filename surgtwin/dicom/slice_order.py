"""The slices of a stack in space: sorted by projected position, with every irregularity found and located."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import MAX_SPACING_MM, MIN_SPACING_MM, FloatArray, Grid
from ..errors import GeometryError
from .frame import Frame

MAX_ORIENTATION_ERROR = 1e-3
"""Largest deviation of the row and column directions from unit length and from a right angle."""
EVEN_SHARE = 0.01
EVEN_MM = 0.02
"""Slices are evenly spaced if none lies further from its place than this, or than `EVEN_SHARE` of the spacing:
what writing positions with two decimals does."""
DUPLICATE_SHARE = 0.05
"""Two slices nearer than this part of the usual spacing are at the same place."""
DUPLICATE_MM = 0.01
SIDEWAYS_SHARE = 0.1
"""Slices stand above each other if none is shifted sideways by more than this part of a pixel."""
TYPICAL_MAJORITY = 0.5


@dataclass(frozen=True, eq=False)
class SliceOrder:
    """Slices in ascending order along the normal (row x column), with their places.

    Parameters
    ----------
    frames
        In that order.
    row, column, normal
        Unit vectors (3,) in LPS: the i, j and k directions.
    heights_mm
        (n,) positions along the normal.
    sideways_mm
        (n, 2) positions along row and column, relative to the first slice.
    pixel_mm
        Distance of pixels along (i, j).
    """

    frames: tuple[Frame, ...]
    row: FloatArray
    column: FloatArray
    normal: FloatArray
    heights_mm: FloatArray
    sideways_mm: FloatArray
    pixel_mm: tuple[float, float]

    @cached_property
    def gaps_mm(self) -> FloatArray:
        """(n - 1,) distances of neighbouring slices along the normal."""
        return np.diff(self.heights_mm)

    @cached_property
    def spacing_mm(self) -> float:
        """The usual distance of slices: the mean if they are even, else what most of them have, else a short one."""
        gaps = self.gaps_mm[self.gaps_mm > DUPLICATE_MM]
        if not len(gaps):
            return 0.0
        middle = float(np.median(gaps))
        usual = gaps[np.abs(gaps - middle) <= max(EVEN_MM, 2 * EVEN_SHARE * middle)]
        if len(usual) >= TYPICAL_MAJORITY * len(gaps):
            return float(usual.mean())
        return float(np.percentile(gaps, 25, method="lower"))

    @cached_property
    def is_mostly_even(self) -> bool:
        """True if more than half of the distances are the usual one, so that longer ones are gaps."""
        gaps = self.gaps_mm[self.gaps_mm > DUPLICATE_MM]
        near = np.abs(gaps - self.spacing_mm) <= max(EVEN_MM, 2 * EVEN_SHARE * self.spacing_mm)
        return bool(np.count_nonzero(near) > TYPICAL_MAJORITY * len(gaps))

    @cached_property
    def duplicates(self) -> NDArray[np.intp]:
        """Indices of slices at the place of the one before them."""
        near = max(DUPLICATE_MM, DUPLICATE_SHARE * self.spacing_mm)
        return np.flatnonzero(self.gaps_mm <= near) + 1

    @cached_property
    def worst_unevenness_mm(self) -> float:
        """How far the worst slice lies from its place in an evenly spaced stack with the same ends."""
        n = len(self.heights_mm)
        even = np.linspace(self.heights_mm[0], self.heights_mm[-1], n)
        return float(np.abs(self.heights_mm - even).max())

    @property
    def even_tolerance_mm(self) -> float:
        return max(EVEN_MM, EVEN_SHARE * self.spacing_mm)

    @property
    def is_even(self) -> bool:
        return not len(self.duplicates) and self.worst_unevenness_mm <= self.even_tolerance_mm

    @cached_property
    def shear(self) -> FloatArray:
        """(2,) mm sideways along row and column per mm along the normal: the least-squares line through the slices."""
        h = self.heights_mm - self.heights_mm.mean()
        s = self.sideways_mm - self.sideways_mm.mean(axis=0)
        total = float(h @ h)
        return np.asarray(h @ s / total) if total > 0 else np.zeros(2)

    @property
    def sideways_tolerance_mm(self) -> float:
        return SIDEWAYS_SHARE * min(self.pixel_mm)

    @cached_property
    def worst_sideways_mm(self) -> float:
        """Largest shift of a slice against the first, across the normal."""
        return float(np.linalg.norm(self.sideways_mm, axis=1).max())

    @cached_property
    def worst_stray_mm(self) -> float:
        """Largest sideways shift that no tilt explains."""
        line = np.outer(self.heights_mm - self.heights_mm.mean(), self.shear)
        stray = self.sideways_mm - self.sideways_mm.mean(axis=0) - line
        return float(np.linalg.norm(stray, axis=1).max())

    @property
    def is_upright(self) -> bool:
        return self.worst_sideways_mm <= self.sideways_tolerance_mm

    @property
    def is_tilted(self) -> bool:
        """Sheared by a constant angle, as a tilted gantry does."""
        return not self.is_upright and self.worst_stray_mm <= self.sideways_tolerance_mm

    @property
    def tilt_degrees(self) -> float:
        return float(np.degrees(np.arctan(np.linalg.norm(self.shear))))

    def position_of(self, index: int) -> FloatArray:
        """LPS mm of the centre of the first pixel of a slice."""
        return np.asarray(self.frames[index].position, dtype=np.float64)

    def grid(self) -> Grid:
        """The grid of the slices as they are; only for an even, upright stack."""
        layout = self.frames[0].instance.layout
        n = len(self.frames)
        step = float(self.heights_mm[-1] - self.heights_mm[0]) / (n - 1)
        direction = np.column_stack([self.row, self.column, self.normal])
        return Grid.from_axes((n, layout.rows, layout.columns), self.position_of(0), direction, (*self.pixel_mm, step))


def order_slices(frames: Sequence[Frame]) -> SliceOrder:
    """The frames of one stack, sorted.

    Raises
    ------
    GeometryError
        With the bare reason, if places or directions are missing or impossible, or there is only one slice.
    """
    first = frames[0]
    if first.orientation is None or any(f.position is None for f in frames):
        raise GeometryError(
            "its slices do not say where in the patient they lie (no usable ImagePositionPatient and "
            "ImageOrientationPatient), so no volume can be made of them"
        )
    if first.spacing is None or not all(MIN_SPACING_MM <= s <= MAX_SPACING_MM for s in first.spacing):
        raise GeometryError("it states no usable PixelSpacing, so its size is unknown")
    row, column = right_angled(first.orientation)
    normal = np.cross(row, column)
    positions = np.asarray([f.position for f in frames], dtype=np.float64)
    heights = positions @ normal
    order = sorted(range(len(frames)), key=lambda n: (heights[n], frames[n].number, frames[n].instance.ref.name))
    positions, heights = positions[order], heights[order]
    offsets = positions - positions[0]
    sideways = np.column_stack([offsets @ row, offsets @ column])
    found = SliceOrder(
        tuple(frames[n] for n in order), row, column, normal, heights, sideways, (first.spacing[1], first.spacing[0])
    )
    if len(frames) == 1:
        raise GeometryError("it is a single slice, which has no third dimension; choose the whole series")
    if found.spacing_mm <= 0:
        raise GeometryError(f"all its {len(frames)} slices lie at the same place")
    if found.spacing_mm > MAX_SPACING_MM:
        raise GeometryError(f"its slices are {found.spacing_mm:g} mm apart, which cannot be")
    return found


def right_angled(orientation: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Row and column directions made exact unit vectors at a right angle; GeometryError if they are far from it."""
    row, column = np.asarray(orientation[:3], dtype=np.float64), np.asarray(orientation[3:], dtype=np.float64)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    off_length = max(abs(lengths[0] - 1), abs(lengths[1] - 1))
    if off_length > MAX_ORIENTATION_ERROR or abs(float(row @ column)) > MAX_ORIENTATION_ERROR:
        raise GeometryError("its ImageOrientationPatient is not two unit vectors at a right angle")
    row = row / lengths[0]
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)
