"""What a treated zone covers of its target, how far it reaches beyond it, and what else it destroys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Point3
from ..domain.trajectory import Ablation
from ..domain.verdict import ErrorTerms, Verdict, judge
from ..errors import PlanError
from ..simulation.ellipsoid import Ellipsoid, as_point, zone_of
from .settings import DEFAULT_PLANNING, PlanningSettings
from .twin_geometry import TwinGeometry
from .zone_share import leaves_grid, share_of, structures_in, union_ml

RIM_POINTS = 40_000
"""On each of several zones, to find the rim they have together: 0.4 mm apart on a ball of 25 mm."""
COOLING = "vessel cooling is not modelled: beside large vessels the true zone is smaller"
"""What every figure of a zone leaves out; said wherever one is shown."""


@dataclass(frozen=True)
class AblationResult:
    """The figures of one zone, or of several on one target together.

    Parameters
    ----------
    zones
        Names of the zones; one for a zone judged alone.
    coverage_percent
        Of the target's volume, inside the zones; voxels on their rim count by their share.
    min_margin_mm
        Least distance from the target's surface to the rim, positive inside: the minimal ablative margin.
    at_mm, rim_at_mm
        Where it is least: on the target, and on the rim, LPS.
    zone_ml, overlap_ml
        Of the zones together, in and outside the image, and how much of it more than one of them treats.
    reached_ml
        Name -> mL inside, of every structure but the target.
    is_outside
        Whether part of a zone lies outside the scan.
    verdict
        None for a zone that shares its target with others: those are judged together.
    """

    name: str
    zones: tuple[str, ...]
    target: str
    wanted_mm: float
    target_ml: float
    coverage_percent: float
    min_margin_mm: float
    at_mm: Point3
    rim_at_mm: Point3
    zone_ml: float
    overlap_ml: float
    reached_ml: dict[str, float]
    is_outside: bool
    terms: ErrorTerms
    verdict: Verdict | None

    @property
    def reason(self) -> str:
        """What the verdict rests on, for a person."""
        if self.coverage_percent <= 0.0:
            return "the zone misses the target"
        if self.min_margin_mm < 0.0:
            return "part of the target is not covered"
        if self.verdict is Verdict.UNPROVEN:
            return f"the {self.terms.dominating} error dominates; {self.terms.remedy}"
        return ""


def evaluate_ablation(
    geometry: TwinGeometry, ablation: Ablation, settings: PlanningSettings = DEFAULT_PLANNING
) -> AblationResult:
    """The figures of one zone, judged alone. Raises PlanError naming the field at fault."""
    return _figures(geometry, (ablation,), settings)


def evaluate_zones(
    geometry: TwinGeometry, ablations: Sequence[Ablation], settings: PlanningSettings = DEFAULT_PLANNING
) -> AblationResult:
    """The figures of all zones of one target carried out: what any of them treats is treated."""
    if len({a.target for a in ablations}) != 1:
        raise PlanError("zones are judged together where they have one target in common.", "target")
    return _figures(geometry, tuple(ablations), settings)


def _figures(geometry: TwinGeometry, ablations: tuple[Ablation, ...], settings: PlanningSettings) -> AblationResult:
    target, zones = ablations[0].target, [zone_of(a) for a in ablations]
    labels = geometry.twin.labels
    whole_ml = labels.volume_ml(geometry.structure(target, "target"))
    if whole_ml <= 0.0:
        raise PlanError(f"'{target}' was not found in this twin's image: it has no voxel.", "target")
    inside = structures_in(share_of(zones, labels.grid), labels)
    margin, rim = rim_distance(zones, geometry.surface(target).mesh.vertices_mm)
    at = int(margin.argmin())
    terms, least = geometry.error_terms(target), float(margin[at])
    zone_ml = union_ml(zones)
    return AblationResult(
        name=" + ".join(a.name for a in ablations),
        zones=tuple(a.name for a in ablations),
        target=target,
        wanted_mm=settings.ablation_margin_mm,
        target_ml=whole_ml,
        coverage_percent=100.0 * min(inside.get(target, 0.0) / whole_ml, 1.0),
        min_margin_mm=least,
        at_mm=as_point(geometry.surface(target).mesh.vertices_mm[at]),
        rim_at_mm=as_point(rim[at]),
        zone_ml=zone_ml,
        overlap_ml=overlap_ml(zones, zone_ml),
        reached_ml={name: ml for name, ml in inside.items() if name != target},
        is_outside=any(leaves_grid(z, labels.grid) for z in zones),
        terms=terms,
        verdict=judge(least, settings.ablation_margin_mm, terms),
    )


def rim_distance(zones: Sequence[Ellipsoid], points_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distances (N,) of points from the rim of the zones together, positive inside, and the nearest places on it.

    Outside, and for one zone, exact. Inside several zones the nearest place may lie where their surfaces meet; it is
    found among many points of the rim, at most a spacing of those too far.
    """
    each = [z.nearest(points_mm) for z in zones]
    distance = np.stack([d for d, _ in each])
    best = distance.argmax(0)
    rows = np.arange(len(points_mm))
    least, place = distance[best, rows], np.stack([p for _, p in each])[best, rows]
    if len(zones) == 1:
        return least, place
    inside = np.flatnonzero(least > 0.0)
    if not len(inside):
        return least, place
    candidates = [_sampled_rim(zones)]
    candidates += [feet[inside][_bare(zones, n, feet[inside])] for n, (_, feet) in enumerate(each)]
    rim = np.concatenate(candidates)
    least[inside], which = cKDTree(rim).query(points_mm[inside], workers=-1)
    place[inside] = rim[which]
    return least, place


def _sampled_rim(zones: Sequence[Ellipsoid]) -> FloatArray:
    parts = []
    for n, zone in enumerate(zones):
        points = zone.surface_points(RIM_POINTS)
        parts.append(points[_bare(zones, n, points)])
    return np.concatenate(parts)


def _bare(zones: Sequence[Ellipsoid], own: int, points_mm: FloatArray) -> NDArray[np.bool_]:
    """Which points of one zone's surface no other zone covers."""
    covered = np.zeros(len(points_mm), dtype=bool)
    for n, zone in enumerate(zones):
        if n != own:
            covered |= zone.level(points_mm) < 1.0
    return ~covered


def overlap_ml(zones: Sequence[Ellipsoid], together_ml: float) -> float:
    """Volume that is treated more than once, counted once for each time too many; `together_ml` is their union's."""
    return max(sum(z.volume_ml for z in zones) - together_ml, 0.0)


def evaluate_by_target(
    geometry: TwinGeometry,
    ablations: Sequence[Ablation],
    singles: Sequence[AblationResult],
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> tuple[tuple[AblationResult, ...], tuple[AblationResult, ...]]:
    """The zones' own results, without a verdict where several share a target, and one result for each target."""
    groups: dict[str, list[int]] = {}
    for n, ablation in enumerate(ablations):
        groups.setdefault(ablation.target, []).append(n)
    own = list(singles)
    together = []
    for members in groups.values():
        if len(members) == 1:
            together.append(singles[members[0]])
            continue
        together.append(evaluate_zones(geometry, [ablations[n] for n in members], settings))
        for n in members:
            own[n] = replace(own[n], verdict=None)
    return tuple(own), tuple(together)
