"""Places for trocars, judged before any path is planned: what of a target each reaches, and how they work together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..domain.geometry import FloatArray, Point3
from ..domain.plan_values import checked_length
from ..domain.tool import NeedleTool
from ..domain.trajectory import Avoid
from ..errors import PlanError
from ..mesh.segment_distance import SegmentDistance
from ..progress import SILENT, Progress
from ..simulation.reach import GOOD_DEG, Port, PortPair, Reached, ReachMap, reach_map, triangulation
from .access_request import AccessRequest, needed_clearances, surroundings
from .access_target import deepest_point
from .path_trocar import inward_normal
from .port_pairs import SOURCE
from .settings import DEFAULT_PLANNING, PlanningSettings
from .structure_roles import body_of
from .twin_geometry import TwinGeometry

PLACES = 600
"""Places of a target that are asked for."""
MOST_PORTS = 8


@dataclass(frozen=True)
class PortRequest:
    """Ports and an instrument to be judged for a target.

    Parameters
    ----------
    trocars_mm
        Where the ports are, LPS.
    target
        A structure, of which all is to be reached, or a place, LPS mm.
    length_mm, radius_mm
        Of the instrument that is used through each port: a straight shaft.
    max_tilt_deg
        The body wall lets the shaft lean so far from the skin's normal.
    avoid
        Clearances by structure; every other one may not be touched, but for those that hold the target, skin, fat and
        muscle, and those in `crossable`.
    """

    trocars_mm: tuple[Point3, ...]
    target: str | Point3
    length_mm: float = 330.0
    radius_mm: float = 2.5
    max_tilt_deg: float = 60.0
    min_depth_mm: float = 0.0
    avoid: tuple[Avoid, ...] = ()
    crossable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.trocars_mm) <= MOST_PORTS:
            raise PlanError(f"1 to {MOST_PORTS} trocars can be judged; found {len(self.trocars_mm)}.", "trocar")
        if len(set(self.trocars_mm)) < len(self.trocars_mm):
            raise PlanError("two trocars lie at the same place.", "trocar")
        checked_length(self.length_mm, "length_mm")
        checked_length(self.radius_mm, "radius_mm")


@dataclass(frozen=True, eq=False)
class PortReach:
    """One port: how far and how tilted the target's middle lies from it, and what of the target it reaches."""

    port: Port
    skin_mm: float
    """From the body's surface; negative inside. A port far from it is no port."""
    depth_mm: float
    tilt_deg: float
    reach: ReachMap
    structures: tuple[str, ...]
    """What was kept clear, in the order of `reach.blocked_by`."""

    @property
    def refused(self) -> dict[str, int]:
        """How many places are not reached, by the reason."""
        counts = np.bincount(self.reach.reached, minlength=len(Reached))
        return {kind.name.lower(): int(counts[kind]) for kind in Reached if kind and counts[kind]}

    @property
    def blocked_by(self) -> dict[str, int]:
        """How many places each structure keeps from being reached, the most first."""
        hits = Counter(self.reach.blocked_by[self.reach.blocked_by >= 0].tolist())
        return {self.structures[n]: count for n, count in hits.most_common()}


@dataclass(frozen=True, eq=False)
class PortsResult:
    """All ports at a target.

    Parameters
    ----------
    middle_mm
        The target's deepest point, or the place itself: where the angles of `pairs` are measured, LPS.
    pairs
        Every two ports, the best pair first.
    together_percent
        Of the target, what every port reaches.
    """

    request: PortRequest
    middle_mm: Point3
    needed_mm: dict[str, float]
    ports: tuple[PortReach, ...]
    pairs: tuple[PortPair, ...]
    together_percent: float


def judge_ports(
    geometry: TwinGeometry,
    request: PortRequest,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> PortsResult:
    """What each port reaches of the target, and at which angles the ports' instruments meet there.

    Raises
    ------
    PlanError
        If the target or a structure is not there, or the twin has no body whose skin says where a port points.
    Cancelled
        When asked to stop through ``progress``.
    """
    middle, places = _target(geometry, request.target)
    ports = [_port(geometry, request, n, settings) for n in range(len(request.trocars_mm))]
    needle = NeedleTool(request.radius_mm, request.length_mm)
    asked = AccessRequest(middle, needle, avoid=request.avoid, crossable=request.crossable)
    needed = needed_clearances(geometry, asked, surroundings(geometry, asked))
    judged = []
    for n, port in enumerate(ports):
        progress.update(n / len(ports), "ports")
        names = _between(geometry, port, places, needed)
        keep: list[tuple[SegmentDistance, float]] = [(geometry.segments(name), needed[name]) for name in names]
        judged.append(_reach(geometry, port, middle, reach_map(port, places, keep), names))
    progress.update(1.0)
    together = np.all([p.reach.reached == Reached.YES for p in judged], axis=0)
    pairs = triangulation(request.trocars_mm, middle)
    return PortsResult(request, middle, needed, tuple(judged), pairs, 100.0 * float(together.mean()))


def _target(geometry: TwinGeometry, target: str | Point3) -> tuple[Point3, FloatArray]:
    """A target's middle, and places (N, 3) spread evenly through it, LPS mm."""
    if not isinstance(target, str):
        return target, np.asarray([target])
    tissue = geometry.tissue((geometry.structure(target, "target").name,))
    which = np.unique(np.linspace(0, len(tissue) - 1, min(len(tissue), PLACES)).astype(np.int64))
    return deepest_point(geometry, target), tissue.points_mm(which)


def _port(geometry: TwinGeometry, request: PortRequest, n: int, settings: PlanningSettings) -> Port:
    place = request.trocars_mm[n]
    inward = inward_normal(geometry, place, settings.needles.patch_mm)
    if inward is None:
        raise PlanError(
            "the twin has no 'body', so that it is not known which way a port points. Build the twin from a CT with "
            "the classical structures, or add a label named 'body'.",
            f"trocar[{n}]",
        )
    return Port(place, inward, request.length_mm, request.max_tilt_deg, request.min_depth_mm, request.radius_mm)


def _between(geometry: TwinGeometry, port: Port, places: FloatArray, needed: dict[str, float]) -> tuple[str, ...]:
    """The structures whose box comes near the box around a port and the places: the others can't be in the way."""
    ends = np.vstack((places, [port.place_mm]))
    low, high = ends.min(0), ends.max(0)
    found = []
    for name, mm in needed.items():
        own, reach = geometry.surface(name).mesh.vertices_mm, mm + port.radius_mm
        if (own.min(0) <= high + reach).all() and (own.max(0) >= low - reach).all():
            found.append(name)
    return tuple(found)


def _reach(
    geometry: TwinGeometry, port: Port, middle: Point3, reach: ReachMap, structures: tuple[str, ...]
) -> PortReach:
    body = body_of(geometry.twin)
    skin = float("nan") if body is None else float(geometry.surface(body.name).at(np.asarray([port.place_mm]))[0])
    way = np.subtract(middle, port.place_mm)
    depth = float(np.linalg.norm(way))
    cosine = float(np.clip(way @ np.asarray(port.inward) / max(depth, 1e-9), -1.0, 1.0))
    return PortReach(port, skin, depth, float(np.degrees(np.arccos(cosine))), reach, structures)


def ports_as_json(found: PortsResult) -> dict[str, Any]:
    """The figures, unrounded; ports are numbered from 1 in the order they were given."""
    request = found.request
    return {
        "target": request.target if isinstance(request.target, str) else None,
        "target_mm": list(found.middle_mm),
        "tool": {"length_mm": request.length_mm, "radius_mm": request.radius_mm},
        "max_tilt_deg": request.max_tilt_deg,
        "kept_clear": [{"structure": name, "clearance_mm": mm} for name, mm in found.needed_mm.items()],
        "ports": [
            {
                "port": n + 1,
                "trocar_mm": list(p.port.place_mm),
                "inward": list(p.port.inward),
                "skin_mm": p.skin_mm,
                "depth_mm": p.depth_mm,
                "tilt_deg": p.tilt_deg,
                "reached_percent": p.reach.percent,
                "places": len(p.reach.reached),
                "refused": [{"reason": reason, "places": count} for reason, count in p.refused.items()],
                "blocked_by": [{"structure": name, "places": count} for name, count in p.blocked_by.items()],
            }
            for n, p in enumerate(found.ports)
        ],
        "reached_by_all_percent": found.together_percent,
        "pairs": [
            {
                "ports": [p.first + 1, p.second + 1],
                "angle_deg": p.angle_deg,
                "score": p.score,
                "is_recommended": p.is_good,
                "recommended_deg": list(GOOD_DEG),
                "source": SOURCE,
            }
            for p in found.pairs
        ],
    }
