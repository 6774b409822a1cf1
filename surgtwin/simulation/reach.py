"""What an instrument can reach through a port, and how well several ports work together at a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, Point3
from ..domain.plan_values import checked_direction, checked_length, checked_point
from ..errors import PlanError
from ..mesh.segment_distance import SegmentDistance
from .trocar import manipulation_angle_deg

BEST_ANGLE_DEG, GOOD_DEG = 60.0, (45.0, 75.0)
"""Angle at which two instruments work best, and the range recommended (Hanna, Shimi & Cuschieri, Surg Endosc 11:397,
1997: 45 to 75 degrees, knots fastest at 60)."""


class Reached(IntEnum):
    """Whether a place can be reached, or what hinders it."""

    YES = 0
    TOO_NEAR = 1
    TOO_DEEP = 2
    TOO_TILTED = 3
    BLOCKED = 4


@dataclass(frozen=True)
class Port:
    """A place for a trocar.

    Parameters
    ----------
    inward
        Unit normal of the skin there, into the body.
    max_tilt_deg
        The body wall lets the shaft lean so far from it.
    min_depth_mm, max_depth_mm
        How far in the tip works: more than the trocar's own length, less than the instrument's.
    radius_mm
        Of the shaft.
    """

    place_mm: Point3
    inward: Point3
    max_depth_mm: float
    max_tilt_deg: float = 60.0
    min_depth_mm: float = 0.0
    radius_mm: float = 2.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "place_mm", checked_point(self.place_mm, "place_mm"))
        object.__setattr__(self, "inward", checked_direction(self.inward, "inward"))
        checked_length(self.radius_mm, "radius_mm")
        checked_length(self.min_depth_mm, "min_depth_mm", is_open=False)
        checked_length(self.max_depth_mm, "max_depth_mm", self.min_depth_mm)
        if not 0.0 < self.max_tilt_deg <= 90.0:
            raise PlanError(f"an angle of 0 to 90 degrees is needed; found {self.max_tilt_deg:g}.", "max_tilt_deg")


@dataclass(frozen=True, eq=False)
class ReachMap:
    """Places and whether a port reaches them.

    Parameters
    ----------
    points_mm, reached
        (N, 3) LPS and (N,) values of `Reached`.
    blocked_by
        (N,) position of the structure that is in the way, in the order they were given; -1 where none is.
    """

    points_mm: FloatArray
    reached: NDArray[np.int8]
    blocked_by: NDArray[np.int16]

    @property
    def percent(self) -> float:
        """Of the places, that can be reached."""
        return 100.0 * float(np.mean(self.reached == Reached.YES))


def reach_map(port: Port, points_mm: FloatArray, keep_clear: Sequence[tuple[SegmentDistance, float]] = ()) -> ReachMap:
    """Which places the tip reaches through a port with a straight shaft that keeps clear of structures.

    Parameters
    ----------
    points_mm
        (N, 3) LPS.
    keep_clear
        Surfaces and the clearance in mm that the shaft keeps from each.
    """
    way = points_mm - np.asarray(port.place_mm)
    depth = np.linalg.norm(way, axis=1)
    cosine = (way @ np.asarray(port.inward)) / np.maximum(depth, 1e-9)
    reached = np.full(len(points_mm), Reached.YES, dtype=np.int8)
    reached[cosine < np.cos(np.radians(port.max_tilt_deg)) - 1e-12] = Reached.TOO_TILTED
    reached[depth > port.max_depth_mm] = Reached.TOO_DEEP
    reached[depth < port.min_depth_mm] = Reached.TOO_NEAR
    blocked = np.full(len(points_mm), -1, dtype=np.int16)
    for n, (surface, clearance) in enumerate(keep_clear):
        open_rows = np.flatnonzero(reached == Reached.YES)
        if not len(open_rows):
            break
        starts = np.tile(np.asarray(port.place_mm), (len(open_rows), 1))
        away = surface.nearest(starts, points_mm[open_rows]).distance_mm
        hit = open_rows[away < clearance + port.radius_mm]
        reached[hit], blocked[hit] = Reached.BLOCKED, n
    return ReachMap(points_mm, reached, blocked)


@dataclass(frozen=True)
class PortPair:
    """Two ports at a place.

    Parameters
    ----------
    angle_deg
        Between their instruments there.
    score
        1 at 60 degrees, falling evenly to 0 at 0 and at 120.
    is_good
        Whether the angle lies in the recommended range.
    """

    first: int
    second: int
    angle_deg: float
    score: float
    is_good: bool


def triangulation(ports_mm: Sequence[Point3], place_mm: Point3) -> tuple[PortPair, ...]:
    """Every pair of ports at a working place, the best first. Raises PlanError if a port lies in that place."""
    pairs = []
    for a, b in combinations(range(len(ports_mm)), 2):
        angle = manipulation_angle_deg(ports_mm[a], ports_mm[b], place_mm)
        score = max(0.0, 1.0 - abs(angle - BEST_ANGLE_DEG) / BEST_ANGLE_DEG)
        pairs.append(PortPair(a, b, angle, score, GOOD_DEG[0] <= angle <= GOOD_DEG[1]))
    return tuple(sorted(pairs, key=lambda p: -p.score))
