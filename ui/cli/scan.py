"""`surgtwin scan`: what image series an input holds."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.domain.finding import Severity, finding_as_json
from surgtwin.pipeline.images import ImageChoice, find_images

from .console import ProgressBar, say, table, write_json


def run(options: argparse.Namespace) -> int:
    bar = ProgressBar()
    try:
        found = find_images(options.input, bar.progress())
    finally:
        bar.close()
    if options.json:
        write_json(
            {
                "series": [choice_summary(c) for c in found.choices],
                "skipped": [{"path": str(s.path), "reason": s.reason} for s in found.skipped],
            }
        )
        return 0
    if not found.choices:
        say("No image series found.")
    for rank, choice in enumerate(found.choices, 1):
        _say_choice(rank, choice)
    if found.skipped:
        say(f"\n{len(found.skipped)} files passed over:")
        say(table([[str(s.path), s.reason] for s in found.skipped[:20]], ("file", "reason")))
        if len(found.skipped) > 20:
            say(f"... and {len(found.skipped) - 20} more (--json lists all)")
    return 0


def _say_choice(rank: int, choice: ImageChoice) -> None:
    size = ""
    if choice.series is not None and choice.series.shape_kji is not None:
        k, j, i = choice.series.shape_kji
        size = f"  {i} x {j} x {k}"
        if choice.series.spacing is not None:
            size += "  " + " x ".join(f"{s:.2f}" for s in choice.series.spacing) + " mm"
    say(f"{rank}. {choice.modality or 'image'}  {choice.description or '(no description)'}{size}")
    say(f"   {choice.key}")
    for reason in choice.reasons:
        say(f"   - {reason}")
    warnings = [f.message for f in choice.series.findings if f.severity is not Severity.INFO] if choice.series else []
    # A refusal says them all by itself.
    for told in [choice.refusal] if choice.refusal else warnings:
        say(f"   ! {told}")


def choice_summary(choice: ImageChoice) -> dict[str, Any]:
    series = choice.series
    return {
        "key": choice.key,
        "series_instance_uid": series.series_instance_uid if series else None,
        "study_instance_uid": series.study_instance_uid if series else None,
        "description": choice.description,
        "modality": choice.modality or None,
        "files": len(series.files) if series else 1,
        "shape_kji": list(series.shape_kji) if series and series.shape_kji else None,
        "spacing_ijk_mm": list(series.spacing) if series and series.spacing else None,
        "is_loadable": not choice.refusal,
        "refusal": choice.refusal or None,
        "score": choice.score,
        "reasons": list(choice.reasons),
        "findings": [finding_as_json(f) for f in series.findings] if series else [],
    }
