"""A new tool path of two clicks: where the instrument comes in, and where its tip is to work."""

from __future__ import annotations

from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.domain.trajectory import Avoid
from surgtwin.planning.access_request import AccessRequest, needed_clearances, surroundings
from surgtwin.planning.twin_geometry import TwinGeometry

from .needle_search import NEEDLE, on_skin
from .path_build import first_poses
from .path_instruments import InstrumentRow


def laid(
    geometry: TwinGeometry, row: InstrumentRow, through_port: bool, name: str, towards_mm: Point3, tip_mm: Point3
) -> ToolPath:
    """A path through the skin towards where a person pointed, straight to the place where the tip is to work.

    What that place lies in may be touched, like body, skin, fat and muscle; everything else is to be kept clear, as
    for a needle to the same place.

    Raises
    ------
    PlanError
        If the place lies outside the image, or in the skin itself.
    """
    entry = on_skin(geometry, tip_mm, towards_mm)
    request = AccessRequest(tip_mm, NEEDLE)
    needed = needed_clearances(geometry, request, surroundings(geometry, request))
    avoid = tuple(Avoid(structure, mm) for structure, mm in needed.items())
    return ToolPath(name, row.tool, first_poses(entry, tip_mm), entry if through_port else None, avoid, row.cuts)
