"""`surgtwin live score`: how near a revision came to the truth of the scan that was simulated for it."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from surgtwin.errors import SourceError
from surgtwin.live.scan_truth import read_truth, score
from surgtwin.store.load import load_twin

from .console import say, table, write_json


def run(options: argparse.Namespace) -> int:
    """Compare the registration of a revision with the truth that was kept aside."""
    revision, truths = read_truth(options.truth)
    twin = load_twin(options.twin, revision=options.revision)
    registration = twin.registration
    if registration is None or registration.base_revision != revision:
        raise SourceError(
            f"Revision {twin.revision.number} was not carried from revision {revision}, which was scanned. Name one "
            "that was (--revision)."
        )
    scores = score(truths, registration.field)
    stated = {s.structure: registration.error_mm(s.structure) for s in scores}
    if options.json:
        told = [asdict(s) | {"stated_error_mm": stated[s.structure]} for s in scores]
        write_json({"case_id": twin.case_id, "revision": twin.revision.number, "scanned": revision, "structures": told})
        return 0
    rows = [
        [s.structure, f"{s.mean_mm:.2f}", f"{s.p95_mm:.2f}", f"{s.still_mean_mm:.2f}", f"{stated[s.structure]:.2f}"]
        for s in scores
    ]
    say(table(rows, ("structure", "mean mm", "95 % mm", "unmoved mm", "stated ±"), right=(1, 2, 3, 4)))
    return 0
