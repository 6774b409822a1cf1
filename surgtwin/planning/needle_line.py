"""A straight way from entry to target, in LPS mm, by depth below the entry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..domain.geometry import FloatArray, Grid, Point3
from ..domain.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class NeedleLine:
    """The axis of a needle: `start` (3,), unit `direction` (3,) towards the target, and its length."""

    start: FloatArray
    direction: FloatArray
    length_mm: float

    @classmethod
    def of(cls, trajectory: Trajectory) -> NeedleLine:
        start = np.asarray(trajectory.entry_mm)
        along = np.asarray(trajectory.target_mm) - start
        return cls(start, along / trajectory.length_mm, trajectory.length_mm)

    @cached_property
    def end(self) -> FloatArray:
        return self.start + self.length_mm * self.direction

    def points(self, depths_mm: FloatArray) -> FloatArray:
        """(N, 3) places at depths (N,)."""
        return np.asarray(self.start + np.asarray(depths_mm)[:, None] * self.direction)

    def point(self, depth_mm: float) -> Point3:
        x, y, z = (float(c) for c in self.start + depth_mm * self.direction)
        return (x, y, z)

    def outside_mm(self, grid: Grid, radius_mm: float) -> float:
        """How much of the length leaves the grid's box, the tool's radius counted in."""
        low, high = self._inside(grid, radius_mm)
        return self.length_mm - max(high - low, 0.0)

    def _inside(self, grid: Grid, radius_mm: float) -> tuple[float, float]:
        """First and last depth within the box, which shrinks by the radius; the last is smaller if there is none."""
        start, end = grid.to_ijk(self.start), grid.to_ijk(self.end)
        # Distance from a box's face, mm, of a step of one index across it.
        step = 1.0 / np.linalg.norm(grid.ijk_from_lps[:3, :3], axis=1)
        low, high = 0.0, 1.0
        for axis, count in enumerate(grid.size_ijk):
            bottom, top = radius_mm / step[axis] - 0.5, count - 0.5 - radius_mm / step[axis]
            rise = end[axis] - start[axis]
            if abs(rise) < 1e-12:
                if not bottom <= start[axis] <= top:
                    return 0.0, 0.0
                continue
            first, last = sorted(((bottom - start[axis]) / rise, (top - start[axis]) / rise))
            low, high = max(low, first), min(high, last)
        return float(low * self.length_mm), float(high * self.length_mm)
