"""What of a structure an instrument can reach through its port, painted on it. It may run on any thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.plan import ToolPath
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.mesh.segment_distance import SegmentDistance
from surgtwin.mesh.surface_distance import vertex_areas
from surgtwin.planning.path_trocar import inward_normal
from surgtwin.planning.settings import DEFAULT_PLANNING
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.simulation.reach import Port, Reached, reach_map

from .clip import Shape, vertex_normals
from .path_figures import known_instrument, needed_of

MOST_PLACES, AT_ONCE = 1200, 200
LIFT_MM = 0.6
MAX_TILT_DEG = 60.0
"""How far the body wall lets a shaft lean."""


class ReachKind(StrEnum):
    """What is said of a place."""

    REACHED = "reached"
    BEYOND = "too deep, or too tilted"
    BLOCKED = "blocked"


LOOK_OF = {
    ReachKind.REACHED: Verdict.SAFE,
    ReachKind.BEYOND: Verdict.UNPROVEN,
    ReachKind.BLOCKED: Verdict.VIOLATED,
}
KIND_OF = {
    Reached.YES: ReachKind.REACHED,
    Reached.TOO_NEAR: ReachKind.BEYOND,
    Reached.TOO_DEEP: ReachKind.BEYOND,
    Reached.TOO_TILTED: ReachKind.BEYOND,
    Reached.BLOCKED: ReachKind.BLOCKED,
}


@dataclass(frozen=True, eq=False)
class Reach:
    """The reach of one path's instrument on one structure.

    Parameters
    ----------
    percent
        Of the structure's surface, by kind.
    blocked_by
        The structures that are in the way, the most often first.
    """

    path: ToolPath
    structure: str
    parts: dict[ReachKind, Shape]
    percent: dict[ReachKind, float]
    blocked_by: tuple[str, ...]


def reach_of(geometry: TwinGeometry, path: ToolPath, structure: str, progress: Progress) -> Reach:
    """What the tip reaches of a structure's surface with a straight shaft that keeps clear of all it should.

    Raises
    ------
    PlanError
        If the path has no trocar, or the twin no body surface to know the port's direction from.
    Cancelled
        When asked to stop through ``progress``.
    """
    mesh = geometry.twin.mesh(structure) or geometry.surface(structure).mesh
    port = port_of(geometry, path)
    keep, names = _kept_clear(geometry, path, structure, np.vstack((mesh.vertices_mm, [path.trocar_mm])))
    count = len(mesh.vertices_mm)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_PLACES)).astype(np.int64))
    reached, blocked = np.zeros(len(chosen), dtype=np.int8), np.full(len(chosen), -1, dtype=np.int16)
    for start in range(0, len(chosen), AT_ONCE):
        progress.update(start / len(chosen), "reach")
        part = slice(start, start + AT_ONCE)
        found = reach_map(port, mesh.vertices_mm[chosen[part]], keep)
        reached[part], blocked[part] = found.reached, found.blocked_by
    progress.update(1.0)
    hits = np.bincount(blocked[blocked >= 0], minlength=len(names))
    most = tuple(names[n] for n in np.argsort(-hits, kind="stable") if hits[n])
    return _painted(path, structure, mesh, chosen, reached, most)


def port_of(geometry: TwinGeometry, path: ToolPath) -> Port:
    """The path's trocar as a port for its instrument. Raises PlanError if there is none, or no skin around it."""
    if path.trocar_mm is None:
        raise PlanError("a free hand has no port: choose a trocar first.", "trocar_mm")
    inward = inward_normal(geometry, path.trocar_mm, DEFAULT_PLANNING.needles.patch_mm)
    if inward is None:
        raise PlanError("the twin has no body surface, so it is not known which way the port points.", "trocar_mm")
    instrument = known_instrument(path.tool)
    return Port(path.trocar_mm, inward, instrument.length_mm, MAX_TILT_DEG, 0.0, float(instrument.radii_mm.max()))


def _kept_clear(
    geometry: TwinGeometry, path: ToolPath, structure: str, ends_mm: FloatArray
) -> tuple[list[tuple[SegmentDistance, float]], list[str]]:
    """What may be in the way of shafts between some places (N, 3): what lies apart from all of them is not asked."""
    needed, radius = needed_of(geometry, path), float(known_instrument(path.tool).radii_mm.max())
    low, high = ends_mm.min(0), ends_mm.max(0)
    names = []
    for name, mm in needed.items():
        own, reach = geometry.segments(name).mesh.vertices_mm, mm + radius
        if name != structure and (own.min(0) <= high + reach).all() and (own.max(0) >= low - reach).all():
            names.append(name)
    return [(geometry.segments(name), needed[name]) for name in names], names


def _painted(
    path: ToolPath,
    structure: str,
    mesh: OrganMesh,
    chosen: NDArray[np.int64],
    reached: NDArray[np.int8],
    blocked_by: tuple[str, ...],
) -> Reach:
    """Every corner says what the place nearest to it says that was looked at; a triangle the worst of its corners."""
    _, near = cKDTree(mesh.vertices_mm[chosen]).query(mesh.vertices_mm)
    listed = list(ReachKind)
    number = np.array([listed.index(KIND_OF[Reached(int(r))]) for r in reached], dtype=np.int64)[near]
    areas = vertex_areas(mesh)
    lifted = mesh.vertices_mm + LIFT_MM * vertex_normals(mesh.vertices_mm, mesh.triangles)
    worst = number[mesh.triangles].max(1)
    parts, percent = {}, {}
    for n, kind in enumerate(listed):
        used, renumbered = np.unique(mesh.triangles[worst == n], return_inverse=True)
        parts[kind] = Shape(lifted[used], renumbered.reshape(-1, 3).astype(np.int64), np.zeros((len(used), 1)))
        percent[kind] = 100.0 * float(areas[number == n].sum() / areas.sum())
    return Reach(path, structure, parts, percent, blocked_by)
