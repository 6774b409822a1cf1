"""Free-hand ultrasound: the tracked pictures of a recording put together into a volume in the patient's frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain.content_hash import content_sha256
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid, transform_points
from ..domain.volume import Modality, SourceInfo, Volume
from ..errors import MemoryLimitError, SourceError
from ..progress import SILENT, Progress
from .compounding import BYTES_PER_VOXEL, Compound, Compounder, blocks_of, fill_holes
from .frame_places import FramePlaces, gaps_mm, place_frames
from .igtl_fields import LPS_FROM_RAS
from .probe_calibration import Fan, ProbeCalibration
from .sequence_file import Recording

FINEST_MM = 0.5
"""Voxels of a volume for which nothing else was said."""
MOST_VOXELS = 60_000_000
"""Of such a volume: larger ones are made only where their spacing is asked for."""
STEP_MM = 0.1
FILL_VOXELS = 3.0
FLIPS = {"MF": (False, False), "UF": (True, False), "MN": (False, True), "UN": (True, True)}
"""Which of a picture's axes i and j run against "marked side first, far from the transducer last"."""


@dataclass(frozen=True, eq=False)
class FreehandSettings:
    """How pictures become a volume.

    Parameters
    ----------
    reference
        Frame whose axes the voxels run along; the reference marker's, else the tracker's, if empty.
    lps_from_reference
        (4, 4) rigid; the tracker is taken to give RAS if None.
    spacing_mm
        Side of the voxels; the calibration file's, else the finest of 0.5 mm and more that is no larger than needed.
    fill_mm
        Holes are filled from voxels so far away; three voxels if None, 0 for none.
    leave_blank_out
        Pixels that are 0 in every picture lie beside what the probe shows, and are not seen as black.
    """

    reference: str = ""
    lps_from_reference: FloatArray | None = None
    spacing_mm: float | None = None
    compound: Compound = Compound.MEAN
    fill_mm: float | None = None
    leave_blank_out: bool = True

    def __post_init__(self) -> None:
        if self.spacing_mm is not None and not 0.05 <= self.spacing_mm <= 20:
            raise SourceError(f"A spacing of 0.05 to 20 mm is needed; found {self.spacing_mm:g}.")
        if self.fill_mm is not None and not 0 <= self.fill_mm <= 50:
            raise SourceError(f"Holes of 0 to 50 mm can be filled; found {self.fill_mm:g}.")


@dataclass(frozen=True, eq=False)
class Freehand:
    """A volume made of pictures.

    Parameters
    ----------
    places
        Of the pictures it is made of, and why others were left out.
    seen, filled, unseen
        Voxels given by pictures, closed as holes, and left empty (0).
    gap_mm
        (median, largest) distance from picture to picture.
    """

    volume: Volume
    places: FramePlaces
    seen: int
    filled: int
    unseen: int
    gap_mm: tuple[float, float]


def reconstruct(
    recording: Recording,
    calibration: ProbeCalibration | None = None,
    settings: FreehandSettings | None = None,
    progress: Progress = SILENT,
) -> Freehand:
    """The volume that a sweep of tracked pictures shows, in LPS mm.

    Raises
    ------
    SourceError
        If the recording holds no pictures, they can't be placed, or their orientation is unknown.
    MemoryLimitError
        If the volume would not fit into memory.
    """
    settings = settings or FreehandSettings()
    places = place_frames(recording, calibration, settings.reference)
    pictures = _upright(recording)
    valid = _valid_pixels(pictures, calibration, settings.leave_blank_out)
    corners = _corners(valid)
    spacing = settings.spacing_mm or (calibration.spacing_mm if calibration else None)
    grid = _grid_around(places, corners, spacing)
    values, seen = _compounded(pictures, places, valid, grid, settings.compound, progress.part(0.0, 0.8))
    reach = FILL_VOXELS if settings.fill_mm is None else settings.fill_mm / grid.spacing[0]
    progress.update(0.8, "Closing holes")
    values, holes = fill_holes(values, seen, reach)
    progress.update(1.0)
    volume = _volume(values, grid, recording, settings.lps_from_reference)
    gaps = gaps_mm(places, corners)
    counts = (int(seen.sum()), int(holes.sum()))
    gap_mm = (float(np.median(gaps)), float(gaps.max())) if len(gaps) else (0.0, 0.0)
    found = Freehand(volume, places, *counts, values.size - sum(counts), gap_mm)
    return _with_findings(found, reach * grid.spacing[0])


def _upright(recording: Recording) -> npt.NDArray[Any]:
    """Pictures [frame, j, i] with the marked side first and the transducer on top, as calibrations take them."""
    images = recording.images
    if images is None:
        raise SourceError("This recording holds no pictures, only poses: there is nothing to reconstruct.")
    if images.shape[1] != 1:
        raise SourceError("This recording holds volumes, not pictures. Take one of them in as it is.")
    grey = images[:, 0] if images.ndim == 4 else images[:, 0].mean(axis=-1).astype(images.dtype)
    letters = recording.orientation[:2].upper() or "MF"
    if letters not in FLIPS:
        raise SourceError(f"Pictures of orientation '{recording.orientation}' are not known; {', '.join(FLIPS)} are.")
    flip_i, flip_j = FLIPS[letters]
    return grey[:, :: -1 if flip_j else 1, :: -1 if flip_i else 1]


def _valid_pixels(
    pictures: npt.NDArray[Any], calibration: ProbeCalibration | None, leave_blank_out: bool
) -> npt.NDArray[np.bool_]:
    """[j, i]: which pixels show the patient."""
    valid = pictures.any(axis=0) if leave_blank_out else np.ones(pictures.shape[1:], dtype=np.bool_)
    if calibration is not None and calibration.clip is not None:
        i, j, width, height = calibration.clip
        inside = np.zeros_like(valid)
        inside[max(j, 0) : max(j + height, 0), max(i, 0) : max(i + width, 0)] = True
        valid &= inside
    if calibration is not None and calibration.fan is not None:
        valid &= _in_fan(valid.shape, calibration.fan)
    if not valid.any():
        raise SourceError("Nothing is left of the pictures: they are blank, or the clip rectangle or fan misses them.")
    return np.asarray(valid)


def _in_fan(shape: tuple[int, ...], fan: Fan) -> npt.NDArray[np.bool_]:
    j, i = np.indices(shape, dtype=np.float64)
    x, y = i - fan.origin_ij[0], j - fan.origin_ij[1]
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(x, y))
    (near, far), (first, last) = fan.radii, fan.angles_deg
    return np.asarray((radius >= near) & (radius <= far) & (angle >= first) & (angle <= last))


def _corners(valid: npt.NDArray[np.bool_]) -> FloatArray:
    """(4, 3) pixel indices of the corners of the rectangle around what is valid."""
    rows, columns = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    return np.array([(i, j, 0) for i, j in product(columns[[0, -1]], rows[[0, -1]])], dtype=np.float64)


def _grid_around(places: FramePlaces, corners_ijk: FloatArray, spacing_mm: float | None) -> Grid:
    """Cubes along the reference's axes, from the lowest corner of all pictures to the highest."""
    points = np.concatenate([transform_points(f.reference_from_ijk, corners_ijk) for f in places.frames])
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    if spacing_mm is None:
        spacing_mm = FINEST_MM
        while np.prod(extent / spacing_mm + 1) > MOST_VOXELS:
            spacing_mm = round(spacing_mm + STEP_MM, 1)
    ni, nj, nk = (int(n) for n in np.floor(extent / spacing_mm) + 1)
    _require_memory(ni * nj * nk, spacing_mm)
    return Grid.from_axes((nk, nj, ni), low, np.eye(3), [spacing_mm] * 3)


def _require_memory(voxels: int, spacing_mm: float) -> None:
    import psutil

    free = psutil.virtual_memory().available
    if voxels * BYTES_PER_VOXEL > free:
        raise MemoryLimitError(
            f"A volume of {voxels / 1e6:.0f} million voxels of {spacing_mm:g} mm needs "
            f"{voxels * BYTES_PER_VOXEL / 2**30:.1f} GiB; {free / 2**30:.1f} GiB are free. Ask for a larger spacing."
        )


def _compounded(
    pictures: npt.NDArray[Any],
    places: FramePlaces,
    valid: npt.NDArray[np.bool_],
    grid: Grid,
    how: Compound,
    progress: Progress,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    volume = Compounder(grid.shape, how)
    for n, frame in enumerate(places.frames):
        progress.update(n / len(places.frames), "Putting the pictures together")
        pixel_mm = float(np.linalg.norm(frame.reference_from_ijk[:3, :2], axis=0).max())
        side = max(1, int(grid.spacing[0] / (2 * pixel_mm)))
        volume.add(blocks_of(pictures[frame.number], valid, side, how), grid.ijk_from_lps @ frame.reference_from_ijk)
    return volume.result()


def _volume(
    values: npt.NDArray[np.float32], grid: Grid, recording: Recording, lps_from_reference: FloatArray | None
) -> Volume:
    """In LPS, in the pictures' own type where that is one of whole numbers."""
    way = LPS_FROM_RAS if lps_from_reference is None else lps_from_reference
    placed = Grid(grid.shape, way @ grid.lps_from_ijk)
    dtype = np.dtype(np.float32) if recording.images is None else recording.images.dtype
    kept = np.rint(values).astype(dtype) if dtype in (np.uint8, np.int16, np.uint16) else values
    source = SourceInfo("freehand", content_sha256(placed, kept), "free-hand ultrasound")
    return Volume(placed, kept, Modality.OTHER, source)


def _with_findings(found: Freehand, reach_mm: float) -> Freehand:
    from dataclasses import replace

    findings = []
    out = found.places.left_out
    if out:
        told = ", ".join(f"{count} ({why})" for why, count in out.items())
        total = len(found.places.frames) + sum(out.values())
        message = f"{sum(out.values())} of {total} frames were left out: {told}."
        numbers = {"left_out": float(sum(out.values())), "frames": float(total)}
        findings.append(Finding("freehand-left-out", Severity.WARNING, message, numbers=numbers))
    if found.gap_mm[1] > 2 * reach_mm and reach_mm > 0:
        message = (
            f"Pictures lie up to {found.gap_mm[1]:.1f} mm apart; holes are filled from {reach_mm:.1f} mm away. Between "
            "them the volume is empty. Sweep more slowly."
        )
        findings.append(Finding("freehand-gap", Severity.WARNING, message, numbers={"gap_mm": found.gap_mm[1]}))
    return replace(found, volume=replace(found.volume, findings=tuple(findings)))
