"""Two revisions with one camera, side by side or in turn, and what differs between them."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.twin import Twin

from ..panels.labels import ElidedLabel, text_label
from ..state import AppState
from ..views.scene_view import SceneView
from ..views.shared_camera import SharedCamera
from ..views.view_frame import ViewFrame
from .kept_view import look_alike
from .revision_changes import Change

BLINK_MS = 700
HEADS = ("", "", "", "what differs")


class CompareRevisions(QWidget):
    """Made for one comparison; call `dispose` before it is dropped."""

    ended = Signal()

    def __init__(self, twins: tuple[Twin, Twin], changes: list[Change], seen_from: SceneView | None) -> None:
        super().__init__()
        self.titles = tuple(f"Revision {t.revision.number}" for t in twins)
        self.states = (_state_of(twins[0], seen_from), _state_of(twins[1], seen_from))
        self.scenes = (SceneView(self.states[0]), SceneView(self.states[1]))
        if seen_from is not None:
            self.scenes[0].look_like(seen_from)
        SharedCamera(self.scenes, self)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self.frames = tuple(ViewFrame("3d", t, s) for t, s in zip(self.titles, self.scenes, strict=True))
        for frame in self.frames:
            self._split.addWidget(frame)
        self._split.setSizes([1000, 1000])
        self.blink = QPushButton("Blink")
        self.blink.setCheckable(True)
        self.blink.setToolTip("Show both in turn in the same place, instead of side by side")
        self.blink.toggled.connect(self._set_blink)
        self._blinking = QTimer(self, interval=BLINK_MS)
        self._blinking.timeout.connect(self._turn)
        self.close_button = QPushButton("End the comparison")
        self.close_button.clicked.connect(self.ended)
        self.table = _table(changes, self.titles)
        self._lay_out(bool(changes))

    def dispose(self) -> None:
        self._blinking.stop()
        for scene in self.scenes:
            scene.dispose()

    def _set_blink(self, on: bool) -> None:
        if on:
            self.frames[1].hide()
            self._blinking.start()
        else:
            self._blinking.stop()
            for frame in self.frames:
                frame.show()

    def _turn(self) -> None:
        first = self.frames[0].isVisible()
        self.frames[0].setVisible(not first)
        self.frames[1].setVisible(first)

    def _lay_out(self, has_changes: bool) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        head.setSpacing(8)
        head.addWidget(ElidedLabel(f"{self.titles[0]} beside {self.titles[1].lower()}", "title", least_width=120), 1)
        head.addWidget(self.blink)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._split, 3)
        if has_changes:
            column.addWidget(self.table, 2)
        else:
            self.table.hide()
            words = text_label("No volume, place or verdict differs between them.", "quiet")
            words.setContentsMargins(12, 4, 12, 12)
            column.addWidget(words)


def _state_of(twin: Twin, seen_from: SceneView | None) -> AppState:
    """A state that shows a twin as another view shows the one on the screen."""
    state = AppState()
    state.open_twin(twin, read_only=True)
    if seen_from is not None:
        look_alike(state, seen_from.state)
    return state


def _table(changes: list[Change], titles: tuple[str, ...]) -> QTableWidget:
    table = QTableWidget(len(changes), len(HEADS))
    table.setHorizontalHeaderLabels(["", *titles, HEADS[-1]])
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    table.setAccessibleName("What differs between the revisions")
    for n in range(len(HEADS)):
        is_last = n == len(HEADS) - 1
        way = QHeaderView.ResizeMode.Stretch if is_last else QHeaderView.ResizeMode.ResizeToContents
        table.horizontalHeader().setSectionResizeMode(n, way)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for n, change in enumerate(changes):
        for column, text in enumerate((change.about, change.first, change.second, change.difference)):
            table.setItem(n, column, QTableWidgetItem(text))
    return table
