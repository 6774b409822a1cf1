"""`surgtwin add`: a further series of the same patient, laid on the twin."""

from __future__ import annotations

import argparse

from surgtwin.domain.finding import finding_as_json
from surgtwin.domain.twin import RevisionState
from surgtwin.domain.volume import Modality
from surgtwin.live.add_series import AddedSeries, add_placed_series, add_series
from surgtwin.store.writer import TwinWriter

from .author import author
from .console import ProgressBar, say, write_json
from .input_steps import note_findings
from .live_update import open_arrived


def run(options: argparse.Namespace) -> int:
    """Add the series as a revision: proposed, accepted on --accept, or rejected where a gate is not passed."""
    bar = ProgressBar()
    progress = bar.progress()
    by = author(options.by)
    try:
        with TwinWriter(options.twin) as writer:
            modality = Modality.OTHER if options.role == "ultrasound" else writer.twin.primary.modality
            volume = open_arrived(options, modality, progress.part(0.0, 0.1, "Reading the image"))
            if options.as_placed:
                added = add_placed_series(writer.twin, volume, options.role)
            else:
                added = add_series(writer.twin, volume, options.role, progress.part(0.1, 0.9))
            cause = f"{options.role} image added"
            twin = writer.append(added.twin, cause, RevisionState.PROPOSED, progress=progress.part(0.9, 1.0, "Saving"))
            state = RevisionState.PROPOSED
            if options.accept:
                state = RevisionState.ACCEPTED if added.is_passed else RevisionState.REJECTED
                writer.judge(twin.revision.number, state, by=by)
    finally:
        bar.close()
    _tell(added, twin.revision.number, state, options.json)
    return 0


def _tell(added: AddedSeries, number: int, state: RevisionState, as_json: bool) -> None:
    findings = [f for f in added.twin.findings if f.code.startswith("series-")]
    if as_json:
        write_json(
            {
                "case_id": added.twin.case_id,
                "revision": number,
                "state": state.value,
                "image_id": added.image.image_id,
                "role": added.image.role,
                "registration": {
                    "twin_from_image": added.image.twin_from_image.tolist(),
                    "similarity_before": added.rigid.similarity_before if added.rigid else None,
                    "similarity_after": added.rigid.similarity_after if added.rigid else None,
                    "rest_mm": added.rest_mm,
                    "is_passed": added.is_passed,
                    "gates": [{"name": g.name, "is_passed": g.is_passed, "message": g.message} for g in added.gates],
                },
                "findings": [finding_as_json(f) for f in findings],
            }
        )
        return
    say(f"{added.twin.case_id}  revision {number}  {state.value}  {added.image.image_id}: {added.image.role}")
    for gate in added.gates:
        say(f"{'passed' if gate.is_passed else 'FAILED'}  {gate.name}: {gate.message}")
    note_findings(findings)
