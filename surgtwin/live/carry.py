"""A twin's labels and surfaces carried along by a motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap
from ..domain.mesh import OrganMesh
from ..mesh.measure import measure
from ..progress import SILENT, Progress
from ..registration.images import place

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
    matrix = target.lps_from_ijk if twin_from_grid is None else twin_from_grid @ target.lps_from_ijk
    layers = [np.zeros(target.shape, dtype=layer.dtype) for layer in labels.layers]
    flat = [layer.ravel() for layer in labels.layers]
    for part, index, inside in _sources(labels.grid, back, Grid(target.shape, np.asarray(matrix))):
        progress.update(part.start / target.shape[0], "Carrying the labels")
        for values, new in zip(flat, layers, strict=True):
            new[part] = np.where(inside, values[index], np.zeros((), dtype=values.dtype))
    progress.update(1.0)
    return LabelMap(target, tuple(layers), labels.structures)


def _sources(
    source: Grid, back: DisplacementField, target: Grid
) -> Iterator[tuple[slice, npt.NDArray[np.intp], npt.NDArray[np.bool_]]]:
    """Slab by slab of the target: flat indices of the voxels it came from, and which of them lie in the source.

    The target's matrix leads into the field's frame. All voxels are looked up in the field at once, by several threads.
    """
    import SimpleITK as sitk

    steps = np.asarray(back.vectors_mm @ source.ijk_from_lps[:3, :3].T.astype(np.float32))
    field = sitk.GetImageFromArray(steps, isVector=True)
    place(field, back.grid)
    across = (source.ijk_from_lps @ target.lps_from_ijk).astype(np.float32)
    ni, nj, nk = source.size_ijk
    depth = max(1, SLAB_VOXELS // (target.shape[1] * target.shape[2]))
    for first in range(0, target.shape[0], depth):
        part = slice(first, min(first + depth, target.shape[0]))
        moved = _looked_up(field, target, part)
        k, j, i = (np.arange(n, dtype=np.float32) for n in (part.stop - first, *target.shape[1:]))
        index = np.zeros(moved.shape[:3], dtype=np.intp)
        inside = np.ones(moved.shape[:3], dtype=np.bool_)
        for axis, size, stride in ((0, ni, 1), (1, nj, ni), (2, nk, ni * nj)):
            a, b, c, offset = across[axis]
            at = moved[..., axis] + ((k + first) * c + offset)[:, None, None] + (j * b)[None, :, None] + i * a
            nearest = np.rint(at).astype(np.intp)
            inside &= (nearest >= 0) & (nearest < size)
            index += np.clip(nearest, 0, size - 1) * stride
        yield part, index, inside


def _looked_up(field: Any, target: Grid, part: slice) -> npt.NDArray[np.float32]:
    """The field [k, j, i, 3] at the voxels of a slab; constant beyond its own grid."""
    import SimpleITK as sitk

    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([target.shape[2], target.shape[1], part.stop - part.start])
    resampler.SetOutputOrigin(target.to_lps((0, 0, part.start)).tolist())
    resampler.SetOutputSpacing(target.spacing)
    resampler.SetOutputDirection(target.direction.ravel().tolist())
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.UseNearestNeighborExtrapolatorOn()
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(field)))


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
