"""The least signed distance between a line and a surface, to a stated tolerance; what a needle keeps clear of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..domain.verdict import ErrorTerms, Verdict
from ..mesh.surface_distance import SurfaceDistance
from .needle_line import NeedleLine

TOLERANCE_MM = 0.02
FIRST_SAMPLES = 5
MAX_SAMPLES = 20_000


@dataclass(frozen=True)
class Clearance:
    """How far a whole needle stays from one structure.

    Parameters
    ----------
    min_mm
        From the needle's surface to the structure's; negative: the depth to which the needle lies in it.
    at_mm, depth_mm
        The worst place, on the needle's axis, and how far below the entry it lies.
    structure_at_mm
        The place on the structure's surface that is nearest there.
    needed_mm, verdict
        What the plan asks for and whether it is kept; None where it asks for nothing.
    """

    structure: str
    min_mm: float
    at_mm: Point3
    depth_mm: float
    structure_at_mm: Point3
    terms: ErrorTerms
    needed_mm: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, eq=False)
class Extreme:
    """The least value found along a line, and the depth it has there."""

    value_mm: float
    depth_mm: float


def least_distance(
    surface: SurfaceDistance, line: NeedleLine, first_mm: float = 0.0, last_mm: float | None = None, sign: float = 1.0
) -> Extreme:
    """The least signed distance from a line to a surface between two depths, no more than the tolerance too large.

    Between two samples the distance cannot fall below what its slope of at most 1 allows; outside the surface nor
    below what the square of the distance allows, which less the square of the depth is concave.

    Parameters
    ----------
    sign
        -1 turns the surface inside out: the least distance from inside, negative outside.
    """
    last = line.length_mm if last_mm is None else last_mm
    depths = np.linspace(first_mm, max(last, first_mm), FIRST_SAMPLES)
    values = sign * surface.at(line.points(depths))
    while len(depths) < MAX_SAMPLES:
        low, high = values[:-1], values[1:]
        step = np.diff(depths)
        best = values.min()
        open_pieces = np.flatnonzero(_least_between(low, high, step) < best - TOLERANCE_MM)
        if not len(open_pieces):
            break
        middle = (depths[open_pieces] + depths[open_pieces + 1]) / 2.0
        found = sign * surface.at(line.points(middle))
        depths = np.insert(depths, open_pieces + 1, middle)
        values = np.insert(values, open_pieces + 1, found)
    at = int(values.argmin())
    return Extreme(float(values[at]), float(depths[at]))


def _least_between(low: FloatArray, high: FloatArray, step: FloatArray) -> FloatArray:
    """No value between two samples `step` apart is smaller."""
    by_slope = (low + high - step) / 2.0
    nearer = np.minimum(low, high)
    by_square = np.sqrt(np.maximum(nearer**2 - step**2 / 4.0, 0.0))
    return np.where(nearer > 0, np.maximum(by_slope, by_square), by_slope)


def needle_clearance(
    name: str, surface: SurfaceDistance, line: NeedleLine, radius_mm: float, terms: ErrorTerms
) -> Clearance:
    """How far a needle of a radius around a line stays from a structure, and where that is worst."""
    least = least_distance(surface, line)
    at = line.point(least.depth_mm)
    x, y, z = (float(c) for c in surface.nearest(np.asarray([at])).points_mm[0])
    return Clearance(name, least.value_mm - radius_mm, at, least.depth_mm, (x, y, z), terms)


@dataclass(frozen=True, eq=False)
class ClearanceCurve:
    """Clearance against depth.

    Parameters
    ----------
    depth_mm
        (N,) below the entry.
    structures
        Those that come near the needle.
    clearance_mm
        (S, N) from the needle's surface to each of them; negative inside.
    """

    depth_mm: FloatArray
    structures: tuple[str, ...]
    clearance_mm: FloatArray


def clearance_curve(
    surfaces: dict[str, SurfaceDistance], line: NeedleLine, radius_mm: float, step_mm: float
) -> ClearanceCurve:
    """The clearance of each surface at evenly spaced depths, `step_mm` apart or a little less."""
    depths = np.linspace(0.0, line.length_mm, int(np.ceil(line.length_mm / step_mm)) + 1)
    points = line.points(depths)
    rows = [surface.at(points) - radius_mm for surface in surfaces.values()]
    return ClearanceCurve(depths, tuple(surfaces), np.array(rows).reshape(len(rows), len(depths)))
