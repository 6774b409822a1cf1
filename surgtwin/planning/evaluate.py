"""Everything about a plan on a twin, judged in one go: the same figures for screen, report, command line and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from ..domain.plan import PatientFigures, Plan
from ..errors import PlanError
from ..progress import SILENT, Progress
from .ablation import evaluate_ablation, evaluate_by_target
from .checks import check_plan
from .evaluation import PlanEvaluation
from .functional_evaluation import functional_together, with_functional
from .needle_conflicts import needle_pairs
from .patient_context import patient_context
from .remnant import body_size
from .resection import CutOrgan, ResectionResult, cut_organ, evaluate_resection, evaluate_together
from .settings import DEFAULT_PLANNING, PlanningSettings
from .tool_path import evaluate_tool_path
from .trajectory import evaluate_trajectory
from .twin_geometry import TwinGeometry

Item = TypeVar("Item")
Result = TypeVar("Result")


def evaluate_plan(
    geometry: TwinGeometry,
    plan: Plan,
    settings: PlanningSettings = DEFAULT_PLANNING,
    progress: Progress = SILENT,
) -> PlanEvaluation:
    """Judge every part of a plan on a twin.

    Raises
    ------
    PlanError
        If a part does not fit the twin; the message begins with the path of the field at fault.
    Cancelled
        When asked to stop through ``progress``.
    """
    geometry = geometry.with_vessel_names(plan.vessels)
    patient = patient_context(plan.patient, geometry.twin.record, settings.patient)
    cuts = _each("resections", plan.resections, lambda r: cut_organ(geometry, r), progress.part(0.0, 0.5, "cuts"))
    resections = _each(
        "resections",
        cuts,
        lambda c: with_functional(geometry, evaluate_resection(geometry, c, patient.figures, settings), c, settings),
        progress.part(0.5, 0.9, "margins"),
    )
    evaluation = PlanEvaluation(
        plan,
        body_size(patient.figures, settings.bsa_formula),
        resections,
        _combined(geometry, patient.figures, cuts, resections, settings),
        cuts,
        patient=patient,
    )
    evaluation = _with_tools(geometry, evaluation, settings, progress)
    progress.update(1.0)
    return replace(evaluation, findings=check_plan(geometry, evaluation, settings))


def _combined(
    geometry: TwinGeometry,
    patient: PatientFigures,
    cuts: tuple[CutOrgan, ...],
    alone: tuple[ResectionResult, ...],
    settings: PlanningSettings,
) -> tuple[ResectionResult, ...]:
    """The cuts of each organ carried out together; the figures of the only cut of an organ are known already."""
    found = []
    for some in _by_organ(cuts):
        if len(some) == 1:
            found.append(next(r for c, r in zip(cuts, alone, strict=True) if c is some[0]))
            continue
        together = evaluate_together(geometry, some, patient, settings)
        found.append(functional_together(geometry, together, some, settings))
    return tuple(found)


def _with_tools(
    geometry: TwinGeometry, evaluation: PlanEvaluation, settings: PlanningSettings, progress: Progress
) -> PlanEvaluation:
    """The evaluation of the cuts with that of zones, needles and tool paths."""
    plan = evaluation.plan
    zones = _each(
        "ablations",
        plan.ablations,
        lambda a: evaluate_ablation(geometry, a, settings),
        progress.part(0.9, 0.95, "zones"),
    )
    needles = _each(
        "trajectories",
        plan.trajectories,
        lambda t: evaluate_trajectory(geometry, t, settings),
        progress.part(0.95, 0.97, "needles"),
    )
    paths = _each(
        "tool_paths",
        plan.tool_paths,
        lambda p: evaluate_tool_path(geometry, p, settings, progress.part(0.97, 1.0)),
        progress.part(0.97, 1.0, "tool paths"),
    )
    ablations, by_target = evaluate_by_target(geometry, plan.ablations, zones, settings)
    return replace(
        evaluation,
        ablations=ablations,
        ablations_combined=by_target,
        trajectories=needles,
        needle_pairs=needle_pairs(plan.trajectories, settings.needles.noise),
        tool_paths=paths,
    )


def _each(field: str, items: Iterable[Item], judge: Callable[[Item], Result], progress: Progress) -> tuple[Result, ...]:
    listed = list(items)
    results = []
    for n, item in enumerate(listed):
        progress.update(n / len(listed))
        try:
            results.append(judge(item))
        except PlanError as error:
            raise error.within(f"{field}[{n}]") from error
    return tuple(results)


def _by_organ(cuts: tuple[CutOrgan, ...]) -> list[tuple[CutOrgan, ...]]:
    organs = dict.fromkeys(c.resection.organ for c in cuts)
    return [tuple(c for c in cuts if c.resection.organ == organ) for organ in organs]
