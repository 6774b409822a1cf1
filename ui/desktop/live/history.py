"""The twin's revisions: what happened when and by whom, which one is on the screen, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from surgtwin.domain.twin import Revision, RevisionState, Twin
from surgtwin.pipeline.take_in import go_back
from surgtwin.pipeline.timeline import TimelineRow, read_timeline
from surgtwin.progress import Progress
from surgtwin.store.load import load_twin

from ..opened_twin import NEWEST, OpenedTwin
from .kept_view import KeptView

if TYPE_CHECKING:
    from surgtwin.store.writer import TwinWriter

    from ..main_window import MainWindow

MOST_KEPT = 6
"""Revisions kept in memory beside the one on the screen, so that going back and forth is quick."""


class History(QObject):
    """Lives on the main thread. While an older revision is on the screen the twin stays ours, and can't be changed."""

    changed = Signal()
    """The rows, the current one, or the one on the screen."""
    failed = Signal(object)
    """A fault of the program."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._state, self._jobs = window, window.state, window.jobs
        self._opened: OpenedTwin | None = None
        self._loaded: dict[int, Twin] = {}
        self.rows: tuple[TimelineRow, ...] = ()
        window.opener.twin_opened.connect(self._on_opened)
        window.saver.saved.connect(self._on_opened)
        window.state.twin_changed.connect(self._on_twin)

    # --- what there is

    @property
    def path(self) -> Path | None:
        return self._state.path

    @property
    def writer(self) -> TwinWriter | None:
        """The right to change the twin; None where another program has it, or it is not saved."""
        opened = self._opened
        return opened.writer if opened is not None and opened.path == self._state.path else None

    @property
    def current(self) -> int:
        """Number of the revision that counts; 0 while nothing is saved."""
        return next((row.revision.number for row in self.rows if row.is_current), 0)

    @property
    def shown(self) -> int:
        """Number of the revision on the screen; 0 for none."""
        return self._state.twin.revision.number if self._state.twin is not None else 0

    @property
    def is_behind(self) -> bool:
        """Whether what is on the screen is not what counts."""
        return bool(self.current) and bool(self.shown) and self.shown != self.current

    def row(self, number: int) -> TimelineRow | None:
        return next((row for row in self.rows if row.revision.number == number), None)

    @property
    def proposed(self) -> tuple[TimelineRow, ...]:
        """Revisions that wait for a person's answer and were carried from the one that counts now."""
        waiting = [row for row in self.rows if row.revision.state is RevisionState.PROPOSED and not row.is_current]
        return tuple(r for r in waiting if r.registration is None or r.registration.base_revision == self.current)

    # --- going to and fro

    def show(self, number: int) -> None:
        """Put a revision on the screen, seen as the one before was seen."""
        path, writer = self.path, self.writer
        if path is None or number == self.shown:
            return
        if number == self.current:
            if writer is None:
                self._window.opener.open_twin(path)
            else:
                self._put(writer.twin)
        elif number in self._loaded:
            self._put(self._loaded[number])
        else:
            self.load(number, self._put)

    def step(self, by: int) -> None:
        """The revision before or after the one on the screen."""
        numbers = [row.revision.number for row in self.rows]
        if self.shown in numbers:
            at = numbers.index(self.shown) + by
            if 0 <= at < len(numbers):
                self.show(numbers[at])

    def can_step(self, by: int) -> bool:
        numbers = [row.revision.number for row in self.rows]
        return self.shown in numbers and 0 <= numbers.index(self.shown) + by < len(numbers)

    def load(self, number: int, then: Callable[[Twin], None]) -> None:
        """Another revision of the open twin from the disk, for a person to look at."""
        path = self.path
        if path is None:
            return
        writer = self.writer
        if writer is not None and number == self.current:
            then(writer.twin)
            return
        if number in self._loaded:
            then(self._loaded[number])
            return

        def take(twin: Twin) -> None:
            self._loaded = dict([*self._loaded.items(), (number, twin)][-MOST_KEPT:])
            then(twin)

        self._jobs.run(
            f"Opening revision {number}",
            lambda progress: load_twin(path, revision=number, progress=progress),
            take,
            is_current=lambda: self.path == path,
        )

    def go_back(self, number: int) -> None:
        """Make an earlier revision the one that counts again; nothing is deleted."""
        writer, by = self.writer, self._window.kept.reader()
        if writer is None:
            return

        def work(_: Progress) -> Twin:
            return go_back(writer, number, by=by)

        self._jobs.run(f"Going back to revision {number}", work, self.adopt)

    def adopt(self, twin: Twin) -> None:
        """What the writer says now is the current revision, and goes onto the screen."""
        self._put(twin)
        self._window.timeline.say(f"Revision {twin.revision.number} is the one that counts.")

    # --- the screen

    def _put(self, twin: Twin) -> None:
        window, state, path, writer = self._window, self._state, self.path, self.writer
        if path is None:
            return
        view = KeptView.of(state, window.views)
        self._read_rows()
        is_current = twin.revision.number == self.current
        state.open_twin(twin, path=path, writer=writer, read_only=not is_current)
        state.set_colours(window.kept.colours_of(twin.case_id))
        view.restore(state, window.views)
        revisions = self._revisions()
        why = "" if is_current and writer is not None else NEWEST.format(twin.revision.number, len(revisions))
        window.opener.twin_opened.emit(OpenedTwin(twin, path, writer, revisions, why))

    def _revisions(self) -> tuple[Revision, ...]:
        return tuple(row.revision for row in self.rows)

    def refresh(self) -> None:
        """Read the log again: something was added or judged."""
        self._read_rows()
        self._window.set_revisions(self._revisions())
        self.changed.emit()

    def _read_rows(self) -> None:
        before = self._revisions()
        self.rows = read_timeline(self.path) if self.path is not None else ()
        if self._revisions() != before:
            self._loaded = {}

    def _on_opened(self, opened: OpenedTwin) -> None:
        if self._opened is None or opened.path != self._opened.path:
            self._loaded = {}
        self._opened = opened
        self._read_rows()
        self.changed.emit()

    def _on_twin(self) -> None:
        if self.path is None:
            self._opened, self._loaded, self.rows = None, {}, ()
            self.changed.emit()
