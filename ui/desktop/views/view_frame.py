"""A view with its thin title strip: name, slice number, buttons, maximise."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ui.render.palette import PANEL, QUIET, TEXT, VIEW_COLOURS

STRIP_HEIGHT = 24
LEAST_WIDTH = 168
ROOM_FOR_TITLE, ROOM_FOR_BUTTON = 110, 25


class ViewFrame(QFrame):
    """A view below its title strip. `name` is the view's own: 'axial', 'coronal', 'sagittal' or '3d'."""

    maximise_asked = Signal(str)

    def __init__(self, name: str, title: str, view: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.view = name, view
        self.setObjectName("viewFrame")
        colour = "rgb({}, {}, {})".format(*VIEW_COLOURS[name])
        strip = QFrame()
        strip.setObjectName("viewStrip")
        strip.setFixedHeight(STRIP_HEIGHT)
        strip.setStyleSheet(_STRIP_STYLE.format(colour=colour, panel=_css(PANEL), quiet=_css(QUIET), text=_css(TEXT)))
        self._title = QLabel(title)
        self._title.setObjectName("viewTitle")
        self._detail = QLabel("")
        self._detail.setObjectName("viewDetail")
        self._extras: list[QToolButton] = []
        self._row = QHBoxLayout(strip)
        self._row.setContentsMargins(8, 0, 4, 0)
        self._row.setSpacing(2)
        self._row.addWidget(self._title)
        self._row.addSpacing(8)
        self._row.addWidget(self._detail)
        self._row.addStretch(1)
        self._maximise = self.add_button("\u2922", f"Show {title} alone, or all views again (double-click)", self._ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(strip)
        column.addWidget(view, 1)

    def add_button(self, text: str, tip: str, on_click: Callable[[], object]) -> QToolButton:
        """A small button on the strip, right of those added before and left of the one that maximises."""
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda _checked=False: on_click())
        is_extra = hasattr(self, "_maximise")
        self._row.insertWidget(self._row.indexOf(self._maximise) if is_extra else self._row.count(), button)
        if is_extra:
            self._extras.append(button)
        return button

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The extra buttons never widen a view: they go where there is no room (the menus have them too)."""
        least = super().minimumSizeHint()
        return QSize(min(least.width(), LEAST_WIDTH), least.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        has_room = event.size().width() >= ROOM_FOR_TITLE + ROOM_FOR_BUTTON * len(self._extras)
        for button in self._extras:
            button.setVisible(has_room)
        super().resizeEvent(event)

    def set_detail(self, text: str) -> None:
        """Beside the title: "39/140"."""
        self._detail.setText(text)

    @property
    def detail(self) -> str:
        return self._detail.text()

    def _ask(self) -> None:
        self.maximise_asked.emit(self.name)


_STRIP_STYLE = """
QFrame#viewStrip {{ background: {panel}; border: 0; border-left: 3px solid {colour}; }}
QLabel#viewTitle {{ color: {colour}; font-weight: 600; background: transparent; }}
QLabel#viewDetail {{ color: {quiet}; background: transparent; }}
QToolButton {{ color: {quiet}; background: transparent; border: 0; border-radius: 3px; }}
QToolButton {{ padding: 0 5px; min-width: 14px; }}
QToolButton:hover {{ color: {text}; background: rgba(255, 255, 255, 30); }}
"""


def _css(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)
