"""Instruments. A tool's own frame: its tip at the origin, its shaft along +z, mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError, PlanError
from .geometry import FloatArray, Point3, RigidTransform
from .plan_values import checked_length, checked_point, checked_points

LPS_FRAME, TOOL_FRAME = "lps", "tool"
LAST_ROW_ERROR = 1e-6
MAX_TIME_S = 1e12
"""Any clock in seconds, also one that counts from 1970; beyond it a float cannot tell thousandths."""


@dataclass(frozen=True)
class Capsule:
    """All points within a radius of a segment, in the tool's frame; a sphere if both ends are one point."""

    from_mm: Point3
    to_mm: Point3
    radius_mm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "from_mm", checked_point(self.from_mm, "from_mm"))
        object.__setattr__(self, "to_mm", checked_point(self.to_mm, "to_mm"))
        object.__setattr__(self, "radius_mm", checked_length(self.radius_mm, "radius_mm"))


@dataclass(frozen=True)
class NeedleTool:
    """A straight needle, probe, drain or screw: one capsule whose end is the tip."""

    radius_mm: float
    length_mm: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius_mm", checked_length(self.radius_mm, "radius_mm"))
        object.__setattr__(self, "length_mm", checked_length(self.length_mm, "length_mm"))

    @property
    def capsules(self) -> tuple[Capsule, ...]:
        return (Capsule((0.0, 0.0, 0.0), (0.0, 0.0, self.length_mm), self.radius_mm),)


@dataclass(frozen=True)
class CapsuleTool:
    """An instrument as a chain of capsules."""

    capsules: tuple[Capsule, ...]

    def __post_init__(self) -> None:
        if not self.capsules:
            raise PlanError("an instrument needs at least one capsule.", "capsules")


@dataclass(frozen=True, eq=False)
class MeshTool:
    """An instrument as a closed surface: vertices (N, 3) in the tool's frame, triangles (M, 3)."""

    vertices_mm: FloatArray
    triangles: NDArray[np.int32]

    def __post_init__(self) -> None:
        count = len(self.vertices_mm)
        vertices = checked_points(self.vertices_mm, (count, 3), "vertices_mm")
        triangles = np.array(self.triangles, dtype=np.int32)
        if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
            raise PlanError(f"triangles (M, 3) are needed; found shape {triangles.shape}.", "triangles")
        if triangles.min() < 0 or triangles.max() >= count:
            raise PlanError("a triangle refers to a vertex that does not exist.", "triangles")
        triangles.flags.writeable = False
        object.__setattr__(self, "vertices_mm", vertices)
        object.__setattr__(self, "triangles", triangles)


Tool = NeedleTool | CapsuleTool | MeshTool


@dataclass(frozen=True, eq=False)
class ToolPose:
    """Where a tool is at a time: `lps_from_tool` (4, 4) rigid."""

    time_s: float
    lps_from_tool: FloatArray

    def __post_init__(self) -> None:
        if not abs(self.time_s) <= MAX_TIME_S:
            raise PlanError(f"a time in seconds is needed; found {self.time_s:g}.", "time_s")
        try:
            transform = RigidTransform(
                LPS_FRAME, TOOL_FRAME, checked_points(self.lps_from_tool, (4, 4), "lps_from_tool")
            )
        except GeometryError as error:
            raise PlanError(str(error), "lps_from_tool") from error
        if not np.allclose(transform.matrix[3], (0.0, 0.0, 0.0, 1.0), rtol=0.0, atol=LAST_ROW_ERROR):
            raise PlanError("the last row of the matrix must be 0, 0, 0, 1.", "lps_from_tool")
        object.__setattr__(self, "lps_from_tool", transform.matrix)

    @property
    def tip_mm(self) -> Point3:
        x, y, z = (float(v) for v in self.lps_from_tool[:3, 3])
        return (x, y, z)
