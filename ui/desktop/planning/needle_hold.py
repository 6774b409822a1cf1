"""A hand on a needle: its entry slides over the skin, its target goes where it is put."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from surgtwin.domain.geometry import Point3
from surgtwin.domain.trajectory import Trajectory
from surgtwin.planning.twin_geometry import TwinGeometry

from .handles import HandleKind
from .needle_search import on_skin


class End(StrEnum):
    """The ends of a needle that a hand can take."""

    ENTRY = "entry"
    TARGET = "target"


SHAPES = {End.ENTRY: HandleKind.MOVE, End.TARGET: HandleKind.BEND}
"""A square on the skin, a ring at the tip."""


@dataclass(frozen=True)
class NeedleHold:
    """One end of a needle is held; the needle as it was when it was taken."""

    needle: Trajectory
    end: End

    @property
    def place_mm(self) -> Point3:
        return place_of(self.needle, self.end)

    @property
    def words(self) -> str:
        return f"Move the {self.end} of"

    def at(self, to_mm: Point3, geometry: TwinGeometry) -> Trajectory:
        """The needle with that end at a place. Raises PlanError if no needle would be left."""
        if self.end is End.TARGET:
            return replace(self.needle, target_mm=to_mm)
        return replace(self.needle, entry_mm=on_skin(geometry, self.needle.target_mm, to_mm))


def place_of(needle: Trajectory, end: End) -> Point3:
    return needle.entry_mm if end is End.ENTRY else needle.target_mm
