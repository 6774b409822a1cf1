"""`surgtwin outcome`: an operation against its plan, by a scan afterwards."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.finding import finding_as_json
from surgtwin.domain.twin import Twin
from surgtwin.live.outcome import Outcome, judge_outcome
from surgtwin.live.scan_pair import ScanPair

from .console import ProgressBar, say, table, write_json
from .input_steps import note_findings
from .plan_source import choose_plan
from .scan_pairs import open_pair


def run(options: argparse.Namespace) -> int:
    """Compare and tell; nothing is written to the twin."""
    bar = ProgressBar()
    try:
        twin, pair = open_pair(options, bar.progress())
    finally:
        bar.close()
    found = judge_outcome(pair, choose_plan(twin, options.plan).plan, options.organ)
    if options.json:
        write_json(_json(twin, pair, found))
    else:
        _say(twin, pair, found)
        note_findings(found.findings)
    return 0


def _json(twin: Twin, pair: ScanPair, found: Outcome) -> dict[str, Any]:
    volumes = {
        name: {"ml": figure.ml, "error_ml": figure.error_ml}
        for name, figure in (
            ("before", found.before),
            ("after", found.after),
            ("planned", found.planned),
            ("achieved", found.achieved),
        )
    }
    cut = found.cut
    return {
        "case_id": twin.case_id,
        "revision": twin.revision.number,
        "organ": found.organ,
        "before": pair.earlier.image_id,
        "after": pair.later.image_id,
        "days": pair.days,
        "volumes": volumes,
        "alignment_mm": found.alignment_mm,
        "cut": None
        if cut is None
        else {
            "mean_mm": cut.mean_mm,
            "p95_mm": cut.p95_mm,
            "max_mm": cut.max_mm,
            "signed_mm": cut.signed_mm,
            "area_mm2": cut.area_mm2,
        },
        "tumours": [
            {
                "name": t.name,
                "volume_ml": t.volume_ml,
                "left_ml": t.left_ml,
                "wanted_mm": t.wanted_mm,
                "margin_mm": t.margin_mm,
                "verdict": t.verdict.value if t.verdict else None,
            }
            for t in found.tumours
        ],
        "findings": [finding_as_json(f) for f in found.findings],
    }


def _say(twin: Twin, pair: ScanPair, found: Outcome) -> None:
    say(f"{twin.case_id}  {found.organ}: {pair.earlier.image_id}, then {pair.later.image_id}  (research use only)\n")
    rows = [
        [name, f"{figure.ml:.0f} ± {figure.error_ml:.0f}"]
        for name, figure in (
            ("organ before", found.before),
            ("organ after", found.after),
            ("resection planned", found.planned),
            ("resection achieved", found.achieved),
        )
    ]
    say(table(rows, ("", "ml"), right=(1,)))
    say(f"\nthe surfaces lie on each other to {found.alignment_mm:.1f} mm")
    if found.cut is not None:
        cut = found.cut
        side = "short of" if cut.signed_mm > 0 else "beyond"
        say(f"achieved cut: {cut.mean_mm:.1f} mm from the planned one on average, 95 % below {cut.p95_mm:.1f} mm")
        say(f"              {abs(cut.signed_mm):.1f} mm {side} it on the whole")
    for t in found.tumours:
        margin = "no cut found" if t.margin_mm is None else f"margin {t.margin_mm:.1f} mm of {t.wanted_mm:g} planned"
        verdict = f": {t.verdict.value}" if t.verdict else ""
        say(f"{t.name}: {t.left_ml:.1f} of {t.volume_ml:.1f} ml left, {margin}{verdict}")
