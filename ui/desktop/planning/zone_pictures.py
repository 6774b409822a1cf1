"""Treated zones as shapes: the rim they have together, each place with its margin. Numbers only, for any thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.trajectory import Ablation
from surgtwin.simulation.ellipsoid import Ellipsoid, zone_of

from .clip import Shape, clipped
from .pictures import MarginField, PictureMaker, grid_triangles

ROWS, COLUMNS = 25, 40
"""Of the net on a zone, from pole to pole and around."""
OUTLINE_PLACES = 96


@dataclass(frozen=True, eq=False)
class ZonePicture:
    """One zone.

    Parameters
    ----------
    rim
        Its surface without what other zones on the same target cover; `data` (N, 1): how far each place lies from the
        target, mm, negative inside it.
    margins
        To ask the same of any place.
    """

    ablation: Ablation
    rim: Shape
    margins: MarginField


@dataclass(frozen=True, eq=False)
class ZoneOutline:
    """A zone on a slice: places (N, 3) around it, the first one again at the end, and which of them lie bare.

    Bare ones are covered by no other zone on the same target.
    """

    places_mm: FloatArray
    middle_mm: FloatArray
    is_bare: NDArray[np.bool_]


def zone_pictures(maker: PictureMaker, ablations: Sequence[Ablation]) -> tuple[ZonePicture, ...]:
    """A plan's zones. Raises PlanError for a target that cannot be measured to."""
    made = []
    for ablation in ablations:
        margins = maker.margins((ablation.target,))
        others = [zone_of(a) for a in ablations if a.target == ablation.target and a.name != ablation.name]
        bare = _bare(ball_net(zone_of(ablation)), others)
        rim = Shape(bare.vertices_mm, bare.triangles, margins.at(bare.vertices_mm)[:, None])
        made.append(ZonePicture(ablation, rim, margins))
    return tuple(made)


def ball_net(zone: Ellipsoid) -> Shape:
    """A closed net of triangles on an ellipsoid, without data."""
    turn = np.linspace(0.0, 2.0 * np.pi, COLUMNS + 1)
    lift = np.linspace(0.0, np.pi, ROWS)[:, None]
    ball = np.stack(np.broadcast_arrays(np.cos(lift), np.sin(lift) * np.cos(turn), np.sin(lift) * np.sin(turn)), -1)
    places = (ball.reshape(-1, 3) * zone.radii_mm) @ zone.axes + zone.centre_mm
    return Shape(places, grid_triangles(ROWS, COLUMNS + 1), np.zeros((len(places), 0)))


def _bare(net: Shape, others: Sequence[Ellipsoid]) -> Shape:
    for other in others:
        if not net.is_empty:
            net = clipped(net, other.level(net.vertices_mm) - 1.0)[0]
    return net


def outline_on(
    zone: Ellipsoid, others: Sequence[Ellipsoid], right: FloatArray, down: FloatArray, point_mm: FloatArray
) -> ZoneOutline | None:
    """The zone where a plane cuts it; None where it does not. `right` and `down` are unit vectors in the plane."""
    to_ball = zone.axes / zone.radii_mm[:, None]
    along = np.stack((to_ball @ right, to_ball @ down), 1)
    start = to_ball @ (point_mm - zone.centre_mm)
    middle = -np.linalg.pinv(along) @ start
    off = start + along @ middle
    left = 1.0 - float(off @ off)
    if left <= 0.0:
        return None
    turn = np.linspace(0.0, 2.0 * np.pi, OUTLINE_PLACES + 1)
    ring = np.sqrt(left) * np.stack((np.cos(turn), np.sin(turn)))
    flat = middle[:, None] + np.linalg.solve(np.linalg.qr(along)[1], ring)
    places = point_mm + flat.T @ np.stack((right, down))
    covered = np.zeros(len(places), dtype=bool)
    for other in others:
        covered |= other.level(places) < 1.0
    return ZoneOutline(places, point_mm + middle @ np.stack((right, down)), ~covered)
