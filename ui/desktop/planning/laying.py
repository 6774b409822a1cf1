"""A cut that is being laid by hand, and the first surface that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from surgtwin.domain.cut import BezierCut, CutSurface, PlaneCut
from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.planning.start_cut import patch_of_contour, patch_of_plane, plane_of_two_clicks
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry

LINE_DEPTH_MM = 60.0
"""A line drawn on the screen is taken this far along the line of sight, before and behind."""
StaysAt = Callable[[FloatArray], Point3]
"""From the middle of a cut to a place on the side that is to stay."""


class Way(StrEnum):
    """How a cut is laid by hand."""

    PATCH = "patch"
    PLANE = "plane"
    LINE = "line"


@dataclass(frozen=True)
class Laying:
    """A cut that is being laid: the places so far, and the line of sight they were chosen along."""

    way: Way
    points_mm: tuple[Point3, ...] = ()
    sight: Point3 = (0.0, 1.0, 0.0)

    @property
    def prompt(self) -> str:
        """What to do next, for a person."""
        if self.way is Way.LINE:
            return "Draw the line of the cut over the organ: press, draw, release"
        return "Click where the cut begins" if not self.points_mm else "Click where it ends"


def surface_of_clicks(
    way: Way, first: Point3, second: Point3, sight: Point3, stays: StaysAt, tissue: Tissue
) -> CutSurface:
    """A plane, or a flat patch, through two clicks along the line of sight."""
    middle = (np.asarray(first) + np.asarray(second)) / 2.0
    plane = plane_of_two_clicks(first, second, sight, stays(middle))
    return _centred(plane, tissue) if way is Way.PLANE else patch_of_plane(plane, tissue)


def _centred(plane: PlaneCut, tissue: Tissue) -> PlaneCut:
    """The same plane, known by its place nearest to the organ's middle: that is where its handles stand."""
    middle = tissue.block_centre_mm.mean(0)
    x, y, z = (float(v) for v in middle - np.asarray(plane.normal) * plane.plane.signed_distance(middle))
    return replace(plane, point_mm=(x, y, z))


def surface_of_line(points_mm: FloatArray, sight: Point3, stays: StaysAt, tissue: Tissue) -> BezierCut:
    """A patch through a line (N, 3) that was drawn on the screen, straight along the line of sight."""
    depths = np.asarray(sight) * np.array([[-LINE_DEPTH_MM], [0.0], [LINE_DEPTH_MM]])
    line = (points_mm[None] + depths[:, None]).reshape(-1, 3)
    contour = [(float(x), float(y), float(z)) for x, y, z in line]
    return patch_of_contour(contour, tissue, stays(points_mm.mean(0)))


def away_from(geometry: TwinGeometry, tissue: Tissue, targets: tuple[str, ...], middle_mm: FloatArray) -> Point3:
    """A place on the side that is to stay: across the cut from the targets; without any, on the organ's larger side."""
    if not targets:
        stays = tissue.block_centre_mm.mean(0)
    else:
        corners = np.concatenate([geometry.surface(t).mesh.vertices_mm for t in targets])
        stays = 2.0 * middle_mm - corners.mean(0)
    x, y, z = (float(v) for v in stays)
    return (x, y, z)
