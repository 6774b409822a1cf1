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
from surgtwin.report.shown import RESECTED_COLOUR, ZONE_COLOUR
from surgtwin.simulation.ellipsoid import zone_of
from ui.render.palette import Rgb

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
    """

    around_mm: FloatArray
    inside: Inside | None
    within: Tissue | None
    colour: Rgb
    worst: WorstPlace


def slice_subject(evaluation: PlanEvaluation, entry: str) -> SliceSubject:
    """The cut or zone of that name. Raises KeyError if the evaluation has no such one with a place."""
    for make in (_cut, _zone):
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
