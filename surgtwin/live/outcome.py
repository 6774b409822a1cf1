"""What was resected against what was planned: volumes, the achieved cut beside the planned one, tumour and margins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..domain.cut import Combination
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, RigidTransform
from ..domain.plan import Plan
from ..domain.verdict import ErrorTerms, Verdict, judge
from ..errors import GeometryError, PlanError, TwinError
from ..mesh.surface_distance import SurfaceDistance, vertex_areas
from ..planning.cut_side import CombinedSide
from ..planning.margin import distance_to_cut, weighted_percentile
from ..planning.resection import VolumeFigure, border_error_mm, cut_organ, outer_areas_mm2
from ..planning.split import CutSide, Split, split_tissue
from ..planning.tissue import Tissue, organ_members
from ..planning.twin_geometry import TwinGeometry
from ..registration.surface_icp import SurfaceFit, fit_to_surface
from .remnant_growth import volume_figure
from .scan_pair import ScanPair

SAMPLES = 4000
LEAST_DEPTH_MM = 4.0
"""A place of the organ's new surface so deep under its old one lies on the cut."""
DEPTH_ERRORS = 3.0
"""Or so many errors of the alignment, if that is more."""
FEWEST_ON_CUT = 20
SAME_ML = 0.05
"""Less of a tumour left than this is the rim that voxels and alignment leave."""


@dataclass(frozen=True)
class CutDistance:
    """The achieved cut beside the planned one, mm; above 0 where tissue stayed that was to be taken.

    Parameters
    ----------
    mean_mm, p95_mm, max_mm
        Of the distance to the planned cut, whichever side.
    signed_mm
        Mean, with its sign.
    area_mm2
        Of the achieved cut surface that was found.
    """

    mean_mm: float
    p95_mm: float
    max_mm: float
    signed_mm: float
    area_mm2: float


@dataclass(frozen=True)
class TumourOutcome:
    """A target of the plan after the operation.

    Parameters
    ----------
    left_ml
        Of it, inside what remains of the organ.
    margin_mm
        From it to the achieved cut; None where no cut was found.
    verdict
        Whether the margin is what the plan wanted.
    """

    name: str
    volume_ml: float
    left_ml: float
    wanted_mm: float
    margin_mm: float | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Outcome:
    """An operation against its plan.

    Parameters
    ----------
    alignment_mm
        Root mean square distance of the organ's old and new outer surface, laid on each other.
    """

    organ: str
    before: VolumeFigure
    after: VolumeFigure
    planned: VolumeFigure
    achieved: VolumeFigure
    alignment_mm: float
    cut: CutDistance | None
    tumours: tuple[TumourOutcome, ...]
    findings: tuple[Finding, ...]


def judge_outcome(pair: ScanPair, plan: Plan, organ: str) -> Outcome:
    """What an operation did, from a scan after it, against the plan on the twin's own scan.

    The organ after is laid on the organ before by their surfaces, rigidly: what was cut away does not count. An organ
    that has changed its shape or regrown since shows in `alignment_mm` and limits what can be told.

    Raises
    ------
    PlanError, LabelError
        If the plan cuts nothing of the organ, or a scan has no such organ.
    TwinError
        If the other scan is earlier than the twin's own.
    """
    if pair.own is not pair.earlier:
        raise TwinError("The outcome is judged on a scan after the operation; this one is a prior.")
    here, there = pair.own.geometry, pair.other.geometry
    side, split, targets = _planned(here, plan, organ)
    rest = there.tissue(organ_members(there.twin.labels, organ))
    before, after = volume_figure(here, split.tissue), volume_figure(there, rest)
    fit = _laid(pair, here, there, split.tissue, rest)
    surface = there.tissue_mesh(rest)
    placed = fit.transform.apply(surface.vertices_mm)
    on_cut = _on_cut(here, split.tissue, placed, fit)
    weights = vertex_areas(surface)[on_cut]
    cut = _compared(placed[on_cut], weights, split, side) if np.count_nonzero(on_cut) >= FEWEST_ON_CUT else None
    tumours = tuple(
        _tumour(here, name, wanted, rest, fit, placed[on_cut] if cut is not None else None)
        for name, wanted in targets.items()
    )
    taken_mm2, _ = outer_areas_mm2(here, split.tissue, side)
    achieved = VolumeFigure(before.ml - after.ml, float(np.hypot(before.error_ml, after.error_ml)))
    planned = VolumeFigure(split.resected_ml, taken_mm2 * border_error_mm(here.error_terms()) / 1000.0)
    found = Outcome(organ, before, after, planned, achieved, fit.rms_mm, cut, tumours, ())
    return replace(found, findings=_findings(found, pair.days))


def _planned(geometry: TwinGeometry, plan: Plan, organ: str) -> tuple[CutSide, Split, dict[str, float]]:
    """All cuts of the organ as one, and the margin wanted around each target."""
    cuts = tuple(cut_organ(geometry, r) for r in plan.resections if r.organ == organ)
    if not cuts:
        raise PlanError(f"the plan has no resection of '{organ}': there is nothing to compare with.")
    side: CutSide = cuts[0].side
    if len(cuts) > 1:
        side = CombinedSide(Combination.UNION, tuple(c.side for c in cuts))
    names = tuple(dict.fromkeys(n for c in cuts for n in c.tissue.names))
    targets: dict[str, float] = {}
    for cut in cuts:
        for target in cut.resection.targets:
            targets[target] = max(targets.get(target, 0.0), cut.resection.margin_mm)
    return side, split_tissue(geometry.tissue(names), side), targets


def _laid(pair: ScanPair, here: TwinGeometry, there: TwinGeometry, before: Tissue, after: Tissue) -> SurfaceFit:
    """The organ after, on the organ before: points of the cut, far from the old surface, come to count for nothing."""
    vertices = there.tissue_mesh(after).vertices_mm
    points = vertices[:: max(1, len(vertices) // SAMPLES)]
    start = np.linalg.inv(pair.own.twin_from_scan) @ pair.other.twin_from_scan
    try:
        return fit_to_surface(points, here.tissue_mesh(before), RigidTransform("before", "after", start))
    except GeometryError as error:
        raise TwinError(f"What remains can't be laid on the organ before the operation: {error}") from error


def _on_cut(here: TwinGeometry, before: Tissue, placed_mm: FloatArray, fit: SurfaceFit) -> np.ndarray:
    """Which places of the new surface lie on the cut: deep under the old one."""
    depth = -SurfaceDistance(here.tissue_mesh(before)).at(placed_mm)
    return np.asarray(depth > max(LEAST_DEPTH_MM, DEPTH_ERRORS * fit.rms_mm))


def _compared(points_mm: FloatArray, area_mm2: FloatArray, split: Split, side: CutSide) -> CutDistance:
    distance, _ = distance_to_cut(points_mm, split.surface)
    signs = np.sign(side.signed(points_mm))
    return CutDistance(
        float(np.average(distance, weights=area_mm2)),
        weighted_percentile(distance, area_mm2, 95.0),
        float(distance.max()),
        float(np.average(signs * distance, weights=area_mm2)),
        float(area_mm2.sum()),
    )


def _tumour(
    here: TwinGeometry, name: str, wanted_mm: float, rest: Tissue, fit: SurfaceFit, cut_mm: FloatArray | None
) -> TumourOutcome:
    tissue = here.tissue((name,))
    left = rest.holds(fit.transform.inverse().apply(tissue.points_mm()))
    left_ml = float(np.count_nonzero(left)) * tissue.grid.voxel_volume_ml
    if cut_mm is None:
        return TumourOutcome(name, tissue.volume_ml, left_ml, wanted_mm, None, None)
    margin = float(here.surface(name).at(cut_mm).min())
    terms = here.error_terms(name)
    terms = ErrorTerms(terms.voxel_mm, terms.segmentation_mm, float(np.hypot(terms.registration_mm, fit.rms_mm)))
    verdict = Verdict.VIOLATED if left_ml > SAME_ML else judge(margin, wanted_mm, terms)
    return TumourOutcome(name, tissue.volume_ml, left_ml, wanted_mm, margin, verdict)


def _findings(found: Outcome, days: float | None) -> tuple[Finding, ...]:
    told = [f for tumour in found.tumours for f in _tumour_findings(tumour)]
    if found.cut is None:
        message = "No cut surface was found: what remains has the organ's old surface all around, or hardly fits it."
        told.append(Finding("outcome-no-cut", Severity.WARNING, message, structure=found.organ))
    if found.alignment_mm > LEAST_DEPTH_MM:
        message = (
            f"The organ's surfaces before and after differ by {found.alignment_mm:.1f} mm where nothing was cut: its "
            "shape has changed, and distances to the plan are no better than that."
        )
        told.append(Finding("outcome-shape", Severity.WARNING, message, numbers={"rms_mm": found.alignment_mm}))
    off = found.achieved.ml - found.planned.ml
    if abs(off) > 2.0 * np.hypot(found.achieved.error_ml, found.planned.error_ml):
        since = f" {days:.0f} days lie between the scans: what remains may have grown." if days else ""
        message = (
            f"{abs(off):.0f} ml {'more' if off > 0 else 'less'} than planned is gone from the {found.organ}.{since}"
        )
        told.append(Finding("outcome-volume", Severity.WARNING, message, numbers={"off_ml": off}))
    return tuple(told)


def _tumour_findings(tumour: TumourOutcome) -> list[Finding]:
    if tumour.left_ml > SAME_ML:
        message = f"{tumour.left_ml:.1f} of {tumour.volume_ml:.1f} ml of {tumour.name} lie in what remains."
        numbers = {"left_ml": tumour.left_ml}
        return [Finding("outcome-tumour-left", Severity.ERROR, message, numbers=numbers, structure=tumour.name)]
    if tumour.margin_mm is None or tumour.verdict is None or tumour.verdict is Verdict.SAFE:
        return []
    is_missed = tumour.verdict is Verdict.VIOLATED
    doubt = "is less than" if is_missed else "may be less than"
    message = (
        f"The margin of {tumour.name} was {tumour.margin_mm:.1f} mm; that {doubt} the {tumour.wanted_mm:g} mm planned."
    )
    severity = Severity.ERROR if is_missed else Severity.WARNING
    numbers = {"margin_mm": tumour.margin_mm}
    return [Finding("outcome-margin", severity, message, numbers=numbers, structure=tumour.name)]
