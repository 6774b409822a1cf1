"""The hard limits of a trajectory, each judged: tool, distances, what must be crossed, walls, angles, bridge, scan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..domain.geometry import Point3
from ..domain.trajectory import Trajectory, strictest
from ..domain.verdict import COVERAGE_FACTOR, ErrorTerms, Verdict, judge
from .crossing import Crossing, Passage
from .line_distance import Clearance
from .needle_line import NeedleLine
from .needle_settings import NeedleSettings
from .needle_wall import measure_wall
from .structure_roles import is_bone, present
from .target_place import TargetPlace
from .twin_geometry import TwinGeometry


class LimitKind(StrEnum):
    TOOL_LENGTH = "tool-length"
    CLEARANCE = "clearance"
    BONE = "bone"
    THROUGH = "through"
    WALL = "wall"
    SKIN_ANGLE = "skin-angle"
    CAPSULE_ANGLE = "capsule-angle"
    BRIDGE = "bridge"
    SCAN = "scan"


@dataclass(frozen=True)
class Limit:
    """One hard limit and whether it is kept.

    Parameters
    ----------
    found, needed
        mm, or degrees for angles; None where nothing could be measured.
    reason
        What the verdict rests on, for a person; empty if the limit is kept.
    """

    kind: LimitKind
    structure: str
    found: float | None
    needed: float
    verdict: Verdict
    reason: str = ""
    at_mm: Point3 | None = None


def distance_limits(
    geometry: TwinGeometry, trajectory: Trajectory, place: TargetPlace
) -> dict[str, tuple[LimitKind, float]]:
    """What is to be kept clear, by structure: what the plan names, and bone for needles through soft tissue."""
    named = {name: (LimitKind.CLEARANCE, mm) for name, mm in strictest(trajectory.avoid).items()}
    bones = {s.name for s in present(geometry.twin) if is_bone(s)}
    wanted = {*trajectory.through, *(i.structure for i in trajectory.inside)}
    if wanted & bones or set(place.holders) & bones:
        return named
    return dict.fromkeys(sorted(bones), (LimitKind.BONE, 0.0)) | named


def judge_clearance(clearance: Clearance, kind: LimitKind, needed_mm: float) -> Limit:
    """Whether a needle keeps clear of a structure."""
    verdict = judge(clearance.min_mm, needed_mm, clearance.terms)
    reason = {
        Verdict.SAFE: "",
        Verdict.UNPROVEN: error_reason(clearance.terms),
        Verdict.VIOLATED: "too close" if clearance.min_mm > 0 else "touches or enters it",
    }[verdict]
    return Limit(kind, clearance.structure, clearance.min_mm, needed_mm, verdict, reason, clearance.at_mm)


def other_limits(
    geometry: TwinGeometry,
    trajectory: Trajectory,
    crossed: tuple[Crossing, ...],
    skin: Passage | None,
    capsule: Passage | None,
    bridge_mm: float | None,
    settings: NeedleSettings,
) -> list[Limit]:
    """All limits but the distances to be kept."""
    line, terms = NeedleLine.of(trajectory), geometry.error_terms()
    radius = trajectory.tool.radius_mm
    limits = [_tool_length(trajectory, line)]
    limits += [_through(name, crossed) for name in trajectory.through]
    for inside in trajectory.inside:
        surface = geometry.surface(inside.structure)
        proven = inside.wall_mm + COVERAGE_FACTOR * terms.combined_mm
        wall = measure_wall(inside.structure, surface, line, radius, proven, settings.patch_mm)
        verdict = judge(wall.least_mm, inside.wall_mm, terms)
        reason = {
            Verdict.SAFE: "",
            Verdict.UNPROVEN: error_reason(terms),
            Verdict.VIOLATED: "leaves it" if wall.least_mm < 0 else "the wall is too thin",
        }[verdict]
        limits.append(
            Limit(LimitKind.WALL, inside.structure, wall.least_mm, inside.wall_mm, verdict, reason, wall.at_mm)
        )
    limits += _angles(trajectory, skin, capsule)
    if trajectory.min_bridge_mm is not None:
        limits.append(_bridge(bridge_mm, trajectory.min_bridge_mm, terms, capsule))
    outside = line.outside_mm(geometry.twin.labels.grid, radius)
    if outside > 0:
        limits.append(Limit(LimitKind.SCAN, "", outside, 0.0, Verdict.UNPROVEN, "outside the scan: unknown tissue"))
    return limits


def error_reason(terms: ErrorTerms) -> str:
    """Why a distance proves nothing, and what would mend it."""
    return f"the {terms.dominating} error dominates; {terms.remedy}"


def _tool_length(trajectory: Trajectory, line: NeedleLine) -> Limit:
    tool = trajectory.tool.length_mm
    fits = line.length_mm <= tool
    verdict, reason = (Verdict.SAFE, "") if fits else (Verdict.VIOLATED, "the tool is too short")
    return Limit(LimitKind.TOOL_LENGTH, "", line.length_mm, tool, verdict, reason)


def _through(name: str, crossed: tuple[Crossing, ...]) -> Limit:
    pieces = [c for c in crossed if c.structure == name]
    if pieces:
        length = sum(c.length_mm for c in pieces)
        return Limit(LimitKind.THROUGH, name, length, 0.0, Verdict.SAFE, "", pieces[0].entry_mm)
    return Limit(LimitKind.THROUGH, name, 0.0, 0.0, Verdict.VIOLATED, "not crossed")


def _angles(trajectory: Trajectory, skin: Passage | None, capsule: Passage | None) -> list[Limit]:
    limits = []
    for kind, largest, entered, what in (
        (LimitKind.SKIN_ANGLE, trajectory.max_skin_angle_deg, skin, "the way enters through no skin"),
        (LimitKind.CAPSULE_ANGLE, trajectory.max_capsule_angle_deg, capsule, "the way enters no organ"),
    ):
        if largest is None:
            continue
        if entered is None:
            limits.append(Limit(kind, "", None, largest, Verdict.UNPROVEN, what))
            continue
        fits = entered.angle_deg <= largest
        verdict, reason = (Verdict.SAFE, "") if fits else (Verdict.VIOLATED, "too flat")
        limits.append(Limit(kind, entered.structure, entered.angle_deg, largest, verdict, reason, entered.at_mm))
    return limits


def _bridge(bridge_mm: float | None, needed: float, terms: ErrorTerms, capsule: Passage | None) -> Limit:
    at = None if capsule is None else capsule.at_mm
    if bridge_mm is None:
        return Limit(LimitKind.BRIDGE, "", None, needed, Verdict.UNPROVEN, "the target lies in no organ")
    verdict = judge(bridge_mm, needed, terms)
    reason = {Verdict.SAFE: "", Verdict.UNPROVEN: error_reason(terms)}.get(
        verdict, "too little tissue before the target"
    )
    return Limit(LimitKind.BRIDGE, "" if capsule is None else capsule.structure, bridge_mm, needed, verdict, reason, at)
