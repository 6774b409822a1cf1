"""`surgtwin report`: a twin, a plan on it or several plans side by side, as PDF or HTML."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from surgtwin.domain.twin import Twin
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.progress import Progress
from surgtwin.report.comparison import comparison_report
from surgtwin.report.document import Report
from surgtwin.report.plan_report import plan_report, twin_report
from surgtwin.report.subject import ReportedPlan, ReportedTwin
from surgtwin.store.journal import find_twin, read_state
from surgtwin.store.load import load_twin
from ui.report.write import check_report_path, write_report

from .console import ProgressBar, say, write_json
from .input_steps import check_output_is_free
from .plan_source import ChosenPlan, choose_plan

_JUDGING_SHARE = 0.4


def run(options: argparse.Namespace) -> int:
    """Judge the plans that are asked for, and write the report."""
    check_report_is_possible(options)
    twin = load_twin(options.twin)
    chosen = [choose_plan(twin, wanted) for wanted in options.plan or ()]
    bar = ProgressBar()
    try:
        progress = bar.progress()
        geometry = TwinGeometry(twin)
        parts = [progress.part(_JUDGING_SHARE * n / len(chosen), _JUDGING_SHARE * (n + 1) / len(chosen), "judging")
                 for n in range(len(chosen))]  # fmt: skip
        plans = tuple(
            reported(geometry, plan, evaluate_plan(geometry, plan.plan, progress=part))
            for plan, part in zip(chosen, parts, strict=True)
        )
        report = make_report(options, twin, plans, progress.part(_JUDGING_SHARE, 1.0, "drawing"))
    finally:
        bar.close()
    if options.json:
        overall = {p.name: p.scorecard.overall.value for p in plans}
        write_json({"output": str(options.output), "title": report.title, "overall": overall})
    else:
        say(f"written: {options.output}")
    return 0


def check_report_is_possible(options: argparse.Namespace) -> None:
    """Raises InputError, before any work, if the file can't be a report or is there already."""
    check_report_path(options.output)
    check_output_is_free(options.output, force=options.force)


def reported(geometry: TwinGeometry, chosen: ChosenPlan, evaluation: PlanEvaluation) -> ReportedPlan:
    """A judged plan with its state, for a report."""
    status = "" if chosen.version is None else f"version {chosen.version}, {chosen.status}"
    return ReportedPlan(chosen.name, geometry, evaluation, status=status)


def make_report(options: argparse.Namespace, twin: Twin, plans: tuple[ReportedPlan, ...], progress: Progress) -> Report:
    """Write the report of a twin (no plan), of a plan, or of plans side by side; answers what stands in it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    log = read_state(find_twin(options.twin)).head_hash
    subject = ReportedTwin(twin, now, log, options.with_identity)
    if not plans:
        report = twin_report(subject)
    elif len(plans) == 1:
        report = plan_report(subject, plans[0])
    else:
        report = comparison_report(subject, plans)
    write_report(report, twin, options.output, plans, progress)
    return report
