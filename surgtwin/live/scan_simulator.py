"""A scan that was never made: the twin's image as a scanner would show it after the organs moved, the motion known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from ..domain.content_hash import content_sha256
from ..domain.displacement import DisplacementField
from ..domain.geometry import FloatArray, Grid, Point3, transform_points
from ..domain.twin import Twin
from ..domain.volume import Modality, Volume
from ..errors import SourceError
from ..imaging.resample import cropped_grid
from ..planning.structure_roles import is_bone, is_wrapping
from ..progress import SILENT, Progress
from .update import shown_by

FIELD_STEP_MM = 6.0
REACH_MM = (130.0, 90.0, 85.0)
"""How far from its middle a motion has faded to a third: wide across the body, short along it."""
WAYS: dict[str, Point3] = {
    "breathing": (0.0, -0.34, -0.94),
    "insufflation": (0.0, 0.94, -0.34),
    "lift": (0.0, -1.0, 0.0),
}
"""Unit-like directions, LPS: organs go to the feet and forward, are pressed back, or fall to the front."""
LEAST_JACOBIAN = 0.2
MOST_MM = 120.0
SLAB_VOXELS = 2_000_000
LEAST_SHARE = 0.2
BLUR_MM = 1.2
AIR_HU = -1000.0


class Contrast(StrEnum):
    """What kind of scanner it is."""

    CT = "ct"
    CONE_BEAM = "cone-beam"
    MR = "mr"


@dataclass(frozen=True)
class ScanSettings:
    """What is scanned, and how badly.

    Parameters
    ----------
    motion, amount_mm
        "breathing", "insufflation", "lift" or "none", and how far the place that moves most goes.
    shift_mm, turn_deg
        Of the whole patient on the table, LPS; the turn about the long axis.
    noise
        Standard deviation, in the image's units.
    shown
        Share of each of the image's sides that the scanner sees, about the organs' middle.
    spacing_mm
        Of the scan's voxels; the twin image's own if None.
    """

    motion: str = "breathing"
    amount_mm: float = 7.0
    shift_mm: Point3 = (0.0, 0.0, 0.0)
    turn_deg: float = 0.0
    noise: float = 15.0
    shown: float = 1.0
    contrast: Contrast = Contrast.CT
    spacing_mm: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.motion != "none" and self.motion not in WAYS:
            raise SourceError(f"A motion '{self.motion}' is not known; there are: none, {', '.join(WAYS)}.")
        limits = {"amount_mm": MOST_MM, "noise": 1000.0, "turn_deg": 45.0}
        for name, most in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and abs(value) <= most) or (name == "noise" and value < 0):
                raise SourceError(f"{name} of at most {most:g} is needed; found {value:g}.")
        if not all(math.isfinite(v) and abs(v) <= 300 for v in self.shift_mm):
            raise SourceError(f"A shift of at most 300 mm is needed; found {self.shift_mm}.")
        if not LEAST_SHARE <= self.shown <= 1:
            raise SourceError(f"A scan shows {LEAST_SHARE:g} to 1 of the image's sides; found {self.shown:g}.")
        if self.spacing_mm is not None and not 0.3 <= self.spacing_mm <= 10:
            raise SourceError(f"A spacing of 0.3 to 10 mm is needed; found {self.spacing_mm:g}.")


@dataclass(frozen=True, eq=False)
class SimulatedScan:
    """A scan and the truth behind it.

    Parameters
    ----------
    truth
        Where every place of the twin's current revision lies in the scan.
    """

    volume: Volume
    truth: DisplacementField
    settings: ScanSettings


def simulate_scan(twin: Twin, settings: ScanSettings | None = None, progress: Progress = SILENT) -> SimulatedScan:
    """The twin's image, as it lies now, after a known motion, on another grid, with noise and another contrast.

    Raises
    ------
    SourceError
        If the motion would fold space.
    TwinError
        If the revision was carried by points: no image shows it as it lies.
    """
    settings = settings or ScanSettings()
    base = shown_by(twin)
    inner = _deformation(twin, base.grid, settings)
    motion = _table(base.grid.center(), settings)
    grid = _scan_grid(base.grid, _middle(twin, base.grid), settings, motion)
    values = _imaged(base, inner.inverse(), np.asarray(np.linalg.inv(motion)), grid, settings, progress)
    k, j, i = np.indices(inner.grid.shape)
    points = inner.grid.to_lps(np.stack([i, j, k], axis=-1))
    moved = transform_points(motion, points + inner.vectors_mm)
    truth = DisplacementField(inner.grid, (moved - points).astype(np.float32))
    return SimulatedScan(_volume(base, grid, values, settings), truth, settings)


def _middle(twin: Twin, grid: Grid) -> FloatArray:
    """Of the organs that move; of the image where there are none."""
    names = {s.name for s in twin.structures if not (is_bone(s) or is_wrapping(s))}
    boxes = [m.vertices_mm for m in twin.meshes if m.name in names]
    if not boxes:
        return grid.center()
    points = np.concatenate([b[:: max(1, len(b) // 500)] for b in boxes])
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)


def _deformation(twin: Twin, grid: Grid, settings: ScanSettings) -> DisplacementField:
    """A smooth bump, widest across the body, as a field on coarse voxels along the image's."""
    factors = [max(1, round(FIELD_STEP_MM / s)) for s in grid.spacing]
    shape = [-(-n // f) + 1 for n, f in zip(grid.size_ijk, factors, strict=True)]
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, :3] = matrix[:3, :3] * factors
    coarse = Grid((shape[2], shape[1], shape[0]), matrix)
    if settings.motion == "none":
        return DisplacementField.still(coarse)
    k, j, i = np.indices(coarse.shape)
    off = (coarse.to_lps(np.stack([i, j, k], axis=-1)) - _middle(twin, grid)) / REACH_MM
    vectors = settings.amount_mm * np.exp(-np.sum(off**2, axis=-1))[..., None] * np.asarray(WAYS[settings.motion])
    field = DisplacementField(coarse, vectors.astype(np.float32))
    if float(field.jacobian().min()) < LEAST_JACOBIAN:
        raise SourceError(f"A motion of {settings.amount_mm:g} mm would nearly fold the organs. Ask for less.")
    return field


def _table(centre: FloatArray, settings: ScanSettings) -> FloatArray:
    """(4, 4) of the whole patient: a turn about the long axis through the middle, then a shift."""
    turn = math.radians(settings.turn_deg)
    matrix = np.eye(4)
    matrix[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + np.asarray(settings.shift_mm)
    return matrix


def _scan_grid(base: Grid, middle_mm: FloatArray, settings: ScanSettings, motion: FloatArray) -> Grid:
    """The part of the image that the scanner sees, on its own voxels, where the patient now lies."""
    grid = base
    if settings.shown < 1:
        size = np.maximum(8, np.round(np.asarray(base.size_ijk) * settings.shown)).astype(int)
        first = np.round(base.to_ijk(middle_mm) - size / 2)
        first = np.clip(first, 0, np.asarray(base.size_ijk) - size).astype(int)
        a, b, c = (int(n) for n in first)
        d, e, f = (int(n) for n in first + size)
        grid = cropped_grid(base, (a, b, c), (d, e, f))
    matrix = grid.lps_from_ijk.copy()
    size = np.asarray(grid.size_ijk)
    if settings.spacing_mm is not None:
        factors = settings.spacing_mm / np.asarray(grid.spacing)
        matrix[:3, :3] = matrix[:3, :3] * factors
        size = np.maximum(4, np.floor((size - 1) / factors) + 1).astype(int)
    matrix[:3, 3] += np.asarray(settings.shift_mm)  # the scanner is centred on the patient, its axes stay
    return Grid((int(size[2]), int(size[1]), int(size[0])), matrix)


def _imaged(
    base: Volume,
    back: DisplacementField,
    rest_from_scan: FloatArray,
    grid: Grid,
    settings: ScanSettings,
    progress: Progress,
) -> npt.NDArray[np.float32]:
    """Values of the scan, slab by slab: each voxel shows the place that came to lie there."""
    values = np.empty(grid.shape, dtype=np.float32)
    outside = AIR_HU if base.modality is Modality.CT else float(base.values.min())
    depth = max(1, SLAB_VOXELS // (grid.shape[1] * grid.shape[2]))
    j, i = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[2]), indexing="ij")
    source = base.values.astype(np.float32)
    for first in range(0, grid.shape[0], depth):
        progress.update(first / grid.shape[0], "Scanning")
        last = min(first + depth, grid.shape[0])
        ijk = np.empty((last - first, *grid.shape[1:], 3))
        ijk[..., 0], ijk[..., 1], ijk[..., 2] = i, j, np.arange(first, last)[:, None, None]
        places = base.grid.to_ijk(back.moved(transform_points(rest_from_scan, grid.to_lps(ijk))))
        kji = np.moveaxis(places[..., ::-1], -1, 0)
        values[first:last] = map_coordinates(source, kji, order=1, mode="constant", cval=outside)
    values = _as_contrast(values, base.modality, grid, settings.contrast)
    progress.update(1.0)
    return values + np.random.default_rng(settings.seed).normal(0.0, settings.noise, grid.shape).astype(np.float32)


def _as_contrast(
    values: npt.NDArray[np.float32], modality: Modality, grid: Grid, contrast: Contrast
) -> npt.NDArray[np.float32]:
    if contrast is Contrast.CT or modality is not Modality.CT:
        return values
    if contrast is Contrast.MR:
        shown = np.where(values < -400, 0.0, 420.0 - 1.3 * np.abs(values - 50.0))
        return np.asarray(np.maximum(shown, 0.0), dtype=np.float32)
    # Scatter makes a cone beam's grey values too low in the middle, and its edges soft.
    k, j, i = (np.linspace(-1, 1, n) for n in grid.shape)
    cup = np.exp(-(k[:, None, None] ** 2 + j[None, :, None] ** 2 + i[None, None, :] ** 2))
    soft = gaussian_filter(values, [BLUR_MM / s for s in grid.spacing[::-1]])
    return np.asarray(0.9 * soft - 60.0 * cup, dtype=np.float32)


def _volume(base: Volume, grid: Grid, values: npt.NDArray[np.float32], settings: ScanSettings) -> Volume:
    """Of the twin's patient, and of a series of its own."""
    is_mr = settings.contrast is Contrast.MR
    whole = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    source = replace(
        base.source,
        kind="synthetic",
        content_sha256=content_sha256(grid, whole),
        description=f"simulated {settings.contrast.value}, {settings.motion}",
        acquired_utc="",
        dicom=None,
    )
    modality = Modality.MR if is_mr else base.modality
    window = None if is_mr else base.window
    return Volume(grid, whole, modality, source, base.patient, window)
