"""A child process that takes in DICOM, seen from the parent: its events, and its restart when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from typing import Any

from ..errors import SourceError

Json = dict[str, Any]
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0
"""A process that lived so long is restarted at once again."""
END_PATIENCE_S = 5.0


class SourceProcess:
    """Runs `python -m MODULE`, gives it its configuration, and starts it again when it dies.

    Parameters
    ----------
    module
        Reads one JSON line, writes JSON lines, and ends when its standard input is closed.
    """

    def __init__(self, module: str, configuration: Json) -> None:
        self._command = [sys.executable, "-m", module]
        self._configuration = configuration
        self._events: queue.Queue[Json] = queue.Queue()
        self._pause_s, self._started, self._restart_at = FIRST_PAUSE_S, 0.0, 0.0
        self._has_worked = False
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def events(self) -> list[Json]:
        """What it said since the last call; restarts it if it died.

        Raises
        ------
        SourceError
            If it could not do its work from the start: the reason it gave.
        """
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._events.get_nowait())
        for event in found:
            if event["event"] == "failed" and not self._has_worked:
                raise SourceError(str(event["reason"]))
            self._has_worked = self._has_worked or event["event"] in ("listening", "watching")
        return found + self._watch()

    def close(self) -> None:
        """Let it end by itself; it is killed if it does not."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(END_PATIENCE_S)

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=os.name != "nt",  # Ctrl+C is the parent's to handle
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        self._started = time.monotonic()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.write(json.dumps(self._configuration) + "\n")
                process.stdin.flush()
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put(event)

    def _watch(self) -> list[Json]:
        code = self._process.poll()
        now = time.monotonic()
        if code is None:
            return []
        if not self._restart_at:
            if not self._has_worked and self._events.empty() and not self._reader.is_alive():
                raise SourceError(f"The process that takes in DICOM ended with code {code} before it could begin.")
            if now - self._started > STEADY_S:
                self._pause_s = FIRST_PAUSE_S
            self._restart_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            return [{"event": "died", "code": code}]
        if now < self._restart_at:
            return []
        self._restart_at = 0.0
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process = self._start()
        return []
