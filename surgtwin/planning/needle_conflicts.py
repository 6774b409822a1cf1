"""Needles in one body at a time: how near any two of them come, with all of their shafts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..domain.trajectory import Trajectory
from ..domain.verdict import COVERAGE_FACTOR, Verdict
from .needle_settings import PlacementNoise

PARALLEL = 1e-12
"""Squared sine of the angle below which two segments count as parallel."""
SAME_TARGET_MM = 1.0


@dataclass(frozen=True)
class NeedlePair:
    """How near two needles come.

    Parameters
    ----------
    gap_mm
        Between their surfaces; negative: they run into each other by so much.
    first_mm, second_mm
        The nearest places on their axes.
    angle_deg
        Between their directions.
    error_mm
        What placement may take from the gap, of both together, about 95 %.
    are_alternatives
        Both aim at the same place: one of them is meant, not both.
    """

    first: str
    second: str
    gap_mm: float
    first_mm: Point3
    second_mm: Point3
    angle_deg: float
    error_mm: float
    verdict: Verdict
    are_alternatives: bool = False


def needle_pairs(trajectories: tuple[Trajectory, ...], noise: PlacementNoise) -> tuple[NeedlePair, ...]:
    """Every pair of needles, each from its tip to the end of its tool, also where that stands out of the body."""
    return tuple(_pair(one, other, noise) for one, other in combinations(trajectories, 2))


def _pair(one: Trajectory, other: Trajectory, noise: PlacementNoise) -> NeedlePair:
    a, b = _shaft(one), _shaft(other)
    distance, on_a, on_b = segment_distance(a[0], a[1], b[0], b[1])
    gap = distance - one.tool.radius_mm - other.tool.radius_mm
    cosine = float((a[1] - a[0]) @ (b[1] - b[0])) / float(np.linalg.norm(a[1] - a[0]) * np.linalg.norm(b[1] - b[0]))
    error = COVERAGE_FACTOR * math.sqrt(2.0) * noise.tip_sd_mm
    verdict = Verdict.VIOLATED if gap < 0 else Verdict.UNPROVEN if gap < error else Verdict.SAFE
    angle = math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))
    same = float(np.linalg.norm(np.subtract(one.target_mm, other.target_mm))) < SAME_TARGET_MM
    return NeedlePair(one.name, other.name, gap, _point(on_a), _point(on_b), angle, error, verdict, same)


def _shaft(trajectory: Trajectory) -> tuple[FloatArray, FloatArray]:
    """From the tip at the target to the tool's end, which lies at the entry or outside of it."""
    tip, entry = np.asarray(trajectory.target_mm), np.asarray(trajectory.entry_mm)
    length = max(trajectory.tool.length_mm, trajectory.length_mm)
    return tip, tip + (entry - tip) * (length / trajectory.length_mm)


def segment_distance(
    a0: FloatArray, a1: FloatArray, b0: FloatArray, b1: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """The least distance of two segments in mm, and the places (3,) on the first and the second where it is reached.

    Ericson, Real-Time Collision Detection (2005), 5.1.9; either may be a single point.
    """
    along_a, along_b, between = a1 - a0, b1 - b0, a0 - b0
    aa, bb = float(along_a @ along_a), float(along_b @ along_b)
    c, f, ab = float(along_a @ between), float(along_b @ between), float(along_a @ along_b)
    if aa == 0.0:
        s, t = 0.0, _clip(f / bb) if bb > 0 else 0.0
    elif bb == 0.0:
        s, t = _clip(-c / aa), 0.0
    else:
        square = aa * bb - ab * ab
        s = _clip((ab * f - c * bb) / square) if square > PARALLEL * aa * bb else 0.0
        t = (ab * s + f) / bb
        if not 0.0 <= t <= 1.0:
            t = _clip(t)
            s = _clip((ab * t - c) / aa)
    on_a, on_b = a0 + s * along_a, b0 + t * along_b
    return float(np.linalg.norm(on_a - on_b)), on_a, on_b


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _point(row: FloatArray) -> Point3:
    x, y, z = (float(v) for v in row)
    return (x, y, z)
