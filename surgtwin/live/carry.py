"""A twin's labels and surfaces carried along by a motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..mesh.measure import measure
from ..progress import SILENT, Progress

SLAB_VOXELS = 2_000_000


def carry_labels(
    labels: LabelMap,
    back: DisplacementField,
    *,
    grid: Grid | None = None,
    twin_from_grid: FloatArray | None = None,
    progress: Progress = SILENT,
) -> LabelMap:
    """The labels where their structures lie now; each voxel takes the label of the place it came from.

    Parameters
    ----------
    back
        Moves places of the present to where they were in the revision of the labels.
    grid
        To carry them onto; the labels' own if not given. Places that came from beyond the labels are empty.
    twin_from_grid
        (4, 4) from the grid's LPS to the labels', if those differ.
    """
    target = labels.grid if grid is None else grid
    layers = [np.zeros(target.shape, dtype=layer.dtype) for layer in labels.layers]
    depth = max(1, SLAB_VOXELS // (target.shape[1] * target.shape[2]))
    j, i = np.meshgrid(np.arange(target.shape[1]), np.arange(target.shape[2]), indexing="ij")
    for first in range(0, target.shape[0], depth):
        progress.update(first / target.shape[0], "Carrying the labels")
        last = min(first + depth, target.shape[0])
        ijk = np.empty((last - first, *target.shape[1:], 3))
        ijk[..., 0], ijk[..., 1], ijk[..., 2] = i, j, np.arange(first, last)[:, None, None]
        points = target.to_lps(ijk)
        if twin_from_grid is not None:
            points = points @ twin_from_grid[:3, :3].T + twin_from_grid[:3, 3]
        source = np.rint(labels.grid.to_ijk(back.moved(points))).astype(np.intp)
        for layer, new in zip(labels.layers, layers, strict=True):
            new[first:last] = _taken(layer, source)
    progress.update(1.0)
    return LabelMap(target, tuple(layers), labels.structures)


def _taken(layer: NDArray[np.generic], ijk: NDArray[np.intp]) -> NDArray[np.generic]:
    """Labels at voxel indices (..., 3); 0 beyond the layer."""
    size = np.asarray(layer.shape[::-1])
    inside = np.all((ijk >= 0) & (ijk < size), axis=-1)
    clipped = np.clip(ijk, 0, size - 1)
    return np.where(inside, layer[clipped[..., 2], clipped[..., 1], clipped[..., 0]], np.zeros((), dtype=layer.dtype))


def carry_mesh(mesh: OrganMesh, field: DisplacementField, label_volume_ml: float) -> OrganMesh:
    """The surface with every vertex moved, measured anew; it stays as closed as it was."""
    moved = replace(mesh, vertices_mm=field.moved(mesh.vertices_mm), quality=None)
    if mesh.quality is None:
        return moved
    quality = measure(
        moved,
        label_volume_ml,
        deviation_mean_mm=mesh.quality.deviation_mean_mm,
        deviation_max_mm=mesh.quality.deviation_max_mm,
        pieces=mesh.quality.pieces,
    )
    return replace(moved, quality=quality)
