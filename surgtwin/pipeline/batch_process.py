"""One worker process of a batch, seen from the parent: tasks in, answers out, memory watched."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

Json = dict[str, Any]


@dataclass(frozen=True)
class TaskLimits:
    """What one task may use; None: without bound."""

    memory_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Task:
    """Something for a worker to do.

    Parameters
    ----------
    message
        JSON for the worker.
    alone
        True if no other task may run beside it.
    limits
        Its own, in place of everyone's.
    """

    name: str
    message: Json
    alone: bool = False
    limits: TaskLimits | None = None


class WorkerProcess:
    """A child process that reads tasks and writes answers, one JSON document a line."""

    def __init__(
        self, command: Sequence[str], first: Json, inbox: queue.Queue[tuple[WorkerProcess, Json | None]]
    ) -> None:
        self.task: Task | None = None
        self.started = 0.0
        self.peak_bytes = 0
        self.tasks_done = 0
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name != "nt",  # Ctrl+C goes to the parent alone, and a group can be ended at once
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._watch = psutil.Process(self._process.pid)
        self._reader = threading.Thread(target=self._read, args=(inbox,), daemon=True)
        self._reader.start()
        self._send(first)

    def give(self, task: Task) -> None:
        """Start a task."""
        self.task, self.started, self.peak_bytes = task, time.monotonic(), 0
        self._send(task.message)

    def memory_bytes(self) -> int:
        """Resident memory of the worker and its children; 0 once it has ended."""
        total = 0
        with contextlib.suppress(psutil.Error):
            for process in (self._watch, *self._watch.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += int(process.memory_info().rss)
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if os.name == "nt":
            with contextlib.suppress(psutil.Error):
                for child in self._watch.children(recursive=True):
                    child.kill()
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Let it end by itself: its input is closed."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.wait()
        self._reader.join()

    def end_reason(self) -> str:
        """How a process ended that was not asked to."""
        code = self._process.wait()
        if code >= 0:
            return f"ended with code {code}"
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    def was_killed(self) -> bool:
        """True if it got SIGKILL, which nobody but the system sends where memory is short."""
        return os.name != "nt" and self._process.wait() == -signal.SIGKILL

    def _send(self, message: Json) -> None:
        stdin = self._process.stdin
        with contextlib.suppress(OSError):  # it has ended: the reader will say so
            if stdin is not None:
                stdin.write(json.dumps(message) + "\n")
                stdin.flush()

    def _read(self, inbox: queue.Queue[tuple[WorkerProcess, Json | None]]) -> None:
        if self._process.stdout is not None:
            with self._process.stdout as stdout:
                for line in stdout:
                    with contextlib.suppress(ValueError):
                        message = json.loads(line)
                        if isinstance(message, dict):
                            inbox.put((self, message))
        inbox.put((self, None))
