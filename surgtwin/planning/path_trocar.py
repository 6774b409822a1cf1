"""How an instrument stands in its port all along a path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import Point3
from ..domain.plan import ToolPath
from ..simulation.ellipsoid import as_point
from ..simulation.instrument import Instrument
from ..simulation.motion import Motion
from ..simulation.trocar import TrocarState, trocar_state
from .structure_roles import body_of
from .twin_geometry import TwinGeometry


@dataclass(frozen=True)
class TrocarCourse:
    """The instrument in its port over time.

    Parameters
    ----------
    inward
        Unit normal of the skin at the port, into the body; None where the twin has no body surface.
    states
        One for each key pose.
    worst, deepest
        Of all poses: where the shaft passes farthest from the port, and where least of it is left outside.
    """

    trocar_mm: Point3
    inward: Point3 | None
    states: tuple[TrocarState, ...]
    worst: TrocarState
    deepest: TrocarState


def trocar_course(
    trocar: Point3, inward: Point3 | None, path: ToolPath, instrument: Instrument, motion: Motion
) -> TrocarCourse:
    """The course of a motion that fills in a path's key poses."""
    length = instrument.length_mm
    states = tuple(trocar_state(p.lps_from_tool, trocar, length, inward, p.time_s) for p in path.poses)
    every = [
        trocar_state(m, trocar, length, inward, float(t))
        for m, t in zip(motion.lps_from_tool, motion.times_s, strict=True)
    ]
    worst = max(every, key=lambda s: s.deviation_mm)
    deepest = min(every, key=lambda s: s.shaft_left_mm)
    return TrocarCourse(trocar, inward, states, worst, deepest)


def inward_normal(geometry: TwinGeometry, place_mm: Point3, patch_mm: float) -> Point3 | None:
    """The skin's unit normal into the body nearest to a place, over a patch; None where there is no body surface."""
    body = body_of(geometry.twin)
    if body is None:
        return None
    surface = geometry.surface(body.name)
    nearest = surface.nearest(np.asarray([place_mm])).points_mm[0]
    return as_point(-surface.normal_around(nearest, patch_mm))
