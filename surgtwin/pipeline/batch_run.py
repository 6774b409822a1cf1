"""A batch from its inputs to its manifest: look, plan, make each case in a process of its own, record, go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ..errors import Cancelled
from ..progress import SILENT, Progress
from ..version import VERSION
from .batch_case import CaseJob
from .batch_inputs import InputUnit, find_units
from .batch_plan import BatchPlan, InputFailure, PlannedCase, key_document, make_plan
from .batch_process import Task, TaskLimits
from .batch_protocol import Protocol
from .batch_store import MANIFEST, PROTOCOL, BatchFolder, RunLog, finished_records, folder_name, manifest
from .batch_workers import TaskResult, WorkerPool

MEMORY_SHARE = 0.8
"""Of what is free when the batch starts: what all workers may use together."""
LEAST_MEMORY_BYTES = 2**30
RETRIED = ("memory", "crash")
_LOOK_SHARE = 0.05
GB = 1e9
Json = dict[str, Any]
WritePage = Callable[[Path, Json, Mapping[str, Json]], None]


@dataclass(frozen=True)
class BatchJob:
    """What a person asked for.

    Parameters
    ----------
    worker_command
        Starts a worker process (`ui.cli.batch_worker`).
    log
        Where the run log goes.
    """

    inputs: tuple[Path, ...]
    output: Path
    protocol: Protocol
    worker_command: tuple[str, ...]
    log: Path
    jobs: int = 1
    resume: bool = False


@dataclass
class BatchOutcome:
    """What came of a batch.

    Parameters
    ----------
    records
        Of every case that is finished or failed for good, by case id, those of earlier runs among them.
    made, kept
        Case ids that were made now, and that were finished before.
    """

    plan: BatchPlan = field(default_factory=BatchPlan)
    records: dict[str, Json] = field(default_factory=dict)
    failures: list[InputFailure] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    peak_bytes: int = 0
    seconds: float = 0.0
    is_cancelled: bool = False

    @property
    def failure_count(self) -> int:
        """Inputs and cases of which nothing came."""
        return len(self.failures) + len(self.failed)

    @property
    def exit_code(self) -> int:
        """0 all done, 4 some failed, 3 none usable, 130 cancelled."""
        if self.is_cancelled:
            return Cancelled.exit_code
        if not self.made and not self.kept:
            return 3
        return 4 if self.failure_count else 0


def plan_batch(
    job: BatchJob, records: Mapping[str, Json], progress: Progress = SILENT
) -> tuple[list[InputUnit], BatchPlan]:
    """What the inputs hold and what would be done with it. Writes nothing.

    Raises
    ------
    InputError
        If an input is not there.
    Cancelled
        When asked to stop.
    """
    units = find_units(job.inputs, job.protocol.series.not_files, job.protocol.labels)
    with _pool(job) as pool:
        return units, _look_into(units, job, records, pool, progress)


def _look_into(
    units: Sequence[InputUnit], job: BatchJob, records: Mapping[str, Json], pool: WorkerPool, progress: Progress
) -> BatchPlan:
    tasks = [
        Task(f"input {number}", {"do": "look", "path": str(unit.path), "may_be_empty": unit.may_be_empty})
        for number, unit in enumerate(units, 1)
    ]
    results: dict[str, TaskResult] = {}

    def take(result: TaskResult) -> None:
        results[result.task.name] = result
        progress.update(len(results) / len(tasks), f"Looking into {len(tasks)} inputs")

    pool.run(tasks, take)
    return make_plan([results[task.name] for task in tasks], job.protocol, records)


def run_batch(job: BatchJob, write_page: WritePage, progress: Progress = SILENT) -> BatchOutcome:
    """Make every case that is not finished yet; whatever happens, manifest and page tell what is there.

    Raises
    ------
    InputError
        If an input is not there, or the output folder is no place for this batch.
    DiskError
        If the output cannot be written: nothing can be done then.
    """
    started = time.monotonic()
    units = find_units(job.inputs, job.protocol.series.not_files, job.protocol.labels)
    with BatchFolder.open(job.output, resume=job.resume) as folder:
        folder.write(PROTOCOL, {"program": f"surgtwin {VERSION}", "protocol": job.protocol.as_json()})
        log = RunLog(job.log)
        outcome = BatchOutcome(records=finished_records(job.output))
        try:
            log.say(
                "batch-started", program=f"surgtwin {VERSION}", protocol_sha256=job.protocol.sha256(), jobs=job.jobs
            )
            with _pool(job) as pool:
                outcome.plan = _look_into(units, job, outcome.records, pool, progress.part(0.0, _LOOK_SHARE))
                _begin(outcome, units, log)
                folder.write_key(key_document(outcome.plan, outcome.failures, units))  # before there is a case
                _Runner(job, folder, log, outcome, progress.part(_LOOK_SHARE, 1.0)).run(pool)
        except (KeyboardInterrupt, Cancelled):
            outcome.is_cancelled = True
        finally:
            outcome.seconds = time.monotonic() - started
            _conclude(job, folder, outcome, units, write_page)
            log.say("batch-cancelled" if outcome.is_cancelled else "batch-finished", **_counts(outcome))
            log.close()
    return outcome


def _begin(outcome: BatchOutcome, units: Sequence[InputUnit], log: RunLog) -> None:
    plan = outcome.plan
    outcome.failures += plan.failures
    for case in plan.cases:
        if case.finished is not None:
            (outcome.kept if case.finished["state"] == "done" else outcome.failed).append(case.case_id)
    log.say("planned", inputs=len(units), cases=len(plan.cases), to_do=len(plan.to_do), left_out=len(plan.left_out))
    for failure in plan.failures:
        log.say("input-failed", **failure.as_json())


class _Runner:
    """The cases of one plan, made one after the other or several at a time."""

    def __init__(
        self, job: BatchJob, folder: BatchFolder, log: RunLog, outcome: BatchOutcome, progress: Progress
    ) -> None:
        self._job, self._folder, self._log, self._outcome, self._progress = job, folder, log, outcome, progress
        self._planned = {case.case_id: case for case in outcome.plan.to_do}
        self._running: dict[str, float] = {}
        self._finished = 0

    def run(self, pool: WorkerPool) -> None:
        """Make them all."""
        pool.run(map(self._task, self._planned.values()), self._done, self._started, self._progressed)

    def _task(self, case: PlannedCase, *, is_again: bool = False) -> Task:
        candidate = case.candidate
        made = CaseJob(
            load_path=candidate.load_path,
            series_key=candidate.key,
            labels=candidate.labels,
            input_sha256=candidate.input_sha256,
            case_id=case.case_id,
            key=case.key,
            folder=str(self._folder.staging()),
            is_frugal=is_again,
        )
        limits = _limits(self._job, share=1.0) if is_again else None
        return Task(case.case_id, {"do": "case", **made.as_json()}, alone=is_again, limits=limits)

    def _started(self, task: Task) -> None:
        self._running[task.name] = 0.0
        Path(task.message["folder"]).mkdir()
        self._log.say("case-started", case_id=task.name, attempt=2 if task.alone else 1)

    def _progressed(self, task: Task, fraction: float, stage: str) -> None:
        self._running[task.name] = fraction
        self._tell()

    def _done(self, result: TaskResult) -> Task | None:
        case_id, staging = result.task.name, Path(result.task.message["folder"])
        self._running.pop(case_id, None)
        outcome = self._outcome
        outcome.peak_bytes = max(outcome.peak_bytes, result.peak_bytes)
        facts = {"case_id": case_id, "seconds": round(result.seconds, 3), "peak_mib": result.peak_bytes >> 20}
        if result.failure:
            self._folder.discard(staging)
            again = result.failure in RETRIED and not result.task.alone
            said = {"type": result.failure, "message": result.message}
            self._log.say("case-retried" if again else "case-failed", **facts, **said)
            if again:
                return self._task(self._planned[case_id], is_again=True)
            planned = self._planned[case_id]
            outcome.failures.append(
                InputFailure(planned.inputs[0], result.failure, result.message, result.private_message, case_id)
            )
        else:
            self._keep(case_id, staging, result, facts)
        self._finished += 1
        self._tell()
        return None

    def _keep(self, case_id: str, staging: Path, result: TaskResult, facts: Json) -> None:
        """Put what was made in place, then say so: what the log tells is there."""
        record = result.answer["record"]
        name = folder_name(self._job.protocol.case_name, record)
        self._outcome.records[case_id] = self._folder.publish(staging, name, record)
        if record["state"] == "done":
            self._outcome.made.append(case_id)
            self._log.say("case-finished", **facts, files=len(record["files"]))
        else:
            self._outcome.failed.append(case_id)
            self._log.say("case-failed", **facts, **record["failure"])

    def _tell(self) -> None:
        total = len(self._planned)
        done = self._finished + sum(self._running.values())
        self._progress.update(done / max(total, 1), f"{self._finished} of {total} cases")


def _pool(job: BatchJob) -> WorkerPool:
    first = {"protocol": job.protocol.as_json()}
    return WorkerPool(job.worker_command, first, job.jobs, _limits(job, share=1.0 / job.jobs))


def _limits(job: BatchJob, share: float) -> TaskLimits:
    """What one case may use: what the protocol says, else its share of the memory that is free."""
    limits = job.protocol.limits
    if limits.memory_gb is not None:
        memory = int(limits.memory_gb * GB)
    else:
        memory = max(LEAST_MEMORY_BYTES, int(psutil.virtual_memory().available * MEMORY_SHARE * share))
    return TaskLimits(memory, limits.minutes * 60)


def _counts(outcome: BatchOutcome) -> Json:
    return {
        "made": len(outcome.made),
        "kept": len(outcome.kept),
        "failed": outcome.failure_count,
        "left_out": len(outcome.plan.left_out),
        "seconds": round(outcome.seconds, 3),
        "peak_mib": outcome.peak_bytes >> 20,
    }


def _conclude(
    job: BatchJob, folder: BatchFolder, outcome: BatchOutcome, units: Sequence[InputUnit], write_page: WritePage
) -> None:
    """Manifest, key and page of all that is in the folder."""
    header = {"program": f"surgtwin {VERSION}", "protocol_sha256": job.protocol.sha256()}
    failures = [f.as_json() for f in outcome.failures]
    document = manifest(outcome.records, failures, len(outcome.plan.left_out), folder, header)
    folder.write(MANIFEST, document)
    folder.write_key(key_document(outcome.plan, outcome.failures, units))
    write_page(folder.path, document, outcome.records)
