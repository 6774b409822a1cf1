"""The twin as OpenIGTLink messages, for Slicer and others that show them: surfaces, planned places, the tool."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..domain.geometry import Point3, transform_points
from ..domain.mesh import OrganMesh
from ..domain.plan import Plan
from ..domain.twin import Twin
from .guidance import SHOWN, Guidance
from .igtl_content import Point, Points, PolyData, Status
from .igtl_fields import LPS_FROM_RAS
from .igtl_poses import Transform
from .openigtlink import Message
from .replay import NAME_LETTERS, STATUS_NOT_FOUND, TRACKING_LOST

RAS_FROM_LPS = LPS_FROM_RAS
"""Turning by 180 degrees about the long axis is its own inverse."""
OWNER = "surgtwin"
TOOL = "Tool"
PLAN_COLOUR = (255, 200, 40)
POINT_DIAMETER_MM = 4.0


def surface_message(mesh: OrganMesh, device: str) -> Message:
    """A surface in RAS as POLYDATA."""
    points = transform_points(RAS_FROM_LPS, mesh.vertices_mm)
    return Message(PolyData.KIND, device, PolyData(points, np.asarray(mesh.triangles, dtype=np.int32)))


def surface_messages(twin: Twin) -> Iterator[Message]:
    """Every surface of a twin, by the structure's name; names are cut to 20 letters and stay apart."""
    names = device_names(tuple(mesh.name for mesh in twin.meshes))
    for mesh in twin.meshes:
        yield surface_message(mesh, names[mesh.name])


def device_names(names: tuple[str, ...]) -> dict[str, str]:
    """Name -> a device's name of at most 20 letters, no two the same."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        device, number = name[:NAME_LETTERS], 2
        while device in taken:
            ending = f" {number}"
            device, number = name[: NAME_LETTERS - len(ending)] + ending, number + 1
        taken.add(device)
        given[name] = device
    return given


def plan_message(plan: Plan, device: str) -> Message:
    """Entries, targets, centres and ports of a plan in RAS as POINT, grouped by what they belong to."""
    points = []
    for way in plan.trajectories:
        points += [_point("entry", way.name, way.entry_mm), _point("target", way.name, way.target_mm)]
    points += [_point("centre", zone.name, zone.centre_mm) for zone in plan.ablations]
    points += [_point("port", path.name, path.trocar_mm) for path in plan.tool_paths if path.trocar_mm is not None]
    return Message(Points.KIND, device[:NAME_LETTERS], Points(tuple(points)))


def tool_message(guidance: Guidance, device: str = TOOL) -> Message:
    """The tool's pose in RAS (tip at the origin, shaft along +z), or a STATUS that it is lost where it is withheld."""
    if guidance.place is None or guidance.freshness not in SHOWN:
        status = Status(STATUS_NOT_FOUND, 0, TRACKING_LOST, f"The tool is {guidance.freshness.value}.")
        return Message(Status.KIND, device, status)
    return Message(Transform.KIND, device, Transform(RAS_FROM_LPS @ guidance.place.lps_from_tool))


def _point(name: str, group: str, place_mm: Point3) -> Point:
    ras = transform_points(RAS_FROM_LPS, place_mm)
    return Point(f"{group} {name}", ras, group, (*PLAN_COLOUR, 255), POINT_DIAMETER_MM, OWNER)
