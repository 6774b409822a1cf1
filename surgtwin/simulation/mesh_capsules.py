"""A mesh-shaped tool as balls that cover it, so that it can be judged like any other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from ..domain.tool import Capsule, MeshTool
from ..errors import PlanError
from ..mesh.surface_distance import SurfaceDistance
from ..mesh.topology import half_edges

MAX_POINTS = 12_000
"""Places inside the mesh's box at which balls are tried."""
MAX_BALLS = 400


def capsules_of_mesh(tool: MeshTool) -> tuple[Capsule, ...]:
    """Balls that together cover a closed mesh, and stand out of it as little as so many balls can.

    Every ball touches the mesh from inside; then all grow by what they fall short of the mesh, so that a clearance is
    never said to be larger than it is.

    Raises
    ------
    PlanError
        If the mesh is not closed, or so thin that no ball fits in.
    """
    mesh = _closed(tool)
    centres, radii = _inner_balls(mesh)
    centres, radii = _largest(centres, radii)
    grown = radii + _shortfall(mesh, centres, radii)
    return tuple(Capsule(place, place, float(radius)) for place, radius in zip(map(tuple, centres), grown, strict=True))


def _closed(tool: MeshTool) -> OrganMesh:
    if not half_edges(tool.triangles).is_closed():
        raise PlanError("the tool's surface is not closed; close its holes.", "triangles")
    mesh = OrganMesh("tool", tool.vertices_mm, tool.triangles, (180, 180, 180))
    if mesh.volume_ml < 0.0:
        mesh = OrganMesh("tool", tool.vertices_mm, np.asarray(tool.triangles)[:, ::-1], (180, 180, 180))
    return mesh


def _inner_balls(mesh: OrganMesh) -> tuple[FloatArray, FloatArray]:
    """Places inside the mesh and their depths under its surface."""
    low, high = mesh.vertices_mm.min(0), mesh.vertices_mm.max(0)
    pitch = float(np.prod(np.maximum(high - low, 1e-3)) / MAX_POINTS) ** (1.0 / 3.0)
    axes = [
        np.arange(a + pitch / 2.0, b, pitch) if b - a > pitch else np.array([(a + b) / 2])
        for a, b in zip(low, high, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    depth = -SurfaceDistance(mesh).at(points)
    inside = depth > 0.0
    if not inside.any():
        raise PlanError("the tool's mesh encloses nothing; is it a flat sheet?", "vertices_mm")
    return points[inside], depth[inside]


def _largest(centres: FloatArray, radii: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The balls that add most: each next one is that which stands out of those taken farthest."""
    taken = [int(radii.argmax())]
    covered = _overlap(centres, radii, taken[0])
    while len(taken) < min(MAX_BALLS, len(radii)):
        standing_out = radii - covered
        best = int(standing_out.argmax())
        if standing_out[best] <= 0.0:
            break
        taken.append(best)
        covered = np.maximum(covered, _overlap(centres, radii, best))
    return centres[taken], radii[taken]


def _overlap(centres: FloatArray, radii: FloatArray, ball: int) -> FloatArray:
    """How much of each ball's radius one ball covers: all of it where it holds the ball whole."""
    return np.asarray(radii[ball] - np.linalg.norm(centres - centres[ball], axis=1))


def _shortfall(mesh: OrganMesh, centres: FloatArray, radii: FloatArray) -> float:
    """How far the mesh reaches out of the balls: at its corners, and at the middles of triangles and edges."""
    corners = mesh.vertices_mm[mesh.triangles]
    points = np.concatenate(
        (mesh.vertices_mm, corners.mean(1), (corners + np.roll(corners, 1, axis=1)).reshape(-1, 3) / 2)
    )
    nearest: NDArray[np.float64] = np.full(len(points), np.inf)
    for centre, radius in zip(centres, radii, strict=True):
        nearest = np.minimum(nearest, np.linalg.norm(points - centre, axis=1) - radius)
    return max(float(nearest.max()), 0.0)
