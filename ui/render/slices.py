"""Where slices lie in the patient: the stack of a view, the frame of one picture, and the letters on its edges.

Axial is seen from the feet, coronal from the front, sagittal from the left: the patient's right is on the screen's
left, anterior is up in axial, superior is up in coronal and sagittal. A grid that is almost straight is cut along its
own axes, so that its slices are shown as they were acquired; one that lies more oblique is cut along the patient's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from surgtwin.domain.geometry import (
    SAME_DIRECTION,
    FloatArray,
    Grid,
    Point3,
    direction_letters,
    transform_points,
)

MAX_OWN_TILT_DEG = 20.0
"""A grid tilted more than this off the patient's axes is cut along the patient's axes."""
FIT_MARGIN = 1.02
"""Room around an image that is fitted into its view."""
MIN_MM_PER_PIXEL, MAX_MM_PER_PIXEL = 0.02, 10.0


class View(StrEnum):
    """The three slice views."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


_PATIENT_AXES: dict[View, tuple[Point3, Point3, Point3]] = {
    View.AXIAL: ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
    View.CORONAL: ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    View.SAGITTAL: ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
}
"""Right and down on the screen, and from slice 1 to slice N, in LPS."""


@dataclass(frozen=True, eq=False)
class SliceStack:
    """The slices of one view through a grid.

    Parameters
    ----------
    right, down
        (3,) unit vectors in LPS: the directions of the screen.
    step
        (3,) unit vector in LPS from the first slice to the last: towards the feet, the back, the patient's left.
    first_mm
        LPS point on the first slice.
    step_mm, count
        Distance of neighbouring slices, and how many there are.
    extent_mm
        (right min, right max, down min, down max): what the grid covers, as projections of LPS on right and down.
    """

    view: View
    right: FloatArray
    down: FloatArray
    step: FloatArray
    first_mm: FloatArray
    step_mm: float
    count: int
    extent_mm: tuple[float, float, float, float]

    def index_of(self, point_mm: ArrayLike) -> int:
        """Number (from 0) of the slice nearest to a point, kept within the stack."""
        offset = float((np.asarray(point_mm, dtype=np.float64) - self.first_mm) @ self.step)
        return int(np.clip(round(offset / self.step_mm), 0, self.count - 1))

    def on_slice(self, point_mm: ArrayLike, index: int) -> FloatArray:
        """The point moved along the stack onto a slice; the index is kept within the stack."""
        point = np.asarray(point_mm, dtype=np.float64)
        wanted = float(np.clip(index, 0, self.count - 1)) * self.step_mm
        return np.asarray(point + self.step * (wanted - (point - self.first_mm) @ self.step))

    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters of the left, right, top and bottom edge."""
        return edge_letters(self.right, self.down)


@dataclass(frozen=True, eq=False)
class SliceFrame:
    """The rectangle of one picture: which piece of which slice, at which scale.

    Parameters
    ----------
    centre_mm
        LPS point in the middle of the picture; it lies on the slice.
    size
        (width, height) in pixels.
    """

    stack: SliceStack
    centre_mm: FloatArray
    mm_per_pixel: float
    size: tuple[int, int]

    def lps_from_pixel(self, depth_mm: float = 1.0) -> FloatArray:
        """(4, 4) from (column, row, depth, 1) to LPS; one unit of depth is `depth_mm` along the stack."""
        matrix = np.eye(4)
        matrix[:3, 0] = self.stack.right * self.mm_per_pixel
        matrix[:3, 1] = self.stack.down * self.mm_per_pixel
        matrix[:3, 2] = self.stack.step * depth_mm
        width, height = self.size
        matrix[:3, 3] = self.centre_mm - matrix[:3, 0] * (width - 1) / 2 - matrix[:3, 1] * (height - 1) / 2
        return matrix

    def to_lps(self, pixels: ArrayLike) -> FloatArray:
        """LPS mm of (..., 2) pixels given as (column, row)."""
        p = np.asarray(pixels, dtype=np.float64)
        return transform_points(self.lps_from_pixel(), np.concatenate([p, np.zeros((*p.shape[:-1], 1))], axis=-1))

    def to_pixel(self, points_mm: ArrayLike) -> FloatArray:
        """(..., 3): column, row and distance from the slice in mm, of LPS points (..., 3)."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.centre_mm
        width, height = self.size
        column = offset @ self.stack.right / self.mm_per_pixel + (width - 1) / 2
        row = offset @ self.stack.down / self.mm_per_pixel + (height - 1) / 2
        return np.stack([column, row, offset @ self.stack.step], axis=-1)

    def zoomed(self, factor: float, about_pixel: tuple[float, float]) -> SliceFrame:
        """The frame magnified by `factor`, with what lies at a pixel staying there."""
        scale = float(np.clip(self.mm_per_pixel / factor, MIN_MM_PER_PIXEL, MAX_MM_PER_PIXEL))
        fixed = self.to_lps(about_pixel)
        return replace(self, mm_per_pixel=scale, centre_mm=fixed + (self.centre_mm - fixed) * scale / self.mm_per_pixel)

    def resized(self, size: tuple[int, int]) -> SliceFrame:
        """The frame in a picture of another size, about the same piece of the patient in it."""
        scale = self.mm_per_pixel * min(self.size) / min(size)
        return replace(self, size=size, mm_per_pixel=float(np.clip(scale, MIN_MM_PER_PIXEL, MAX_MM_PER_PIXEL)))

    def panned(self, columns: float, rows: float) -> SliceFrame:
        """The frame after the picture was dragged by so many pixels."""
        shift = self.stack.right * columns + self.stack.down * rows
        return replace(self, centre_mm=self.centre_mm - shift * self.mm_per_pixel)


def slice_stack(grid: Grid, view: View) -> SliceStack:
    """The slices of a view through any grid: oblique, anisotropic, left-handed, sheared."""
    directions, axis = _own_axes(grid, view) if is_cut_along_its_own_axes(grid) else _patient_axes(grid, view)
    right, down, step = directions
    ni, nj, nk = grid.size_ijk
    last = np.array([ni - 1, nj - 1, nk - 1], dtype=np.float64)
    centres = grid.to_lps(np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * last)
    along = centres @ step
    nominal_mm = abs(float(grid.lps_from_ijk[:3, axis] @ step))
    count = round(float(np.ptp(along)) / nominal_mm) + 1
    step_mm = float(np.ptp(along)) / (count - 1) if count > 1 else nominal_mm
    middle = grid.center()
    first = middle + step * (float(along.min()) - middle @ step)
    corners = grid.corners()
    across, downward = corners @ right, corners @ down
    extent = (float(across.min()), float(across.max()), float(downward.min()), float(downward.max()))
    return SliceStack(view, right, down, step, first, step_mm, count, extent)


def is_cut_along_its_own_axes(grid: Grid) -> bool:
    """True for a grid with square corners that lies within 20 degrees of the patient's axes."""
    direction = grid.direction
    is_square = np.abs(direction.T @ direction - np.eye(3)).max() < SAME_DIRECTION
    nearest = np.abs(direction).max(axis=0)
    return bool(is_square and np.all(nearest > np.cos(np.radians(MAX_OWN_TILT_DEG))))


def _own_axes(grid: Grid, view: View) -> tuple[list[FloatArray], int]:
    """Screen directions along the grid's own axes, and the number of the axis that is stepped along."""
    directions, axis = [], 0
    for wanted in np.array(_PATIENT_AXES[view], dtype=np.float64):
        cosines = wanted @ grid.direction
        axis = int(np.argmax(np.abs(cosines)))
        directions.append(np.asarray(grid.direction[:, axis] * np.sign(cosines[axis])))
    return directions, axis


def _patient_axes(grid: Grid, view: View) -> tuple[list[FloatArray], int]:
    directions = [np.array(d, dtype=np.float64) for d in _PATIENT_AXES[view]]
    return directions, int(np.argmax(np.abs(directions[2] @ grid.direction)))


def fitted_frame(stack: SliceStack, point_mm: ArrayLike, size: tuple[int, int]) -> SliceFrame:
    """The frame that shows the whole slice through a point, centred on the grid."""
    left, right, top, bottom = stack.extent_mm
    width, height = size
    scale = max((right - left) / width, (bottom - top) / height) * FIT_MARGIN
    on_slice = stack.on_slice(point_mm, stack.index_of(point_mm))
    centre = _with_projections(stack, on_slice, (left + right) / 2, (top + bottom) / 2)
    return SliceFrame(stack, centre, scale, size)


def _with_projections(stack: SliceStack, point: FloatArray, right_mm: float, down_mm: float) -> FloatArray:
    """The point moved within its slice until its projections on right and down are the given ones."""
    shift = stack.right * (right_mm - point @ stack.right) + stack.down * (down_mm - point @ stack.down)
    return np.asarray(point + shift)


def edge_letters(right: ArrayLike, down: ArrayLike) -> tuple[str, str, str, str]:
    """Letters of the left, right, top and bottom edge of a view whose screen directions are given in LPS."""
    r, d = np.asarray(right, dtype=np.float64), np.asarray(down, dtype=np.float64)
    return direction_letters(-r), direction_letters(r), direction_letters(-d), direction_letters(d)
