"""A plan's figures and picture, first nearly, then exactly: what the worker does for the desk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from surgtwin.domain.cut import Combination, CombinedCut, PlaneCut
from surgtwin.domain.plan import PatientFigures, Plan, Resection
from surgtwin.domain.trajectory import Trajectory
from surgtwin.errors import PlanError
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.needle_settings import NeedleSettings
from surgtwin.planning.patient_context import patient_context
from surgtwin.planning.preview import ResectionPreview, preview_of
from surgtwin.planning.settings import PlanningSettings
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.trajectory import TrajectoryResult, evaluate_trajectory
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.planning.unfold import UnfoldedMap, unfold
from surgtwin.progress import Progress

from .figures import CutNumbers, numbers_of_preview, numbers_of_result
from .path_figures import PathFigures, QuickPaths, figures_of_result
from .pictures import PictureMaker, PlanPicture
from .zone_figures import ZoneFigureMaker, ZoneFigures

MISSES = "The cut misses the organ: move it until it passes through."
MAP_STEP_MM = 1.5
QUICK_NEEDLES = PlanningSettings(needles=NeedleSettings(samples=0, curve_step_mm=4.0))
"""The chance of violation takes a thousand needles: it has to wait until the hand rests."""
_ANY = PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
"""Stands for the surface where only what is cut counts."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What is known of a plan.

    Parameters
    ----------
    evaluation
        The exact figures; None in a preview, and where `problem` says why there are none.
    numbers
        Of each cut by name; those of an organ's cuts together under `together`.
    maps
        Each cut laid out flat, by its name; with the exact figures only.
    needles
        The figures of each needle by its name; in a preview without the chance of violation.
    zones
        The figures of treated zones, and their shapes.
    paths
        The figures of each tool path by its name.
    problem
        Why the plan can't be judged, for a person; empty where it can.
    """

    plan: Plan
    picture: PlanPicture
    numbers: dict[str, CutNumbers] = field(default_factory=dict)
    together: tuple[CutNumbers, ...] = ()
    evaluation: PlanEvaluation | None = None
    problem: str = ""
    maps: dict[str, tuple[UnfoldedMap, ...]] = field(default_factory=dict)
    needles: dict[str, TrajectoryResult] = field(default_factory=dict)
    paths: dict[str, PathFigures] = field(default_factory=dict)
    zones: ZoneFigures = field(default_factory=ZoneFigures)

    @property
    def is_exact(self) -> bool:
        return self.evaluation is not None


class Judge:
    """Judges plans on one twin. One thread at a time; two judges may share a geometry."""

    def __init__(self, geometry: TwinGeometry) -> None:
        self.geometry = geometry
        self._maker = PictureMaker(geometry)
        self._previews: dict[Resection, ResectionPreview] = {}
        self._needles: dict[Trajectory, TrajectoryResult] = {}
        self._paths = QuickPaths(geometry)
        self._zones = ZoneFigureMaker(geometry, self._maker)

    def warm(self, resection: Resection) -> Tissue:
        """Prepare what dragging a cut of that organ needs; answers the organ's tissue."""
        tissue = self._preview(resection).cells.tissue
        self._maker.prepare(tissue)
        return tissue

    def exact(self, plan: Plan, progress: Progress) -> Judged:
        """The last word on a plan."""
        quick = self.quick(plan, progress)
        if quick.problem:
            return quick
        try:
            evaluation = evaluate_plan(self.geometry, plan, progress=progress)
        except PlanError as error:
            return replace(quick, problem=str(error))
        progress.check()
        picture = self._picture(plan, False)
        numbers = {r.name: numbers_of_result(r) for r in evaluation.resections}
        together = tuple(numbers_of_result(r) for r in evaluation.combined if len(r.resections) > 1)
        needles = {r.name: r for r in evaluation.trajectories}
        paths = {r.name: figures_of_result(r) for r in evaluation.tool_paths}
        maps, zones = self._maps(evaluation, progress), self._zones.exact(evaluation)
        return Judged(
            plan, picture, numbers, together, evaluation, maps=maps, needles=needles, paths=paths, zones=zones
        )

    def _maps(self, evaluation: PlanEvaluation, progress: Progress) -> dict[str, tuple[UnfoldedMap, ...]]:
        maps = {}
        for cut in evaluation.cuts:
            progress.check()
            maps[cut.resection.name] = unfold(self.geometry, cut, MAP_STEP_MM)
        return maps

    def quick(self, plan: Plan, progress: Progress) -> Judged:
        """Nearly the figures and a coarser picture, within the time of a few pictures."""
        numbers, problem = {}, ""
        try:
            for resection in plan.resections:
                progress.check()
                seen = self._preview(resection).at(resection.surface)
                numbers[resection.name] = numbers_of_preview(
                    resection.name, resection.organ, seen, self._figures(plan), self.geometry.error_terms()
                )
                if not len(seen.surface.points_mm):
                    problem = MISSES
            progress.check()
            needles, zones = self._quick_needles(plan, progress), self._zones.quick(plan)
            picture, together = self._picture(plan, True), self._together(plan)
            paths = self._paths.of(plan, progress)
            return Judged(plan, picture, numbers, together, problem=problem, needles=needles, paths=paths, zones=zones)
        except PlanError as error:
            return Judged(plan, PlanPicture(), problem=str(error))

    def _quick_needles(self, plan: Plan, progress: Progress) -> dict[str, TrajectoryResult]:
        """Those of needles that did not move are known already."""
        now = {}
        for needle in plan.trajectories:
            progress.check()
            now[needle] = self._needles.get(needle) or evaluate_trajectory(self.geometry, needle, QUICK_NEEDLES)
        self._needles = now
        return {needle.name: result for needle, result in now.items()}

    def _together(self, plan: Plan) -> tuple[CutNumbers, ...]:
        """Nearly what the cuts of one organ take together, where it has several."""
        found = []
        for organ in dict.fromkeys(r.organ for r in plan.resections):
            cuts = [r for r in plan.resections if r.organ == organ]
            if len(cuts) < 2:
                continue
            surface = CombinedCut(Combination.UNION, tuple(c.surface for c in cuts))
            name = " + ".join(c.name for c in cuts)
            whole = Resection(name, organ, surface, _names(c.includes for c in cuts), _names(c.targets for c in cuts))
            seen = self._preview(whole).at(surface)
            found.append(numbers_of_preview(name, organ, seen, self._figures(plan), self.geometry.error_terms()))
        return tuple(found)

    def _figures(self, plan: Plan) -> PatientFigures:
        return patient_context(plan.patient, self.geometry.twin.record).figures

    def _picture(self, plan: Plan, quick: bool) -> PlanPicture:
        sides = tuple(self._preview(r).side(r.surface) for r in plan.resections)
        return self._maker.plan_picture(plan.resections, sides, quick)

    def _preview(self, resection: Resection) -> ResectionPreview:
        key = replace(resection, name="-", surface=_ANY)
        if key not in self._previews:
            self._previews[key] = preview_of(self.geometry, resection)
        return self._previews[key]


def _names(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Each name once, in order."""
    return tuple(dict.fromkeys(name for listed in lists for name in listed))
