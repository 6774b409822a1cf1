"""Where a tracked tool is to the organs and to its planned way; nothing of it is told once the pose is stale."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..domain.trajectory import Trajectory
from ..domain.verdict import ErrorTerms, Verdict, judge
from ..planning.line_distance import needle_clearance
from ..planning.needle_line import NeedleLine
from ..planning.structure_roles import present
from ..planning.trajectory import evaluate_trajectory
from ..planning.twin_geometry import TwinGeometry
from .freshness import Freshness
from .tool_tip import ToolTip

SHOWN = (Freshness.LIVE, Freshness.LATE)
"""Older poses are withheld: a number of half a second ago is a wrong number."""


@dataclass(frozen=True)
class ToolPlace:
    """Where a tool is, LPS mm; `shaft` is the unit vector from its tip to its handle."""

    tip_mm: Point3
    shaft: Point3

    @classmethod
    def of(cls, lps_from_marker: FloatArray, tip: ToolTip) -> ToolPlace:
        """The place of a tool whose marker has the pose (4, 4)."""
        turn = lps_from_marker[:3, :3]
        x, y, z = (float(v) for v in turn @ tip.tip_mm + lps_from_marker[:3, 3])
        u, v, w = (float(c) for c in turn @ tip.shaft)
        return cls((x, y, z), (u, v, w))

    @property
    def lps_from_tool(self) -> FloatArray:
        """A pose (4, 4) with the tip at the origin and the shaft along +z; its turn about the shaft means nothing."""
        shaft = np.asarray(self.shaft)
        side = np.cross(shaft, np.eye(3)[int(np.argmin(np.abs(shaft)))])
        side /= np.linalg.norm(side)
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = side, np.cross(shaft, side), shaft
        matrix[:3, 3] = self.tip_mm
        return matrix


@dataclass(frozen=True)
class PathOffset:
    """A tool against its planned straight way.

    Parameters
    ----------
    depth_to_go_mm
        Along the way, from the tip to the target; negative: that far past it.
    off_axis_mm
        From the tip square to the way.
    angle_deg
        Between the tool's axis and the way; 0 to 180.
    to_target_mm
        From the tip to the target, straight.
    """

    depth_to_go_mm: float
    off_axis_mm: float
    angle_deg: float
    to_target_mm: float


@dataclass(frozen=True)
class LiveLimit:
    """What the plan wants kept clear of, and whether the tool keeps it now; a breach is a verdict "violated"."""

    structure: str
    clearance_mm: float
    needed_mm: float
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Guidance:
    """What may be told of a tool at a moment.

    Parameters
    ----------
    place, clearances_mm, offset, limits
        None, or empty, where the pose is stale or lost; `offset` also where no way is followed.
    clearances_mm
        Structure -> from the tip to its surface, nearest first, negative inside.
    """

    freshness: Freshness
    age_s: float | None
    place: ToolPlace | None = None
    clearances_mm: dict[str, float] | None = None
    offset: PathOffset | None = None
    limits: tuple[LiveLimit, ...] = ()

    @property
    def is_withheld(self) -> bool:
        return self.place is None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every limit that is not surely kept, breaches first, for a person."""
        order = (Verdict.VIOLATED, Verdict.UNPROVEN)
        return tuple(limit.text for verdict in order for limit in self.limits if limit.verdict is verdict)


class Guide:
    """A twin, and the way a tool should take through it, ready to be asked many times a second.

    Parameters
    ----------
    trajectory
        The planned way; None for clearances alone.
    tracking_mm
        Standard error of the tip's place by registration and calibration, mm.

    Raises
    ------
    PlanError
        If the way names a structure that the twin does not have.
    """

    def __init__(self, geometry: TwinGeometry, trajectory: Trajectory | None = None, tracking_mm: float = 0.0) -> None:
        self.trajectory = trajectory
        self._geometry = geometry
        self.tracking_mm = tracking_mm
        self._surfaces = {s.name: geometry.surface(s.name) for s in present(geometry.twin)}
        self._needed: dict[str, float] = {}
        if trajectory is not None:
            planned = evaluate_trajectory(geometry, trajectory).clearances
            self._needed = {c.structure: c.needed_mm for c in planned if c.needed_mm is not None}
        self._terms = {name: self._error_terms(name) for name in self._needed}

    def at(self, place: ToolPlace | None, freshness: Freshness, age_s: float | None) -> Guidance:
        """What may be told of a tool at a place; nothing but its age where that is too old."""
        if place is None or freshness not in SHOWN:
            return Guidance(freshness, age_s)
        tip = np.asarray(place.tip_mm)[None]
        distances = {name: float(surface.at(tip)[0]) for name, surface in self._surfaces.items()}
        nearest = dict(sorted(distances.items(), key=lambda item: item[1]))
        offset = None if self.trajectory is None else path_offset(place, self.trajectory)
        return Guidance(freshness, age_s, place, nearest, offset, self._limits(place))

    def _limits(self, place: ToolPlace) -> tuple[LiveLimit, ...]:
        if self.trajectory is None:
            return ()
        tool, shaft = self.trajectory.tool, np.asarray(place.shaft)
        line = NeedleLine(np.asarray(place.tip_mm) + tool.length_mm * shaft, -shaft, tool.length_mm)
        limits = []
        for name, needed in self._needed.items():
            terms = self._terms[name]
            found = needle_clearance(name, self._surfaces[name], line, tool.radius_mm, terms).min_mm
            verdict = judge(found, needed, terms)
            limits.append(LiveLimit(name, found, needed, verdict, _sentence(name, found, needed, verdict)))
        return tuple(sorted(limits, key=lambda limit: limit.clearance_mm - limit.needed_mm))

    def _error_terms(self, structure: str) -> ErrorTerms:
        terms = self._geometry.error_terms(structure)
        return replace(terms, registration_mm=float(np.hypot(terms.registration_mm, self.tracking_mm)))


def path_offset(place: ToolPlace, trajectory: Trajectory) -> PathOffset:
    """How a tool lies to its planned way."""
    line = NeedleLine.of(trajectory)
    to_target = line.end - np.asarray(place.tip_mm)
    along = float(to_target @ line.direction)
    cosine = float(-np.asarray(place.shaft) @ line.direction)
    return PathOffset(
        along,
        float(np.linalg.norm(to_target - along * line.direction)),
        float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
        float(np.linalg.norm(to_target)),
    )


def _sentence(name: str, found_mm: float, needed_mm: float, verdict: Verdict) -> str:
    where = f"{found_mm:.1f} mm from {name}" if found_mm > 0 else f"{-found_mm:.1f} mm inside {name}"
    if verdict is Verdict.VIOLATED:
        return f"BREACH: the tool is {where}; {needed_mm:g} mm are to be kept."
    if verdict is Verdict.UNPROVEN:
        return f"The tool is {where}; the {needed_mm:g} mm to be kept are not proven."
    return f"The tool is {where}."
