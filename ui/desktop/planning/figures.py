"""The figures of a cut as the panel shows them: exact ones, or nearly those while the hand still moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import PatientFigures
from surgtwin.domain.verdict import COVERAGE_FACTOR, ErrorTerms, Verdict
from surgtwin.planning.margin import Margin
from surgtwin.planning.preview import PreviewFigures, PreviewMargin
from surgtwin.planning.remnant import body_size, body_weight_percent, judge_remnant, standardised_percent
from surgtwin.planning.resection import ResectionResult, VolumeFigure
from surgtwin.planning.settings import DEFAULT_PLANNING, PlanningSettings

LIVER = "liver"


@dataclass(frozen=True)
class MarginNumbers:
    """One target's margin; `min_mm` None where there is nothing to measure, `reason` says why."""

    target: str
    wanted_mm: float
    min_mm: float | None
    error_mm: float
    verdict: Verdict
    reason: str
    at_mm: Point3 | None
    cut_at_mm: Point3 | None


@dataclass(frozen=True)
class CutNumbers:
    """What one cut (or all cuts of an organ) takes and leaves.

    Parameters
    ----------
    is_exact
        False for a preview.
    least_percent, verdict
        Smallest remnant in use for the tissue and whether it is kept; livers only, else None.
    """

    name: str
    organ: str
    whole: VolumeFigure
    resected: VolumeFigure
    remnant: VolumeFigure
    remnant_percent: float
    percent_error: float
    flr_percent: float
    sflr_percent: dict[str, float]
    body_weight_percent: float | None
    least_percent: float | None
    verdict: Verdict | None
    margins: tuple[MarginNumbers, ...]
    is_exact: bool


def numbers_of_result(result: ResectionResult) -> CutNumbers:
    """The exact figures."""
    return CutNumbers(
        result.name, result.organ_name, result.organ, result.resected, result.remnant, result.remnant_percent,
        result.remnant_error_percent, result.flr_percent, result.sflr_percent, result.body_weight_percent,
        result.least_percent, result.remnant_verdict, tuple(_margin(m) for m in result.margins), True,
    )  # fmt: skip


def numbers_of_preview(
    name: str,
    organ: str,
    preview: PreviewFigures,
    patient: PatientFigures,
    terms: ErrorTerms,
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> CutNumbers:
    """Nearly the figures. Volumes have no error bar yet; margins have the twin's, widened by the preview's."""
    is_liver = organ == LIVER
    size = body_size(patient, settings.bsa_formula)
    least = settings.thresholds.percent[patient.parenchyma] if is_liver else None
    return CutNumbers(
        name, organ,
        VolumeFigure(preview.organ_ml, 0.0),
        VolumeFigure(preview.resected_ml, 0.0),
        VolumeFigure(preview.remnant_ml, 0.0),
        preview.remnant_percent, preview.error_percent, preview.flr_percent,
        standardised_percent(preview.flr_ml, size) if is_liver else {},
        body_weight_percent(preview.flr_ml, patient) if is_liver else None,
        least, None if least is None else judge_remnant(preview.flr_percent, preview.error_percent, least),
        tuple(_preview_margin(m, terms) for m in preview.margins), False,
    )  # fmt: skip


def _margin(m: Margin) -> MarginNumbers:
    error = COVERAGE_FACTOR * m.terms.combined_mm
    return MarginNumbers(m.target, m.wanted_mm, m.min_mm, error, m.verdict, m.reason, m.at_mm, m.cut_at_mm)


def _preview_margin(m: PreviewMargin, terms: ErrorTerms) -> MarginNumbers:
    error = COVERAGE_FACTOR * math.hypot(terms.combined_mm, m.error_mm / COVERAGE_FACTOR)
    reason = "target not resected" if m.is_missed else "" if m.is_resected else "the cut passes through the target"
    return MarginNumbers(m.target, m.wanted_mm, m.min_mm, error, m.verdict, reason, m.at_mm, m.cut_at_mm)
