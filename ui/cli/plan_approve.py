"""`surgtwin plan approve`: a person's approval of a plan, with what was judged at that time."""

from __future__ import annotations

import argparse

from surgtwin.pipeline.plan_summary import approval_summary
from surgtwin.planning.approval import approve_plan
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.writer import TwinWriter

from .console import ProgressBar, say, write_json
from .input_steps import note_findings
from .plan_source import kept_plan


def run(options: argparse.Namespace) -> int:
    """Judge the plan now, on the current revision, and record who approves it."""
    bar = ProgressBar()
    with TwinWriter(options.twin) as writer:
        twin = writer.twin
        chosen = kept_plan(twin, options.name)
        try:
            evaluation = evaluate_plan(TwinGeometry(twin), chosen.plan, progress=bar.progress())
        finally:
            bar.close()
        note_findings(evaluation.findings)
        approval = approve_plan(
            writer, twin, options.name, evaluation, by=options.by, note=options.note, despite=options.despite
        )
    if options.json:
        write_json({"case_id": twin.case_id, "name": chosen.name} | approval_summary(approval))
        return 0
    say(f"approved: {chosen.name}, version {approval.version}, by {approval.by}, on revision {approval.twin_revision}")
    for obstacle in approval.obstacles:
        say(f"although: {obstacle}")
    if approval.obstacles:
        say(f"because: {approval.despite}")
    return 0
