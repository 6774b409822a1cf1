"""Fewer triangles, with the deviation that costs measured; closed and manifold surfaces stay so."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ..domain.mesh import MeshQuality, OrganMesh
from ..errors import MeshError
from ..progress import SILENT, Progress
from .deviation import surface_distances
from .measure import measure
from .repair import part_coincident_edges, split_sheets
from .topology import half_edges, has_single_umbrellas, pieces_of

Vertices = NDArray[np.float64]
Faces = NDArray[np.int32]

SMALL_PIECE = 200
"""Pieces of fewer triangles are left as they are: little is won, and they might vanish."""
CRUMB = 40
"""A piece of this many triangles or fewer that decimation pinched off a larger one is dropped."""
SMALLER_STEPS = (1.0, 0.9, 0.75, 0.5, 0.25)
"""Parts of the wanted reduction that are tried in turn, until the result is closed and of the same pieces."""
GAP_MM = 1e-3
"""How far sheets are drawn apart where decimation made them touch."""
_ONE_AT_A_TIME = Lock()
"""fast_simplification keeps its surface in global variables: two threads in it mix up their surfaces."""


def decimate(mesh: OrganMesh, reduction: float, progress: Progress = SILENT) -> OrganMesh:
    """The mesh with about `reduction` (0..1) of its triangles removed; its quality states the deviation.

    Quadric error decimation (fast-simplification). The volume is restored, the distance between the two surfaces is
    measured both ways and added to the deviation. If the wanted reduction opens the surface, tangles it or loses a
    piece, a smaller one is used; a mesh that bears none is returned unchanged.

    Raises
    ------
    MeshError
        If `reduction` is not in [0, 1) or the mesh is not closed.
    """
    if not 0.0 <= reduction < 1.0:
        raise MeshError(f"The reduction is the part of triangles to remove, from 0 to below 1; found {reduction:g}.")
    quality = mesh.quality or measure(mesh, mesh.volume_ml)
    if not quality.is_watertight:
        raise MeshError(f"The mesh of '{mesh.name}' is open; only closed meshes are decimated.")
    if reduction == 0.0:
        return replace(mesh, quality=quality)
    count, piece = pieces_of(mesh.triangles, len(mesh.vertices_mm))
    size = np.bincount(piece[mesh.triangles[:, 0]], minlength=count)
    is_large = (size >= SMALL_PIECE)[piece[mesh.triangles[:, 0]]]
    if not is_large.any():
        return replace(mesh, quality=quality)
    for part in SMALLER_STEPS:
        progress.check()
        thinner = _attempt(mesh, is_large, reduction * part, quality)
        if thinner is not None:
            return thinner
    return replace(mesh, quality=quality)


def _attempt(mesh: OrganMesh, is_large: NDArray[np.bool_], reduction: float, quality: MeshQuality) -> OrganMesh | None:
    """The decimated mesh, or None if it is not closed, manifold and of the same pieces."""
    large = _compact(mesh.vertices_mm, mesh.triangles[is_large])
    fewer = thinned(*large, reduction)
    if fewer is None:
        return None
    there, back = surface_distances(*large, *fewer)
    vertices, triangles = _joined(fewer, _compact(mesh.vertices_mm, mesh.triangles[~is_large]))
    result = replace(mesh, vertices_mm=vertices, triangles=triangles, quality=None)
    figures = measure(
        result,
        quality.label_volume_ml,
        deviation_mean_mm=quality.deviation_mean_mm + float(max(there.mean(), back.mean())),
        deviation_max_mm=quality.deviation_max_mm + float(max(there.max(), back.max())),
    )
    if not (figures.is_watertight and figures.is_manifold and figures.pieces == quality.pieces):
        return None
    return replace(result, quality=figures)


def thinned(vertices: Vertices, triangles: Faces, reduction: float) -> tuple[Vertices, Faces] | None:
    """Quadric decimation of a closed surface: closed, manifold, same pieces, same volume; None where that fails.

    The distance between the two surfaces is not measured here; see `decimate`.
    """
    # Near the origin, so that nothing is lost to rounding; fast_simplification refuses read-only arrays.
    centre = vertices.mean(axis=0)
    points, faces = collapsed(vertices - centre, triangles, reduction)
    points = points + centre
    faces = _without_fins(faces)
    if not len(faces):
        return None
    points, faces = _compact(points, faces)
    wanted = pieces_of(triangles, len(vertices))[0]
    edges = half_edges(faces)
    if not edges.is_closed() or not has_single_umbrellas(faces, edges.twins(), len(points)):
        try:
            points, faces = part_coincident_edges(*split_sheets(points, faces, GAP_MM), GAP_MM)
        except MeshError:
            return None
        points, faces = _largest_pieces(points, faces, wanted)
    if pieces_of(faces, len(points))[0] != wanted:
        return None
    return _with_volume(points, faces, _volume_mm3(vertices, triangles))


def collapsed(vertices: Vertices, triangles: Faces, reduction: float) -> tuple[Vertices, Faces]:
    """What quadric decimation itself leaves of a surface, unchecked; the one door to it for all threads."""
    from fast_simplification import simplify

    with _ONE_AT_A_TIME:
        points, faces = simplify(np.array(vertices), np.array(triangles), reduction)
    return np.asarray(points, dtype=np.float64), np.asarray(faces, dtype=np.int32)


def _without_fins(triangles: Faces) -> Faces:
    """Without pairs of triangles that lie back to back on the same three vertices: they enclose nothing."""
    low = triangles[(triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])]
    low = low[low[:, 2] != low[:, 0]]
    first = np.argmin(low, axis=1)[:, None]
    turned = np.take_along_axis(low, (first + np.arange(3)) % 3, axis=1)
    is_up = turned[:, 1] < turned[:, 2]
    corners = np.sort(turned, axis=1)
    _, group = np.unique(corners, axis=0, return_inverse=True)
    group = group.ravel()
    ups = np.bincount(group, weights=is_up)
    downs = np.bincount(group, weights=~is_up)
    return np.asarray(low[~((ups == 1) & (downs == 1))[group]], dtype=np.int32)


def _largest_pieces(vertices: Vertices, triangles: Faces, wanted: int) -> tuple[Vertices, Faces]:
    """Without the smallest pieces beyond the wanted number, if they are crumbs that decimation pinched off."""
    count, piece = pieces_of(triangles, len(vertices))
    size = np.bincount(piece[triangles[:, 0]], minlength=count)
    crumbs = np.argsort(size)[: max(count - wanted, 0)]
    crumbs = crumbs[size[crumbs] <= CRUMB]
    return _compact(vertices, triangles[~np.isin(piece[triangles[:, 0]], crumbs)])


def _compact(vertices: Vertices, triangles: Faces) -> tuple[Vertices, Faces]:
    """Only the vertices that the triangles use."""
    used = np.zeros(len(vertices), dtype=bool)
    used[triangles] = True
    number = np.cumsum(used, dtype=np.int64) - 1
    return vertices[used], number[triangles].astype(np.int32)


def _joined(first: tuple[Vertices, Faces], second: tuple[Vertices, Faces]) -> tuple[Vertices, Faces]:
    return np.concatenate((first[0], second[0])), np.concatenate((first[1], second[1] + np.int32(len(first[0]))))


def _volume_mm3(vertices: Vertices, triangles: Faces) -> float:
    a, b, c = (vertices[triangles[:, n]] - vertices.mean(axis=0) for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6.0


def _with_volume(vertices: Vertices, triangles: Faces, goal_mm3: float) -> tuple[Vertices, Faces] | None:
    """Moved along its normals until it encloses `goal_mm3`; None if it is turned inside out."""
    for _ in range(2):
        volume = _volume_mm3(vertices, triangles)
        if volume <= 0:
            return None
        a, b, c = (vertices[triangles[:, n]] for n in range(3))
        area = np.cross(b - a, c - a) / 2.0
        normal = np.stack(
            [np.bincount(triangles.ravel(), np.repeat(area[:, x], 3), minlength=len(vertices)) for x in range(3)],
            axis=1,
        )
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        gain = float(length.sum()) / 3.0
        vertices = vertices + normal / np.maximum(length, np.finfo(float).tiny) * ((goal_mm3 - volume) / gain)
    return vertices, triangles
