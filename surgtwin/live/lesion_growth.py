"""What became of each lesion from one scan to another: matched by place, compared with error bars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray
from .lesions import Lesion
from .scan_pair import ScanPair

LEVEL = 0.9
"""Of every interval told here: as the volume intervals of the network."""
QUANTILE = NormalDist().inv_cdf((1.0 + LEVEL) / 2.0)
NEAREST_MM = 15.0
"""Lesions whose middles lie no further apart, or no further than both are wide, may be the same."""
SHARED = 0.2
"""Of a lesion's voxels inside another: both are seen in that one."""


class Course(StrEnum):
    """What became of a lesion; "stable" where the change is within what measuring can tell."""

    GROWN = "grown"
    SHRUNK = "shrunk"
    STABLE = "stable"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, eq=False)
class LesionCourse:
    """One lesion in both scans.

    Parameters
    ----------
    before, after
        None where it was not there.
    apart_mm
        How far the middles lie apart, the earlier one carried to the later scan.
    volume_percent
        (change, low, high) in percent of the volume before.
    doubling_days
        (estimate, soonest, latest) by exponential growth (Schwartz 1961, doi 10.1002/1097-0142(196111/12)14:6<1272);
        None unless it grew beyond the error, latest None where it may not grow at all.
    """

    before: Lesion | None
    after: Lesion | None
    course: Course
    apart_mm: float | None = None
    volume_percent: tuple[float, float, float] | None = None
    diameter_change_mm: tuple[float, float, float] | None = None
    doubling_days: tuple[float, float, float] | None = None

    @property
    def name(self) -> str:
        """As the later scan calls it."""
        lesion = self.after or self.before
        return "" if lesion is None else lesion.name


@dataclass(frozen=True, eq=False)
class LesionGrowth:
    """All lesions of two scans.

    Parameters
    ----------
    sum_mm
        Sums of the diameters (before, after) of lesions in both scans.
    """

    courses: tuple[LesionCourse, ...]
    sum_mm: tuple[float, float]
    findings: tuple[Finding, ...]


def compare_lesions(pair: ScanPair, before: tuple[Lesion, ...], after: tuple[Lesion, ...]) -> LesionGrowth:
    """Match the lesions of both scans by their places, and say of each how it changed, largest first."""
    places = np.array([pair.carried(b.points_mm).mean(axis=0) for b in before]).reshape(-1, 3)
    pairs = _matched(before, after, places)
    courses = [_course(before[b], after[a], pair.days, apart) for b, a, apart in pairs]
    taken_b, taken_a = {b for b, _, _ in pairs}, {a for _, a, _ in pairs}
    courses += [LesionCourse(None, lesion, Course.NEW) for n, lesion in enumerate(after) if n not in taken_a]
    courses += [LesionCourse(lesion, None, Course.GONE) for n, lesion in enumerate(before) if n not in taken_b]
    both = [c for c in courses if c.before is not None and c.after is not None]
    sums = tuple(sum(x.diameter_mm for c in both if (x := getattr(c, side))) for side in ("before", "after"))
    findings = (*_told(courses), *_joined(pair, before, after))
    return LesionGrowth(tuple(courses), (float(sums[0]), float(sums[1])), findings)


def _matched(before: tuple[Lesion, ...], after: tuple[Lesion, ...], places: FloatArray) -> list[tuple[int, int, float]]:
    """Pairs of indices and how far apart they lie: all together as near as can be (Kuhn 1955)."""
    from scipy.optimize import linear_sum_assignment

    if not before or not after:
        return []
    centres = np.array([a.centre_mm for a in after])
    apart = np.linalg.norm(places[:, None] - centres[None], axis=-1)
    widths = np.array([[b.radius_mm + a.radius_mm for a in after] for b in before])
    allowed = apart <= np.maximum(NEAREST_MM, widths)
    far = 10.0 * (1.0 + float(apart.max()))
    rows, columns = linear_sum_assignment(np.where(allowed, apart, far))
    return [(int(b), int(a), float(apart[b, a])) for b, a in zip(rows, columns, strict=True) if allowed[b, a]]


def _course(before: Lesion, after: Lesion, days: float | None, apart_mm: float) -> LesionCourse:
    ratio = math.log(after.volume.ml / before.volume.ml)
    error = math.hypot(before.volume.error_ml / before.volume.ml, after.volume.error_ml / after.volume.ml)
    low, high = ratio - QUANTILE * error, ratio + QUANTILE * error
    course = Course.GROWN if low > 0 else Course.SHRUNK if high < 0 else Course.STABLE
    change = after.diameter_mm - before.diameter_mm
    reach = QUANTILE * math.hypot(before.diameter_error_mm, after.diameter_error_mm)
    doubling = None
    if course is Course.GROWN and days is not None:
        doubling = (days * math.log(2) / ratio, days * math.log(2) / high, days * math.log(2) / low)
    percent = (_percent(ratio), _percent(low), _percent(high))
    return LesionCourse(before, after, course, apart_mm, percent, (change, change - reach, change + reach), doubling)


def _percent(log_ratio: float) -> float:
    return 100.0 * math.expm1(log_ratio)


def _told(courses: list[LesionCourse]) -> list[Finding]:
    found = []
    for c in courses:
        place = c.after or c.before
        if place is None or c.course is Course.STABLE:
            continue
        x, y, z = (float(v) for v in place.centre_mm)
        ml = place.volume.ml
        text = {
            Course.NEW: f"{c.name} ({ml:.1f} ml) was not there in the earlier scan, or was not outlined in it.",
            Course.GONE: f"{c.name} ({ml:.1f} ml) is not there in the later scan, or was not outlined in it.",
        }.get(c.course)
        if text is None and c.volume_percent is not None:
            change, low, high = c.volume_percent
            text = f"{c.name} has {c.course.value} by {change:+.0f} % in volume ({low:+.0f} to {high:+.0f} %)."
        severity = Severity.WARNING if c.course in (Course.NEW, Course.GROWN) else Severity.INFO
        found.append(Finding(f"lesion-{c.course.value}", severity, text or "", (x, y, z), {"ml": ml}, place.structure))
    return found


def _joined(pair: ScanPair, before: tuple[Lesion, ...], after: tuple[Lesion, ...]) -> list[Finding]:
    """Lesions that have merged into one, or fallen apart: their single figures say little."""
    shares = np.zeros((len(before), len(after), 2))
    for b, lesion in enumerate(before):
        carried = pair.carried(lesion.points_mm)
        for a, other in enumerate(after):
            near = float(np.linalg.norm(carried.mean(axis=0) - other.centre_mm))
            if near <= 3.0 * (lesion.radius_mm + other.radius_mm):
                shares[b, a] = _share_within(carried, other), _share_within(other.points_mm, lesion, carried)
    found = []
    for a, other in enumerate(after):
        parts = [before[b].name for b in range(len(before)) if shares[b, a, 0] >= SHARED]
        if len(parts) > 1:
            message = f"{', '.join(parts)} of the earlier scan lie in {other.name} now: compare their sum with it."
            found.append(Finding("lesions-merged", Severity.WARNING, message, structure=other.structure))
    for b, lesion in enumerate(before):
        parts = [after[a].name for a in range(len(after)) if shares[b, a, 1] >= SHARED]
        if len(parts) > 1:
            message = f"{lesion.name} of the earlier scan is {', '.join(parts)} now: compare it with their sum."
            found.append(Finding("lesion-split", Severity.WARNING, message, structure=lesion.structure))
    return found


def _share_within(points_mm: FloatArray, lesion: Lesion, places_mm: FloatArray | None = None) -> float:
    """How many of some points lie among a lesion's voxels, which may have been carried."""
    from scipy.spatial import cKDTree

    chosen = points_mm[:: max(1, len(points_mm) // 2000)]
    distance, _ = cKDTree(lesion.points_mm if places_mm is None else places_mm).query(chosen)
    return float(np.mean(distance <= lesion.voxel_mm))
