"""The ways to lay a cut: two clicks first, the others beside it."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from ..panels.labels import text_label
from .desk import PlanDesk
from .laying import Way

TEACH = "Two clicks on the organ lay a cut, in 3D or on a slice. Then bend it with its handles."


class LayingButtons(QWidget):
    """While a cut is being laid, its button is lit and a second press gives it up."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk = desk
        self.teach = text_label(TEACH, "quiet", wrap=True)
        self.patch = self._button("Lay a cut", "Two clicks lay a flat cut that handles bend  (L)", Way.PATCH)
        self.plane = self._button("Plane", "Two clicks lay a plane, to be moved and tilted", Way.PLANE)
        self.line = self._button("Line", "Draw the line of the cut over the organ, or on a slice", Way.LINE)
        self.shell = QPushButton("Shell")
        self.shell.setToolTip("A shell around the targets, at the margin wanted: as little as possible is taken")
        self.shell.clicked.connect(desk.lay_shell)
        for button in (self.plane, self.line, self.shell):
            button.setProperty("role", "compact")
        self.words = text_label("or as", "quiet")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._grid.addWidget(self.teach, 0, 0, 1, 5)
        self._grid.addWidget(self.words, 2, 0)
        for n, button in enumerate((self.plane, self.line, self.shell)):
            self._grid.addWidget(button, 2, 2 + n)
        for column in range(1, 5):
            self._grid.setColumnStretch(column, 1)
        self._is_first: bool | None = None
        desk.laying_changed.connect(self.refresh)
        desk.choice_changed.connect(self.refresh)
        desk.book.plan_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        desk = self._desk
        way = desk.laying.way if desk.laying is not None else None
        is_first = not desk.book.plan.resections
        if is_first != self._is_first:
            self._is_first = is_first
            self._place_first(is_first)
        for button, own in ((self.patch, Way.PATCH), (self.plane, Way.PLANE), (self.line, Way.LINE)):
            button.setChecked(way is own)
            button.setEnabled(bool(desk.choice.organ))
        role = "compact" if not is_first else "primary" if way is None else ""
        if self.patch.property("role") != role:
            self.patch.setProperty("role", role)
            self.patch.style().unpolish(self.patch)
            self.patch.style().polish(self.patch)
        self.shell.setEnabled(bool(desk.choice.targets))

    def _place_first(self, is_first: bool) -> None:
        """Large while there is no cut, one of a row later."""
        self.teach.setVisible(is_first)
        self.words.setText("or as" if is_first else "Add")
        self.patch.setText("Lay a cut" if is_first else "Cut")
        if is_first:
            self._grid.addWidget(self.patch, 1, 0, 1, 5)
            self._grid.addWidget(self.plane, 2, 1, 1, 2)
        else:
            self._grid.addWidget(self.patch, 2, 1)
            self._grid.addWidget(self.plane, 2, 2)

    def _button(self, text: str, tip: str, way: Way) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.clicked.connect(lambda _on: self._toggle(way))
        return button

    def _toggle(self, way: Way) -> None:
        laying = self._desk.laying
        if laying is not None and laying.way is way:
            self._desk.stop_laying()
        else:
            self._desk.start_laying(way)
