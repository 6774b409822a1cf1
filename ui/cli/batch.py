"""`surgtwin batch`: surfaces, labels and reports of many images, each made in a process of its own."""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from surgtwin.pipeline.batch_inputs import InputUnit
from surgtwin.pipeline.batch_plan import BatchPlan
from surgtwin.pipeline.batch_protocol import Protocol, read_protocol
from surgtwin.pipeline.batch_run import BatchJob, BatchOutcome, plan_batch, run_batch
from surgtwin.pipeline.batch_select import Candidate
from surgtwin.pipeline.batch_store import KEY, MANIFEST, PAGE, RUN_LOG, check_folder, finished_records

from .console import ProgressBar, note, say, table, write_json

SHOWN_FAILURES = 20
WORKER = "ui.cli.batch_worker"


def run(options: argparse.Namespace) -> int:
    """Look into the inputs, make every case, tell what came of it."""
    protocol = read_protocol(options.protocol) if options.protocol is not None else Protocol()
    check_folder(options.output, resume=options.resume or options.dry_run)
    job = BatchJob(
        inputs=tuple(options.inputs),
        output=options.output,
        protocol=protocol,
        worker_command=(sys.executable, "-m", WORKER),
        log=options.json_log or options.output / RUN_LOG,
        jobs=options.jobs,
        resume=options.resume,
    )
    return _dry_run(job, options) if options.dry_run else _real_run(job, options)


def _dry_run(job: BatchJob, options: argparse.Namespace) -> int:
    bar = ProgressBar()
    try:
        units, plan = plan_batch(job, finished_records(job.output), bar.progress())
    finally:
        bar.close()
    if options.json:
        write_json({"inputs": [_unit_summary(n, unit, plan) for n, unit in enumerate(units, 1)]})
    else:
        _say_plan(units, plan)
    if not plan.cases:
        return 3
    return 4 if plan.failures else 0


def _real_run(job: BatchJob, options: argparse.Namespace) -> int:
    from ui.report.batch_page import write_page

    bar = ProgressBar()
    try:
        with _terminated_as_interrupted():
            outcome = run_batch(job, write_page, bar.progress())
    finally:
        bar.close()
    if options.json:
        write_json(_outcome_summary(outcome, job))
    else:
        _say_outcome(outcome, job)
    return outcome.exit_code


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM, which schedulers send, ends a batch as cleanly as Ctrl+C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_plan(units: list[InputUnit], plan: BatchPlan) -> None:
    state = {case.candidate.input_sha256: case for case in plan.cases}
    failed = {f.input_number: f.private_message for f in plan.failures}
    for number, unit in enumerate(units, 1):
        say(f"{number}. {unit.path}")
        if number in failed:
            say(f"   ! unusable: {failed[number]}")
        for candidate in plan.judged.get(number, ()):
            mark = "+" if candidate.is_taken else "-"
            say(f"   {mark} {_described(candidate)}: {candidate.why}")
            case = state.get(candidate.input_sha256) if candidate.is_taken else None
            if case is not None:
                said = "finished before, kept" if case.finished is not None else "to be made"
                twice = f"; the same image as input {case.inputs[0]}" if case.inputs[0] != number else ""
                say(f"     {case.case_id}: {said}{twice}")
    kept = len(plan.cases) - len(plan.to_do)
    say(f"\n{len(plan.to_do)} to be made, {kept} finished before, {len(plan.left_out)} left out by the rules, "
        f"{len(plan.failures)} unusable")  # fmt: skip


def _described(candidate: Candidate) -> str:
    slices = f", {candidate.slices} slices" if candidate.slices is not None else ""
    return f"{candidate.modality or 'image'} '{candidate.description}'{slices}"


def _unit_summary(number: int, unit: InputUnit, plan: BatchPlan) -> dict[str, Any]:
    failures = [f for f in plan.failures if f.input_number == number]
    return {
        "input": number,
        "path": str(unit.path),
        "images": [c.as_json() for c in plan.judged.get(number, ())],
        "cases": [
            {"case_id": c.case_id, "series": c.candidate.key, "is_finished": c.finished is not None}
            for c in plan.cases
            if number in c.inputs
        ],
        "failures": [{"type": f.type, "message": f.private_message} for f in failures],
        "is_left_out": number in plan.left_out,
    }


def _say_outcome(outcome: BatchOutcome, job: BatchJob) -> None:
    """A summary that a person reads at a glance, then what failed."""
    hours = outcome.seconds / 3600
    rate = f", {len(outcome.made) / hours:.0f} an hour" if outcome.made and hours > 0 else ""
    rows = [
        ["made now", str(len(outcome.made)), f"{_duration(outcome.seconds)}{rate}"],
        ["finished before", str(len(outcome.kept)), ""],
        ["failed", str(outcome.failure_count), _kinds(outcome)],
        ["left out by the rules", str(len(outcome.plan.left_out)), ""],
    ]
    say(table(rows, ("cases", "", ""), right=(1,)))
    failures = _failure_rows(outcome)
    if failures:
        say("\nfailed:")
        say(table(failures[:SHOWN_FAILURES], ("case", "type", "why")))
        if len(failures) > SHOWN_FAILURES:
            say(f"... and {len(failures) - SHOWN_FAILURES} more ({PAGE} shows all)")
    say(f"\n{job.output / PAGE}\n{job.output / MANIFEST}")
    note(f"{KEY} tells which input a case is of; it may name patients: do not pass it on.")
    if outcome.is_cancelled:
        note("Cancelled. --resume goes on.")


def _failure_rows(outcome: BatchOutcome) -> list[list[str]]:
    rows = [[f.case_id or f"input {f.input_number}", f.type, f.message] for f in outcome.failures]
    return rows + [
        [case_id, str(outcome.records[case_id]["failure"]["type"]), str(outcome.records[case_id]["failure"]["message"])]
        for case_id in outcome.failed
    ]


def _kinds(outcome: BatchOutcome) -> str:
    counts = Counter(row[1] for row in _failure_rows(outcome))
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h"


def _outcome_summary(outcome: BatchOutcome, job: BatchJob) -> dict[str, Any]:
    return {
        "output": str(job.output),
        "manifest": str(job.output / MANIFEST),
        "page": str(job.output / PAGE),
        "made": outcome.made,
        "kept": outcome.kept,
        "failed": [{"case": case, "type": kind, "message": why} for case, kind, why in _failure_rows(outcome)],
        "left_out": list(outcome.plan.left_out),
        "is_cancelled": outcome.is_cancelled,
        "seconds": outcome.seconds,
        "peak_bytes": outcome.peak_bytes,
    }
