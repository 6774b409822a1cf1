"""Where an instrument leaves the scan: what lies there is unknown, not free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Grid, Point3
from .ellipsoid import as_point
from .instrument import Instrument
from .motion import Motion


@dataclass(frozen=True)
class Outside:
    """The part of a motion outside the scan.

    Parameters
    ----------
    first_s
        When any of the instrument is first outside.
    at_mm, at_s
        Where and when it is farthest outside.
    farthest_mm
        How far that is.
    is_in_body
        Whether the part that is outside may lie in the patient: all of a free-hand instrument, but of one in a port
        only the part between port and tip.
    """

    first_s: float
    at_mm: Point3
    at_s: float
    farthest_mm: float
    is_in_body: bool


def outside_scan(grid: Grid, instrument: Instrument, motion: Motion, trocar_mm: Point3 | None) -> Outside | None:
    """Where the instrument leaves the scan; None if it never does."""
    inner = None if trocar_mm is None else _outside(grid, instrument, motion, trocar_mm)
    found = inner or _outside(grid, instrument, motion, None)
    if found is None:
        return None
    first, at_mm, at_s, farthest = found
    return Outside(first, at_mm, at_s, farthest, is_in_body=trocar_mm is None or inner is not None)


def _outside(
    grid: Grid, instrument: Instrument, motion: Motion, trocar_mm: Point3 | None
) -> tuple[float, Point3, float, float] | None:
    starts, ends = instrument.axes_at(motion.lps_from_tool)
    if trocar_mm is not None:
        starts, ends = _below(starts, ends, motion, np.asarray(trocar_mm))
    points = np.concatenate((starts, ends), axis=1)
    beyond = _beyond_mm(grid, points, np.tile(instrument.radii_mm, 2))
    beyond[~np.isfinite(beyond)] = -np.inf
    by_pose = beyond.max(1)
    out = np.flatnonzero(by_pose > 0.0)
    if not len(out):
        return None
    worst = int(by_pose.argmax())
    place = points[worst, int(beyond[worst].argmax())]
    return float(motion.times_s[out[0]]), as_point(place), float(motion.times_s[worst]), float(by_pose[worst])


def _below(starts: FloatArray, ends: FloatArray, motion: Motion, trocar: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The axes cut off at the port; those wholly behind it become NaN."""
    shaft, tip = motion.lps_from_tool[:, :3, 2], motion.lps_from_tool[:, :3, 3]
    height = np.einsum("pc,pc->p", trocar - tip, shaft)[:, None]
    start_at = np.einsum("pcx,px->pc", starts - tip[:, None], shaft) - height
    end_at = np.einsum("pcx,px->pc", ends - tip[:, None], shaft) - height
    rise = end_at - start_at
    share = np.where(rise != 0.0, -start_at / np.where(rise != 0.0, rise, 1.0), 0.0)[..., None]
    cut = starts + share * (ends - starts)
    low = np.where(start_at[..., None] > 0.0, cut, starts)
    high = np.where(end_at[..., None] > 0.0, cut, ends)
    behind = ((start_at > 0.0) & (end_at > 0.0))[..., None]
    return np.where(behind, np.nan, low), np.where(behind, np.nan, high)


def _beyond_mm(grid: Grid, points_mm: FloatArray, radii_mm: FloatArray) -> FloatArray:
    """How far balls (P, N) stand out of the grid's outermost voxels, along the worst axis; negative inside."""
    index = grid.to_ijk(points_mm)
    sizes, spacing = np.asarray(grid.size_ijk), np.asarray(grid.spacing)
    past = np.maximum(-0.5 - index, index - (sizes - 0.5)) * spacing
    return np.asarray(past.max(-1) + radii_mm)
