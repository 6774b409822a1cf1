"""`surgtwin vessels`: proposes the vessels inside a twin's liver, as a new revision."""

from __future__ import annotations

import argparse

from segmentation.vessel_proposals import KIND, NAMES, with_liver_vessels
from surgtwin.domain.finding import finding_as_json
from surgtwin.pipeline.summary import structure_summary
from surgtwin.store.writer import TwinWriter

from .console import ProgressBar, say, table, write_json
from .input_steps import note_findings

CAUSE = "liver vessels proposed"


def run(options: argparse.Namespace) -> int:
    """Add the proposals; where nothing is found, the twin stays as it is."""
    bar = ProgressBar()
    progress = bar.progress()
    try:
        with TwinWriter(options.twin) as writer:
            before = writer.twin
            twin = with_liver_vessels(before, progress.part(0.05, 0.95))
            proposed = [s for s in twin.structures if s.name in NAMES.values()]
            if proposed:
                twin = writer.append(twin, CAUSE, progress=progress.part(0.95, 1.0, "Saving"))
    finally:
        bar.close()
    lengths: dict[str, float] = twin.provenance.model[KIND]["lengths_mm"]
    findings = [f for f in twin.findings if f not in before.findings or f.structure in lengths]
    if options.json:
        write_json(
            {
                "twin": str(options.twin),
                "revision": twin.revision.number,
                "lengths_mm": lengths,
                "structures": [structure_summary(twin.labels, s, twin.mesh(s.name), twin) for s in proposed],
                "findings": [finding_as_json(f) for f in findings],
            }
        )
    elif proposed:
        rows = [[s.name, f"{lengths[s.name] / 10:.0f}", f"{twin.labels.volume_ml(s):.1f}"] for s in proposed]
        say(table(rows, ("proposed, to be confirmed", "cm", "mL"), right=(1, 2)))
        say(f"\nrevision {twin.revision.number} of {options.twin}")
    else:
        say("no vessel is proposed; the twin is as it was")
    note_findings(findings)
    return 0
