"""A target's distance at the nodes of a regular table, between which a spline gives it in no time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Grid
from ..domain.mesh import OrganMesh
from ..mesh.surface_distance import SurfaceDistance

STEP_MM = 1.0
MAX_NODES = 100_000
"""A table for a larger target gets wider steps; its surface is flatter, too."""
LEAST_REACH_MM = 20.0
"""A table reaches so far around its target, or farther if asked, so that a shell can be dragged without a new one."""
PAD_STEPS = 3
"""A spline is at its worst near the table's rim."""
NEAR_MM = 4.0
"""Nearer to the surface than this the distance is that to its triangles; farther off that to its vertices, which is
too large by at most e^2 / 2d for edges e (0.03 mm for edges of 1 mm)."""


@dataclass(frozen=True, eq=False)
class DistanceTable:
    """Signed distances at nodes around a target, negative inside.

    Parameters
    ----------
    axes
        (3, 3) rows: orthonormal LPS directions along which the nodes lie; places below are along them.
    box_mm
        Lowest and highest corner (3,) of the box in which the spline holds.
    reach_mm
        Every place outside the box is at least this far from the target.
    first_mm, step_mm
        The first node and the distance of nodes.
    coefficients
        (s, t, r) of the cubic spline.
    """

    axes: FloatArray
    box_mm: tuple[FloatArray, FloatArray]
    reach_mm: float
    first_mm: FloatArray
    step_mm: float
    coefficients: FloatArray

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Signed distances (N,) of LPS points (N, 3), mm; outside the box no more than the true ones."""
        node = (self.axes / self.step_mm) @ points_mm.T - (self.first_mm / self.step_mm)[:, None]
        within = np.clip(node, *((limit - self.first_mm)[:, None] / self.step_mm for limit in self.box_mm))
        outside = self.step_mm * np.sqrt(np.einsum("cn,cn->n", node - within, node - within))
        found = ndimage.map_coordinates(self.coefficients, within, order=3, mode="mirror", prefilter=False)
        return np.asarray(np.where(outside > 0.0, self.reach_mm + outside, found))


@dataclass(frozen=True, eq=False)
class ShellSide:
    """The inside of the surface at a distance around targets, named in order: that less the nearest target's."""

    names: tuple[str, ...]
    targets: tuple[DistanceTable, ...]
    distance_mm: float

    @property
    def steepness(self) -> float:
        return 1.0

    def nearest(self, points_mm: FloatArray) -> NDArray[np.int64]:
        """Position (N,) of the target that is nearest to each of (N, 3) LPS points."""
        return np.asarray(np.argmin([t.at(points_mm) for t in self.targets], axis=0))

    def signed(self, points_mm: FloatArray) -> FloatArray:
        return np.asarray(self.distance_mm - reduce(np.minimum, (t.at(points_mm) for t in self.targets)))


def upright_axes(grid: Grid) -> FloatArray:
    """(3, 3) rows: orthonormal directions nearest to a grid's i, then j, then k. They turn with the patient."""
    basis, lengths = np.linalg.qr(grid.lps_from_ijk[:3, :3])
    return np.asarray((basis * np.sign(np.diag(lengths))).T)


def distance_table(surface: SurfaceDistance, distance_mm: float, axes: FloatArray) -> DistanceTable:
    """A surface's signed distances out to a distance at least, at nodes along orthonormal axes (3, 3; rows)."""
    vertices = surface.mesh.vertices_mm
    reach = max(distance_mm * 1.5, LEAST_REACH_MM)
    there = vertices @ axes.T
    low, high = there.min(0) - reach, there.max(0) + reach
    step = max(STEP_MM, float((np.prod(high - low) / MAX_NODES) ** (1.0 / 3.0)))
    first = low - PAD_STEPS * step
    counts = np.ceil((high - low) / step).astype(int) + 1 + 2 * PAD_STEPS
    places = [first[a] + step * np.arange(counts[a]) for a in range(3)]
    nodes = np.stack(np.meshgrid(*places, indexing="ij"), -1).reshape(-1, 3) @ axes
    away, nearest = cKDTree(vertices).query(nodes, workers=-1)
    behind = np.einsum("nc,nc->n", nodes - vertices[nearest], _vertex_normals(surface.mesh)[nearest]) < 0
    distance = np.where(behind, -away, away)
    close = away < NEAR_MM
    distance[close] = surface.at(nodes[close])
    coefficients = ndimage.spline_filter(distance.reshape(counts), 3, mode="mirror")
    return DistanceTable(axes, (low, high), reach, first, step, np.asarray(coefficients))


def _vertex_normals(mesh: OrganMesh) -> FloatArray:
    """(N, 3) outward, of any length: the sum over the triangles at each vertex."""
    corners = mesh.vertices_mm[mesh.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    index = mesh.triangles.ravel()
    columns = [np.bincount(index, np.repeat(cross[:, a], 3), len(mesh.vertices_mm)) for a in range(3)]
    return np.stack(columns, 1)
