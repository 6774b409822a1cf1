"""`surgtwin lesions`: proposes lesions inside a CT twin's liver, as a new revision."""

from __future__ import annotations

import argparse

from surgtwin.domain.finding import finding_as_json
from surgtwin.store.writer import TwinWriter

from .console import ProgressBar, say, write_json
from .input_steps import note_findings
from .liver_proposals import say_proposals

CAUSE = "liver lesions proposed"


def run(options: argparse.Namespace) -> int:
    """Add the proposals; where nothing is found, the twin stays as it is."""
    from segmentation.infer import InferenceSettings
    from segmentation.lesion_finder import LEAST_CONFIDENCE, LesionFinder
    from segmentation.lesion_proposals import KIND, with_liver_lesions

    least = LEAST_CONFIDENCE if options.least_confidence is None else options.least_confidence
    finder = LesionFinder(settings=InferenceSettings(device=options.device, fast=options.fast), least_confidence=least)
    bar = ProgressBar()
    progress = bar.progress()
    try:
        with TwinWriter(options.twin) as writer:
            before = writer.twin
            twin = with_liver_lesions(before, finder, progress.part(0.05, 0.95))
            lesions = twin.provenance.model[KIND.key]["lesions"]
            if lesions or any(KIND.owns(s.name) for s in before.structures):
                twin = writer.append(twin, CAUSE, progress=progress.part(0.95, 1.0, "Saving"))
    finally:
        bar.close()
    findings = [f for f in twin.findings if f not in before.findings]
    if options.json:
        write_json(
            {
                "twin": str(options.twin),
                "revision": twin.revision.number,
                "lesions": lesions,
                "findings": [finding_as_json(f) for f in findings],
            }
        )
    else:
        say_proposals(twin.provenance.model)
        say(f"\nrevision {twin.revision.number} of {options.twin}")
    note_findings(findings)
    return 0
