"""What the next treated zone is for: its target, and a size to begin with. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.simulation.ellipsoid import as_point

from .needle_search import targets_for_needles

NEAR_TARGET_MM = 5.0
"""A needle whose tip lies this near to the box around a structure is meant for it."""
NO_SURFACE = "No surface could be made of this structure: no zone can be judged on it."
UPRIGHT: Point3 = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class ZoneSize:
    """A zone to begin with: length along the needle and width across it, mm."""

    length_mm: float
    width_mm: float

    @property
    def radii_mm(self) -> tuple[float, float, float]:
        return (self.length_mm / 2.0, self.width_mm / 2.0, self.width_mm / 2.0)

    @property
    def words(self) -> str:
        """ "ball, 30 mm", "30 x 45 mm": across the needle, and along it."""
        if self.length_mm == self.width_mm:
            return f"ball, {self.width_mm:g} mm"
        return f"{self.width_mm:g} \u00d7 {self.length_mm:g} mm"


SIZES = tuple(
    ZoneSize(length, width)
    for length, width in ((20, 20), (30, 20), (30, 30), (45, 30), (40, 40), (55, 40), (50, 50), (70, 50))
)
SIZES_NOTE = (
    "Across \u00d7 along the needle: sizes to begin with, of no maker's. Set what the table of your applicator "
    "says for the power and time you use."
)


@dataclass(frozen=True)
class ZoneChoice:
    """Target and size of the next zone; no target where there is nothing to treat."""

    target: str = ""
    size: ZoneSize = SIZES[2]


def first_zone(twin: Twin | None, margin_mm: float) -> ZoneChoice:
    """The first tumour, or the first structure, with a zone that may cover it."""
    offered = targets_for_needles(twin) if twin is not None else ()
    if twin is None or not offered:
        return ZoneChoice()
    return ZoneChoice(offered[0], fitting_size(twin, offered[0], margin_mm))


def fitting_size(twin: Twin, target: str, margin_mm: float) -> ZoneSize:
    """The smallest ball of the table that holds the target with its margin; the largest where none does."""
    points = points_of(twin, target)
    if not len(points):
        return SIZES[2]
    across = 2.0 * (float(np.linalg.norm(points - middle_of(points), axis=1).max()) + margin_mm)
    balls = [s for s in SIZES if s.length_mm == s.width_mm]
    return next((s for s in balls if s.width_mm >= across), balls[-1])


def points_of(twin: Twin, name: str) -> FloatArray:
    """Places (N, 3) on a structure's surface, LPS mm; none where it has no surface."""
    mesh = twin.mesh(name)
    return np.zeros((0, 3)) if mesh is None else np.asarray(mesh.vertices_mm, dtype=np.float64)


def middle_of(points: FloatArray) -> FloatArray:
    return np.asarray((points.min(0) + points.max(0)) / 2.0)


def needles_to(plan: Plan, twin: Twin, target: str) -> tuple[Trajectory, ...]:
    """The plan's needles whose tips lie in the target, or nearly so."""
    points = points_of(twin, target)
    if not len(points):
        return ()
    low, high = points.min(0) - NEAR_TARGET_MM, points.max(0) + NEAR_TARGET_MM
    tips = ((t, np.asarray(t.target_mm)) for t in plan.trajectories)
    return tuple(t for t, tip in tips if bool(np.all((tip >= low) & (tip <= high))))


def axis_of(needle: Trajectory) -> Point3:
    """The direction of a needle, from its tip to its entry."""
    x, y, z = (float(v) for v in np.subtract(needle.entry_mm, needle.target_mm) / needle.length_mm)
    return (x, y, z)


def zones_on(plan: Plan, target: str) -> tuple[Ablation, ...]:
    """The plan's zones on a target."""
    return tuple(a for a in plan.ablations if a.target == target)


def start_of(plan: Plan, twin: Twin, target: str, bare_mm: Point3 | None) -> tuple[Point3, Point3]:
    """Middle and axis of the next zone on a target: on a needle that has no zone yet, or where they cover least.

    Parameters
    ----------
    bare_mm
        The place that the zones so far cover least, where that is known.
    """
    others, needles = zones_on(plan, target), needles_to(plan, twin, target)
    taken = [np.asarray(zone.centre_mm) for zone in others]
    free = [
        needle
        for needle in needles
        if all(np.linalg.norm(np.subtract(needle.target_mm, middle)) > NEAR_TARGET_MM for middle in taken)
    ]
    if free:
        return free[0].target_mm, axis_of(free[0])
    middle = as_point(middle_of(points_of(twin, target)))
    if not others:
        return middle, UPRIGHT
    return bare_mm if bare_mm is not None else middle, others[-1].axis
