"""`surgtwin growth`: lesions and the remnant in two scans of a twin."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from surgtwin.domain.finding import Finding, finding_as_json
from surgtwin.domain.plan import PatientFigures
from surgtwin.domain.twin import Twin
from surgtwin.live.lesion_growth import LEVEL, LesionCourse, LesionGrowth, compare_lesions
from surgtwin.live.lesions import Lesion, lesions_of
from surgtwin.live.remnant_growth import RemnantGrowth, remnant_of_plan, remnant_of_structures
from surgtwin.live.scan_pair import Scan, ScanPair

from .console import ProgressBar, say, table, write_json
from .input_steps import note_findings, wanted_structures
from .plan_source import choose_plan
from .scan_pairs import open_pair


def run(options: argparse.Namespace) -> int:
    """Compare and tell; nothing is written to the twin."""
    bar = ProgressBar()
    try:
        twin, pair = open_pair(options, bar.progress())
    finally:
        bar.close()
    lesions = _lesions(pair, options.lesions or ())
    remnant = _remnant(options, twin, pair)
    findings = (*lesions.findings, *(remnant.findings if remnant else ()))
    if options.json:
        write_json(_json(twin, pair, lesions, remnant, findings))
    else:
        _say(twin, pair, lesions, remnant)
        note_findings(findings)
    return 0


def _lesions(pair: ScanPair, names: tuple[str, ...]) -> LesionGrowth:
    """Structures that one scan lacks have no lesion in it; those that both lack are a mistake."""
    known = [s.name for scan in (pair.earlier, pair.later) for s in scan.labels.structures]
    wanted_structures(names or None, known)
    before, after = (_lesions_seen(scan, names) for scan in (pair.earlier, pair.later))
    return compare_lesions(pair, before, after)


def _lesions_seen(scan: Scan, names: tuple[str, ...]) -> tuple[Lesion, ...]:
    wanted = tuple(s.name for s in scan.labels.structures if s.name in names)
    return lesions_of(scan.geometry, wanted) if wanted or not names else ()


def _remnant(options: argparse.Namespace, twin: Twin, pair: ScanPair) -> RemnantGrowth | None:
    plan = choose_plan(twin, options.plan).plan if options.plan else None
    patient = plan.patient if plan else PatientFigures()
    given = {"height_cm": options.height, "weight_kg": options.weight}
    patient = replace(patient, **{name: value for name, value in given.items() if value is not None})
    if options.remnant:
        return remnant_of_structures(pair, options.remnant, options.organ, patient)
    return remnant_of_plan(pair, plan, options.organ, patient) if plan else None


def _json(
    twin: Twin, pair: ScanPair, growth: LesionGrowth, remnant: RemnantGrowth | None, findings: tuple[Finding, ...]
) -> dict[str, Any]:
    before, after = growth.sum_mm
    return {
        "case_id": twin.case_id,
        "revision": twin.revision.number,
        "earlier": pair.earlier.image_id,
        "later": pair.later.image_id,
        "days": pair.days,
        "level": LEVEL,
        "lesions": [_course_json(c) for c in growth.courses],
        "sum_of_diameters_mm": {"before": before, "after": after},
        "remnant": None if remnant is None else _remnant_json(remnant),
        "findings": [finding_as_json(f) for f in findings],
    }


def _course_json(c: LesionCourse) -> dict[str, Any]:
    return {
        "name": c.name,
        "course": c.course.value,
        "before": _lesion_json(c.before),
        "after": _lesion_json(c.after),
        "apart_mm": c.apart_mm,
        "volume_percent": _interval(c.volume_percent),
        "diameter_change_mm": _interval(c.diameter_change_mm),
        "doubling_days": _interval(c.doubling_days),
    }


def _lesion_json(lesion: Lesion | None) -> dict[str, Any] | None:
    if lesion is None:
        return None
    return {
        "name": lesion.name,
        "structure": lesion.structure,
        "volume_ml": lesion.volume.ml,
        "volume_error_ml": lesion.volume.error_ml,
        "diameter_mm": lesion.diameter_mm,
        "diameter_error_mm": lesion.diameter_error_mm,
        "centre_mm": lesion.centre_mm.tolist(),
    }


def _interval(values: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if values is None else dict(zip(("estimate", "low", "high"), values, strict=True))


def _remnant_json(remnant: RemnantGrowth) -> dict[str, Any]:
    return {
        "what": remnant.what,
        "before_ml": remnant.before.ml,
        "before_error_ml": remnant.before.error_ml,
        "after_ml": remnant.after.ml,
        "after_error_ml": remnant.after.error_ml,
        "percent": {name: {"before": b, "after": a} for name, (b, a) in remnant.percent.items()},
        "weeks": remnant.weeks,
        "kinetic_growth_percent_a_week": {name: _interval(value) for name, value in remnant.kinetic.items()},
    }


def _say(twin: Twin, pair: ScanPair, growth: LesionGrowth, remnant: RemnantGrowth | None) -> None:
    days = "an unknown time" if pair.days is None else f"{pair.days:.0f} days"
    say(f"{twin.case_id}  {pair.earlier.image_id}, then {pair.later.image_id} after {days}  (research use only)\n")
    rows = [_row(c) for c in growth.courses]
    say(table(rows, ("lesion", "", "ml before", "now", "change", "mm before", "now", "doubles in"), right=range(2, 8)))
    if remnant is not None:
        before, after = remnant.before, remnant.after
        say(f"\n{remnant.what}: {before.ml:.0f} ± {before.error_ml:.0f} ml, now {after.ml:.0f} ± {after.error_ml:.0f}")
        for name, (b, a) in remnant.percent.items():
            rate = remnant.kinetic.get(name)
            weekly = "" if rate is None else f"  {rate[0]:+.2f} a week ({rate[1]:+.2f} to {rate[2]:+.2f})"
            say(f"  {name:<10} {b:5.1f} %  now {a:5.1f} %{weekly}")


def _row(c: LesionCourse) -> list[str]:
    ml = [f"{x.volume.ml:.1f} ± {x.volume.error_ml:.1f}" if x else "-" for x in (c.before, c.after)]
    mm = [f"{x.diameter_mm:.0f}" if x else "-" for x in (c.before, c.after)]
    change = "" if c.volume_percent is None else "{:+.0f} % ({:+.0f} to {:+.0f})".format(*c.volume_percent)
    doubling = "" if c.doubling_days is None else "{:.0f} days ({:.0f} to {:.0f})".format(*c.doubling_days)
    return [c.name, c.course.value, *ml, change, *mm, doubling]
