"""What every guest of a slice asks of the mouse: whether a press is the hand's, and where it carries what it holds."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent

from surgtwin.domain.geometry import Point3

from ..views.slice_view import SliceView
from .desk import PlanDesk

_OTHERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


def is_the_hands(desk: PlanDesk, event: QMouseEvent) -> bool:
    """A left press without the keys that mean something else, while a plan is open."""
    return desk.is_open and event.button() == Qt.MouseButton.LeftButton and not event.modifiers() & _OTHERS


def carried_to(view: SliceView, event: QMouseEvent, held_mm: Point3) -> Point3 | None:
    """Where the mouse carries a place, LPS mm: one that lies a little off the slice stays as far off it."""
    place, stack = view.point_at(event.position()), view.stack
    if place is None or stack is None:
        return None
    off = float(np.subtract(held_mm, place) @ stack.step)
    x, y, z = (float(v) for v in np.asarray(place) + stack.step * off)
    return x, y, z
