"""A target's distance at the nodes of a regular table, between which a spline gives it in no time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray
from ..mesh.surface_distance import SurfaceDistance

STEP_MM = 3.0
MAX_NODES = 300_000
NEAR_MM = 2.0
"""Nearer to the surface than this the distance is that to its triangles; farther off that to its vertices will do."""


@dataclass(frozen=True, eq=False)
class DistanceTable:
    """Signed distances (s, t, r) at nodes along LPS x, y, z, as the spline's coefficients."""

    low_mm: FloatArray
    step_mm: float
    coefficients: FloatArray

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Signed distances (N,) of LPS points (N, 3), mm."""
        node = ((points_mm - self.low_mm) / self.step_mm).T
        return np.asarray(ndimage.map_coordinates(self.coefficients, node, order=3, mode="mirror", prefilter=False))


@dataclass(frozen=True, eq=False)
class TableShellSide:
    """The inside of the surface at a distance around targets, as `ShellSide`, by tables."""

    targets: tuple[DistanceTable, ...]
    distance_mm: float

    @property
    def steepness(self) -> float:
        return 1.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        return np.asarray(self.distance_mm - reduce(np.minimum, (t.at(points_mm) for t in self.targets)))


def distance_table(
    surface: SurfaceDistance, low_mm: FloatArray, high_mm: FloatArray, step_mm: float = STEP_MM
) -> DistanceTable:
    """A surface's signed distances inside a box given by its lowest and highest LPS corner."""
    extent = high_mm - low_mm
    step = max(step_mm, float((np.prod(extent) / MAX_NODES) ** (1.0 / 3.0)))
    low = low_mm - step
    counts = np.ceil((extent + 2 * step) / step).astype(int) + 1
    axes = [low[a] + step * np.arange(counts[a]) for a in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    distance = cKDTree(surface.mesh.vertices_mm).query(nodes, workers=-1)[0]
    inner = surface.mesh.vertices_mm.min(0) - NEAR_MM, surface.mesh.vertices_mm.max(0) + NEAR_MM
    close = (distance < NEAR_MM) | ((nodes > inner[0]) & (nodes < inner[1])).all(1)
    distance[close] = surface.at(nodes[close])
    return DistanceTable(low, step, np.asarray(ndimage.spline_filter(distance.reshape(counts), 3, mode="mirror")))
