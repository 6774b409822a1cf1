"""Everything that is in the plan, kind by kind, with the worst of each at a glance."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.edits import Entry, entries, renamed

from ..theme import QUIET
from .desk import PlanDesk
from .entry_kinds import KINDS
from .verdict_look import LOOKS

UNJUDGED = "\u25cb"
MOST_ROWS = 8


class EntriesList(QTreeWidget):
    """Click to work on an entry, double-click to rename it."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk = desk
        self._names: tuple[tuple[type, str], ...] = ()
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAccessibleName("What is planned")
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.currentItemChanged.connect(self._on_current)
        self.itemChanged.connect(self._on_renamed)
        desk.judged_changed.connect(self.refresh)
        desk.book.plan_changed.connect(self.refresh)
        desk.book.chosen_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Rows are made anew only when there are others."""
        listed = entries(self._desk.book.plan)
        names = tuple((type(e), e.name) for e in listed)
        self.blockSignals(True)
        if names != self._names:
            self._names = names
            self.clear()
            for entry in listed:
                item = QTreeWidgetItem([entry.name, ""])
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(0, "Double-click to rename")
                self.addTopLevelItem(item)
            self._fit_height()
        for n, entry in enumerate(listed):
            self._fill(self.topLevelItem(n), entry)
        chosen = self._desk.book.chosen
        if chosen is not None and (type(chosen), chosen.name) in names:
            self.setCurrentIndex(self.model().index(names.index((type(chosen), chosen.name)), 0))
        self.blockSignals(False)

    def _fill(self, item: QTreeWidgetItem | None, entry: Entry) -> None:
        if item is None:
            return
        judged = self._desk.judged
        row = next((k for k in KINDS if k.kind is type(entry)), None)
        text, verdict = row.summary(judged, entry.name) if row is not None and judged is not None else ("", None)
        item.setText(0, entry.name)
        item.setText(1, f"{text}  {_mark(verdict)}")
        item.setForeground(1, QColor(LOOKS[verdict].colour if verdict is not None else QUIET))
        item.setToolTip(1, LOOKS[verdict].word if verdict is not None else "not judged yet")

    def _fit_height(self) -> None:
        rows = max(1, min(self.topLevelItemCount(), MOST_ROWS))
        height = self.sizeHintForRow(0) if self.topLevelItemCount() else self.fontMetrics().height() + 8
        self.setFixedHeight(rows * height + 2 * self.frameWidth() + 2)

    def _entry_of(self, item: QTreeWidgetItem) -> Entry | None:
        n = self.indexOfTopLevelItem(item)
        listed = entries(self._desk.book.plan)
        return listed[n] if 0 <= n < len(listed) else None

    def _on_current(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        entry = self._entry_of(item) if item is not None else None
        if entry is not None:
            self._desk.book.choose(entry)

    def _on_renamed(self, item: QTreeWidgetItem, column: int) -> None:
        entry, name = self._entry_of(item), item.text(0).strip()
        if column != 0 or entry is None or name == entry.name:
            return
        book = self._desk.book
        try:
            plan = renamed(book.plan, entry, name)
        except PlanError as error:
            self._desk.problem_found.emit(error.reason[:1].upper() + error.reason[1:])
            self._names = ()
            self.refresh()
            return
        now = next(e for e in entries(plan) if type(e) is type(entry) and e.name == name)
        book.apply(plan, f"Rename {entry.name}", choose=now)


def _mark(verdict: Verdict | None) -> str:
    return LOOKS[verdict].mark if verdict is not None else UNJUDGED
