"""What a straight way to a target passes, how far it stays from everything, and whether the limits are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from ..domain.geometry import Point3
from ..domain.trajectory import Trajectory
from ..domain.verdict import COVERAGE_FACTOR, ErrorTerms, Verdict, worst
from ..errors import PlanError
from ..mesh.surface_distance import SurfaceDistance
from .crossing import Crossing, Passage, crossings, passage
from .line_distance import Clearance, ClearanceCurve, clearance_curve, needle_clearance
from .needle_limits import Limit, distance_limits, judge_clearance, other_limits
from .needle_line import NeedleLine
from .needle_settings import NeedleSettings
from .robustness import Robustness, placement_robustness
from .settings import DEFAULT_PLANNING, PlanningSettings
from .structure_roles import body_of
from .target_place import TargetPlace, bridge_mm, first_capsule, off_axis_deg, target_place
from .twin_geometry import TwinGeometry


@dataclass(frozen=True, eq=False)
class TrajectoryResult:
    """The figures of one trajectory.

    Parameters
    ----------
    length_mm
        From entry to target.
    skin, capsule
        Where the way first enters the body, and the organ that holds the target; None where there is no such surface.
    depth_mm
        From the skin to the target; None if the way does not come through the skin.
    bridge_mm
        The organ's own tissue before the lesion; None if the target lies in no organ.
    off_axis_deg
        Between the way and the lesion's long axis; None if there is no lesion, or it is about as long as wide.
    crossed
        Pieces of the way inside structures, in order of their entry.
    clearances
        Of the whole needle to every structure that has voxels, nearest first.
    curve
        Clearance against depth, of those structures that come near.
    unnamed_mm
        How much of the way inside the body lies in no other structure: fat and muscle, or what nobody has segmented.
        None where the twin has no body.
    outside_mm
        How much of the way lies outside the scan.
    robustness
        How often placement errors break a distance; None if there is nothing to break, or it was not asked for.
    """

    trajectory: Trajectory
    length_mm: float
    skin: Passage | None
    capsule: Passage | None
    place: TargetPlace
    bridge_mm: float | None
    off_axis_deg: float | None
    crossed: tuple[Crossing, ...]
    clearances: tuple[Clearance, ...]
    curve: ClearanceCurve
    limits: tuple[Limit, ...]
    unnamed_mm: float | None
    outside_mm: float
    robustness: Robustness | None
    terms: ErrorTerms
    verdict: Verdict

    @property
    def name(self) -> str:
        return self.trajectory.name

    @property
    def depth_mm(self) -> float | None:
        return None if self.skin is None else self.length_mm - self.skin.depth_mm

    @property
    def entry_mm(self) -> Point3:
        return self.trajectory.entry_mm


def evaluate_trajectory(
    geometry: TwinGeometry, trajectory: Trajectory, settings: PlanningSettings = DEFAULT_PLANNING
) -> TrajectoryResult:
    """The figures of a trajectory on a twin.

    Raises
    ------
    PlanError
        If it names a structure that the twin does not have, or that has no voxels; the message names the field.
    """
    _check_names(geometry, trajectory)
    needles, line = settings.needles, NeedleLine.of(trajectory)
    surfaces = {s.name: geometry.surface(s.name) for s in geometry.measurable()}
    pieces = [c for name, surface in surfaces.items() for c in crossings(name, surface, line)]
    crossed = tuple(sorted(pieces, key=lambda c: (c.entry_depth_mm, -c.length_mm)))
    place = target_place(geometry.twin, crossed, line.length_mm)
    skin, capsule = _entries(geometry, surfaces, crossed, place, line, needles)
    bridge = bridge_mm(place, crossed, line.length_mm)
    clearances, limits = _clearances(geometry, trajectory, surfaces, place)
    limits += other_limits(geometry, trajectory, crossed, skin, capsule, bridge, needles)
    near = {c.structure: surfaces[c.structure] for c in clearances if c.min_mm < needles.curve_reach_mm}
    limited = tuple(c for c in clearances if c.needed_mm is not None)
    return TrajectoryResult(
        trajectory=trajectory,
        length_mm=line.length_mm,
        skin=skin,
        capsule=capsule,
        place=place,
        bridge_mm=bridge,
        off_axis_deg=off_axis_deg(surfaces[place.lesion], line.direction) if place.lesion else None,
        crossed=crossed,
        clearances=clearances,
        curve=clearance_curve(near, line, trajectory.tool.radius_mm, needles.curve_step_mm),
        limits=tuple(limits),
        unnamed_mm=_unnamed_mm(geometry, crossed),
        outside_mm=line.outside_mm(geometry.twin.labels.grid, trajectory.tool.radius_mm),
        robustness=placement_robustness(trajectory, limited, surfaces, needles),
        terms=geometry.error_terms(),
        verdict=worst(tuple(limit.verdict for limit in limits)),
    )


def _check_names(geometry: TwinGeometry, trajectory: Trajectory) -> None:
    def check(name: str, path: str) -> None:
        if geometry.twin.labels.voxels(geometry.structure(name, path)) == 0:
            raise PlanError(f"'{name}' was not found in this twin's image: it has no voxel.", path)
        geometry.require_surface(name, path)

    for n, avoid in enumerate(trajectory.avoid):
        check(avoid.structure, f"avoid[{n}].structure")
    for n, name in enumerate(trajectory.through):
        check(name, f"through[{n}]")
    for n, inside in enumerate(trajectory.inside):
        check(inside.structure, f"inside[{n}].structure")


def _entries(
    geometry: TwinGeometry,
    surfaces: dict[str, SurfaceDistance],
    crossed: tuple[Crossing, ...],
    place: TargetPlace,
    line: NeedleLine,
    needles: NeedleSettings,
) -> tuple[Passage | None, Passage | None]:
    """Where the way comes through the skin and through the capsule of the organ; not where it begins inside."""
    near = COVERAGE_FACTOR * geometry.error_terms().combined_mm

    def enter(piece: Crossing | None) -> Passage | None:
        if piece is None:
            return None
        surface = surfaces[piece.structure]
        if piece.entry_depth_mm == 0 and float(surface.at(line.start[None])[0]) < -near:
            return None
        return passage(piece.structure, surface, line, piece.entry_depth_mm, needles.patch_mm)

    body = body_of(geometry.twin)
    through_skin = None if body is None else next((c for c in crossed if c.structure == body.name), None)
    return enter(through_skin), enter(first_capsule(place, crossed))


def _clearances(
    geometry: TwinGeometry, trajectory: Trajectory, surfaces: dict[str, SurfaceDistance], place: TargetPlace
) -> tuple[tuple[Clearance, ...], list[Limit]]:
    line, terms = NeedleLine.of(trajectory), geometry.error_terms()
    wanted = distance_limits(geometry, trajectory, place)
    clearances, limits = [], []
    for name, surface in surfaces.items():
        clearance = needle_clearance(name, surface, line, trajectory.tool.radius_mm, terms)
        if name in wanted:
            kind, needed = wanted[name]
            limit = judge_clearance(clearance, kind, needed)
            limits.append(limit)
            clearance = replace(clearance, needed_mm=needed, verdict=limit.verdict)
        clearances.append(clearance)
    return tuple(sorted(clearances, key=lambda c: c.min_mm)), limits


def _unnamed_mm(geometry: TwinGeometry, crossed: tuple[Crossing, ...]) -> float | None:
    body = body_of(geometry.twin)
    if body is None:
        return None
    bounds = sorted({d for c in crossed for d in (c.entry_depth_mm, c.exit_depth_mm)})
    total = 0.0
    for low, high in pairwise(bounds):
        there = {c.structure for c in crossed if c.entry_depth_mm <= low and c.exit_depth_mm >= high}
        total += high - low if there == {body.name} else 0.0
    return total
