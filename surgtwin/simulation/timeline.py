"""What happens along a motion, moment by moment: for tables, for curves, and for a hand that scrubs through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Point3
from .clearance import Clearance
from .ellipsoid import as_point
from .motion import Motion


@dataclass(frozen=True)
class Contact:
    """A time during which the instrument touches or enters a structure.

    Parameters
    ----------
    deepest_mm
        How far the instrument's surface lies under the structure's at the worst; 0 where it only touches.
    at_mm, at_s
        Where (on the instrument's axis, LPS) and when.
    """

    structure: str
    start_s: float
    end_s: float
    deepest_mm: float
    at_mm: Point3
    at_s: float


@dataclass(frozen=True, eq=False)
class Moment:
    """One time of a motion.

    Parameters
    ----------
    clearance_mm, near_mm
        Structure -> clearance, and the nearest place on its surface.
    contacts
        The structures that are touched, deepest first.
    """

    time_s: float
    lps_from_tool: FloatArray
    clearance_mm: dict[str, float]
    near_mm: dict[str, Point3]
    contacts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Timeline:
    """A motion with its clearances from every structure.

    Parameters
    ----------
    contacts
        In order of their start.
    """

    motion: Motion
    clearances: tuple[Clearance, ...]
    contacts: tuple[Contact, ...]

    @property
    def start_s(self) -> float:
        return float(self.motion.times_s[0])

    @property
    def end_s(self) -> float:
        return float(self.motion.times_s[-1])

    def at(self, time_s: float) -> Moment:
        """The state at a time; times before the first and after the last pose give those."""
        time = min(max(time_s, self.start_s), self.end_s)
        nearest = int(np.abs(self.motion.times_s - time).argmin())
        clearance = {c.structure: float(np.interp(time, self.motion.times_s, c.mm)) for c in self.clearances}
        near = {c.structure: as_point(c.surface_mm[nearest]) for c in self.clearances}
        touched = sorted((mm, name) for name, mm in clearance.items() if mm <= 0.0)
        return Moment(time, self.motion.at(time), clearance, near, tuple(name for _, name in touched))


def make_timeline(motion: Motion, clearances: tuple[Clearance, ...]) -> Timeline:
    """The timeline of a motion with the contacts that its clearances mean."""
    contacts = [contact for c in clearances for contact in contacts_of(c, motion.times_s)]
    return Timeline(motion, clearances, tuple(sorted(contacts, key=lambda c: (c.start_s, c.structure))))


def contacts_of(clearance: Clearance, times_s: FloatArray) -> list[Contact]:
    """The times during which a clearance is 0 or less; their ends lie between poses, where it passes through 0."""
    touches = clearance.mm <= 0.0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], touches, [False])).astype(np.int8)))
    found = []
    for first, after in zip(edges[0::2], edges[1::2], strict=True):
        worst = int(first + clearance.mm[first:after].argmin())
        start = _zero(clearance.mm, times_s, first - 1, first) if first > 0 else times_s[0]
        end = _zero(clearance.mm, times_s, after, after - 1) if after < len(times_s) else times_s[-1]
        place, deepest = as_point(clearance.axis_mm[worst]), float(-clearance.mm[worst])
        found.append(Contact(clearance.structure, float(start), float(end), deepest, place, float(times_s[worst])))
    return found


def _zero(mm: FloatArray, times_s: FloatArray, clear: int, touching: int) -> float:
    """When a clearance passes through 0 between a pose that is clear and one that touches."""
    share = mm[clear] / (mm[clear] - mm[touching])
    return float(times_s[clear] + share * (times_s[touching] - times_s[clear]))
