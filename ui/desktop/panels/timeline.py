"""The strip at the bottom: the twin's revisions, and what is being computed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QWidget

from surgtwin.domain.twin import Revision
from surgtwin.pipeline.timeline import TimelineRow

from ..jobs import JobRunner
from ..live.revision_words import STATE_LOOKS, tip_of
from ..state import AppState
from ..time_left import time_left
from ..wording import clock_time
from .labels import ElidedLabel, discard, text_label

BAR_WIDTH_PX = 200
MOST_BUTTONS = 6
STEPS = 1000


class Timeline(QFrame):
    """Revisions on the left, the running job on the right."""

    revision_asked = Signal(int)
    history_asked = Signal()

    def __init__(self, state: AppState, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self._state = state
        self._revisions: tuple[Revision, ...] = ()
        self._tips: dict[int, str] = {}
        self.history = QPushButton("History")
        self.history.setProperty("role", "compact")
        self.history.setToolTip("What happened to this twin: show, compare, judge, go back  (Ctrl+H)")
        self.history.clicked.connect(lambda _checked=False: self.history_asked.emit())
        self.hint = ElidedLabel(role="quiet", least_width=80)
        self.buttons: dict[int, QPushButton] = {}
        jobs.started.connect(lambda _title: self.hint.set_text(""))
        self._row = QHBoxLayout()
        self._row.setSpacing(8)
        self.job = JobStrip(jobs)
        line = QHBoxLayout(self)
        line.setContentsMargins(12, 4, 12, 4)
        line.setSpacing(12)
        line.addWidget(self.history)
        line.addLayout(self._row)
        line.addWidget(self.hint, 1)
        line.addWidget(self.job)
        state.twin_changed.connect(self.refresh)
        self.setMinimumHeight(36)
        self.refresh()

    def set_revisions(self, revisions: Sequence[Revision]) -> None:
        self._revisions = tuple(revisions)
        self.refresh()

    def set_rows(self, rows: Sequence[TimelineRow]) -> None:
        """The revisions with what is known of each."""
        self._tips = {row.revision.number: tip_of(row) for row in rows}
        self.set_revisions([row.revision for row in rows])

    def say(self, text: str) -> None:
        """A quiet word about what was just done."""
        self.hint.set_text(text)

    def refresh(self) -> None:
        for button in self.buttons.values():
            self._row.removeWidget(button)
            discard(button)
        self.buttons = {}
        twin = self._state.twin
        self.history.setVisible(twin is not None and self._state.path is not None)
        if twin is None:
            self.hint.set_text("")
            return
        for revision in self._near(self._revisions or (twin.revision,), twin.revision.number):
            look = STATE_LOOKS[revision.state]
            button = QPushButton(f"{look.mark} {revision.number}  {clock_time(revision.created_utc)}")
            button.setProperty("role", "revision")
            button.setCheckable(True)
            button.setChecked(revision.number == twin.revision.number)
            own = f"Revision {revision.number}: {revision.cause} ({revision.state})"
            button.setToolTip(self._tips.get(revision.number, own))
            button.clicked.connect(lambda _=False, n=revision.number: self._ask(n))
            self._row.addWidget(button)
            button.show()
            self.buttons[revision.number] = button
        self.hint.set_text(f"Revision {twin.revision.number}: {twin.revision.cause}")

    @staticmethod
    def _near(revisions: Sequence[Revision], shown: int) -> Sequence[Revision]:
        """As many as there is room for, the one on the screen among them; the history has them all."""
        at = next((n for n, r in enumerate(revisions) if r.number == shown), len(revisions) - 1)
        first = max(0, min(at - MOST_BUTTONS // 2, len(revisions) - MOST_BUTTONS))
        return revisions[first : first + MOST_BUTTONS]

    def _ask(self, number: int) -> None:
        twin = self._state.twin
        for n, button in self.buttons.items():
            button.setChecked(twin is not None and n == twin.revision.number)
        if twin is not None and number != twin.revision.number:
            self.revision_asked.emit(number)


class JobStrip(QWidget):
    """Stage, bar, time left, Cancel; there only while something runs."""

    def __init__(self, jobs: JobRunner) -> None:
        super().__init__()
        self._jobs = jobs
        self._started = 0.0
        self.stage = text_label()
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(BAR_WIDTH_PX)
        self.left = text_label(role="quiet")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop what is being computed  (Esc)")
        self.cancel.clicked.connect(self._cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget in (self.stage, self.bar, self.left, self.cancel):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        jobs.started.connect(self._on_start)
        jobs.progressed.connect(self._on_progress)
        for signal in (jobs.finished, jobs.failed, jobs.cancelled):
            signal.connect(self.hide)
        self.hide()

    def _on_start(self, title: str) -> None:
        self._started = time.monotonic()
        self.stage.setText(title)
        self.bar.setValue(0)
        self.left.setText("")
        self.cancel.setEnabled(True)
        self.cancel.setText("Cancel")
        self.show()

    def _on_progress(self, fraction: float, stage: str) -> None:
        if self._jobs.is_stopping:
            return
        self.bar.setValue(round(fraction * STEPS))
        if stage:
            self.stage.setText(stage)
        self.left.setText(time_left(fraction, time.monotonic() - self._started))

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping")
        self._jobs.cancel()
