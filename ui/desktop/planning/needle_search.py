"""The safest ways to a target, and what is known of them on the skin. Numbers only: it may run on any thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.labels import Structure
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.twin import Twin
from surgtwin.domain.verdict import Verdict
from surgtwin.mesh.surface_distance import vertex_areas
from surgtwin.planning.access import Access, AccessMap, map_access
from surgtwin.planning.access_paint import NOT_REACHED, SkinAccess, paint_access
from surgtwin.planning.access_request import AccessRequest
from surgtwin.planning.access_skin import Inside, walk
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.candidates import Candidate, best_candidates
from surgtwin.planning.structure_roles import body_of, is_wrapping, present
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress

from .choices import is_abnormal
from .clip import Shape, vertex_normals

CANDIDATES = 5
NEEDLE = NeedleTool(radius_mm=0.75, length_mm=150.0)
"""A needle of 17 gauge, 15 cm long."""
LIFT_MM = 0.8
"""The paint lies this far above the skin, so that both are not fought over by the renderer."""
FARTHEST_MM = 600.0
"""No way out of a body is longer."""


@dataclass(frozen=True)
class NeedleChoice:
    """What the next needle is aimed at, a structure or a place, and the needle itself."""

    target: str = ""
    point_mm: Point3 | None = None
    tool: NeedleTool = NEEDLE

    @property
    def words(self) -> str:
        """The target for a person; empty if none is chosen."""
        return self.target or ("the place clicked" if self.point_mm is not None else "")


class Skin(StrEnum):
    """What is said of a place of the skin."""

    FREE = "free"
    UNPROVEN = "unproven"
    BLOCKED = "blocked"


VERDICT_OF = {Skin.FREE: Verdict.SAFE, Skin.UNPROVEN: Verdict.UNPROVEN, Skin.BLOCKED: Verdict.VIOLATED}


@dataclass(frozen=True, eq=False)
class SkinPart:
    """The skin of which one thing is said: its shape, its area, and how far the target is from it (mm)."""

    shape: Shape
    area_cm2: float
    nearest_mm: float
    farthest_mm: float


@dataclass(frozen=True, eq=False)
class Search:
    """The ways to a target: the map, the best of them, and the map on the skin."""

    choice: NeedleChoice
    access: AccessMap
    candidates: tuple[Candidate, ...]
    skin: dict[Skin, SkinPart]

    @property
    def problem(self) -> str:
        """Why there is no way, for a person; empty if there is one."""
        if self.candidates:
            return ""
        told = [f.message for f in self.access.findings if f.code != "only-what-is-known"]
        return told[0] if told else "Every way that looked allowed broke a limit when it was judged exactly."


def targets_for_needles(twin: Twin) -> tuple[str, ...]:
    """What a needle can be aimed at: tumours and lesions first."""
    there = [s for s in present(twin) if not is_wrapping(s)]
    return tuple(s.name for s in sorted(there, key=lambda s: not is_abnormal(s)))


def search_ways(geometry: TwinGeometry, choice: NeedleChoice, progress: Progress) -> Search:
    """Map the ways to a target, judge the best exactly, and paint the skin.

    Raises
    ------
    PlanError
        If the twin has no body, or the target lies outside of it.
    Cancelled
        When asked to stop through ``progress``.
    """
    target = choice.point_mm if choice.point_mm is not None else deepest_point(geometry, choice.target)
    request = AccessRequest(target, choice.tool, choice.target)
    access = map_access(geometry, request, progress=progress.part(0.0, 0.5))
    best = best_candidates(geometry, access, CANDIDATES, progress=progress.part(0.5, 0.9, "candidates"))
    progress.update(0.9, "skin")
    return Search(choice, access, best, _painted_skin(geometry, access))


def on_skin(geometry: TwinGeometry, target_mm: Point3, towards_mm: Point3) -> Point3:
    """Where a straight way from a target towards a place comes out through the skin; the place itself if it does not.

    The same walk as the access map's, so that an entry placed by hand lies where the map's entries lie.
    """
    body = body_of(geometry.twin)
    along = np.subtract(towards_mm, target_mm)
    away = float(np.linalg.norm(along))
    if body is None or away < 1.0:
        return towards_mm
    direction = along / away
    ways = walk(Inside(geometry.twin.labels, body), np.asarray(target_mm), direction[None], FARTHEST_MM, ())
    length = float(ways.length_mm[0])
    if not np.isfinite(length) or length < 1.0:
        return towards_mm
    x, y, z = (float(c) for c in np.asarray(target_mm) + length * direction)
    return (x, y, z)


def _painted_skin(geometry: TwinGeometry, access: AccessMap) -> dict[Skin, SkinPart]:
    body: Structure | None = body_of(geometry.twin)
    mesh = geometry.twin.mesh(body.name) if body is not None else None
    if body is None:
        return {}
    if mesh is None:
        mesh = geometry.surface(body.name).mesh
    skin, areas = paint_access(access, mesh.vertices_mm), vertex_areas(mesh)
    lifted = mesh.vertices_mm + LIFT_MM * vertex_normals(mesh.vertices_mm, mesh.triangles)
    kinds = _kinds(skin)
    return {kind: _part(n, kinds, skin, areas, lifted, mesh.triangles) for n, kind in enumerate(Skin)}


def _kinds(skin: SkinAccess) -> NDArray[np.int8]:
    """(N,) number in `Skin` of each place; -1 where it is not reached."""
    kinds = np.full(len(skin.access), list(Skin).index(Skin.BLOCKED), dtype=np.int8)
    allowed = skin.access == Access.ALLOWED
    kinds[allowed] = list(Skin).index(Skin.UNPROVEN)
    kinds[allowed & skin.is_proven] = list(Skin).index(Skin.FREE)
    kinds[skin.access == NOT_REACHED] = -1
    return kinds


def _part(
    kind: int,
    kinds: NDArray[np.int8],
    skin: SkinAccess,
    areas: FloatArray,
    vertices_mm: FloatArray,
    triangles: NDArray[np.int32],
) -> SkinPart:
    """A triangle goes with the worst of its corners; one with a corner that is not reached with none."""
    corners = kinds[triangles]
    mine = triangles[(corners.min(1) >= 0) & (corners.max(1) == kind)]
    used, renumbered = np.unique(mine, return_inverse=True)
    shape = Shape(vertices_mm[used], renumbered.reshape(-1, 3).astype(np.int64), np.zeros((len(used), 1)))
    here = kinds == kind
    lengths = skin.length_mm[here]
    if not len(lengths):
        return SkinPart(shape, 0.0, float("nan"), float("nan"))
    return SkinPart(shape, float(areas[here].sum()) / 100.0, float(lengths.min()), float(lengths.max()))
