"""An organ's surface divided by a cut into two closed surfaces, by manifold3d's exact booleans.

The library keeps closed surfaces closed (Apache-2.0; Smith, "Robust Boolean Operations", 2011); what a plane cuts is
capped, what anything else cuts is divided by a closed solid whose one side is the cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from manifold3d import Manifold, Mesh64
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.labels import Colour
from ..domain.mesh import OrganMesh
from ..errors import PlanError
from .cut_side import HeightSide, PlaneSide
from .split import CutSide

BEYOND_MM = 10.0
"""How far a cutting solid reaches past the organ."""
SOLID_STEP_MM = 2.0
"""Distance of the samples from which the solid of a curved cut is made."""
MAX_SAMPLES = 160
"""Along one side of the organ's box; a large organ gets a wider step."""
ON_CUT = 0.02
"""Triangles whose corners lie within this share of the sample distance of the cut belong to it."""


@dataclass(frozen=True, eq=False)
class CutMeshes:
    """Both parts of a divided organ, closed and outward; the cut surface as the triangles of the remnant on it.

    Parameters
    ----------
    cut_vertices_mm, cut_triangles
        The cut surface alone, open, its normals towards the resected side; empty if the cut touches nothing.
    """

    resected: OrganMesh | None
    remnant: OrganMesh | None
    cut_vertices_mm: FloatArray
    cut_triangles: NDArray[np.int32]

    @property
    def cut_area_mm2(self) -> float:
        corners = self.cut_vertices_mm[self.cut_triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return float(np.linalg.norm(cross, axis=1).sum() / 2.0)


@dataclass(frozen=True, eq=False)
class SolidOrgan:
    """An organ's closed surface ready to be cut again and again: making the solid is what takes time."""

    mesh: OrganMesh
    solid: Manifold

    @classmethod
    def of(cls, mesh: OrganMesh) -> SolidOrgan:
        """Raises PlanError if the surface is not closed."""
        return cls(mesh, _solid(mesh.vertices_mm, mesh.triangles, mesh.name))


def divide(organ: SolidOrgan, side: CutSide, resected_colour: Colour) -> CutMeshes:
    """Divide an organ by a cut. Raises PlanError if the surfaces can't be kept closed."""
    if isinstance(side, PlaneSide):
        offset = float(np.dot(side.cut.point_mm, side.cut.normal))
        taken, left = organ.solid.split_by_plane(side.cut.normal, offset)
        tolerance = 1e-3
    else:
        cutter, step = _cutting_solid(side, organ.mesh)
        taken, left = organ.solid.split(cutter)
        tolerance = ON_CUT * step
    resected = _mesh(taken, f"{organ.mesh.name} resected", resected_colour)
    remnant = _mesh(left, f"{organ.mesh.name} remnant", organ.mesh.colour)
    vertices, triangles = _on_cut(remnant, organ, side, tolerance)
    return CutMeshes(resected, remnant, vertices, triangles)


def _solid(vertices: FloatArray, triangles: NDArray[np.int32], name: str) -> Manifold:
    # The binding wants arrays of its own that it could write to.
    solid = Manifold(Mesh64(np.array(vertices, order="C"), np.array(triangles, dtype=np.uint64, order="C")))
    if solid.status().name != "NoError" or solid.is_empty():
        raise PlanError(f"the surface of {name} is not closed ({solid.status().name}), so it can't be cut.")
    return solid


def _mesh(solid: Manifold, name: str, colour: Colour) -> OrganMesh | None:
    if solid.is_empty():
        return None
    mesh = solid.to_mesh64()
    return OrganMesh(name, np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts, np.int32), colour)


def _cutting_solid(side: CutSide, organ: OrganMesh) -> tuple[Manifold, float]:
    """A closed solid around the resected side, past the organ everywhere but at the cut; and its sample distance."""
    low, high = organ.vertices_mm.min(0) - BEYOND_MM, organ.vertices_mm.max(0) + BEYOND_MM
    if isinstance(side, HeightSide):
        return _block_over(side, low, high)
    step = max(SOLID_STEP_MM, float((high - low).max()) / MAX_SAMPLES)
    return _level_set(side, low, high, step), step


def _block_over(side: HeightSide, low: FloatArray, high: FloatArray) -> tuple[Manifold, float]:
    """The block above a height map: its lower face is the cut."""
    skip = max(1, int(np.ceil(max(side.heights_mm.shape) / MAX_SAMPLES)))
    heights = side.heights_mm[::skip, ::skip]
    s = side.low_mm[0] + side.step_mm * skip * np.arange(heights.shape[0])
    t = side.low_mm[1] + side.step_mm * skip * np.arange(heights.shape[1])
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T @ side.axes.T
    top = max(float(corners[:, 2].max()), float(heights.max())) + BEYOND_MM
    below = np.stack((*np.meshgrid(s, t, indexing="ij"), heights), -1).reshape(-1, 3)
    above = below.copy()
    above[:, 2] = top
    triangles = _block_triangles(*heights.shape)
    if np.linalg.det(side.axes) < 0:
        triangles = triangles[:, ::-1]
    vertices = np.concatenate((below, above)) @ side.axes
    return _solid(vertices, triangles, "the cutting surface"), side.step_mm * skip


def _block_triangles(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles (M, 3), outward, of a block whose lower and upper faces are grids of vertices, lower first."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    up = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    rim = np.concatenate((index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]))
    following = np.roll(rim, -1)
    over = rows * columns
    walls = np.concatenate(
        (np.stack((rim, following, following + over), 1), np.stack((rim, following + over, rim + over), 1))
    )
    return np.concatenate((up[:, ::-1], up + over, walls)).astype(np.int32)


def _level_set(side: CutSide, low: FloatArray, high: FloatArray, step: float) -> Manifold:
    """The solid where the side is positive, inside a box; its faces on the box are flat."""
    from skimage.measure import marching_cubes

    counts = np.ceil((high - low) / step).astype(int) + 1
    axes = [low[a] + step * np.arange(counts[a]) for a in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    values = side.signed(points).reshape(counts)
    padded = np.pad(values, 1, constant_values=-step)
    if not (padded > 0).any():
        return Manifold()
    vertices, faces, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent", allow_degenerate=False)
    return _solid(low + (vertices.astype(np.float64) - 1.0) * step, faces.astype(np.int32), "the cutting surface")


def _on_cut(
    remnant: OrganMesh | None, organ: SolidOrgan, side: CutSide, tolerance: float
) -> tuple[FloatArray, NDArray[np.int32]]:
    """The remnant's triangles that lie on the cut: at zero of the side, and not on the organ's own surface."""
    if remnant is None:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    near = np.abs(side.signed(remnant.vertices_mm)) <= tolerance + 1e-6
    on = near[remnant.triangles].all(1)
    used, triangles = np.unique(remnant.triangles[on], return_inverse=True)
    return remnant.vertices_mm[used], triangles.reshape(-1, 3).astype(np.int32)
