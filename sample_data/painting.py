"""Shapes painted one over another into slabs of an image: exact labels, and values with partial volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid

from .deformation import Deformation
from .frame import Build, at_rest
from .shapes import F32, Shape, Vector

Value = float | Callable[[F32, F32, F32], F32]
MIN_EDGE = np.float32(1e-3)
REACH_VOXELS = 3.0
"""A surface further than this from every voxel leaves no trace."""


@dataclass(frozen=True)
class Paint:
    """A shape, what it looks like, and what it is.

    Parameters
    ----------
    value
        HU, or a function of anatomy coordinates that gives HU.
    label
        Written where the shape is; None leaves what is there, 0 clears it.
    only_over
        Paint only where these labels are already.
    in_patient
        The shape's coordinates are the patient's (at rest), not the anatomy's: it keeps its exact form.
    """

    shape: Shape
    value: Value
    label: int | None = 0
    only_over: tuple[int, ...] = ()
    in_patient: bool = False


@dataclass(frozen=True)
class Placement:
    """How the anatomy lies in an image: the grid, the patient's origin in it, the person's build, the deformation."""

    grid: Grid
    origin_mm: Vector
    build: Build
    deformation: Deformation

    def index_box(self, paint: Paint) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Voxel ranges (k, j, i), unclipped, that hold the painted shape and a voxel around it."""
        box = paint.shape.box if paint.in_patient else self.build.patient_box(paint.shape.box)
        box = box.grown(self.deformation.max_mm)
        corners = np.array(list(product(*zip(box.low, box.high, strict=True)))) + np.asarray(self.origin_mm)
        ijk = self.grid.to_ijk(corners)
        low, high = np.floor(ijk.min(axis=0)).astype(int) - 1, np.ceil(ijk.max(axis=0)).astype(int) + 2
        return ((low[2], high[2]), (low[1], high[1]), (low[0], high[0]))

    def patient_coordinates(self, k_from: int, k_to: int) -> tuple[F32, F32, F32]:
        """Patient coordinates at rest of the voxels of slices k_from to k_to (which may lie outside of the grid)."""
        m = self.grid.lps_from_ijk
        _, nj, ni = self.grid.shape
        k = np.arange(k_from, k_to, dtype=np.float64)[:, None, None]
        j = np.arange(nj, dtype=np.float64)[None, :, None]
        i = np.arange(ni, dtype=np.float64)[None, None, :]
        x, y, z = (
            ((m[a, 2] * k + (m[a, 3] - self.origin_mm[a])) + m[a, 1] * j + m[a, 0] * i).astype(np.float32)
            for a in range(3)
        )
        return at_rest(self.deformation, x, y, z)


@dataclass(eq=False)
class Slab:
    """Some slices while they are painted; `values` is None when only labels are wanted."""

    placement: Placement
    first: int
    patient: tuple[F32, F32, F32]
    anatomy: tuple[F32, F32, F32]
    labels: npt.NDArray[np.uint8]
    values: F32 | None

    @classmethod
    def empty(cls, placement: Placement, first: int, last: int, background: float | None) -> Slab:
        """Slices `first` to `last` (not included), unlabelled, all of the value `background`."""
        patient = placement.patient_coordinates(first, last)
        anatomy = placement.build.anatomy_from_patient(*patient)
        shape = patient[0].shape
        values = None if background is None else np.full(shape, background, dtype=np.float32)
        return cls(placement, first, patient, anatomy, np.zeros(shape, np.uint8), values)

    def paint(self, paint: Paint, ranges: tuple[tuple[int, int], ...]) -> None:
        """Put one paint over what is there; `ranges` as `Placement.index_box` gives them."""
        part = self._part(ranges)
        if part is None:
            return
        x, y, z = (c[part] for c in (self.patient if paint.in_patient else self.anatomy))
        distance = paint.shape.distance(x, y, z)
        if distance.size == 0 or float(distance.min()) > REACH_VOXELS * max(self.placement.grid.spacing):
            return
        allowed = np.isin(self.labels[part], paint.only_over) if paint.only_over else None
        if self.values is not None:
            self._blend(self.values[part], part, paint.value, distance, allowed)
        if paint.label is not None:
            inside = distance < 0
            if allowed is not None:
                inside &= allowed
            self.labels[part][inside] = paint.label

    def _part(self, ranges: tuple[tuple[int, int], ...]) -> tuple[slice, ...] | None:
        offsets = (self.first, 0, 0)
        part = []
        for (low, high), offset, size in zip(ranges, offsets, self.labels.shape, strict=True):
            low, high = max(low - offset, 0), min(high - offset, size)
            if low >= high:
                return None
            part.append(slice(low, high))
        return tuple(part)

    def _blend(
        self, under: F32, part: tuple[slice, ...], value: Value, distance: F32, allowed: npt.NDArray[np.bool_] | None
    ) -> None:
        share = coverage(distance)
        if allowed is not None:
            share *= allowed
        if not share.any():
            return
        over = value(*(c[part] for c in self.anatomy)) if callable(value) else np.float32(value)
        under += share * (over - under)


def coverage(distance: F32) -> F32:
    """Share of each voxel that lies inside a surface, from its distances at the voxel centres.

    The distance falls from half its change across the voxel to minus that, as for a plane through a box.
    """
    change = np.full(distance.shape, MIN_EDGE, dtype=np.float32)
    for axis, size in enumerate(distance.shape):
        if size > 2:
            d, c = distance.swapaxes(0, axis), change.swapaxes(0, axis)
            c[1:-1] += np.float32(0.5) * np.abs(d[2:] - d[:-2])
            c[0] += np.abs(d[1] - d[0])
            c[-1] += np.abs(d[-1] - d[-2])
    share = np.float32(0.5) - distance / change
    return np.asarray(np.clip(share, 0, 1, out=share), dtype=np.float32)
