"""Mouse, wheel and keys on a slice, turned into what the view and the state are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from surgtwin.domain.volume import Window

from .measuring import kind_of
from .mouse import Gesture, gesture

if TYPE_CHECKING:
    from .slice_view import SliceView

WHEEL_NOTCH = 120
ZOOM_STEP = 1.15
ZOOM_PER_PIXEL = 1.006
WINDOW_PER_PIXEL = 1.0 / 300.0
"""Share of the width that a drag of one pixel changes; at least MIN_WINDOW_STEP."""
MIN_WINDOW_STEP = 0.25
PAGE = 10
LINE_GRAB_PIXELS = 4.0
CLICK_PIXELS = 3.0
_STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -PAGE, Qt.Key.Key_PageDown: PAGE}
_ZOOMS = {Qt.Key.Key_Plus: ZOOM_STEP, Qt.Key.Key_Equal: ZOOM_STEP, Qt.Key.Key_Minus: 1.0 / ZOOM_STEP}


class SliceGestures:
    """What a hand does on one slice view."""

    def __init__(self, view: SliceView) -> None:
        self._view = view
        self._gesture = Gesture.NONE
        self._pressed, self._last = QPointF(), QPointF()
        self._wheel = 0
        self.has_dragged = False
        """True once the mouse moved with the button down: its release is no click."""

    def wheel(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl zoom about the mouse. A touchpad's small steps add up to one."""
        delta = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._view.zoom_by(ZOOM_STEP ** (delta / WHEEL_NOTCH), event.position())
        else:
            self._wheel += delta
            notches = int(self._wheel / WHEEL_NOTCH)
            self._wheel -= notches * WHEEL_NOTCH
            if notches:
                self._view.step_slices(-notches)
        event.accept()

    def press(self, event: QMouseEvent) -> None:
        state, at = self._view.state, event.position()
        self._pressed, self._last, self.has_dragged = at, at, False
        self._gesture = gesture(event.button(), event.modifiers(), state.tool, state.mouse_profile)
        if self._gesture is Gesture.WINDOW and self._is_on_line(at):
            self._gesture = Gesture.CROSSHAIR
        if self._gesture is Gesture.MEASURE:
            self._view.lay_point(at)
        elif self._gesture is Gesture.CROSSHAIR:
            self._move_crosshair(at)

    def move(self, event: QMouseEvent) -> None:
        at = event.position()
        moved, self._last = at - self._last, at
        point = self._view.point_at(at)
        self._view.point_mouse(at)
        if event.buttons() == Qt.MouseButton.NoButton:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._move_crosshair(at)
            self._view.draw_towards(point)
            return
        self.has_dragged = self.has_dragged or (at - self._pressed).manhattanLength() > CLICK_PIXELS
        self._drag(moved, at)

    def release(self, event: QMouseEvent) -> None:
        """The end of a drag with a measuring tool lays its second point: press, draw, release."""
        draft = self._view.draft
        if self._gesture is Gesture.MEASURE and draft is not None and self.has_dragged and len(draft.points_mm) == 1:
            self._view.lay_point(event.position())
        self._gesture = Gesture.NONE

    def double_click(self, event: QMouseEvent) -> None:
        """This view alone, or all again; with a measuring tool it is one more click."""
        view = self._view
        if event.button() == Qt.MouseButton.LeftButton and kind_of(view.state.tool) is None:
            view.state.set_maximised("" if view.state.maximised == view.view.value else view.view.value)
        else:
            self.press(event)

    def key(self, key: Qt.Key) -> bool:
        """False if the key means nothing here."""
        view = self._view
        if key in _STEPS:
            view.step_slices(_STEPS[key])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and view.stack is not None:
            view.step_slices(-view.stack.count if key == Qt.Key.Key_Home else view.stack.count)
        elif key in _ZOOMS:
            view.zoom_by(_ZOOMS[key])
        elif key == Qt.Key.Key_Escape and view.draft is not None:
            view.cancel_measuring()
        else:
            return False
        return True

    def _drag(self, moved: QPointF, at: QPointF) -> None:
        view = self._view
        if self._gesture is Gesture.WINDOW:
            self._drag_window(moved)
        elif self._gesture is Gesture.PAN:
            view.pan_by(moved.x(), moved.y())
        elif self._gesture is Gesture.ZOOM:
            view.zoom_by(ZOOM_PER_PIXEL ** (-moved.y()))
        elif self._gesture is Gesture.CROSSHAIR:
            self._move_crosshair(at)
        elif self._gesture is Gesture.MEASURE:
            view.draw_towards(view.point_at(at))

    def _move_crosshair(self, at: QPointF) -> None:
        point = self._view.point_at(at)
        if point is not None:
            self._view.state.set_cursor(point)

    def _is_on_line(self, at: QPointF) -> bool:
        """True near the cross-hair's lines, where a drag moves it whatever the profile."""
        if not self._view.state.crosshair:
            return False
        cursor = self._view.place_of(self._view.state.cursor_mm)
        return bool(min(abs(at.x() - cursor.x()), abs(at.y() - cursor.y())) <= LINE_GRAB_PIXELS)

    def _drag_window(self, moved: QPointF) -> None:
        """Right widens, down brightens."""
        shown = self._view.window_shown
        step = max(shown.width * WINDOW_PER_PIXEL, MIN_WINDOW_STEP)
        self._view.set_window(Window(shown.width + moved.x() * step, shown.level - moved.y() * step))
