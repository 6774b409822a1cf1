"""A hand on a treated zone: its middle is moved, its axis turned, its radii drawn out, in 3D and on slices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from surgtwin.domain.geometry import Point3, unit
from surgtwin.domain.trajectory import Ablation
from surgtwin.simulation.ellipsoid import as_point, zone_of

from .handles import HandleKind

LEAST_MM, MOST_MM = 2.0, 80.0
"""Semi-axes that a hand can draw out."""
BEYOND_MM = 12.0
"""The handle that turns the axis stands so far beyond the zone, on the side of the needle's entry."""
FLATTEST = 0.9
"""A rim taken near a pole would let the other radius jump: it is kept from that."""


class Grip(StrEnum):
    """Where a zone can be taken."""

    CENTRE = "centre"
    AXIS = "axis"
    LENGTH = "length"
    WIDTH = "width"
    DEPTH = "depth"


SHAPES = {
    Grip.CENTRE: HandleKind.MOVE,
    Grip.AXIS: HandleKind.TILT,
    Grip.LENGTH: HandleKind.BEND,
    Grip.WIDTH: HandleKind.BEND,
    Grip.DEPTH: HandleKind.BEND,
}
"""A square in the middle, a diamond beyond the end, rings on the rim."""
WORDS = {Grip.CENTRE: "Move", Grip.AXIS: "Turn", Grip.LENGTH: "Resize", Grip.WIDTH: "Resize", Grip.DEPTH: "Resize"}


class ZoneHand(Protocol):
    """A zone is held; it as it was when it was taken."""

    @property
    def place_mm(self) -> Point3: ...

    @property
    def words(self) -> str: ...

    def at(self, to_mm: Point3, is_alone: bool = False) -> Ablation:
        """The zone with what is held at a place. Raises PlanError if no zone would be left."""
        ...


@dataclass(frozen=True)
class GripHold:
    """One of its handles is held. `is_alone` lets a round zone's width change on one side only."""

    zone: Ablation
    grip: Grip

    @property
    def place_mm(self) -> Point3:
        return grip_places(self.zone)[self.grip]

    @property
    def words(self) -> str:
        return WORDS[self.grip]

    def at(self, to_mm: Point3, is_alone: bool = False) -> Ablation:
        if self.grip is Grip.CENTRE:
            return replace(self.zone, centre_mm=to_mm)
        towards = np.subtract(to_mm, self.zone.centre_mm)
        if self.grip is Grip.AXIS:
            return turned(self.zone, towards) if float(np.linalg.norm(towards)) > 1.0 else self.zone
        number = (Grip.LENGTH, Grip.WIDTH, Grip.DEPTH).index(self.grip)
        return with_radius(self.zone, number, abs(float(zone_of(self.zone).axes[number] @ towards)), is_alone)


@dataclass(frozen=True)
class MoveHold:
    """The zone was taken at a place inside it, and goes along with the hand."""

    zone: Ablation
    place_mm: Point3
    words: str = WORDS[Grip.CENTRE]

    def at(self, to_mm: Point3, is_alone: bool = False) -> Ablation:
        by = np.subtract(to_mm, self.place_mm)
        return replace(self.zone, centre_mm=as_point(np.add(self.zone.centre_mm, by)))


@dataclass(frozen=True)
class RimHold:
    """The zone was taken at its rim: the radius that the place belongs to most follows the hand."""

    zone: Ablation
    place_mm: Point3
    words: str = WORDS[Grip.WIDTH]

    def at(self, to_mm: Point3, is_alone: bool = False) -> Ablation:
        ball, radii = zone_of(self.zone), np.asarray(self.zone.radii_mm)
        held = np.abs(ball.axes @ np.subtract(self.place_mm, self.zone.centre_mm)) / radii
        now = np.abs(ball.axes @ np.subtract(to_mm, self.zone.centre_mm))
        if self.zone.radii_mm[1] == self.zone.radii_mm[2] and not is_alone:
            held, now = np.array([held[0], np.hypot(*held[1:])]), np.array([now[0], np.hypot(*now[1:])])
        number = int(held.argmax())
        rest = sum((now[n] / radii[n]) ** 2 for n in range(len(now)) if n != number)
        return with_radius(self.zone, number, float(now[number] / np.sqrt(1.0 - min(rest, FLATTEST))), is_alone)


def grip_places(zone: Ablation) -> dict[Grip, Point3]:
    """Where the handles stand, LPS mm."""
    ball = zone_of(zone)
    (a, b, c), (along, across, third) = ball.radii_mm, ball.axes
    middle = ball.centre_mm
    return {
        Grip.CENTRE: as_point(middle),
        Grip.AXIS: as_point(middle + (a + BEYOND_MM) * along),
        Grip.LENGTH: as_point(middle - a * along),
        Grip.WIDTH: as_point(middle + b * across),
        Grip.DEPTH: as_point(middle + c * third),
    }


def with_radius(zone: Ablation, number: int, mm: float, is_alone: bool = False) -> Ablation:
    """The zone with one of its semi-axes changed; a round one stays round unless one side is wanted alone."""
    radii = list(zone.radii_mm)
    was_round = radii[1] == radii[2]
    radii[number] = min(max(mm, LEAST_MM), MOST_MM)
    if number and was_round and not is_alone:
        radii[1] = radii[2] = radii[number]
    second = zone.axis_b if radii[1] == radii[2] or zone.axis_b is not None else as_point(zone_of(zone).axes[1])
    return replace(zone, radii_mm=(radii[0], radii[1], radii[2]), axis_b=second)


def turned(zone: Ablation, towards: ArrayLike) -> Ablation:
    """The zone with its axis along a direction; its second axis follows with as little turning as possible."""
    along = unit(towards)
    if zone.axis_b is None:
        return replace(zone, axis=as_point(along))
    second = np.asarray(zone.axis_b) - (along @ np.asarray(zone.axis_b)) * along
    if float(np.linalg.norm(second)) < 1e-3:
        second = np.asarray(zone.axis) - (along @ np.asarray(zone.axis)) * along
    return replace(zone, axis=as_point(along), axis_b=as_point(unit(second)))
