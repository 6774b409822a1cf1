"""`surgtwin info`: what a twin holds."""

from __future__ import annotations

import argparse

from segmentation.proposals import is_proposal
from surgtwin.domain.labels import Structure
from surgtwin.domain.twin import Twin
from surgtwin.pipeline.summary import twin_summary
from surgtwin.store.load import load_twin

from .console import say, table, write_json
from .input_steps import note_findings
from .liver_proposals import say_proposals


def run(options: argparse.Namespace) -> int:
    twin = load_twin(options.twin)
    if options.json:
        write_json(twin_summary(twin))
        return 0
    say_twin(twin)
    note_findings(twin.findings)
    return 0


def volume_text(twin: Twin, s: Structure) -> str:
    """A structure's own volume in mL, with its interval if there is one, e.g. "1617 (1550-1690)"."""
    interval = twin.volume_interval(s.name)
    own = f"{twin.labels.volume_ml(s):.0f}"
    return own if interval is None else f"{own} ({interval.as_text()})"


def made_by(twin: Twin, s: Structure) -> str:
    """How a structure came about, and whether it is only proposed."""
    return f"proposed ({s.origin})" if is_proposal(s.name, twin.provenance.methods) else s.origin


def say_twin(twin: Twin) -> None:
    """The twin as a table for a person."""
    grid = twin.labels.grid
    i, j, k = grid.size_ijk
    spacing = " x ".join(f"{s:.2f}" for s in grid.spacing)
    size = f"{i} x {j} x {k} voxels of {spacing} mm  axes {grid.axis_codes}"
    say(f"{twin.case_id}  revision {twin.revision.number}  {size}")
    if twin.operated_side:
        say(f"operated side: {twin.operated_side}")
    rows = []
    for s in twin.structures:
        mesh = twin.mesh(s.name)
        closed = "-" if mesh is None or mesh.quality is None else ("yes" if mesh.quality.is_watertight else "no")
        rows.append(
            [
                str(s.label),
                s.name,
                volume_text(twin, s),
                f"{twin.labels.with_parts_ml(s):.0f}",
                str(len(mesh.triangles)) if mesh else "-",
                closed,
                made_by(twin, s),
                "accepted" if s.name in twin.accepted else "not accepted",
            ]
        )
    header = ("label", "structure", "mL", "with parts mL", "triangles", "closed", "made by", "reader")
    say(table(rows, header, right=(0, 2, 3, 4)))
    for level in sorted({v.level for v in twin.volume_intervals}):
        say(f"in brackets: {level:.0%} interval of the volume, for images like those that the model was checked on")
    say_proposals(twin.provenance.model)
    for plan in twin.plans:
        damaged = "DAMAGED, " if plan.latest.damage else ""
        say(f"plan {plan.name}, version {plan.latest.number}: {damaged}{twin.plan_status(plan).text}")
