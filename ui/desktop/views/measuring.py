"""A measurement while it is being laid: the points clicked so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from surgtwin.domain.geometry import Point3
from surgtwin.domain.measurement import MeasurementKind

from ..state import Tool

POINTS_NEEDED = {MeasurementKind.DISTANCE: 2, MeasurementKind.ANGLE: 3, MeasurementKind.ROI: 2}
_KINDS = {Tool.DISTANCE: MeasurementKind.DISTANCE, Tool.ANGLE: MeasurementKind.ANGLE, Tool.ROI: MeasurementKind.ROI}


def kind_of(tool: Tool) -> MeasurementKind | None:
    """What a tool measures, or None if it measures nothing."""
    return _KINDS.get(tool)


@dataclass(frozen=True)
class Draft:
    """Points laid so far, and the place under the mouse that the next one would take."""

    kind: MeasurementKind
    points_mm: tuple[Point3, ...] = ()
    next_mm: Point3 | None = None

    def with_point(self, point_mm: Point3) -> Draft:
        """One point more; a second click on the same place adds none."""
        if self.points_mm and self.points_mm[-1] == point_mm:
            return self
        return replace(self, points_mm=(*self.points_mm, point_mm), next_mm=None)

    def towards(self, point_mm: Point3) -> Draft:
        return replace(self, next_mm=point_mm)

    @property
    def is_complete(self) -> bool:
        return len(self.points_mm) >= POINTS_NEEDED[self.kind]

    @property
    def preview_mm(self) -> tuple[Point3, ...]:
        """The points with the one under the mouse."""
        if self.next_mm is None or self.is_complete or self.next_mm in self.points_mm[-1:]:
            return self.points_mm
        return (*self.points_mm, self.next_mm)
