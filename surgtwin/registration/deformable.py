"""Where every place of the base image went in an image that arrived: coarse to fine, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, Grid
from ..domain.volume import Volume
from ..errors import ImageError
from ..imaging.resample import cropped_grid, resample_values
from ..progress import SILENT, Progress
from .flow import Matching, Motion, Values, refine_motion, self_similarity
from .images import grid_of, normalised, thinned, to_image

WORK_VOXELS = 2_200_000
"""Of the finest level: about 128^3."""
FINEST_MM = 2.0
MARGIN_MM = 12.0
BODY_VALUE = 0.05
"""Of the normalised range: anything denser than fat's lower end is worth a place in the box."""
SAME = Matching(window=1.5, smooth=1.5, least_structure=5e-5, blur=0.5)
"""Of images of one modality, by their values."""
CROSS = Matching(window=4.0, smooth=3.0, least_structure=1e-2, blur=0.3)
"""Of different modalities, by how a place differs from its surroundings: noisier, so wider."""
AROUND = 2.0
"""Standard deviation, in voxels, of what counts as around a voxel."""
VOXEL_SHARE = 0.1
"""Of a voxel's mean edge: no match is better than that."""
CROSS_ERROR_MM = 1.0
"""Nor is one between modalities: what phantoms of known deformation show."""
DOUBT = 0.5
"""Share of the stated error that counts as noise of the motion; the whole of it would take real motion away."""
LEAST_KNOWN_SHARE = 0.05
"""Of the base image's box that the arrived image must show."""


@dataclass(frozen=True)
class Level:
    """One scale: its voxels are `factor` of the finest's, how many steps are made, and in how wide windows.

    Parameters
    ----------
    widening, cross_widening
        Of the windows between images of one modality, and of different ones.
    """

    factor: int
    iterations: int
    widening: float = 1.0
    cross_widening: float = 1.0


PREVIEW = (Level(4, 10), Level(2, 6, 1.2))
"""The last level's noise stays in the result, so its windows are wider; much wider ones would miss local motion."""
REFINED = (Level(4, 10), Level(2, 6), Level(1, 3, 1.7, 1.7))


@dataclass(frozen=True, eq=False)
class DeformableFit:
    """A deformation, and what it is worth.

    Parameters
    ----------
    field
        Moves places of the base image to where they lie in the arrived image, after `arrived_from_base`.
    error_mm
        [k, j, i] on the field's grid: the standard error to expect, from how much the last two scales disagree and from
        the size of the voxels matched.
    difference_before, difference_after
        Root mean square difference of the matched channels where both images say something, on the finest level.
    known
        [k, j, i] in 0..1 on the field's grid: where both images say something.
    likeness
        Share of the base image's variance that the carried image explains there; None between modalities.
    """

    field: DisplacementField
    error_mm: npt.NDArray[np.float32]
    difference_before: float
    difference_after: float
    known: Values
    likeness: float | None = None

    def error_at(self, points_mm: FloatArray) -> FloatArray:
        """Standard error (...,) at LPS places (..., 3) of the base."""
        places = np.moveaxis(self.field.grid.to_ijk(points_mm)[..., ::-1], -1, 0)
        return np.asarray(map_coordinates(self.error_mm, places, order=1, mode="nearest"), dtype=np.float64)

    def known_at(self, points_mm: FloatArray) -> FloatArray:
        """How far (...,) both images say something at LPS places (..., 3) of the base: 0 to 1; 0 beyond the field."""
        places = np.moveaxis(self.field.grid.to_ijk(points_mm)[..., ::-1], -1, 0)
        return np.asarray(map_coordinates(self.known, places, order=1, mode="constant"), dtype=np.float64)


def fit_deformable(
    base: Volume,
    arrived: Volume,
    *,
    arrived_from_base: FloatArray | None = None,
    levels: tuple[Level, ...] = PREVIEW,
    progress: Progress = SILENT,
) -> DeformableFit:
    """Where the places of `base` lie in `arrived`.

    Images of one modality are compared by their values, others by how each place differs from its surroundings.

    Parameters
    ----------
    arrived_from_base
        (4, 4) rigid motion to start from; its inverse is applied to the arrived image, so that what is found is the
        deformation alone.

    Raises
    ------
    ImageError
        If the images share hardly any place.
    """
    grid, fixed, moving, known = _prepared(base, arrived, np.eye(4) if arrived_from_base is None else arrived_from_base)
    is_same = base.modality is arrived.modality
    motion: Motion | None = None
    coarser: Motion | None = None
    for n, level in enumerate(levels):
        progress.update(n / len(levels), "Matching the images")
        images = [_binned(values, level.factor) for values in (fixed, moving, known)]
        ratio = levels[n - 1].factor / level.factor if n else 1.0
        coarser = _on_level(motion, ratio, images[0].shape)
        f, m, k, matching = _compared(images, is_same, level)
        motion = refine_motion(f, m, k, coarser, matching, level.iterations, progress.check)
    if motion is None or coarser is None:
        raise ImageError("A registration needs at least one level.")
    on = _coarse_grid(grid, levels[-1].factor)
    error = _error_mm(motion - coarser, on, 0.0 if is_same else CROSS_ERROR_MM)
    motion = _without_noise(motion, error, on)
    still = np.zeros_like(motion)
    before, after = (_difference(f, m, k, u) for u in (still, motion))
    if after >= before:
        # Nothing moved that the images could tell: what was found is noise, and may be as wrong as it is long.
        error = np.hypot(error, np.linalg.norm(_to_lps(motion, on), axis=-1)).astype(np.float32)
        motion, after = still, before
    progress.update(1.0)
    likeness = _likeness(f[0], k, after) if is_same else None
    return DeformableFit(DisplacementField(on, _to_lps(motion, on)), error, before, after, k, likeness)


def _compared(images: list[Values], is_same: bool, level: Level) -> tuple[list[Values], list[Values], Values, Matching]:
    """Channels of both images, where they are known, and how to compare them."""
    matching, wider = (SAME, level.widening) if is_same else (CROSS, level.cross_widening)
    matching = replace(matching, window=matching.window * wider, smooth=matching.smooth * wider)
    f, m = (gaussian_filter(values, matching.blur) for values in images[:2])
    return ([f], [m], images[2], matching) if is_same else (self_similarity(f), self_similarity(m), images[2], matching)


def _prepared(base: Volume, arrived: Volume, arrived_from_base: FloatArray) -> tuple[Grid, Values, Values, Values]:
    """Both images on one grid around the body, and where both are known."""
    box = _body_box(base)
    extent = float(np.prod(np.asarray(box.size_ijk) * box.spacing))
    step = max(FINEST_MM, (extent / WORK_VOXELS) ** (1 / 3))
    start, stop = (base.grid.to_ijk(p) for p in (box.origin, box.to_lps(np.asarray(box.size_ijk) - 1)))
    inside = tuple(slice(round(a), round(b) + 1) for a, b in zip(start[::-1], stop[::-1], strict=True))
    image = thinned(to_image(normalised(base)[inside], box), step)
    grid = grid_of(image)
    fixed = _array(image)
    other = thinned(to_image(normalised(arrived), arrived.grid), step)
    placed = _moved_grid(grid_of(other), np.asarray(np.linalg.inv(arrived_from_base), dtype=np.float64))
    values = _array(other)
    moving = resample_values(values, placed, grid, outside=0.0)
    known = resample_values(np.ones(values.shape, dtype=np.float32), placed, grid, outside=0.0)
    if known.mean() < LEAST_KNOWN_SHARE:
        raise ImageError(
            f"The arrived image shows only {known.mean():.0%} of the body in the twin's image. Check that it shows the "
            "same part of the patient, or register it rigidly first."
        )
    return grid, fixed, moving, known


def _array(image: object) -> Values:
    import SimpleITK as sitk

    return np.asarray(sitk.GetArrayFromImage(image), dtype=np.float32)


def _body_box(volume: Volume) -> Grid:
    """The part of the image's grid that holds everything denser than air, with a margin."""
    dense = normalised(volume)[::2, ::2, ::2] > BODY_VALUE
    start, stop = [], []
    for axis in (2, 1, 0):
        other = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(np.count_nonzero(dense, axis=other) > 4)
        n = volume.grid.shape[axis]
        margin = int(np.ceil(MARGIN_MM / volume.grid.spacing[2 - axis]))
        start.append(max(0, 2 * int(found[0]) - margin) if len(found) else 0)
        stop.append(min(n, 2 * int(found[-1]) + 2 + margin) if len(found) else n)
    return cropped_grid(volume.grid, (start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _moved_grid(grid: Grid, matrix: FloatArray) -> Grid:
    return Grid(grid.shape, matrix @ grid.lps_from_ijk)


def _coarse_grid(grid: Grid, factor: int) -> Grid:
    """The grid of bins of `factor` voxels."""
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, :3] *= factor
    matrix[:3, 3] = grid.to_lps([(factor - 1) / 2] * 3)
    k, j, i = (n // factor for n in grid.shape)
    return Grid((k, j, i), matrix)


def _binned(values: Values, factor: int) -> Values:
    """Means of blocks."""
    k, j, i = (n // factor for n in values.shape)
    blocks = values[: k * factor, : j * factor, : i * factor].reshape(k, factor, j, factor, i, factor)
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32), dtype=np.float32)


def _on_level(motion: Motion | None, ratio: float, shape: tuple[int, ...]) -> Motion:
    """The motion of the level before, whose voxels are `ratio` times as large, on this level's voxels."""
    if motion is None:
        return np.zeros((3, *shape), dtype=np.float32)
    places = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / ratio - 0.5 for n in shape], indexing="ij"))
    moved = [map_coordinates(part, places, order=1, mode="nearest") * ratio for part in motion]
    return np.stack(moved).astype(np.float32)


def _difference(base: list[Values], arrived: list[Values], known: Values, motion: Motion) -> float:
    """Root mean square difference of the channels, where both are known."""
    places = np.indices(known.shape, dtype=np.float32) + motion
    pairs = zip(base, arrived, strict=True)
    total = sum(float(np.sum(known * (map_coordinates(m, places, order=1, mode="nearest") - f) ** 2)) for f, m in pairs)
    return float(np.sqrt(total / (len(base) * max(float(known.sum()), 1.0))))


def _likeness(base: Values, known: Values, difference: float) -> float:
    total = max(float(known.sum()), 1.0)
    mean = float(np.sum(known * base)) / total
    variance = float(np.sum(known * (base - mean) ** 2)) / total
    return 1.0 - difference**2 / max(variance, 1e-12)


def _to_lps(motion: Motion, grid: Grid) -> npt.NDArray[np.float32]:
    vectors = np.moveaxis(motion[::-1], 0, -1) @ grid.lps_from_ijk[:3, :3].T
    return np.asarray(vectors, dtype=np.float32)


def _error_mm(change: Motion, grid: Grid, least_mm: float) -> Values:
    """Standard error [k, j, i]: the last scale's change of the motion, averaged around, and the voxels' own limit."""
    squared = np.sum(_to_lps(change, grid) ** 2, axis=-1)
    floor = VOXEL_SHARE * float(np.mean(grid.spacing))
    return np.asarray(np.sqrt(gaussian_filter(squared, AROUND) + floor**2 + least_mm**2), dtype=np.float32)


def _without_noise(motion: Motion, error_mm: Values, grid: Grid) -> Motion:
    """The motion, less where it is hardly larger than its error: nothing is moved on no evidence.

    The positive part of James & Stein's estimate, on the squares around each voxel.
    """
    squared = gaussian_filter(np.sum(_to_lps(motion, grid) ** 2, axis=-1), AROUND)
    kept = gaussian_filter(np.clip(1.0 - (DOUBT * error_mm) ** 2 / np.maximum(squared, 1e-6), 0.0, 1.0), AROUND)
    return np.asarray(motion * kept, dtype=np.float32)
