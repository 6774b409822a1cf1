"""What a straight way passes through, in order, and at which angle it enters a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import Point3
from ..mesh.surface_distance import SurfaceDistance
from .needle_line import NeedleLine

SAME_DEPTH_MM = 1e-5
"""Meetings of a line with two triangles that share an edge lie closer together than this."""


@dataclass(frozen=True)
class Crossing:
    """A piece of the way that lies inside a structure; depths are below the entry."""

    structure: str
    entry_depth_mm: float
    exit_depth_mm: float
    entry_mm: Point3
    exit_mm: Point3

    @property
    def length_mm(self) -> float:
        return self.exit_depth_mm - self.entry_depth_mm


@dataclass(frozen=True)
class Passage:
    """Where the way enters a surface; the angle is to the inward normal, 0 when square to it."""

    structure: str
    depth_mm: float
    at_mm: Point3
    angle_deg: float


def crossings(name: str, surface: SurfaceDistance, line: NeedleLine) -> tuple[Crossing, ...]:
    """The pieces of a line inside a structure, from the entry on."""
    met = surface.crossings(line.start, line.end)
    bounds = np.concatenate(([0.0], met, [line.length_mm]))
    bounds = bounds[np.append(True, np.diff(bounds) > SAME_DEPTH_MM)]
    if len(bounds) < 2:
        return ()
    is_inside = surface.at(line.points((bounds[1:] + bounds[:-1]) / 2.0)) < 0
    found: list[list[float]] = []
    for inside, low, high in zip(is_inside, bounds[:-1], bounds[1:], strict=True):
        if not inside:
            continue
        if found and found[-1][1] == low:
            found[-1][1] = high
        else:
            found.append([low, high])
    return tuple(Crossing(name, float(a), float(b), line.point(a), line.point(b)) for a, b in found)


def passage(name: str, surface: SurfaceDistance, line: NeedleLine, depth_mm: float, patch_mm: float) -> Passage:
    """How the line enters a surface at a depth; the angle is to the normal of a patch around that place."""
    at = line.point(depth_mm)
    outward = surface.normal_around(np.asarray(at), patch_mm)
    cosine = float(np.clip(-outward @ line.direction, -1.0, 1.0))
    return Passage(name, depth_mm, at, float(np.degrees(np.arccos(cosine))))
