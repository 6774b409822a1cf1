"""A hand on an instrument: its tip, its shaft or its port is held. And what the next clicks place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.simulation.ellipsoid import as_point

from .handles import HandleKind
from .needle_search import on_skin
from .path_build import depth_of, shaft_to, through_port, tip_to, with_pose_at

LEVER_MM, OUTSIDE_MM = 110.0, 60.0
"""The shaft is taken so far from the tip; through a port so far outside it."""


class Part(StrEnum):
    """What of an instrument a hand can take."""

    TIP = "tip"
    SHAFT = "shaft"
    PORT = "trocar"


SHAPES = {Part.TIP: HandleKind.BEND, Part.SHAFT: HandleKind.TILT, Part.PORT: HandleKind.MOVE}
"""A ring at the tip, a diamond on the shaft, a square at the port."""
WORDS = {Part.TIP: "Move", Part.SHAFT: "Turn", Part.PORT: "Move the trocar of"}


class Placing(StrEnum):
    """What the next click on a view places."""

    ENTRY = "entry"
    TIP = "tip"
    PORT = "port"


@dataclass(frozen=True, eq=False)
class PathHold:
    """A part is held; the path, the moment and the pose (4, 4) as they were when it was taken."""

    path: ToolPath
    part: Part
    time_s: float
    pose: FloatArray

    @property
    def place_mm(self) -> Point3:
        return parts_of(self.path, self.pose)[self.part]

    @property
    def words(self) -> str:
        return WORDS[self.part]

    def pose_at(self, to_mm: Point3) -> FloatArray:
        """The pose with that part at a place. Raises PlanError if tip and port would be one place."""
        return (tip_to if self.part is Part.TIP else shaft_to)(self.path, self.pose, to_mm)

    def at(self, to_mm: Point3, geometry: TwinGeometry) -> ToolPath:
        """The path with that part at a place. Raises PlanError if tip and port would be one place."""
        if self.part is Part.PORT:
            return through_port(self.path, on_skin(geometry, as_point(self.pose[:3, 3]), to_mm))
        return with_pose_at(self.path, self.time_s, self.pose_at(to_mm))


def parts_of(path: ToolPath, pose: FloatArray) -> dict[Part, Point3]:
    """Where an instrument can be taken in a pose."""
    tip = pose[:3, 3]
    if path.trocar_mm is None:
        return {Part.TIP: as_point(tip), Part.SHAFT: as_point(tip + LEVER_MM * pose[:3, 2])}
    lever = depth_of(path, pose) + OUTSIDE_MM
    shaft = as_point(np.asarray(tip + lever * pose[:3, 2]))
    return {Part.TIP: as_point(tip), Part.SHAFT: shaft, Part.PORT: path.trocar_mm}
