"""Worker processes that take one task at a time: whatever a task does, it ends its own process at most.

A worker stays for the next task, so that a network is loaded once; it is replaced after any failure that is not the
input's, after some tasks, and when it holds on to memory. Its memory is watched from outside, which works on every
system and counts what is really used (a limit on address space would refuse a GPU's or OpenVINO's mappings).
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from .batch_process import Json, Task, TaskLimits, WorkerProcess

POLL_S = 0.2
TASKS_A_WORKER = 50
IDLE_SHARE = 0.5
"""Of the memory limit: a worker that holds more after a task is replaced."""
MIB = 2**20


@dataclass(frozen=True)
class TaskResult:
    """What came of a task: an answer, or a failure.

    Parameters
    ----------
    failure
        "input", "resource", "memory", "time" or "crash"; empty if it was done.
    private_message
        The message with whatever names stand in it: for the operator, not for what is passed on.
    """

    task: Task
    answer: Json = field(default_factory=dict)
    failure: str = ""
    message: str = ""
    private_message: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


class WorkerPool:
    """Runs tasks on some worker processes.

    Parameters
    ----------
    command
        Starts one worker; it reads `first`, then tasks, from its standard input.
    """

    def __init__(self, command: Sequence[str], first: Json, count: int, limits: TaskLimits) -> None:
        self._command, self._first, self._count, self._limits = tuple(command), first, count, limits
        self._inbox: queue.Queue[tuple[WorkerProcess, Json | None]] = queue.Queue()
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        """No worker is left, finished or not."""
        for worker in (*self._busy, *self._idle):
            worker.kill()
        self._busy.clear()
        self._idle.clear()

    def run(
        self,
        tasks: Iterable[Task],
        done: Callable[[TaskResult], Task | None],
        started: Callable[[Task], None] = lambda task: None,
        progressed: Callable[[Task, float, str], None] = lambda task, fraction, stage: None,
    ) -> None:
        """Run every task; `done` is told of each result, and may answer a task to be run in its place."""
        waiting = deque(tasks)
        while waiting or self._busy:
            while waiting and self._has_room(waiting[0]):
                task = waiting.popleft()
                started(task)
                self._start(task)
            for result in self._collect(progressed):
                again = done(result)
                if again is not None:
                    waiting.append(again)

    def _has_room(self, task: Task) -> bool:
        if any(worker.task is not None and worker.task.alone for worker in self._busy):
            return False
        return not self._busy if task.alone else len(self._busy) < self._count

    def _start(self, task: Task) -> None:
        worker = self._idle.pop() if self._idle else WorkerProcess(self._command, self._first, self._inbox)
        self._busy.append(worker)
        worker.give(task)

    def _collect(self, progressed: Callable[[Task, float, str], None]) -> list[TaskResult]:
        """The results that came within one poll."""
        results: list[TaskResult] = []
        with contextlib.suppress(queue.Empty):
            worker, message = self._inbox.get(timeout=POLL_S)
            while True:
                results += self._take(worker, message, progressed)
                worker, message = self._inbox.get_nowait()
        for worker in list(self._busy):
            results += self._check_limits(worker)
        return results

    def _take(
        self, worker: WorkerProcess, message: Json | None, progressed: Callable[[Task, float, str], None]
    ) -> list[TaskResult]:
        if worker not in self._busy or worker.task is None:
            if message is None and worker in self._idle:
                self._idle.remove(worker)
            return []
        if message is None:
            return [self._ended(worker)]
        if "progress" in message:
            progressed(worker.task, float(message["progress"]), str(message.get("stage", "")))
            return []
        worker.memory_bytes()
        result = _result(worker, message)
        self._release(worker, is_sound=result.failure in ("", "input"))
        return [result]

    def _release(self, worker: WorkerProcess, *, is_sound: bool) -> None:
        self._busy.remove(worker)
        worker.task = None
        worker.tasks_done += 1
        limit = self._limits.memory_bytes
        is_full = limit is not None and worker.memory_bytes() > IDLE_SHARE * limit
        if is_sound and not is_full and worker.tasks_done < TASKS_A_WORKER:
            self._idle.append(worker)
        else:
            worker.kill()

    def _ended(self, worker: WorkerProcess) -> TaskResult:
        kind, text = "crash", f"The process that worked on it {worker.end_reason()}."
        if worker.was_killed():
            kind, text = "memory", "The system ended the process that worked on it, which it does when memory is short."
        result = replace(_result(worker, {}), failure=kind, message=text, private_message=text)
        self._release(worker, is_sound=False)
        return result

    def _check_limits(self, worker: WorkerProcess) -> list[TaskResult]:
        task = worker.task
        if task is None:
            return []
        limits = task.limits or self._limits
        used, seconds = worker.memory_bytes(), time.monotonic() - worker.started
        if limits.memory_bytes is not None and used > limits.memory_bytes:
            kind, text = (
                "memory",
                f"It took {used / MIB:.0f} MiB of memory; {limits.memory_bytes / MIB:.0f} are allowed.",
            )
        elif limits.seconds is not None and seconds > limits.seconds:
            kind, text = "time", f"It was not done after {seconds:.0f} s; {limits.seconds:g} s are allowed."
        else:
            return []
        result = replace(_result(worker, {}), failure=kind, message=text, private_message=text)
        self._release(worker, is_sound=False)
        return [result]


def _result(worker: WorkerProcess, message: Json) -> TaskResult:
    if worker.task is None:
        raise RuntimeError("a worker without a task has no result")
    failure = message.get("failure") or {}
    text = str(failure.get("message", ""))
    return TaskResult(
        worker.task,
        answer=message.get("answer") or {},
        failure=str(failure.get("type", "")),
        message=text,
        private_message=str(failure.get("private_message", text)),
        seconds=time.monotonic() - worker.started,
        peak_bytes=worker.peak_bytes,
    )
