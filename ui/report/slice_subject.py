"""What of a plan a slice shows: a region that is taken or treated, and the place where a figure is worst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.ablation import AblationResult
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.tissue import Tissue
from surgtwin.report.resections import worst_margin
from surgtwin.report.shown import RESECTED_COLOUR, TOOL_COLOUR, ZONE_COLOUR
from surgtwin.report.tool_paths import worst_pass
from surgtwin.report.trajectories import worst_clearance
from surgtwin.simulation.ellipsoid import zone_of
from ui.render.palette import Rgb

from .tool_shapes import instrument_shape, needle_shape, tip_trace

Inside = Callable[[FloatArray], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class WorstPlace:
    """The two ends of the shortest way, LPS mm in the labels' frame, its length and the verdict on it."""

    at_mm: Point3
    end_mm: Point3
    words: str
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class SliceSubject:
    """One entry of a plan as slices show it; all places in the labels' frame.

    Parameters
    ----------
    around_mm
        (N, 3) what the picture should hold.
    inside
        Of points (N, 3): whether they are taken or treated.
    within
        The tissue that `inside` counts in; None for everywhere.
    line_mm
        (P, 3) a line to draw through the places, projected on the slice: a needle, the way of a tip.
    """

    around_mm: FloatArray
    inside: Inside | None
    within: Tissue | None
    colour: Rgb
    worst: WorstPlace
    line_mm: FloatArray | None = None


def slice_subject(evaluation: PlanEvaluation, entry: str) -> SliceSubject:
    """The entry of that name. Raises KeyError if the evaluation has none with a place."""
    for make in (_cut, _zone, _needle, _path):
        subject = make(evaluation, entry)
        if subject is not None:
            return subject
    raise KeyError(entry)


def _cut(evaluation: PlanEvaluation, entry: str) -> SliceSubject | None:
    result = next((r for r in evaluation.resections if r.name == entry), None)
    margin = None if result is None else worst_margin(result)
    if margin is None or margin.at_mm is None or margin.cut_at_mm is None:
        return None
    cut = next(c for c in evaluation.cuts if c.resection.name == entry)
    words = f"{margin.min_mm:.1f} mm {margin.verdict.value}"
    worst = WorstPlace(margin.at_mm, margin.cut_at_mm, words, margin.verdict)
    return SliceSubject(
        cut.tissue.block_centre_mm, lambda p: np.asarray(cut.side.signed(p) > 0), cut.tissue, RESECTED_COLOUR, worst
    )


def _zone(evaluation: PlanEvaluation, entry: str) -> SliceSubject | None:
    result: AblationResult | None = next((r for r in evaluation.ablations_combined if r.name == entry), None)
    if result is None:
        return None
    zones = [zone_of(a) for a in evaluation.plan.ablations if a.name in result.zones]
    around = np.concatenate([z.centre_mm + np.vstack((z.axes, -z.axes)) * z.radii_mm.max() for z in zones])
    verdict = result.verdict or Verdict.UNPROVEN
    worst = WorstPlace(result.at_mm, result.rim_at_mm, f"{result.min_margin_mm:.1f} mm {verdict.value}", verdict)
    return SliceSubject(
        around, lambda p: np.asarray(np.any([z.signed(p) > 0 for z in zones], axis=0)), None, ZONE_COLOUR, worst
    )


def _needle(evaluation: PlanEvaluation, entry: str) -> SliceSubject | None:
    result = next((r for r in evaluation.trajectories if r.name == entry), None)
    worst = None if result is None else worst_clearance(result)
    if result is None or worst is None:
        return None
    shape = needle_shape(result.trajectory)
    line = np.array([result.trajectory.entry_mm, result.trajectory.target_mm])
    verdict = worst.verdict or Verdict.UNPROVEN
    place = WorstPlace(worst.at_mm, worst.structure_at_mm, f"{worst.min_mm:.1f} mm {verdict.value}", verdict)
    return SliceSubject(line, lambda p: np.asarray(shape.inside(p) > 0), None, TOOL_COLOUR, place, line)


def _path(evaluation: PlanEvaluation, entry: str) -> SliceSubject | None:
    result = next((r for r in evaluation.tool_paths if r.name == entry), None)
    worst = None if result is None else worst_pass(result)
    if result is None or worst is None:
        return None
    shape, line = instrument_shape(result), tip_trace(result)
    verdict = worst.verdict or Verdict.UNPROVEN
    place = WorstPlace(worst.at_mm, worst.structure_at_mm, f"{worst.min_mm:.1f} mm {verdict.value}", verdict)
    return SliceSubject(line, lambda p: np.asarray(shape.inside(p) > 0), None, TOOL_COLOUR, place, line)
