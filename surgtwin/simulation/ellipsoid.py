"""The ellipsoid that an energy device destroys: exact distances to its surface, and its volume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..domain.trajectory import Ablation

MAX_STEPS = 60
"""Newton's steps; they end when none of the points moves any more."""
CONVERGED = 1e-14
OFF_PLANE = 1e-12
"""Points in a plane of symmetry are lifted off it by this share of the smallest radius: the root then always exists."""


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """An ellipsoid in LPS mm.

    Parameters
    ----------
    axes
        (3, 3) rows: unit vectors of its axes, square to each other.
    radii_mm
        (3,) semi-axes along them.
    """

    centre_mm: FloatArray
    axes: FloatArray
    radii_mm: FloatArray

    @property
    def steepness(self) -> float:
        return 1.0

    @property
    def volume_ml(self) -> float:
        return float(4.0 / 3.0 * math.pi * self.radii_mm.prod() / 1000.0)

    @cached_property
    def _order(self) -> FloatArray:
        return np.asarray(np.argsort(-self.radii_mm, kind="stable"))

    def signed(self, points_mm: FloatArray) -> FloatArray:
        """Exact distances (N,) of LPS points (N, 3) from the surface, mm, positive inside."""
        return self.nearest(points_mm)[0]

    def nearest(self, points_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Exact distances (N,), positive inside, and the nearest points (N, 3) on the surface.

        With the axes sorted, e1 >= e2 >= e3, the nearest point is x_i = r_i y_i / (u + r_i - 1) with r_i = (e_i / e3)^2
        and u the root of sum (r_i z_i / (u + r_i - 1))^2 = 1, z = y / e (Eberly, "Distance from a Point to an
        Ellipse, an Ellipsoid, or a Hyperellipsoid", 2013). The sum is convex and falls with u, so that Newton's steps
        from below never pass the root.
        """
        local = ((np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.centre_mm) @ self.axes.T)[
            :, self._order
        ]
        e = self.radii_mm[self._order]
        y = np.maximum(np.abs(local), OFF_PLANE * e[2])
        r = (e / e[2]) ** 2
        rz, beyond = r * y / e, r - 1.0
        u = np.max(rz - beyond, axis=1)
        for _ in range(MAX_STEPS):
            terms = rz / (u[:, None] + beyond)
            step = ((terms**2).sum(1) - 1.0) / (2.0 * (terms**2 / (u[:, None] + beyond)).sum(1))
            u = u + step
            if not len(u) or float(np.max(np.abs(step) / u)) < CONVERGED:
                break
        foot = r * y / (u[:, None] + beyond)
        distance = np.linalg.norm(foot - y, axis=1)
        inside = ((local / e) ** 2).sum(1) < 1.0
        unsorted = np.empty_like(foot)
        unsorted[:, self._order] = np.copysign(foot, local)
        return np.where(inside, distance, -distance), unsorted @ self.axes + self.centre_mm

    def level(self, points_mm: FloatArray) -> FloatArray:
        """sqrt(sum (y_i / e_i)^2) (N,): below 1 inside. No point is nearer to the surface than |1 - level| e3."""
        local = (points_mm - self.centre_mm) @ self.axes.T
        return np.asarray(np.linalg.norm(local / self.radii_mm, axis=-1))

    def surface_points(self, count: int) -> FloatArray:
        """(count, 3) LPS points on the surface, a spiral over the unit ball stretched along the axes."""
        n = np.arange(count) + 0.5
        z, turn = 1.0 - 2.0 * n / count, n * math.pi * (3.0 - math.sqrt(5.0))
        flat = np.sqrt(1.0 - z * z)
        ball = np.stack((flat * np.cos(turn), flat * np.sin(turn), z), 1)
        return np.asarray((ball * self.radii_mm) @ self.axes + self.centre_mm)

    def reach(self, directions: FloatArray) -> FloatArray:
        """(N,) how far the ellipsoid extends from its centre along (N, 3) directions; scales with their length."""
        return np.asarray(np.linalg.norm((directions @ self.axes.T) * self.radii_mm, axis=-1))


def zone_of(ablation: Ablation) -> Ellipsoid:
    """The ellipsoid an ablation describes. Where b = c any direction square to the axis serves for b."""
    first = np.asarray(ablation.axis)
    second = _square_to(first) if ablation.axis_b is None else np.asarray(ablation.axis_b)
    second = second - (second @ first) * first
    second = second / np.linalg.norm(second)
    axes = np.stack((first, second, np.cross(first, second)))
    return Ellipsoid(np.asarray(ablation.centre_mm), axes, np.asarray(ablation.radii_mm))


def _square_to(axis: FloatArray) -> FloatArray:
    least = np.zeros(3)
    least[int(np.abs(axis).argmin())] = 1.0
    return np.asarray(np.cross(axis, least))


def as_point(row: FloatArray) -> Point3:
    """Three plain floats."""
    x, y, z = (float(v) for v in row)
    return (x, y, z)
