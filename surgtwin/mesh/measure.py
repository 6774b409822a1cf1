"""The figures that say how far a mesh can be trusted."""

from __future__ import annotations

import numpy as np

from ..domain.mesh import MeshQuality, OrganMesh
from .topology import HalfEdges, half_edges, has_single_umbrellas, pieces_of


def measure(
    mesh: OrganMesh,
    label_volume_ml: float,
    *,
    deviation_mean_mm: float = 0.0,
    deviation_max_mm: float = 0.0,
    edges: HalfEdges | None = None,
    pieces: int | None = None,
) -> MeshQuality:
    """Check the mesh and measure it; nothing is taken on trust.

    Parameters
    ----------
    label_volume_ml
        Of the voxels it was made from.
    deviation_mean_mm, deviation_max_mm
        From the unsmoothed surface of the voxels, as whoever moved the vertices measured it.
    edges, pieces
        The mesh's half-edges and number of connected pieces, if they are at hand.
    """
    vertex_count = len(mesh.vertices_mm)
    edges = edges or half_edges(mesh.triangles)
    is_watertight = edges.is_closed()
    used = np.zeros(vertex_count, dtype=bool)
    used[mesh.triangles] = True
    used_count = int(np.count_nonzero(used))
    if pieces is None:
        pieces = pieces_of(mesh.triangles, vertex_count)[0] - (vertex_count - used_count)
    return MeshQuality(
        is_watertight=is_watertight,
        is_manifold=is_watertight and has_single_umbrellas(mesh.triangles, edges.twins(), vertex_count),
        euler_number=used_count - edges.edge_count + len(mesh.triangles),
        pieces=pieces,
        volume_ml=mesh.volume_ml,
        label_volume_ml=label_volume_ml,
        area_mm2=mesh.area_mm2,
        deviation_mean_mm=deviation_mean_mm,
        deviation_max_mm=deviation_max_mm,
    )
