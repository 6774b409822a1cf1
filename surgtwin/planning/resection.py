"""What a resection takes, what it leaves, and how far it stays from its targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.cut import Combination
from ..domain.plan import PatientFigures, Resection
from ..domain.verdict import ErrorTerms, Verdict
from ..errors import PlanError
from .cut_error import cut_error_ml
from .cut_side import CombinedSide
from .functional_remnant import FunctionalRemnant
from .margin import Margin, measure_margin
from .nephrometry import KidneyTumour, is_kidney, kidney_tumours
from .remnant import BodySize, body_size, body_weight_percent, judge_remnant, standardised_percent
from .settings import DEFAULT_PLANNING, PlanningSettings
from .split import CutSide, Split, split_tissue
from .territory_share import TerritoryShares
from .tissue import Tissue
from .twin_geometry import TwinGeometry


@dataclass(frozen=True)
class VolumeFigure:
    """A volume in mL, and how much it changes when the borders move by their standard error.

    Borders are the organ's own, and those of targets where a shell around them is the cut.
    """

    ml: float
    error_ml: float


@dataclass(frozen=True)
class ResectionResult:
    """The figures of one cut, or of several of one organ together.

    Parameters
    ----------
    organ, resected, remnant
        Organ with all that counts as its tissue; resected + remnant = organ exactly.
    remnant_percent
        Of the organ; `remnant_error_percent` is its own error: errors of remnant and organ go together.
    flr_percent
        Tumour-free remnant in percent of the organ without tumours.
    least_percent, remnant_verdict
        The smallest `flr_percent` in use for the patient's tissue, and whether it is kept; livers only, else None.
    cut_area_mm2
        Of the cut surface inside the organ.
    """

    name: str
    organ_name: str
    organ: VolumeFigure
    resected: VolumeFigure
    remnant: VolumeFigure
    tumour_ml: float
    remnant_percent: float
    remnant_error_percent: float
    flr_percent: float
    sflr_percent: dict[str, float]
    body_weight_percent: float | None
    least_percent: float | None
    remnant_verdict: Verdict | None
    cut_area_mm2: float
    margins: tuple[Margin, ...]
    body: BodySize
    resections: tuple[str, ...] = ()
    """The cuts that were put together; one name for a cut of its own."""
    functional: FunctionalRemnant | None = None
    """What keeps inflow and outflow; None until it was asked for, or if no vessel of the organ is in the twin."""
    territories: tuple[TerritoryShares, ...] = ()
    """What is taken of each territory or segment, by vessel; empty where no person has named a branch."""
    kidney: tuple[KidneyTumour, ...] | None = None
    """Contact area and nephrometry of each target; None unless the organ is a kidney."""


@dataclass(frozen=True, eq=False)
class CutOrgan:
    """An organ's tissue split by a cut, kept for pictures and meshes."""

    resection: Resection
    side: CutSide
    split: Split

    @property
    def tissue(self) -> Tissue:
        return self.split.tissue


def cut_organ(geometry: TwinGeometry, resection: Resection) -> CutOrgan:
    """Split a resection's organ. Raises PlanError naming the field at fault, also if the cut misses the organ."""
    tissue = geometry.organ_tissue(resection)
    try:
        side = geometry.side(resection.surface, tissue)
    except PlanError as error:
        raise error.within("surface") from error
    split = split_tissue(tissue, side)
    if not len(split.surface.points_mm):
        where = "all of it lies on the resected side" if split.resected_ml > 0 else "none of it is resected"
        raise PlanError(f"the cut misses '{resection.organ}': {where}. Move the cut into the organ.", "surface")
    return CutOrgan(resection, side, split)


def evaluate_resection(
    geometry: TwinGeometry,
    cut: CutOrgan,
    patient: PatientFigures,
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> ResectionResult:
    """The figures of one cut, judged alone."""
    resection = cut.resection
    margins = tuple(_margin(geometry, target, cut.split, cut.side, resection.margin_mm) for target in resection.targets)
    return _figures(geometry, resection.name, (resection,), cut.side, cut.split, margins, patient, settings)


def evaluate_together(
    geometry: TwinGeometry,
    cuts: tuple[CutOrgan, ...],
    patient: PatientFigures,
    settings: PlanningSettings = DEFAULT_PLANNING,
) -> ResectionResult:
    """The figures of all cuts of one organ carried out: what any of them takes is taken."""
    if len(cuts) == 1:
        return evaluate_resection(geometry, cuts[0], patient, settings)
    side = CombinedSide(Combination.UNION, tuple(c.side for c in cuts))
    names = tuple(dict.fromkeys(n for c in cuts for n in c.tissue.names))
    split = split_tissue(geometry.tissue(names), side)
    wanted: dict[str, float] = {}
    for cut in cuts:
        for target in cut.resection.targets:
            wanted[target] = max(wanted.get(target, 0.0), cut.resection.margin_mm)
    margins = tuple(_margin(geometry, target, split, side, mm) for target, mm in wanted.items())
    resections = tuple(c.resection for c in cuts)
    name = " + ".join(r.name for r in resections)
    return _figures(geometry, name, resections, side, split, margins, patient, settings)


def _margin(geometry: TwinGeometry, target: str, split: Split, side: CutSide, wanted_mm: float) -> Margin:
    surface, terms = geometry.surface(target), geometry.error_terms(target)
    return measure_margin(target, surface, split.surface, side, wanted_mm, terms)


def _figures(
    geometry: TwinGeometry,
    name: str,
    resections: tuple[Resection, ...],
    side: CutSide,
    split: Split,
    margins: tuple[Margin, ...],
    patient: PatientFigures,
    settings: PlanningSettings,
) -> ResectionResult:
    organ = resections[0].organ
    total_ml, remnant_ml = split.tissue.volume_ml, split.remnant_ml
    area_resected, area_remnant = outer_areas_mm2(geometry, split.tissue, side)
    move = border_error_mm(geometry.error_terms(organ)) / 1000.0
    tumour_ml, tumour_left_ml = _tumours(geometry, resections, side)
    is_liver = organ == "liver"
    size = body_size(patient, settings.bsa_formula) if is_liver else BodySize(None, settings.bsa_formula, {})
    free_ml, healthy_ml = remnant_ml - tumour_left_ml, total_ml - tumour_ml
    flr = 100.0 * free_ml / healthy_ml if healthy_ml > 0 else 0.0
    shells = cut_error_ml(side, split.surface, lambda target: border_error_mm(geometry.error_terms(target)))
    by_border = _percent_error(remnant_ml, total_ml, area_remnant * move, (area_remnant + area_resected) * move)
    percent_error = float(np.hypot(by_border, 100.0 * shells / total_ml))
    least = settings.thresholds.percent[patient.parenchyma] if is_liver else None
    return ResectionResult(
        name=name,
        organ_name=organ,
        organ=VolumeFigure(total_ml, (area_resected + area_remnant) * move),
        resected=VolumeFigure(split.resected_ml, float(np.hypot(area_resected * move, shells))),
        remnant=VolumeFigure(remnant_ml, float(np.hypot(area_remnant * move, shells))),
        tumour_ml=tumour_ml,
        remnant_percent=100.0 * remnant_ml / total_ml,
        remnant_error_percent=percent_error,
        flr_percent=flr,
        sflr_percent=standardised_percent(free_ml, size),
        body_weight_percent=body_weight_percent(free_ml, patient) if is_liver else None,
        least_percent=least,
        remnant_verdict=None if least is None else judge_remnant(flr, percent_error, least),
        cut_area_mm2=split.surface.total_mm2,
        margins=margins,
        body=size,
        resections=tuple(r.name for r in resections),
        kidney=kidney_tumours(geometry, resections) if is_kidney(geometry, organ) else None,
    )


def border_error_mm(terms: ErrorTerms) -> float:
    """How far an organ's border may be off, for the error of a volume: voxels and segmentation."""
    return float(np.hypot(terms.voxel_mm, terms.segmentation_mm))


def outer_areas_mm2(geometry: TwinGeometry, tissue: Tissue, side: CutSide) -> tuple[float, float]:
    """The organ's own surface on the resected and on the remnant side; the cut surface counts to neither."""
    mesh = geometry.tissue_mesh(tissue)
    corners = mesh.vertices_mm[mesh.triangles]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
    taken = side.signed(corners.mean(1)) > 0
    return float(areas[taken].sum()), float(areas[~taken].sum())


def _percent_error(part: float, whole: float, part_move: float, whole_move: float) -> float:
    """The larger change of 100 part / whole when the border moves outward or inward by its error."""
    percent = 100.0 * part / whole
    moved = []
    for sign in (1.0, -1.0):
        moved_whole = whole + sign * whole_move
        if moved_whole > 0:
            moved.append(abs(100.0 * max(part + sign * part_move, 0.0) / moved_whole - percent))
    return max(moved)


def _tumours(geometry: TwinGeometry, resections: tuple[Resection, ...], side: CutSide) -> tuple[float, float]:
    """Volume of all tumours of the organ, and of what of them is left behind, mL."""
    names = tuple(dict.fromkeys(n for r in resections for n in geometry.tumours(r)))
    if not names:
        return 0.0, 0.0
    split = split_tissue(geometry.tissue(names), side)
    return split.tissue.volume_ml, split.remnant_ml
