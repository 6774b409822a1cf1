"""Long work off the main thread: one job at a time, with progress, cancel, and no stale results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from surgtwin.errors import Cancelled
from surgtwin.progress import Progress

MIN_REPORT_INTERVAL_S = 1 / 30
"""Reports of the same stage closer together than this are left out: the screen could not show them."""
CLOSING_WAIT_S = 5.0

Work = Callable[[Progress], Any]


class _Relay(QObject):
    """Carries a worker's words to the main thread: every signal names the job it is about."""

    progressed = Signal(int, float, str)
    ended = Signal(int, object, object)


class JobRunner(QObject):
    """Runs a pure function with `Progress` on a worker thread and answers on the main thread.

    Starting a job while another runs cancels the other and drops whatever it would still bring.
    """

    started = Signal(str)
    """The job's title."""
    progressed = Signal(float, str)
    """Fraction done, 0..1, and the stage's name."""
    finished = Signal()
    failed = Signal(object)
    """The exception."""
    cancelled = Signal()
    idle = Signal()
    """After any end, when nothing follows at once."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._relay = _Relay()
        self._relay.progressed.connect(self._on_progress, Qt.ConnectionType.QueuedConnection)
        self._relay.ended.connect(self._on_end, Qt.ConnectionType.QueuedConnection)
        self._number = 0
        self._stop = threading.Event()
        self._running = False
        self._is_current: Callable[[], bool] = lambda: True
        self._on_done: Callable[[Any], None] | None = None
        self._on_stale: dict[int, Callable[[Any], None]] = {}
        self._threads: list[threading.Thread] = []

    @property
    def is_running(self) -> bool:
        return self._running

    @property
    def is_stopping(self) -> bool:
        return self._running and self._stop.is_set()

    def run(
        self,
        title: str,
        work: Work,
        on_done: Callable[[Any], None] | None = None,
        *,
        is_current: Callable[[], bool] = lambda: True,
        on_stale: Callable[[Any], None] | None = None,
    ) -> None:
        """Start `work`; its result goes to `on_done` unless it is stale by then.

        Parameters
        ----------
        is_current
            Asked on the main thread when the work is done; False drops the result without a word.
        on_stale
            Gets a result that is dropped, to close what it holds open.
        """
        self._stop.set()
        self._number += 1
        self._stop = threading.Event()
        self._running, self._on_done, self._is_current = True, on_done, is_current
        if on_stale is not None:
            self._on_stale[self._number] = on_stale
        self._threads = [t for t in self._threads if t.is_alive()]
        worker = threading.Thread(
            target=_work, args=(self._relay, self._number, work, self._stop), name=f"job-{self._number}", daemon=True
        )
        self._threads.append(worker)
        self.started.emit(title)
        worker.start()

    def cancel(self) -> None:
        """Ask the running job to stop; `cancelled` follows when it has."""
        self._stop.set()

    def close(self) -> None:
        """Stop everything and wait a little: the program is about to end."""
        self._number += 1
        self._stop.set()
        self._running = False
        for worker in self._threads:
            worker.join(CLOSING_WAIT_S)

    def _on_progress(self, number: int, fraction: float, stage: str) -> None:
        if number == self._number and self._running:
            self.progressed.emit(fraction, stage)

    def _on_end(self, number: int, result: object, error: object) -> None:
        on_stale = self._on_stale.pop(number, None)
        if number != self._number:
            if on_stale is not None and error is None:
                on_stale(result)
            return
        self._running = False
        on_done, self._on_done = self._on_done, None
        if isinstance(error, Cancelled):
            self.cancelled.emit()
        elif error is not None:
            self.failed.emit(error)
        else:
            self.finished.emit()
            if not self._is_current():
                if on_stale is not None:
                    on_stale(result)
            elif on_done is not None:
                on_done(result)
        if not self._running:
            self.idle.emit()


def _work(relay: _Relay, number: int, work: Work, stop: threading.Event) -> None:
    last_time, last_stage = 0.0, ""

    def report(fraction: float, stage: str) -> None:
        nonlocal last_time, last_stage
        now = time.monotonic()
        if stage != last_stage or now - last_time >= MIN_REPORT_INTERVAL_S:
            last_time, last_stage = now, stage
            relay.progressed.emit(number, fraction, stage)

    result, failure = None, None
    try:
        result = work(Progress(report, stop.is_set))
    except BaseException as error:  # noqa: BLE001 - a worker has nobody above it: the main thread shows the error
        failure = error
    relay.ended.emit(number, result, failure)
