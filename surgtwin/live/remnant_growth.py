"""How fast a future remnant grows between two scans, e.g. after a portal vein was embolised."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..domain.cut import Combination
from ..domain.finding import Finding, Severity
from ..domain.plan import PatientFigures, Plan
from ..errors import PlanError
from ..mesh.surface_distance import vertex_areas
from ..planning.cut_side import CombinedSide
from ..planning.remnant import VAUTHEY, body_size, growth_percent_per_week, standardised_percent
from ..planning.resection import VolumeFigure, border_error_mm, cut_organ
from ..planning.split import split_tissue
from ..planning.tissue import Tissue, make_tissue, organ_members, tissue_of_mask
from ..planning.twin_geometry import TwinGeometry
from .lesion_growth import QUANTILE
from .scan_pair import ScanPair

DAYS_A_WEEK = 7.0
MEASURED = "measured"
"""The remnant in percent of the organ that the scan itself shows."""
SLOW_PERCENT = 2.0
SLOW_SOURCE = "Shindoh et al. 2013, doi 10.1016/j.jamcollsurg.2012.10.018"
"""Below 2 percentage points a week of the standardised remnant, 21.6 % had hepatic insufficiency there; above, none."""


@dataclass(frozen=True)
class RemnantGrowth:
    """A remnant in both scans.

    Parameters
    ----------
    before, after
        Without tumours.
    percent
        "measured", or the formula of the whole organ's volume -> percent (before, after).
    weeks
        Between the scans; None where nobody knows.
    kinetic
        The same keys -> (percentage points a week, low, high): kinetic growth rate, KGR; empty without weeks.
    """

    what: str
    before: VolumeFigure
    after: VolumeFigure
    percent: dict[str, tuple[float, float]]
    weeks: float | None
    kinetic: dict[str, tuple[float, float, float]]
    findings: tuple[Finding, ...] = ()


def remnant_of_structures(pair: ScanPair, names: tuple[str, ...], organ: str, patient: PatientFigures) -> RemnantGrowth:
    """The growth of some structures that both scans have. Raises PlanError or LabelError naming what is missing."""
    tissues = [make_tissue(s.geometry.twin.labels, tuple(sorted(names))) for s in (pair.earlier, pair.later)]
    return _growth(pair, " + ".join(names), tissues, organ, patient)


def remnant_of_plan(pair: ScanPair, plan: Plan, organ: str, patient: PatientFigures) -> RemnantGrowth:
    """The growth of what a plan leaves of an organ; in the other scan, of what lies where that is.

    Raises
    ------
    PlanError
        If the plan cuts nothing of the organ, or the other scan's labels lack it.
    """
    own = _kept(pair.own.geometry, plan, organ)
    other = _kept_there(pair, own, organ)
    tissues = [own, other] if pair.own is pair.earlier else [other, own]
    return _growth(pair, f"what the plan leaves of the {organ}", tissues, organ, patient)


def _kept(geometry: TwinGeometry, plan: Plan, organ: str) -> Tissue:
    cuts = tuple(cut_organ(geometry, r) for r in plan.resections if r.organ == organ)
    if not cuts:
        raise PlanError(f"the plan has no resection of '{organ}', so nothing says what is its remnant.")
    side = cuts[0].side if len(cuts) == 1 else CombinedSide(Combination.UNION, tuple(c.side for c in cuts))
    names = tuple(dict.fromkeys(n for c in cuts for n in c.tissue.names))
    split = split_tissue(geometry.tissue(names), side)
    mask = split.remnant_mask()
    for name in geometry.abnormal(names):
        mask &= ~geometry.twin.labels.mask(name)
    return tissue_of_mask(split.tissue.grid, mask, ("remnant",))


def _kept_there(pair: ScanPair, kept: Tissue, organ: str) -> Tissue:
    """The other scan's organ where its tissue is nearest to what is kept in the twin's own."""
    from scipy.spatial import cKDTree

    geometry = pair.other.geometry
    whole = _healthy(geometry, organ)
    own = _healthy(pair.own.geometry, organ)
    places = pair.to_own(whole.points_mm())
    _, nearest = cKDTree(own.points_mm()).query(places)
    is_kept = kept.holds(own.points_mm())[nearest]
    return tissue_of_mask(whole.grid, whole.mask(is_kept), ("remnant",))


def _healthy(geometry: TwinGeometry, organ: str) -> Tissue:
    """An organ with its parts, without what is abnormal of them."""
    geometry.structure(organ, "organ")
    members = organ_members(geometry.twin.labels, organ)
    abnormal = geometry.abnormal(members)
    return geometry.tissue(tuple(n for n in members if n not in abnormal))


def _growth(pair: ScanPair, what: str, tissues: list[Tissue], organ: str, patient: PatientFigures) -> RemnantGrowth:
    scans = (pair.earlier, pair.later)
    figures = [volume_figure(s.geometry, t) for s, t in zip(scans, tissues, strict=True)]
    before, after = figures
    wholes = [_healthy(s.geometry, organ).volume_ml for s in scans]
    percent = {MEASURED: (100.0 * before.ml / wholes[0], 100.0 * after.ml / wholes[1])}
    errors = {MEASURED: [100.0 * f.error_ml / ml for f, ml in zip(figures, wholes, strict=True)]}
    size = body_size(patient)
    standard = [standardised_percent(f.ml, size) for f in figures]
    for name, ml in size.tlv_ml.items():
        percent[name] = (standard[0][name], standard[1][name])
        errors[name] = [100.0 * f.error_ml / ml for f in figures]
    weeks = None if pair.days is None else pair.days / DAYS_A_WEEK
    kinetic = {} if weeks is None else {n: _kinetic(percent[n], errors[n], weeks) for n in percent}
    return RemnantGrowth(what, before, after, percent, weeks, kinetic, _findings(kinetic))


def volume_figure(geometry: TwinGeometry, tissue: Tissue) -> VolumeFigure:
    """A tissue's volume, and how much it changes when its whole border is off by its standard error."""
    area_mm2 = float(vertex_areas(geometry.tissue_mesh(tissue)).sum())
    return VolumeFigure(tissue.volume_ml, area_mm2 * border_error_mm(geometry.error_terms()) / 1000.0)


def _kinetic(percent: tuple[float, float], errors: list[float], weeks: float) -> tuple[float, float, float]:
    rate = growth_percent_per_week(*percent, weeks)
    reach = QUANTILE * math.hypot(*errors) / weeks
    return (rate, rate - reach, rate + reach)


def _findings(kinetic: dict[str, tuple[float, float, float]]) -> tuple[Finding, ...]:
    name = VAUTHEY if VAUTHEY in kinetic else MEASURED
    if name not in kinetic:
        message = "The scans' dates are not known, so no rate of growth can be told. Give the days between them."
        return (Finding("remnant-no-dates", Severity.INFO, message),)
    rate, low, high = kinetic[name]
    by = "of the whole liver expected for the body's size" if name == VAUTHEY else "of the organ as the scans show it"
    text = f"The remnant grows by {rate:.1f} percentage points a week ({low:.1f} to {high:.1f}) {by}"
    if low >= SLOW_PERCENT:
        return (Finding("remnant-growth", Severity.INFO, f"{text}.", numbers={"kgr": rate}),)
    doubt = "is below" if high < SLOW_PERCENT else "may be below"
    message = f"{text}; that {doubt} the {SLOW_PERCENT:g} that {SLOW_SOURCE} found to matter."
    return (Finding("remnant-grows-slowly", Severity.WARNING, message, numbers={"kgr": rate}),)
