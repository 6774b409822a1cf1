"""Straight paths to a target, what they must keep away from, and the zone that is treated there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import PlanError
from .geometry import Point3
from .plan_values import checked_direction, checked_length, checked_name, checked_point
from .tool import NeedleTool

MIN_PATH_MM = 1.0
MAX_AXIS_COSINE = 1e-3
"""The second axis of an ellipsoid is square to the first within this cosine."""


@dataclass(frozen=True)
class Avoid:
    """Keep the whole tool at least `clearance_mm` from a structure; 0 forbids touching it."""

    structure: str
    clearance_mm: float

    def __post_init__(self) -> None:
        checked_name(self.structure, "structure")
        object.__setattr__(self, "clearance_mm", checked_length(self.clearance_mm, "clearance_mm", is_open=False))


def strictest(avoid: tuple[Avoid, ...]) -> dict[str, float]:
    """Clearance wanted from each structure, mm; the largest one where a plan names a structure several times."""
    wanted: dict[str, float] = {}
    for a in avoid:
        wanted[a.structure] = max(a.clearance_mm, wanted.get(a.structure, 0.0))
    return wanted


@dataclass(frozen=True)
class StayInside:
    """Keep the whole tool inside a structure with a wall of at least `wall_mm` around it (a screw in a pedicle)."""

    structure: str
    wall_mm: float

    def __post_init__(self) -> None:
        checked_name(self.structure, "structure")
        object.__setattr__(self, "wall_mm", checked_length(self.wall_mm, "wall_mm", is_open=False))


@dataclass(frozen=True)
class Trajectory:
    """A straight path from skin to target, in LPS mm.

    Parameters
    ----------
    through
        Structures that must be crossed on the way (skull, cortex).
    max_skin_angle_deg, max_capsule_angle_deg
        Largest angle to the normal of the skin, and of the organ that holds the target; None for no limit.
    min_bridge_mm
        Least length of the organ's own tissue before the target (a subcapsular tumour bleeds and spills without).
    """

    name: str
    entry_mm: Point3
    target_mm: Point3
    tool: NeedleTool
    avoid: tuple[Avoid, ...] = ()
    through: tuple[str, ...] = ()
    inside: tuple[StayInside, ...] = ()
    max_skin_angle_deg: float | None = None
    max_capsule_angle_deg: float | None = None
    min_bridge_mm: float | None = None

    def __post_init__(self) -> None:
        checked_name(self.name)
        object.__setattr__(self, "entry_mm", checked_point(self.entry_mm, "entry_mm"))
        object.__setattr__(self, "target_mm", checked_point(self.target_mm, "target_mm"))
        if self.length_mm < MIN_PATH_MM:
            raise PlanError("entry and target are the same point.", "target_mm")
        for field in ("max_skin_angle_deg", "max_capsule_angle_deg"):
            angle = getattr(self, field)
            if angle is not None and not 0 < angle <= 90:
                raise PlanError(f"an angle of 0 to 90 degrees is needed; found {angle:g}.", field)
        if self.min_bridge_mm is not None:
            checked_length(self.min_bridge_mm, "min_bridge_mm", is_open=False)

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.subtract(self.target_mm, self.entry_mm)))


@dataclass(frozen=True)
class Ablation:
    """An ellipsoid of destroyed tissue, in LPS mm.

    Parameters
    ----------
    radii_mm
        Semi-axes (a, b, c); a lies along `axis`, b along `axis_b`, which may be left out where b = c.
    """

    name: str
    target: str
    centre_mm: Point3
    axis: Point3
    radii_mm: tuple[float, float, float]
    axis_b: Point3 | None = None

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_name(self.target, "target")
        object.__setattr__(self, "centre_mm", checked_point(self.centre_mm, "centre_mm"))
        object.__setattr__(self, "axis", checked_direction(self.axis, "axis"))
        if len(self.radii_mm) != 3:
            raise PlanError(f"three semi-axes are needed; found {len(self.radii_mm)}.", "radii_mm")
        radii = tuple(checked_length(r, f"radii_mm[{n}]") for n, r in enumerate(self.radii_mm))
        object.__setattr__(self, "radii_mm", radii)
        if self.axis_b is None:
            if radii[1] != radii[2]:
                raise PlanError("semi-axes b and c differ, so the direction of b must be given.", "axis_b")
            return
        second = checked_direction(self.axis_b, "axis_b")
        if abs(float(np.dot(self.axis, second))) > MAX_AXIS_COSINE:
            raise PlanError("the second axis must be square to the first.", "axis_b")
        object.__setattr__(self, "axis_b", second)
