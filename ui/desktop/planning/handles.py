"""Where a hand takes hold of a cut, and what the cut becomes when it pulls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut, ShellCut
from surgtwin.domain.geometry import FloatArray, Point3, unit
from surgtwin.planning.bezier import evaluate_patch
from surgtwin.planning.edits import drag_handle
from surgtwin.planning.split import CutSide

RIM_MM = 45.0
"""How far a plane's tilting handles stand from its middle."""
GRAB_SAMPLES = 41
LEAST_SHELL_MM = 0.5


class HandleKind(StrEnum):
    """What pulling does."""

    MOVE = "move"
    TILT = "tilt"
    BEND = "bend"


WORDS = {HandleKind.MOVE: "Move", HandleKind.TILT: "Tilt", HandleKind.BEND: "Bend"}
"""For the name of the edit."""


@dataclass(frozen=True)
class Handle:
    """A place to take hold of; `at` is the control point of a patch, or the number of a plane's rim handle."""

    kind: HandleKind
    at: tuple[int, int]
    place_mm: Point3


def handles_of(surface: CutSurface) -> tuple[Handle, ...]:
    """Those of a plane or a patch; shells and combined cuts have none."""
    if isinstance(surface, PlaneCut):
        middle = Handle(HandleKind.MOVE, (0, 0), surface.point_mm)
        return (middle, *(_rim(surface, n) for n in range(4)))
    if isinstance(surface, BezierCut):
        net = surface.control_points_mm
        return tuple(Handle(HandleKind.BEND, (i, j), _point(net[i, j])) for i, j in np.ndindex(4, 4))
    return ()


def pulled(surface: CutSurface, handle: Handle, to_mm: Point3, falloff: float) -> CutSurface:
    """The surface after one of its handles was pulled to a place.

    Parameters
    ----------
    falloff
        How far neighbours of a patch's control point follow, in control points.
    """
    if isinstance(surface, BezierCut):
        return drag_handle(surface, handle.at, to_mm, falloff)
    if isinstance(surface, PlaneCut):
        return replace(surface, point_mm=to_mm) if handle.kind is HandleKind.MOVE else tilted(surface, to_mm)
    return surface


def tilted(plane: PlaneCut, through_mm: Point3) -> PlaneCut:
    """The plane turned about its middle so that it passes a place; as it was if the place is its middle."""
    normal, towards = np.asarray(plane.normal), np.subtract(through_mm, plane.point_mm)
    length = float(towards @ towards)
    if length <= 1.0:
        return plane
    turned = normal - (normal @ towards) * towards / length
    return replace(plane, normal=_point(unit(turned))) if float(np.linalg.norm(turned)) > 0.05 else plane


def grabbed(surface: CutSurface, side: CutSide, from_mm: Point3, to_mm: Point3, tilts: bool) -> CutSurface:
    """The surface after its body was taken at one place and pulled to another.

    A plane is moved, or tilted; a patch is bent so that it passes the place, its control points moving as little as
    possible; a shell grows or shrinks.
    """
    if isinstance(surface, PlaneCut):
        return tilted(surface, to_mm) if tilts else replace(surface, point_mm=_point(_shifted(surface, from_mm, to_mm)))
    if isinstance(surface, BezierCut):
        return _bent(surface, np.asarray(from_mm), np.subtract(to_mm, from_mm))
    if isinstance(surface, ShellCut):
        wider = surface.distance_mm - float(side.signed(np.asarray(to_mm)[None])[0])
        return replace(surface, distance_mm=max(wider, LEAST_SHELL_MM))
    return surface


def words_for(surface: CutSurface, tilts: bool) -> str:
    """What `grabbed` does to a surface, for the name of the edit."""
    if isinstance(surface, ShellCut):
        return "Widen"
    return WORDS[HandleKind.BEND if isinstance(surface, BezierCut) else HandleKind.TILT if tilts else HandleKind.MOVE]


def _shifted(plane: PlaneCut, from_mm: Point3, to_mm: Point3) -> FloatArray:
    normal = np.asarray(plane.normal)
    return np.asarray(plane.point_mm) + normal * float(np.subtract(to_mm, from_mm) @ normal)


def _bent(cut: BezierCut, at_mm: FloatArray, by_mm: FloatArray) -> BezierCut:
    """The least change of the control points that moves the patch's point nearest to a place by so much."""
    t = np.linspace(0.0, 1.0, GRAB_SAMPLES)
    patch = evaluate_patch(cut.control_points_mm, t[:, None], t[None, :]).points_mm
    a, b = np.unravel_index(int(np.linalg.norm(patch - at_mm, axis=2).argmin()), patch.shape[:2])
    weights = np.outer(_bernstein(t[a]), _bernstein(t[b]))
    net = cut.control_points_mm + (weights / (weights**2).sum())[..., None] * by_mm
    return replace(cut, control_points_mm=net)


def _bernstein(t: float) -> FloatArray:
    s = 1.0 - t
    return np.array([s**3, 3 * t * s**2, 3 * t**2 * s, t**3])


def _rim(plane: PlaneCut, n: int) -> Handle:
    """Two handles up and down the body where the plane allows, two across."""
    normal = np.asarray(plane.normal)
    towards = np.array([0.0, 0.0, 1.0]) if abs(normal[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    first = unit(towards - (towards @ normal) * normal)
    axis = (first, np.cross(normal, first), -first, -np.cross(normal, first))[n]
    return Handle(HandleKind.TILT, (n, 0), _point(np.asarray(plane.point_mm) + RIM_MM * axis))


def _point(row: FloatArray) -> Point3:
    x, y, z = (float(v) for v in row)
    return (x, y, z)
