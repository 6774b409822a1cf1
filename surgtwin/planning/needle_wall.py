"""The wall that a structure leaves around a needle that is to stay inside it: a screw in a pedicle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..mesh.surface_distance import SurfaceDistance, closest_on_segment
from ..mesh.surface_samples import surface_samples
from .crossing import Crossing, Passage, crossings, passage
from .line_distance import least_distance
from .needle_line import NeedleLine

STEP_MM = 0.5
ON_SURFACE_MM = 0.01
FLATTEST_COSINE = 0.2
MOUTH_HEIGHT_MM = 3.0
MOUTH_REACH = 1.5
"""The mouth is the surface around the place of entry, this high above and below its tangent plane, and as many times
as wide as a flat surface at that angle would take from the needle and the wall that is wanted."""


@dataclass(frozen=True)
class Wall:
    """The least wall around a needle inside a structure.

    Parameters
    ----------
    least_mm
        From the needle's surface to the structure's, sideways and beyond the tip; negative where the needle comes
        through. The mouth, where the needle enters and can have no wall, does not count.
    at_mm
        The place of the structure's surface, or of the axis where that comes out.
    """

    least_mm: float
    at_mm: Point3


def measure_wall(
    name: str, surface: SurfaceDistance, line: NeedleLine, radius_mm: float, proven_mm: float, patch_mm: float
) -> Wall:
    """The wall around a needle from where it enters the structure to its end.

    A needle whose axis leaves the structure, or never enters it, has the distance as a negative wall.

    Parameters
    ----------
    proven_mm
        The wall at which a limit is surely kept, error and all; it decides how far the mouth reaches.
    """
    pieces = crossings(name, surface, line)
    if not pieces:
        nearest = least_distance(surface, line)
        return Wall(-nearest.value_mm - radius_mm, line.point(nearest.depth_mm))
    mouth = _mouth(pieces, name, surface, line, radius_mm + proven_mm, patch_mm)
    begin = 0.0 if mouth is None else max(mouth.depth_mm, 0.0)
    out = least_distance(surface, line, begin, sign=-1.0)
    if out.value_mm < -ON_SURFACE_MM:
        return Wall(out.value_mm - radius_mm, line.point(out.depth_mm))
    samples = _samples_near(surface, line, radius_mm + max(proven_mm, abs(out.value_mm)))
    if mouth is not None:
        samples = samples[~_in_mouth(samples, mouth, surface, radius_mm + proven_mm, patch_mm)]
    if not len(samples):
        # All of a small structure is mouth: what is known is how deep the axis lies.
        return Wall(out.value_mm - radius_mm, line.point(out.depth_mm))
    axis = closest_on_segment(samples, line.points(np.array([begin]))[0], line.end)
    away = np.linalg.norm(samples - axis, axis=1)
    worst = int(away.argmin())
    x, y, z = (float(c) for c in samples[worst])
    return Wall(float(away[worst]) - radius_mm, (x, y, z))


def _mouth(
    pieces: tuple[Crossing, ...],
    name: str,
    surface: SurfaceDistance,
    line: NeedleLine,
    needed_mm: float,
    patch_mm: float,
) -> Passage | None:
    """Where the line enters the structure: at a depth below 0 if the entry lies just inside; None if deep inside."""
    if pieces[0].entry_depth_mm > 0:
        return passage(name, surface, line, pieces[0].entry_depth_mm, patch_mm)
    if float(-surface.at(line.start[None])[0]) >= needed_mm:
        return None
    behind = surface.crossings(line.start, line.start - needed_mm / FLATTEST_COSINE * line.direction)
    return passage(name, surface, line, -float(behind[0]), patch_mm) if len(behind) else None


def _samples_near(surface: SurfaceDistance, line: NeedleLine, least_mm: float) -> FloatArray:
    """Samples of the surface around the line; more and more of it until some lie beyond the mouth."""
    mesh = surface.mesh
    corners = mesh.vertices_mm[mesh.triangles]
    reach = np.linalg.norm(corners - corners.mean(1, keepdims=True), axis=2).max()
    centres = corners.mean(1)
    away = np.linalg.norm(centres - closest_on_segment(centres, line.start, line.end), axis=1)
    near = away <= max(4.0 * least_mm, float(away.min())) + reach
    return surface_samples(mesh.vertices_mm, mesh.triangles[near], STEP_MM).points_mm


def _in_mouth(
    samples: FloatArray, mouth: Passage, surface: SurfaceDistance, needed_mm: float, patch_mm: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    from_entry = samples - np.asarray(mouth.at_mm)
    height = np.abs(from_entry @ surface.normal_around(np.asarray(mouth.at_mm), patch_mm))
    width = MOUTH_REACH * needed_mm / max(math.cos(math.radians(mouth.angle_deg)), FLATTEST_COSINE)
    return np.asarray((height <= MOUTH_HEIGHT_MM) & (np.linalg.norm(from_entry, axis=1) <= width))
