"""Surfaces that cut an organ. Every one says, for each point, on which side it lies; resected is the positive side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..errors import PlanError
from .geometry import FloatArray, Plane, Point3
from .plan_values import checked_direction, checked_length, checked_name, checked_point, checked_points

MIN_PATCH_AREA_MM2 = 1.0
"""A Bezier patch whose control points span less has no usable normal anywhere."""


@dataclass(frozen=True)
class PlaneCut:
    """A plane in LPS mm; resected is the side its normal points to. The normal is scaled to length 1."""

    point_mm: Point3
    normal: Point3

    def __post_init__(self) -> None:
        object.__setattr__(self, "point_mm", checked_point(self.point_mm, "point_mm"))
        object.__setattr__(self, "normal", checked_direction(self.normal, "normal"))

    @property
    def plane(self) -> Plane:
        return Plane(self.point_mm, self.normal)


@dataclass(frozen=True, eq=False)
class BezierCut:
    """A bicubic Bezier patch (Palomar 2017), continued straight beyond its edges.

    Parameters
    ----------
    control_points_mm
        (4, 4, 3) LPS mm, first axis along u, second along v.
    flip
        Resected is the side S_u x S_v points to; the other one with `flip`.
    """

    control_points_mm: FloatArray
    flip: bool = False

    def __post_init__(self) -> None:
        points = checked_points(self.control_points_mm, (4, 4, 3), "control_points_mm")
        along_u, along_v = np.diff(points, axis=0)[:, :3], np.diff(points, axis=1)[:3]
        area = np.linalg.norm(np.cross(along_u, along_v).sum((0, 1)))
        if not area > MIN_PATCH_AREA_MM2:
            raise PlanError("the 16 control points span no area; lay them out as a 4 x 4 net.", "control_points_mm")
        object.__setattr__(self, "control_points_mm", points)


@dataclass(frozen=True)
class ShellCut:
    """The surface at a distance around one or more targets; resected is its inside, targets included."""

    targets: tuple[str, ...]
    distance_mm: float

    def __post_init__(self) -> None:
        if not self.targets:
            raise PlanError("a shell needs at least one target to go around.", "targets")
        object.__setattr__(self, "targets", tuple(checked_name(t, f"targets[{n}]") for n, t in enumerate(self.targets)))
        object.__setattr__(self, "distance_mm", checked_length(self.distance_mm, "distance_mm", is_open=False))


class TerritoryMethod(StrEnum):
    """How a point is given to a branch: to the nearest edge, less its radius, or on the way inside the organ."""

    NEAREST = "nearest"
    RADIUS_WEIGHTED = "radius-weighted"
    GEODESIC = "geodesic"


@dataclass(frozen=True)
class TerritoryCut:
    """The border of what named branches of a vessel feed or drain; resected is their territory.

    Parameters
    ----------
    vessel
        The structure whose centreline graph is taken, e.g. "portal vein".
    branches
        Names of branches of that graph; each stands for everything downstream of it.
    """

    vessel: str
    branches: tuple[str, ...]
    method: TerritoryMethod = TerritoryMethod.NEAREST

    def __post_init__(self) -> None:
        checked_name(self.vessel, "vessel")
        if not self.branches:
            raise PlanError("a territory needs at least one branch.", "branches")
        for n, branch in enumerate(self.branches):
            checked_name(branch, f"branches[{n}]")


class Combination(StrEnum):
    """How several cuts make one: either, both, or the first but not the others."""

    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"


@dataclass(frozen=True)
class CombinedCut:
    """Several cuts as one."""

    combination: Combination
    parts: tuple[CutSurface, ...]

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise PlanError(f"combining needs two or more surfaces; found {len(self.parts)}.", "parts")


CutSurface = PlaneCut | BezierCut | ShellCut | TerritoryCut | CombinedCut
