"""Label map in, surfaces out: every structure closed, manifold and outward, in LPS mm."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import SAME_DIRECTION, Grid
from ..domain.labels import LabelMap, Structure
from ..domain.mesh import OrganMesh
from ..errors import MeshError
from ..progress import SILENT, Progress
from .decimate import decimate
from .deviation import distance_to_voxel_surface, surface_distances
from .measure import measure
from .repair import part_coincident_edges
from .smooth import neighbour_mean, smooth, thin_vertices
from .topology import half_edges, pieces_in
from .voxel_surface import CORNER_GAP, voxel_surface

Box = tuple[slice, slice, slice]
PADDING = 2
"""Voxels around a structure's box: room for vertices that move outward by a voxel, also at the border of the image."""
POLL_SECONDS = 0.2
"""How often a request to cancel is looked for while structures are being worked on."""


@dataclass(frozen=True)
class MeshSettings:
    """How surfaces are made.

    Parameters
    ----------
    smoothing
        False gives the bare surface of the voxels.
    iterations
        How far smoothing reaches: passes over each vertex's neighbours.
    pass_band
        Frequency along the surface up to which shape is kept, 0..1; smaller is smoother.
    decimate
        Part of the triangles to remove, 0 to below 1; None keeps all.
    threads
        Structures worked on at a time; None chooses by the machine.
    """

    smoothing: bool = True
    iterations: int = 15
    pass_band: float = 0.05
    decimate: float | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.iterations <= 200:
            raise MeshError(f"Smoothing takes 2 to 200 iterations; found {self.iterations}.")
        if not 0.001 <= self.pass_band <= 0.6:
            raise MeshError(f"The pass band of smoothing is 0.001 to 0.6; found {self.pass_band:g}.")
        if self.decimate is not None and not 0.0 <= self.decimate < 1.0:
            raise MeshError(f"Decimation removes a part of the triangles, 0 to below 1; found {self.decimate:g}.")
        if self.threads is not None and self.threads < 1:
            raise MeshError(f"At least one thread is needed; found {self.threads}.")


DEFAULT_SETTINGS = MeshSettings()


def extract_meshes(
    labels: LabelMap,
    settings: MeshSettings = DEFAULT_SETTINGS,
    progress: Progress = SILENT,
    names: Collection[str] | None = None,
) -> tuple[OrganMesh, ...]:
    """One mesh for each structure that has voxels, in the structures' order, quality filled in.

    Parameters
    ----------
    names
        Only these structures; all if None.

    Raises
    ------
    LabelError
        If a name is not in the label map.
    MeshError
        If a surface could not be made closed, manifold and outward.
    """
    wanted = labels.structures if names is None else tuple(labels.structure(n) for n in dict.fromkeys(names))
    present = [s for s in labels.structures if s in wanted and labels.voxels(s)]
    if not present:
        return ()
    boxes = _bounding_boxes(labels, present)
    progress.update(0.05, "Surfaces")
    done = _run_largest_first(labels, present, boxes, settings, progress.part(0.05, 1.0))
    return tuple(done[s.name] for s in present)


def _run_largest_first(
    labels: LabelMap, structures: Sequence[Structure], boxes: dict[str, Box], settings: MeshSettings, progress: Progress
) -> dict[str, OrganMesh]:
    """Mesh the structures on a few threads (numpy and scipy let go of the interpreter), the largest first."""
    largest_first = sorted(structures, key=lambda s: -labels.voxels(s))
    threads = settings.threads or min(8, os.cpu_count() or 1)
    done: dict[str, OrganMesh] = {}
    with ThreadPoolExecutor(threads, thread_name_prefix="mesh") as pool:
        jobs: dict[Future[OrganMesh], str] = {
            pool.submit(_mesh_structure, labels, s, boxes[s.name], settings, progress): s.name for s in largest_first
        }
        try:
            waiting = set(jobs)
            while waiting:
                finished, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for job in finished:
                    done[jobs[job]] = job.result()
                    progress.update(len(done) / len(jobs), f"Surface of {jobs[job]}")
                progress.check()
        finally:
            for job in jobs:
                job.cancel()
    return done


def _bounding_boxes(labels: LabelMap, structures: Sequence[Structure]) -> dict[str, Box]:
    """The voxels [k, j, i] each structure lies within."""
    from scipy.ndimage import find_objects

    boxes: dict[str, Box] = {}
    for layer in {s.layer for s in structures}:
        found = find_objects(labels.layers[layer])
        boxes |= {s.name: found[s.label - 1] for s in structures if s.layer == layer}
    return boxes


def _mesh_structure(
    labels: LabelMap, structure: Structure, box: Box, settings: MeshSettings, progress: Progress
) -> OrganMesh:
    progress.check()
    padded = np.pad(labels.layers[structure.layer][box] == structure.label, PADDING)
    raw, quads = voxel_surface(padded)
    mean = neighbour_mean(quads, len(raw))
    vertices = raw
    if settings.smoothing:
        vertices = smooth(
            raw,
            quads,
            degree=settings.iterations,
            pass_band=settings.pass_band,
            mean=mean,
            is_thin=thin_vertices(padded, raw),
            progress=progress,
        )
    progress.check()
    mesh = _in_patient(structure, vertices, quads, box, labels, padded, raw, pieces_in(mean)[0])
    if settings.decimate:
        return decimate(mesh, settings.decimate, progress)
    return mesh


def _in_patient(
    structure: Structure,
    vertices: NDArray[np.float64],
    quads: NDArray[np.int32],
    box: Box,
    labels: LabelMap,
    padded: NDArray[np.bool_],
    raw: NDArray[np.float64],
    pieces: int,
) -> OrganMesh:
    """The mesh in LPS mm from quadrilaterals in indices of the padded box, measured and checked."""
    grid = labels.grid
    corner = np.array([box[2].start, box[1].start, box[0].start], dtype=np.float64) - PADDING
    vertices_mm = _to_lps(grid, vertices, corner)
    faces = quads if grid.is_right_handed else quads[:, ::-1]
    triangles = _triangles(vertices_mm, faces)
    edges = half_edges(triangles)
    if not edges.is_closed():
        gap_mm = CORNER_GAP * min(grid.spacing)
        vertices_mm, triangles = part_coincident_edges(vertices_mm, triangles, gap_mm, _to_lps(grid, raw, corner))
        edges = half_edges(triangles)
    mesh = OrganMesh(structure.name, vertices_mm, triangles, structure.colour)
    away = _deviation(padded, vertices, raw, quads, grid)
    quality = measure(
        mesh,
        labels.volume_ml(structure),
        deviation_mean_mm=float(away.mean()),
        deviation_max_mm=float(away.max()),
        edges=edges,
        pieces=pieces,
    )
    if not (quality.is_watertight and quality.is_manifold and quality.volume_ml > 0):
        raise MeshError(
            f"The surface of '{structure.name}' did not come out closed, manifold and outward. This is a fault of the "
            "program; please report it."
        )
    return OrganMesh(structure.name, mesh.vertices_mm, mesh.triangles, structure.colour, quality)


def _to_lps(grid: Grid, vertices_ijk: NDArray[np.float64], corner: NDArray[np.float64]) -> NDArray[np.float64]:
    """`grid.to_lps(vertices_ijk + corner)`, column by column: a matrix product of (N, 3) by (3, 3) is far slower."""
    matrix = grid.lps_from_ijk
    origin = grid.to_lps(corner)
    i, j, k = np.ascontiguousarray(vertices_ijk.T)
    out = np.empty_like(vertices_ijk)
    for row in range(3):
        out[:, row] = matrix[row, 0] * i + matrix[row, 1] * j + matrix[row, 2] * k + origin[row]
    return out


def _triangles(vertices: NDArray[np.float64], quads: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each quadrilateral (M, 4) cut along its shorter diagonal, (2 M, 3)."""
    a, b, c, d = (np.take(vertices, quads[:, n], axis=0) for n in range(4))
    a -= c
    b -= d
    along_ac = np.einsum("ij,ij->i", a, a) <= np.einsum("ij,ij->i", b, b)
    q0, q1, q2, q3 = (quads[:, n] for n in range(4))
    out = np.empty((len(quads), 2, 3), dtype=np.int32)
    out[:, 0, 0] = q0
    out[:, 0, 1] = q1
    out[:, 0, 2] = np.where(along_ac, q2, q3)
    out[:, 1, 0] = np.where(along_ac, q0, q1)
    out[:, 1, 1] = q2
    out[:, 1, 2] = q3
    return out.reshape(-1, 3)


def _deviation(
    padded: NDArray[np.bool_],
    vertices: NDArray[np.float64],
    raw: NDArray[np.float64],
    quads: NDArray[np.int32],
    grid: Grid,
) -> NDArray[np.float64]:
    """(N,) distance in mm of the vertices from the surface of the voxels."""
    cosines = grid.direction.T @ grid.direction
    if np.abs(cosines - np.eye(3)).max() <= SAME_DIRECTION:
        return distance_to_voxel_surface(padded, vertices, grid.spacing)
    bare = _triangles(raw, quads)
    to_mm = grid.lps_from_ijk[:3, :3].T
    return surface_distances(vertices @ to_mm, bare, raw @ to_mm, bare)[0]
