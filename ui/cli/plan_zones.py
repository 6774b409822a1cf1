"""`surgtwin plan zones`: ablation zones that together cover a target with a margin."""

from __future__ import annotations

import argparse
import json

from surgtwin.atomic_file import write_bytes_atomically
from surgtwin.domain.plan import Plan
from surgtwin.domain.trajectory import Ablation
from surgtwin.errors import PlanError
from surgtwin.planning.ablation_cover import cover_target
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.plan_json import plan_file_as_json
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json
from .input_steps import check_output_is_free, note_findings
from .path_text import say_zones

JSON_KEYS = ("ablations", "ablations_combined", "findings")


def run(options: argparse.Namespace) -> int:
    """Plan the zones, judge them as `plan evaluate` does, and write them as a plan file if asked to."""
    if options.output is not None:
        check_output_is_free(options.output, force=options.force)
    twin = load_twin(options.twin)
    geometry, bar = TwinGeometry(twin), ProgressBar()
    try:
        zones = _zones(options, geometry, bar)
        plan = Plan(ablations=zones)
        evaluation = evaluate_plan(geometry, plan, progress=bar.progress().part(0.8, 1.0, "zones"))
    finally:
        bar.close()
    if options.output is not None:
        content = plan_file_as_json(plan, options.output.stem, twin.case_id, twin.revision.number)
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        write_bytes_atomically(options.output, text.encode("utf-8"))
    if options.json:
        about = {"case_id": twin.case_id, "revision": twin.revision.number, "target": options.target}
        about |= {} if options.output is None else {"output": str(options.output)}
        about |= {"zones": [_zone(z) for z in zones]}
        judged = evaluation_as_json(evaluation)
        write_json(about | {key: judged[key] for key in JSON_KEYS})
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  zones for {options.target}  (research use only)")
    rows = [[z.name, ", ".join(f"{c:.1f}" for c in z.centre_mm)] for z in zones]
    say(table(rows, ("zone", "centre (LPS mm)")))
    say_zones(evaluation)
    if options.output is not None:
        say(f"written: {options.output}")
    note_findings(evaluation.findings)
    return 0


def _zones(options: argparse.Namespace, geometry: TwinGeometry, bar: ProgressBar) -> tuple[Ablation, ...]:
    zones = cover_target(
        geometry,
        options.target,
        options.radii,
        options.axis,
        options.axis_b,
        options.margin,
        progress=bar.progress().part(0.0, 0.8, "zones"),
    )
    if options.needles is not None and len(zones) > options.needles:
        raise PlanError(
            f"{len(zones)} zones of this size are needed to cover '{options.target}'; --needles allows "
            f"{options.needles}. Allow more, take larger zones, or ask for a smaller margin.",
            "needles",
        )
    return zones


def _zone(z: Ablation) -> dict[str, object]:
    return {
        "name": z.name,
        "centre_mm": list(z.centre_mm),
        "axis": list(z.axis),
        "radii_mm": list(z.radii_mm),
    }
