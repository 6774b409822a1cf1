"""`surgtwin plan`: what a plan takes, leaves and comes near to, on a twin."""

from __future__ import annotations

import argparse

from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.evaluation_json import evaluation_as_json
from surgtwin.planning.resection import ResectionResult
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin

from .console import ProgressBar, say, table, write_json
from .input_steps import note_findings
from .path_text import say_paths, say_zones
from .plan_source import choose_plan
from .trajectory_text import say_trajectories


def run(options: argparse.Namespace) -> int:
    """Judge a plan file, or a kept plan, on a twin; findings are part of the answer, not a failure."""
    if options.output is not None:
        # Drawing takes half a second to import, which an answer without a report need not wait for.
        from .report import check_report_is_possible, make_report, reported

        check_report_is_possible(options)
    twin = load_twin(options.twin)
    chosen = choose_plan(twin, options.plan, options.version)
    geometry, bar = TwinGeometry(twin), ProgressBar()
    try:
        judging = bar.progress() if options.output is None else bar.progress().part(0.0, 0.4)
        evaluation = evaluate_plan(geometry, chosen.plan, progress=judging)
        if options.output is not None:
            plan = reported(geometry, chosen, evaluation)
            make_report(options, twin, (plan,), bar.progress().part(0.4, 1.0, "drawing"))
    finally:
        bar.close()
    if options.json:
        about = {"case_id": twin.case_id, "revision": twin.revision.number, "plan": chosen.name}
        about |= {} if options.output is None else {"report": str(options.output)}
        about |= {"plan_version": chosen.version, "plan_status": chosen.status or None}
        write_json(about | evaluation_as_json(evaluation))
        return 0
    say(f"{twin.case_id}  revision {twin.revision.number}  plan {chosen.title}  (research use only)")
    _say(evaluation)
    say_trajectories(evaluation)
    say_zones(evaluation)
    say_paths(evaluation.tool_paths)
    note_findings(evaluation.findings)
    return 0


def _say(evaluation: PlanEvaluation) -> None:
    judged = list(evaluation.resections)
    judged += [r for r in evaluation.combined if len(r.resections) > 1]
    header = ("cut", "organ", "organ mL", "resected mL", "remnant mL", "remnant %", "tumour-free %", "needed %")
    if judged:
        say(table([_row(r) for r in judged], header, right=range(2, 8)))
    margins = [
        [
            r.name,
            m.target,
            "-" if m.min_mm is None else f"{m.min_mm:.1f}",
            "-" if m.low_mm is None else f"{m.low_mm:.1f}",
            f"{m.wanted_mm:.1f}",
            m.verdict.value,
            m.reason,
        ]
        for r in judged
        for m in r.margins
    ]
    if margins:
        say("\n" + table(margins, ("cut", "target", "least mm", "5 % mm", "wanted mm", "verdict", ""), right=(2, 3, 4)))
    _say_territories(evaluation)
    if evaluation.body.tlv_ml:
        volumes = ", ".join(f"{name} {ml:.0f} mL" for name, ml in evaluation.body.tlv_ml.items())
        say(
            f"\nbody surface {evaluation.body.bsa_m2:.2f} m2 ({evaluation.body.bsa_formula}); expected liver: {volumes}"
        )


def _say_territories(evaluation: PlanEvaluation) -> None:
    """What all cuts of an organ take of each of its segments, or of its named branches' territories."""
    for r in evaluation.combined:
        for shares in r.territories:
            rows = [
                [p.name, f"{p.ml:.0f}", f"{p.resected_ml:.0f}", f"{p.remnant_ml:.0f}", f"{p.ambiguous_ml:.0f}"]
                for p in shares.parts
            ]
            what = "segment (proposed)" if shares.are_segments else f"territory of {shares.vessel}"
            header = (what, "mL", "resected mL", "remnant mL", "ambiguous mL")
            say("\n" + table(rows, header, right=(1, 2, 3, 4)))


def _row(r: ResectionResult) -> list[str]:
    return [
        r.name,
        r.organ_name,
        f"{r.organ.ml:.0f} ± {r.organ.error_ml:.0f}",
        f"{r.resected.ml:.0f} ± {r.resected.error_ml:.0f}",
        f"{r.remnant.ml:.0f} ± {r.remnant.error_ml:.0f}",
        f"{r.remnant_percent:.1f} ± {r.remnant_error_percent:.1f}",
        f"{r.flr_percent:.1f}",
        "-" if r.least_percent is None else f"{r.least_percent:.0f} ({r.remnant_verdict})",
    ]
