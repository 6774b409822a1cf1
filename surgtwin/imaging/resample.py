"""An image or a label map on another grid: resampled, reordered along the patient's axes, or cropped."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..domain.content_hash import content_sha256
from ..domain.geometry import Grid, direction_letter
from ..domain.label_regrid import regrid_labels
from ..domain.labels import LabelMap
from ..domain.volume import Volume
from ..errors import ImageError
from ..progress import SILENT, Progress

Order = Literal[0, 1, 3]
"""Nearest voxel, trilinear, or cubic B-spline (Unser 1999, doi 10.1109/79.799930)."""
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "S": "I", "I": "S"}


def resample_volume(
    volume: Volume, grid: Grid, *, order: Order = 1, outside: float | None = None, progress: Progress = SILENT
) -> Volume:
    """`volume` on `grid`.

    Parameters
    ----------
    order
        1 for display and networks; 3 keeps edges sharper but overshoots beside them.
    outside
        Value beyond the image; its lowest value if not given.
    """
    progress.update(0.0, "Resampling the image")
    values = resample_values(volume.values, volume.grid, grid, order=order, outside=outside)
    progress.update(1.0)
    return _derived(volume, grid, values)


def resample_labels(labels: LabelMap, grid: Grid) -> LabelMap:
    """`labels` on `grid`: exact on the same lattice, else each voxel takes the nearest label; 0 beyond."""
    return regrid_labels(labels, grid).labels


def resample_values(
    values: NDArray[Any], source: Grid, target: Grid, *, order: Order = 1, outside: float | None = None
) -> NDArray[Any]:
    """Values [k, j, i] of `source` on `target`, in the same type (whole numbers are rounded, and kept in range).

    Uses all the threads that SimpleITK is allowed.
    """
    import SimpleITK as sitk

    fill = float(values.min()) if outside is None else float(outside)
    image = sitk.GetImageFromArray(values if order == 0 else values.astype(np.float32, copy=False))
    _place(image, source)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(n) for n in target.size_ijk])
    resampler.SetOutputOrigin(target.origin.tolist())
    resampler.SetOutputSpacing(target.spacing)
    resampler.SetOutputDirection(target.direction.ravel().tolist())
    resampler.SetInterpolator({0: sitk.sitkNearestNeighbor, 1: sitk.sitkLinear, 3: sitk.sitkBSpline3}[order])
    resampler.SetDefaultPixelValue(fill)
    return _as_type(sitk.GetArrayFromImage(resampler.Execute(image)), values.dtype)


def reorient(volume: Volume, codes: str = "LPS") -> Volume:
    """The same voxels with their axes reordered and flipped so that i, j, k point to the sides named, e.g. "LPS".

    Nothing is interpolated: an oblique grid stays as oblique as it was, its axes next to the ones named.

    Raises
    ------
    ImageError
        If `codes` are not three sides of three axes.
    """
    order, flips = _reordering(volume.grid, codes)
    if order == (0, 1, 2) and not any(flips):
        return volume
    grid = _reordered_grid(volume.grid, order, flips)
    steps = tuple(slice(None, None, -1 if flips[axis] else 1) for axis in (2, 1, 0))
    values = volume.values.transpose([2 - order[axis] for axis in (2, 1, 0)])[steps]
    return _derived(volume, grid, np.ascontiguousarray(values))


def crop(volume: Volume, start_ijk: tuple[int, int, int], stop_ijk: tuple[int, int, int]) -> Volume:
    """The voxels from `start_ijk` up to, but without, `stop_ijk`, still at their place.

    Raises
    ------
    ImageError
        If that is no part of the image.
    """
    grid = cropped_grid(volume.grid, start_ijk, stop_ijk)
    inside = tuple(slice(start_ijk[a], stop_ijk[a]) for a in (2, 1, 0))
    return _derived(volume, grid, np.ascontiguousarray(volume.values[inside]))


def cropped_grid(grid: Grid, start_ijk: tuple[int, int, int], stop_ijk: tuple[int, int, int]) -> Grid:
    """The part of `grid` from `start_ijk` up to, but without, `stop_ijk`."""
    if any(not 0 <= a < b <= n for a, b, n in zip(start_ijk, stop_ijk, grid.size_ijk, strict=True)):
        raise ImageError(f"A crop from {start_ijk} to {stop_ijk} is no part of a grid of {grid.size_ijk} voxels.")
    ni, nj, nk = (b - a for a, b in zip(start_ijk, stop_ijk, strict=True))
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, 3] = grid.to_lps(start_ijk)
    return Grid((nk, nj, ni), matrix)


def _derived(volume: Volume, grid: Grid, values: NDArray[Any]) -> Volume:
    """`volume` with other voxels: its slices are no longer the series' instances."""
    dicom = replace(volume.source.dicom, is_on_grid=False) if volume.source.dicom is not None else None
    source = replace(volume.source, content_sha256=content_sha256(grid, values), dicom=dicom)
    return replace(volume, grid=grid, values=values, source=source)


def _place(image: Any, grid: Grid) -> None:
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())


def _as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if values.dtype == dtype:
        return values
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max).astype(dtype))


def _reordering(grid: Grid, codes: str) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """For each new axis: the old axis it is, and whether that is flipped. Best fit of all assignments."""
    wanted = codes.upper()
    sides = {frozenset((c, _OPPOSITE.get(c, c))) for c in wanted}
    if len(wanted) != 3 or any(c not in _OPPOSITE for c in wanted) or len(sides) != 3:
        raise ImageError(f"'{codes}' does not name three sides of three axes, as 'LPS' does.")
    letters = [direction_letter(column) for column in np.eye(3)]
    axes = [next(a for a, letter in enumerate(letters) if c in (letter, _OPPOSITE[letter])) for c in wanted]
    signs = [1.0 if c in letters else -1.0 for c in wanted]
    order = max(permutations(range(3)), key=lambda p: sum(abs(grid.direction[axes[n], p[n]]) for n in range(3)))
    flips = [bool(grid.direction[axes[n], order[n]] * signs[n] < 0) for n in range(3)]
    return (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])


def _reordered_grid(grid: Grid, order: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Grid:
    old_from_new = np.zeros((4, 4))
    old_from_new[3, 3] = 1.0
    for new, old in enumerate(order):
        old_from_new[old, new] = -1.0 if flips[new] else 1.0
        if flips[new]:
            old_from_new[old, 3] = grid.size_ijk[old] - 1
    ni, nj, nk = (grid.size_ijk[old] for old in order)
    return Grid((nk, nj, ni), grid.lps_from_ijk @ old_from_new)
