"""An instrument through a port in the body wall: it can turn about the port, slide and roll, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..domain.geometry import MIN_LENGTH_MM, FloatArray, Point3
from ..domain.plan_values import checked_direction, checked_point
from ..domain.tool import ToolPose
from ..errors import PlanError
from .ellipsoid import as_point


@dataclass(frozen=True)
class TrocarState:
    """How an instrument stands in its port at one pose.

    Parameters
    ----------
    depth_mm
        From the port to the tip.
    tilt_deg
        Angle between the instrument and the port's inward normal; None where the normal is not known.
    handle_mm
        LPS place of the shaft's far end: port - (length - depth) u, u the direction from port to tip.
    deviation_mm
        How far the shaft passes from the port.
    shaft_left_mm
        Length of the shaft outside the port; negative: the shaft is too short to come from there.
    """

    time_s: float
    depth_mm: float
    tilt_deg: float | None
    handle_mm: Point3
    deviation_mm: float
    shaft_left_mm: float


def trocar_state(
    lps_from_tool: FloatArray,
    trocar_mm: Point3,
    length_mm: float,
    inward: Point3 | None = None,
    time_s: float = 0.0,
) -> TrocarState:
    """How a tool of a length (tip to the shaft's end) stands in a port at a pose (4, 4)."""
    port, tip, shaft = np.asarray(trocar_mm), lps_from_tool[:3, 3], lps_from_tool[:3, 2]
    way = tip - port
    depth = float(np.linalg.norm(way))
    u = way / depth if depth > MIN_LENGTH_MM else -shaft
    along = float(-way @ shaft)
    tilt = None if inward is None else _angle_deg(u, np.asarray(inward))
    deviation = float(np.linalg.norm(way + along * shaft))
    handle = as_point(port - (length_mm - depth) * u)
    return TrocarState(time_s, depth, tilt, handle, deviation, length_mm - along)


def pose_through(trocar_mm: Point3, tip_mm: Point3, time_s: float = 0.0, before: FloatArray | None = None) -> ToolPose:
    """The pose with its tip at a place and its shaft through a port.

    The roll is that of the pose `before` (4, 4), turned the shortest way; without one it is arbitrary.

    Raises
    ------
    PlanError
        If tip and port are one place: the direction is then open.
    """
    way = np.asarray(checked_point(trocar_mm, "trocar_mm")) - np.asarray(checked_point(tip_mm, "tip_mm"))
    length = float(np.linalg.norm(way))
    if length < MIN_LENGTH_MM:
        raise PlanError("the tip lies in the port itself, which leaves the shaft's direction open.", "tip_mm")
    z = way / length
    side = _any_side(z) if before is None else before[:3, 0] - (before[:3, 0] @ z) * z
    if float(np.linalg.norm(side)) < MIN_LENGTH_MM:
        side = _any_side(z)
    x = side / np.linalg.norm(side)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack((x, np.cross(z, x), z), axis=1)
    matrix[:3, 3] = tip_mm
    return ToolPose(time_s, matrix)


def poses_through(trocar_mm: Point3, tips_mm: Sequence[Point3], times_s: Sequence[float]) -> tuple[ToolPose, ...]:
    """Poses through a port for tip places over time, which roll as little as can be."""
    poses: list[ToolPose] = []
    for n, (tip, time) in enumerate(zip(tips_mm, times_s, strict=True)):
        before = poses[-1].lps_from_tool if poses else None
        try:
            poses.append(pose_through(trocar_mm, tip, time, before))
        except PlanError as error:
            raise error.within(f"tips_mm[{n}]") from error
    return tuple(poses)


def manipulation_angle_deg(first_port_mm: Point3, second_port_mm: Point3, place_mm: Point3) -> float:
    """The angle at which two instruments meet at a place, each straight from its port."""
    a, b = np.subtract(first_port_mm, place_mm), np.subtract(second_port_mm, place_mm)
    return _angle_deg(
        np.asarray(checked_direction(a, "first_port_mm")), np.asarray(checked_direction(b, "second_port_mm"))
    )


def _angle_deg(a: FloatArray, b: FloatArray) -> float:
    # atan2 keeps its digits where the cosine is flat.
    cosine = float(a @ b)
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), cosine)))


def _any_side(z: FloatArray) -> FloatArray:
    least = np.zeros(3)
    least[int(np.abs(z).argmin())] = 1.0
    return np.asarray(np.cross(least, z))
