"""Work that follows the hand: one thread, and of each kind only the newest order is carried out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from surgtwin.errors import Cancelled
from surgtwin.progress import Progress

CLOSING_WAIT_S = 10.0


@dataclass(frozen=True, eq=False)
class _Order:
    number: int
    kind: str
    work: Callable[[Progress, Callable[[Any], None]], Any]
    on_result: Callable[[Any], None]
    on_error: Callable[[BaseException], None]
    stop: threading.Event


class _Relay(QObject):
    """Carries results to the main thread."""

    told = Signal(object, object)
    failed = Signal(object, object)
    ended = Signal()


class LatestWorker(QObject):
    """Runs pure functions off the main thread and answers on it. An order that a newer one of its kind has overtaken
    is dropped, or asked to stop if it runs; what it would still tell is not heard."""

    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._relay = _Relay()
        self._relay.told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        self._relay.failed.connect(self._on_failed, Qt.ConnectionType.QueuedConnection)
        self._relay.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        self._wake = threading.Condition()
        self._waiting: dict[str, _Order] = {}
        self._newest: dict[str, _Order] = {}
        self._running: _Order | None = None
        self._thread: threading.Thread | None = None
        self._number, self._closing = 0, False

    @property
    def is_busy(self) -> bool:
        with self._wake:
            return self._running is not None or bool(self._waiting)

    def ask(
        self,
        kind: str,
        work: Callable[[Progress, Callable[[Any], None]], Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Order work.

        Parameters
        ----------
        work
            Gets a progress that stops it once it is overtaken, and a function to tell what it knows so far; what it
            returns is its last word.
        on_result, on_error
            Called on the main thread.
        """
        with self._wake:
            if self._closing:
                return
            self._number += 1
            before = self._newest.get(kind)
            if before is not None:
                before.stop.set()
            order = _Order(self._number, kind, work, on_result, on_error, threading.Event())
            self._newest[kind] = order
            self._waiting.pop(kind, None)
            self._waiting[kind] = order
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="planning", daemon=True)
                self._thread.start()
            self._wake.notify()

    def drop(self, kind: str) -> None:
        """Nobody waits for the orders of that kind any longer."""
        with self._wake:
            self._waiting.pop(kind, None)
            order = self._newest.pop(kind, None)
        if order is not None:
            order.stop.set()

    def close(self) -> None:
        """Stop everything: the program is about to end."""
        with self._wake:
            self._closing = True
            self._waiting.clear()
            for order in self._newest.values():
                order.stop.set()
            self._newest.clear()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(CLOSING_WAIT_S)

    def _run(self) -> None:
        while (order := self._next()) is not None:
            progress = Progress(None, order.stop.is_set)
            try:
                result = order.work(progress, partial(self._relay.told.emit, order))
            except Cancelled:
                pass
            except BaseException as error:  # noqa: BLE001 - a worker has nobody above it: the main thread shows it
                self._relay.failed.emit(order, error)
            else:
                self._relay.told.emit(order, result)
            del order
            self._relay.ended.emit()

    def _next(self) -> _Order | None:
        with self._wake:
            self._running = None
            while not self._waiting and not self._closing:
                self._wake.wait()
            if self._closing:
                return None
            kind = next(iter(self._waiting))
            self._running = self._waiting.pop(kind)
            return self._running

    def _on_told(self, order: _Order, said: object) -> None:
        if self._newest.get(order.kind) is order:
            order.on_result(said)

    def _on_failed(self, order: _Order, error: BaseException) -> None:
        if self._newest.get(order.kind) is order:
            order.on_error(error)

    def _on_ended(self) -> None:
        if not self.is_busy:
            self.idle.emit()


def telling(progress: Progress, tell: Callable[[Any], None]) -> Progress:
    """A progress that tells how far the work is, as (fraction, stage), and stops it where `progress` does."""

    def stops() -> bool:
        progress.check()
        return False

    return Progress(lambda done, stage: tell((done, stage)), stops)
