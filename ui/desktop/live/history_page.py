"""The twin's revisions as a table: when, what, by whom, how the plans stood; show, compare, judge, go back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.twin import RevisionState, Twin
from surgtwin.domain.verdict import Verdict
from surgtwin.pipeline.timeline import TimelineRow

from ..panels.labels import Section, horizontal_line, text_label
from ..planning.verdict_look import LOOKS
from ..planning.worker import LatestWorker
from ..views.scene_view import SceneView
from ..wording import clock_time, millimetres
from .compare_revisions import CompareRevisions
from .history import History
from .revision_changes import Change, changes_between
from .revision_words import DEED_WORDS, STATE_LOOKS, state_words

COMPARE = "compare revisions"
HEADS = ("", "when", "what", "state", "by", "moved, mm", "plans")
NUMBER, WHAT, STATE, VERDICT = 0, 2, 3, 6


class HistoryPage(QFrame):
    """Stands where the views stand; call `dispose` before it is dropped."""

    ended = Signal()
    judge_asked = Signal(int)

    def __init__(self, history: History, worker: LatestWorker, seen_from: SceneView | None) -> None:
        super().__init__()
        self.setObjectName("sidePanel")
        self._history, self._worker, self._seen_from = history, worker, seen_from
        self.comparison: CompareRevisions | None = None
        self.table = QTableWidget(0, len(HEADS))
        self.details = QScrollArea()
        self.details.setWidgetResizable(True)
        self.details.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.show_it = _button("Show it", "Put it into the views", self._show)
        self.compare = _button("Compare", "Beside the revision that counts", self._compare)
        self.judge = _button("Judge it\u2026", "Accept or reject what was proposed", self._judge)
        self.back = _button("Go back to it", "It counts again; nothing is deleted", self._go_back)
        self.close_button = _button("Close", "Back to the views", self.ended.emit)
        self._stack = QStackedLayout(self)
        self._lay_out()
        history.changed.connect(self.refresh)
        self.refresh()
        self._select(history.shown)

    @property
    def chosen(self) -> TimelineRow | None:
        """The revision of the row that is selected."""
        item = self.table.item(self.table.currentRow(), NUMBER)
        return self._history.row(int(item.data(Qt.ItemDataRole.UserRole))) if item is not None else None

    def refresh(self) -> None:
        chosen = self.chosen
        rows = tuple(reversed(self._history.rows))
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for n, row in enumerate(rows):
            self._fill_row(n, row)
        self.table.blockSignals(False)
        self._select(chosen.revision.number if chosen is not None else self._history.shown)
        self._on_chosen()

    def dispose(self) -> None:
        self._end_compare()

    # --- the rows

    def _fill_row(self, n: int, row: TimelineRow) -> None:
        r, history = row.revision, self._history
        moved = millimetres(row.largest_motion_mm) if row.registration is not None else ""
        by = ", ".join(dict.fromkeys(d.by for d in row.deeds if d.by))
        mark = "\u25b8 " if r.number == history.shown else ""
        verdict = row.worst_verdict
        words = f"{LOOKS[Verdict(verdict)].mark} {LOOKS[Verdict(verdict)].word}" if verdict else ""
        texts = (f"{mark}{r.number}", clock_time(r.created_utc), r.cause, state_words(row), by, moved, words)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            if column == NUMBER:
                item.setData(Qt.ItemDataRole.UserRole, r.number)
            elif column == STATE:
                item.setForeground(QColor(STATE_LOOKS[r.state].colour))
            elif column == VERDICT and verdict:
                item.setForeground(QColor(LOOKS[Verdict(verdict)].colour))
            self.table.setItem(n, column, item)

    def _select(self, number: int) -> None:
        for n in range(self.table.rowCount()):
            item = self.table.item(n, NUMBER)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == number:
                self.table.selectRow(n)

    def _on_chosen(self) -> None:
        row, history = self.chosen, self._history
        state = row.revision.state if row is not None else None
        can_change = history.writer is not None
        self.show_it.setEnabled(row is not None and row.revision.number != history.shown)
        self.compare.setEnabled(row is not None and not row.is_current)
        self.judge.setEnabled(can_change and any(p is row for p in history.proposed))
        was_once = state in (RevisionState.ACCEPTED, RevisionState.SUPERSEDED)
        self.back.setEnabled(can_change and row is not None and not row.is_current and was_once)
        self.details.setWidget(_details(row) if row is not None else QWidget())

    # --- what the buttons do

    def _show(self) -> None:
        if self.chosen is not None:
            self._history.show(self.chosen.revision.number)

    def _judge(self) -> None:
        if self.chosen is not None:
            self.judge_asked.emit(self.chosen.revision.number)

    def _go_back(self) -> None:
        if self.chosen is not None:
            self._history.go_back(self.chosen.revision.number)

    def _compare(self) -> None:
        row, current = self.chosen, self._history.current
        if row is None:
            return
        number = row.revision.number
        self._history.load(current, lambda first: self._history.load(number, lambda other: self._begin(other, first)))

    def _begin(self, chosen: Twin, current: Twin) -> None:
        first, second = sorted((chosen, current), key=lambda t: t.revision.number)
        rows = (self._history.row(first.revision.number), self._history.row(second.revision.number))
        self._worker.ask(
            COMPARE,
            lambda *_: changes_between(first, second, rows),
            lambda changes: self._show_compare((first, second), changes),
            self._history.failed.emit,
        )

    def _show_compare(self, twins: tuple[Twin, Twin], changes: list[Change]) -> None:
        self._end_compare()
        self.comparison = CompareRevisions(twins, changes, self._seen_from)
        self.comparison.ended.connect(self._end_compare)
        self._stack.addWidget(self.comparison)
        self._stack.setCurrentWidget(self.comparison)

    def _end_compare(self) -> None:
        self._worker.drop(COMPARE)
        pane, self.comparison = self.comparison, None
        if pane is not None:
            self._stack.setCurrentIndex(0)
            self._stack.removeWidget(pane)
            pane.dispose()
            pane.deleteLater()

    def _lay_out(self) -> None:
        page = QWidget()
        self.table.setHorizontalHeaderLabels(list(HEADS))
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAccessibleName("Revisions of the twin, the newest on top")
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(WHAT, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.itemSelectionChanged.connect(self._on_chosen)
        self.table.itemDoubleClicked.connect(lambda _item: self._show())
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        head.setSpacing(8)
        head.addWidget(text_label("History of the twin", "title"), 1)
        for button in (self.show_it, self.compare, self.judge, self.back, self.close_button):
            head.addWidget(button)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        column.addWidget(horizontal_line())
        column.addWidget(self.details, 1)
        self._stack.addWidget(page)


def _details(row: TimelineRow) -> QWidget:
    """What happened with a revision, how it was carried, and how every plan stood on it."""
    body = QWidget()
    body.setObjectName("panelBody")
    columns = QHBoxLayout(body)
    columns.setContentsMargins(0, 0, 0, 0)
    columns.setSpacing(0)
    happened = Section(f"What happened with revision {row.revision.number}")
    for deed in row.deeds:
        by = f" by {deed.by}" if deed.by else ""
        happened.body.addWidget(text_label(f"{clock_time(deed.utc)}  {DEED_WORDS[deed.word]}{by}", wrap=True))
    if row.registration is not None:
        happened.body.addWidget(text_label(f"Carried along by {row.registration.method}.", "quiet", wrap=True))
        for gate in row.registration.gates:
            if not gate.is_passed:
                happened.body.addWidget(text_label(f"\u25b2 {gate.message}", "violated", wrap=True))
    plans = Section("How the plans stood on it")
    for plan, verdicts in row.plan_verdicts.items():
        plans.body.addWidget(text_label(plan, "section"))
        for about, verdict in verdicts.items():
            look = LOOKS[Verdict(verdict)]
            plans.body.addWidget(text_label(f"{look.mark} {about}: {look.word}", verdict, wrap=True))
    if not row.plan_verdicts:
        plans.body.addWidget(text_label("No plan was judged when it was made.", "quiet", wrap=True))
    why = Section("What it changed for them, and why")
    for text in row.changes:
        why.body.addWidget(text_label(text, "unproven", wrap=True))
    if not row.changes:
        why.body.addWidget(text_label("No verdict changed.", "quiet", wrap=True))
    for section in (happened, plans, why):
        section.body.addStretch(1)
        columns.addWidget(section, 1)
    return body


def _button(words: str, tip: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    button.clicked.connect(lambda _checked=False: act())
    return button
