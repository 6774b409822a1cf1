"""The key poses of a tool path: when they are, how near they come, and in which order."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..panels.labels import text_label
from ..theme import TEXT, VIOLATED
from .desk import PlanDesk
from .path_build import key_at
from .path_words import clear_words, judged_names, nearest_now

COLUMNS = ("", "s", "nearest")
MOST_ROWS = 6


class KeyList(QWidget):
    """A click shows a key pose; its second can be typed; buttons delete and reorder."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk, self._paths = desk, desk.paths
        self.rows = QTreeWidget()
        self.rows.setColumnCount(len(COLUMNS))
        self.rows.setHeaderLabels(list(COLUMNS))
        self.rows.setRootIsDecorated(False)
        self.rows.setUniformRowHeights(True)
        self.rows.setAccessibleName("Key poses")
        self.rows.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.rows.header()
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(20)
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.rows.itemDoubleClicked.connect(self._edit)
        self.rows.currentItemChanged.connect(self._on_current)
        self.rows.itemChanged.connect(self._on_typed)
        self.earlier, self.later = QPushButton("\u2191 Earlier"), QPushButton("\u2193 Later")
        self.delete = QPushButton("Delete")
        self.earlier.setToolTip("Take this pose before the one before it; the times stay")
        self.later.setToolTip("Take this pose after the one after it; the times stay")
        self.delete.setToolTip("Delete this key pose  (Del)")
        self.earlier.clicked.connect(lambda: self._move(-1))
        self.later.clicked.connect(lambda: self._move(1))
        self.delete.clicked.connect(self._delete)
        column_box = QVBoxLayout(self)
        column_box.setContentsMargins(0, 0, 0, 0)
        column_box.setSpacing(4)
        column_box.addWidget(text_label("Key poses (double-click a time)", "quiet"))
        column_box.addWidget(self.rows)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.earlier, self.later, self.delete):
            button.setProperty("role", "compact")
            row.addWidget(button, 1)
        column_box.addLayout(row)
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.judged_changed):
            signal.connect(self.refresh)
        self._paths.clock.changed.connect(self._mark)
        self.refresh()

    def refresh(self) -> None:
        path, figures = self._paths.path, self._paths.figures
        if path is None:
            return
        self.rows.blockSignals(True)
        while self.rows.topLevelItemCount() > len(path.poses):
            self.rows.takeTopLevelItem(self.rows.topLevelItemCount() - 1)
        while self.rows.topLevelItemCount() < len(path.poses):
            item = QTreeWidgetItem()
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.rows.addTopLevelItem(item)
        is_known = figures is not None and figures.path == path
        judged = judged_names(path, figures)
        for n, pose in enumerate(path.poses):
            row = self.rows.topLevelItem(n)
            if row is None:
                continue
            moment = figures.timeline.at(pose.time_s) if is_known and figures is not None else None
            nearest = nearest_now(moment, judged)
            texts = (f"{n + 1}", f"{pose.time_s:.1f}", clear_words(*nearest) if nearest is not None else "\u2026")
            for column, text in enumerate(texts):
                row.setText(column, text)
            row.setToolTip(2, texts[2])
            is_inside = nearest is not None and nearest[1] <= 0.0
            row.setForeground(2, QColor(VIOLATED if is_inside else TEXT))
        count = min(len(path.poses), MOST_ROWS)
        height = self.rows.header().sizeHint().height() + count * max(self.rows.sizeHintForRow(0), 1)
        self.rows.setFixedHeight(height + 2 * self.rows.frameWidth() + 2)
        self.rows.blockSignals(False)
        self._mark()

    def _mark(self) -> None:
        """The row of the key pose at the moment that is shown."""
        path = self._paths.path
        key = key_at(path, self._paths.clock.time_s) if path is not None else None
        self.rows.blockSignals(True)
        model = self.rows.model()
        self.rows.setCurrentIndex(model.index(key, 0) if key is not None else QModelIndex())
        self.rows.blockSignals(False)
        count = len(path.poses) if path is not None else 0
        self.delete.setEnabled(key is not None and count > 1)
        self.earlier.setEnabled(key is not None and key > 0)
        self.later.setEnabled(key is not None and key < count - 1)

    def _key(self) -> int | None:
        path = self._paths.path
        return key_at(path, self._paths.clock.time_s) if path is not None else None

    def _on_current(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        path, n = self._paths.path, self.rows.indexOfTopLevelItem(item) if item is not None else -1
        if path is not None and 0 <= n < len(path.poses):
            self._paths.go_to(path.poses[n].time_s)

    def _edit(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 1:
            self.rows.editItem(item, 1)

    def _on_typed(self, item: QTreeWidgetItem, column: int) -> None:
        if column != 1:
            return
        try:
            time = float(item.text(1).replace(",", ".").removesuffix("s").strip())
        except ValueError:
            self._desk.problem_found.emit("A time in seconds is needed, such as 2.5.")
            self.refresh()
            return
        self._paths.edits.retime(self.rows.indexOfTopLevelItem(item), time)
        self.refresh()

    def _move(self, by: int) -> None:
        key, path = self._key(), self._paths.path
        if key is not None and path is not None:
            times = [pose.time_s for pose in path.poses]
            self._paths.edits.swap(key, key + by)
            self._paths.clock.set_time(times[key + by])

    def _delete(self) -> None:
        key = self._key()
        if key is not None:
            self._paths.edits.delete_key(key)
