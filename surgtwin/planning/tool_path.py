"""What an instrument's path comes near to, touches and takes away, and whether that is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..domain.geometry import Point3
from ..domain.plan import ToolPath
from ..domain.trajectory import strictest
from ..domain.verdict import ErrorTerms, Verdict, judge, worst
from ..errors import PlanError
from ..progress import SILENT, Progress
from ..simulation.clearance import Clearance, clearance_over_time
from ..simulation.ellipsoid import as_point
from ..simulation.instrument import Instrument, instrument_of
from ..simulation.motion import Motion, fill_in
from ..simulation.scan_edge import Outside, outside_scan
from ..simulation.swept import removed_ml, sweep
from ..simulation.timeline import Timeline, make_timeline
from ..simulation.trocar import trocar_state
from .needle_limits import error_reason
from .path_trocar import TrocarCourse, inward_normal, trocar_course
from .settings import DEFAULT_PLANNING, PlanningSettings
from .structure_roles import is_wrapping, present
from .twin_geometry import TwinGeometry


@dataclass(frozen=True)
class NearestPass:
    """How near a whole instrument comes to one structure.

    Parameters
    ----------
    min_mm
        From the instrument's surface to the structure's; negative: how deep it enters.
    at_mm, structure_at_mm, time_s
        Where it is worst, on the axis of the instrument and on the structure's surface, and when.
    needed_mm, verdict
        What is to be kept clear and whether it is; None where the structure may be touched.
    """

    structure: str
    min_mm: float
    at_mm: Point3
    structure_at_mm: Point3
    time_s: float
    terms: ErrorTerms
    needed_mm: float | None = None
    verdict: Verdict | None = None

    @property
    def reason(self) -> str:
        """What the verdict rests on, for a person."""
        if self.verdict is Verdict.VIOLATED:
            return "too close" if self.min_mm > 0.0 else "touches or enters it"
        return error_reason(self.terms) if self.verdict is Verdict.UNPROVEN else ""


@dataclass(frozen=True)
class PathVerdict:
    """The verdict on a path: the worst of its limits, and where and when that is; reasons are for a person."""

    verdict: Verdict
    reason: str = ""
    time_s: float | None = None
    at_mm: Point3 | None = None


@dataclass(frozen=True, eq=False)
class ToolPathResult:
    """The figures of one tool path.

    Parameters
    ----------
    timeline
        Every pose looked at, with its clearances, and the contacts.
    nearest
        The nearest pass of every structure that has voxels, nearest first.
    swept_ml
        Of all the space the instrument passes, in and outside the image.
    removed_ml
        Structure -> mL taken from it; all 0 for a tool that does not cut.
    trocar
        How it stands in its port over time; None for a free hand.
    outside
        Where it leaves the scan; None if it never does.
    between_mm
        Between two poses looked at, a clearance may be this much less than at both.
    """

    path: ToolPath
    instrument: Instrument
    timeline: Timeline
    nearest: tuple[NearestPass, ...]
    swept_ml: float
    removed_ml: dict[str, float]
    trocar: TrocarCourse | None
    outside: Outside | None
    between_mm: float
    judgement: PathVerdict

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict


def evaluate_tool_path(
    geometry: TwinGeometry,
    path: ToolPath,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> ToolPathResult:
    """The figures of a tool path on a twin.

    Where the path names nothing to avoid, nothing may be touched but the body, its skin, fat and muscle.

    Raises
    ------
    PlanError
        If it names a structure that the twin does not have, or its tool or way can't be simulated; the message names
        the field.
    """
    needed = _needed(geometry, path)
    try:
        instrument = instrument_of(path.tool)
    except PlanError as error:
        raise error.within("tool") from error
    step = min(geometry.twin.labels.grid.spacing) / 2.0
    course, motion = _move(geometry, path, instrument, step, settings)
    clearances = _clearances(geometry, instrument, motion, progress.part(0.0, 0.8))
    nearest = _passes(geometry, clearances, motion, needed)
    progress.update(0.8)
    swept = sweep(instrument, motion)
    removed = {s.name: 0.0 for s in geometry.twin.structures}
    if path.cuts:
        removed = removed_ml(swept, geometry.twin.labels)
    progress.update(1.0)
    outside = outside_scan(geometry.twin.labels.grid, instrument, motion, path.trocar_mm)
    return ToolPathResult(
        path=path,
        instrument=instrument,
        timeline=make_timeline(motion, clearances),
        nearest=nearest,
        swept_ml=swept.volume_ml,
        removed_ml=removed,
        trocar=course,
        outside=outside,
        between_mm=motion.step_mm / 2.0,
        judgement=_judge(nearest, course, outside, settings),
    )


def _needed(geometry: TwinGeometry, path: ToolPath) -> dict[str, float]:
    """Structure -> clearance that is to be kept."""
    for n, avoid in enumerate(path.avoid):
        if geometry.twin.labels.voxels(geometry.structure(avoid.structure, f"avoid[{n}].structure")) == 0:
            raise PlanError(
                f"'{avoid.structure}' was not found in this twin's image: it has no voxel.", f"avoid[{n}].structure"
            )
        geometry.require_surface(avoid.structure, f"avoid[{n}].structure")
    if path.avoid:
        return strictest(path.avoid)
    return {s.name: 0.0 for s in present(geometry.twin) if not is_wrapping(s)}


def _move(
    geometry: TwinGeometry, path: ToolPath, instrument: Instrument, step_mm: float, settings: PlanningSettings
) -> tuple[TrocarCourse | None, Motion]:
    """The filled-in motion. If the key poses keep to their port, so does all that is between them."""
    trocar = path.trocar_mm
    if trocar is None:
        return None, fill_in(path.poses, instrument, step_mm)
    keys = [trocar_state(p.lps_from_tool, trocar, instrument.length_mm).deviation_mm for p in path.poses]
    pivot = trocar if max(keys) <= settings.trocar_tolerance_mm else None
    motion = fill_in(path.poses, instrument, step_mm, pivot)
    inward = inward_normal(geometry, trocar, settings.needles.patch_mm)
    return trocar_course(trocar, inward, path, instrument, motion), motion


def _clearances(
    geometry: TwinGeometry, instrument: Instrument, motion: Motion, progress: Progress
) -> tuple[Clearance, ...]:
    structures, found = geometry.measurable(), []
    for n, s in enumerate(structures):
        progress.update(n / len(structures), f"clearance to {s.name}")
        surface = geometry.segments(s.name)
        found.append(clearance_over_time(s.name, surface, partial(geometry.depths, s.name), instrument, motion))
    return tuple(found)


def _passes(
    geometry: TwinGeometry, clearances: tuple[Clearance, ...], motion: Motion, needed: dict[str, float]
) -> tuple[NearestPass, ...]:
    found = []
    for c in clearances:
        terms = geometry.error_terms(c.structure)
        wanted = needed.get(c.structure)
        verdict = None if wanted is None else judge(c.min_mm, wanted, terms)
        place = as_point(c.surface_mm[c.worst])
        time = float(motion.times_s[c.worst])
        found.append(NearestPass(c.structure, c.min_mm, c.at_mm, place, time, terms, wanted, verdict))
    return tuple(sorted(found, key=lambda p: p.min_mm))


def _judge(
    nearest: tuple[NearestPass, ...], course: TrocarCourse | None, outside: Outside | None, settings: PlanningSettings
) -> PathVerdict:
    """The worst of all limits; of several equally bad ones the first listed."""
    judged = [p for p in nearest if p.verdict is not None]
    judged.sort(key=lambda p: p.min_mm - (p.needed_mm or 0.0))
    limits = [
        PathVerdict(p.verdict or Verdict.SAFE, f"{p.structure}: {p.reason}" if p.reason else "", p.time_s, p.at_mm)
        for p in judged
    ]
    if course is not None:
        limits += _port_limits(course, settings)
    if outside is not None and outside.is_in_body:
        limits.append(PathVerdict(Verdict.UNPROVEN, "outside the scan: unknown tissue", outside.at_s, outside.at_mm))
    overall = worst(tuple(limit.verdict for limit in limits))
    return next((limit for limit in limits if limit.verdict is overall), PathVerdict(Verdict.SAFE))


def _port_limits(course: TrocarCourse, settings: PlanningSettings) -> list[PathVerdict]:
    limits = []
    off = course.worst
    if off.deviation_mm > settings.trocar_tolerance_mm:
        text = f"the shaft passes {off.deviation_mm:.1f} mm beside its trocar"
        limits.append(PathVerdict(Verdict.VIOLATED, text, off.time_s, course.trocar_mm))
    short = course.deepest
    if short.shaft_left_mm < 0.0:
        text = f"the shaft is {-short.shaft_left_mm:.1f} mm too short to come from its trocar"
        limits.append(PathVerdict(Verdict.VIOLATED, text, short.time_s, course.trocar_mm))
    return limits
