"""What shares a view with what the view itself shows: it draws on top, and has the first word when the mouse acts."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from PySide6.QtGui import QMouseEvent, QPainter

V_contra = TypeVar("V_contra", contravariant=True)
V = TypeVar("V")


class Guest(Protocol[V_contra]):
    """One thing on a view. A guest that answers True to a press has the mouse until it is released."""

    def press(self, view: V_contra, event: QMouseEvent) -> bool: ...
    def click(self, view: V_contra, event: QMouseEvent) -> bool:
        """A press that no guest took, released where it began; True if it means something here."""
        ...

    def drag(self, view: V_contra, event: QMouseEvent) -> None: ...
    def release(self, view: V_contra, event: QMouseEvent) -> None: ...
    def hover(self, view: V_contra, event: QMouseEvent) -> None:
        """The mouse moves with no button down."""

    def paint(self, view: V_contra, painter: QPainter) -> None:
        """Over the picture, in the widget's pixels."""


class Guests(Generic[V]):
    """The guests of one view, in the order they came."""

    def __init__(self, view: V) -> None:
        self._view = view
        self._listed: list[Guest[V]] = []
        self._holding: Guest[V] | None = None

    def add(self, guest: Guest[V]) -> None:
        self._listed.append(guest)

    def press(self, event: QMouseEvent) -> bool:
        """True if a guest takes the mouse."""
        self._holding = next((g for g in self._listed if g.press(self._view, event)), None)
        return self._holding is not None

    def move(self, event: QMouseEvent) -> bool:
        if self._holding is not None:
            self._holding.drag(self._view, event)
            return True
        if not event.buttons():
            for guest in self._listed:
                guest.hover(self._view, event)
        return False

    def release(self, event: QMouseEvent) -> bool:
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.release(self._view, event)
        return holding is not None

    def click(self, event: QMouseEvent) -> bool:
        """True if a guest knows what to do with it."""
        return any(g.click(self._view, event) for g in self._listed)

    def paint(self, painter: QPainter) -> None:
        for guest in self._listed:
            painter.save()
            guest.paint(self._view, painter)
            painter.restore()
