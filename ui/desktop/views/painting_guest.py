"""A guest of a view that only draws: the mouse stays with the view and its other guests."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget


class PaintingGuest(QObject):
    """Derive from it and draw."""

    def paint(self, view: QWidget, painter: QPainter) -> None:
        """Over the picture, in the widget's pixels."""
        raise NotImplementedError

    def press(self, view: QWidget, event: QMouseEvent) -> bool:
        return False

    def click(self, view: QWidget, event: QMouseEvent) -> bool:
        return False

    def drag(self, view: QWidget, event: QMouseEvent) -> None:
        """Never holds the mouse."""

    def release(self, view: QWidget, event: QMouseEvent) -> None:
        """Never holds the mouse."""

    def hover(self, view: QWidget, event: QMouseEvent) -> None:
        """Nothing lies under the mouse."""
