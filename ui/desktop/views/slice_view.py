"""One slice of the open image: scrolled, windowed, zoomed, measured on. It shows the state and asks for changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from surgtwin.domain.geometry import Point3
from surgtwin.domain.volume import Window
from ui.render.palette import ACCENT
from ui.render.slice_source import CutSlice, SliceStyle
from ui.render.slices import SliceFrame, SliceStack, View, fitted_frame
from ui.render.windows import default_window

from ..state import AppState
from .guests import Guests
from .measuring import Draft, kind_of
from .slice_gestures import SliceGestures
from .slice_measurements import HIT_PIXELS, DrawnMeasurement, MeasurementTexts, drawn
from .slice_menu import slice_menu
from .slice_subject import SliceSubject, looks_of
from .slice_writing import write_over

ZOOM_STEP = 1.15


class SliceView(QWidget):
    """An axial, coronal or sagittal view.

    Parameters
    ----------
    follows_state_window
        False for an image whose values have another meaning than those of the state's image: it keeps its own window.
    """

    frame_changed = Signal()
    """Zoom or pan changed by hand."""
    slice_changed = Signal()
    """Another slice, image or thickness is shown: "n/N" changed."""

    def __init__(
        self, state: AppState, view: View, parent: QWidget | None = None, *, follows_state_window: bool = True
    ) -> None:
        super().__init__(parent)
        self.state, self.view = state, view
        self._follows_window = follows_state_window
        self._own_window: Window | None = None
        self._subject: SliceSubject | None = None
        self._texts: MeasurementTexts | None = None
        self._frame: SliceFrame | None = None
        self._is_fitted = True
        self._cut: CutSlice | None = None
        self._picture: QImage | None = None
        self._draft: Draft | None = None
        self._hands = SliceGestures(self)
        self.guests: Guests[SliceView] = Guests(self)
        self._mouse_at: QPointF | None = None
        self.setMinimumSize(96, 96)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(f"{view.value} slice")
        self._listen()

    def _listen(self) -> None:
        state = self.state
        state.cursor_moved.connect(self._on_cursor)
        state.window_changed.connect(self._repaint_picture)
        state.structure_changed.connect(self._recut)
        state.layout_changed.connect(self._recut)
        state.measurements_changed.connect(self.update)
        state.selection_changed.connect(self.update)
        state.pointer_moved.connect(self.update)
        state.tool_changed.connect(self._on_tool)

    # --- what is shown

    @property
    def subject(self) -> SliceSubject | None:
        return self._subject

    def show_subject(self, subject: SliceSubject | None) -> None:
        """Show another image, whole; None shows nothing."""
        same_place = (
            subject is not None
            and self._subject is not None
            and self._frame is not None
            and subject.source.grid.is_same_space(self._subject.source.grid)
        )
        self._subject = subject
        self._texts = MeasurementTexts(subject) if subject is not None else None
        self._own_window = default_window(subject.volume) if subject is not None else None
        self._draft = None
        if subject is None:
            self._frame = None
        elif not same_place:
            self.fit()
        self._on_cursor()
        self._recut()
        self.slice_changed.emit()

    @property
    def stack(self) -> SliceStack | None:
        return self._subject.source.stack(self.view) if self._subject is not None else None

    @property
    def frame(self) -> SliceFrame | None:
        """The rectangle shown, in the screen's own pixels."""
        return self._frame

    @property
    def index(self) -> int:
        """Number of the slice from 0."""
        return self.stack.index_of(self.state.cursor_mm) if self.stack is not None else 0

    @property
    def window_shown(self) -> Window:
        own = self._own_window
        return self.state.window if self._follows_window or own is None else own

    @property
    def zoom(self) -> float:
        """1 when the whole slice fills the view."""
        if self._frame is None or self.stack is None:
            return 1.0
        return fitted_frame(self.stack, self.state.cursor_mm, self._frame.size).mm_per_pixel / self._frame.mm_per_pixel

    def style_shown(self) -> SliceStyle:
        state = self.state
        return SliceStyle(self.window_shown, state.label_opacity, True, state.slab_mm, state.slab_mode)

    def point_at(self, at: QPointF) -> Point3 | None:
        """LPS mm under a place in the widget."""
        if self._frame is None:
            return None
        x, y, z = self._frame.to_lps((at.x() * self._ratio, at.y() * self._ratio))
        return (float(x), float(y), float(z))

    def place_of(self, point_mm: ArrayLike) -> QPointF:
        """Where a point appears in the widget."""
        if self._frame is None:
            return QPointF()
        column, row, _ = self._frame.to_pixel(point_mm)
        return QPointF(float(column) / self._ratio, float(row) / self._ratio)

    def places_of(self, points_mm: ArrayLike) -> list[QPointF]:
        """Where many points (N, 3) appear in the widget."""
        if self._frame is None:
            return []
        pixels = self._frame.to_pixel(points_mm)[:, :2] / self._ratio
        return [QPointF(column, row) for column, row in pixels.tolist()]

    def logical_frame(self) -> SliceFrame | None:
        """The frame in the widget's pixels."""
        if self._frame is None:
            return None
        size = (max(self.width(), 1), max(self.height(), 1))
        return SliceFrame(self._frame.stack, self._frame.centre_mm, self._frame.mm_per_pixel * self._ratio, size)

    def pixels(self) -> NDArray[np.uint8]:
        """[row, column, 3] of the slice with its labels, without lines and texts."""
        if self._subject is None or self._frame is None:
            return np.zeros((*reversed(self._device_size()), 3), dtype=np.uint8)
        return self._subject.source.picture(self._frame, self.style_shown(), looks_of(self.state, self._subject))

    @property
    def _ratio(self) -> float:
        return float(self.devicePixelRatioF())

    def _device_size(self) -> tuple[int, int]:
        return max(round(self.width() * self._ratio), 1), max(round(self.height() * self._ratio), 1)

    # --- changing what is shown

    def fit(self) -> None:
        """The whole slice in the view."""
        if self.stack is not None:
            self._is_fitted = True
            self._set_frame(fitted_frame(self.stack, self.state.cursor_mm, self._device_size()))

    def step_slices(self, slices: int) -> None:
        """So many slices on, towards the feet, the back or the patient's left."""
        if self.stack is not None:
            self.state.set_cursor(self.stack.on_slice(self.state.cursor_mm, self.index + slices))

    def zoom_by(self, factor: float = ZOOM_STEP, at: QPointF | None = None) -> None:
        """Magnify about a place in the widget, or its middle."""
        if self._frame is not None:
            about = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
            self._set_frame(self._frame.zoomed(factor, (about.x() * self._ratio, about.y() * self._ratio)))
            self._is_fitted = False
            self.frame_changed.emit()

    def pan_by(self, columns: float, rows: float) -> None:
        """Drag the picture by so many of the widget's pixels."""
        if self._frame is not None:
            self._set_frame(self._frame.panned(columns * self._ratio, rows * self._ratio))
            self._is_fitted = False
            self.frame_changed.emit()

    def align_with(self, other: SliceView) -> None:
        """The same place at the same scale as another view of the same direction."""
        if self._frame is None or other.frame is None or self.stack is None:
            return
        centre = self.stack.on_slice(other.frame.centre_mm, self.index)
        self._set_frame(replace(self._frame, centre_mm=centre, mm_per_pixel=other.frame.mm_per_pixel))
        self._is_fitted = other._is_fitted

    def set_window(self, window: Window) -> None:
        """Through the state where this view follows it, else its own."""
        if self._follows_window:
            self.state.set_window(window)
        else:
            self._own_window = Window(max(window.width, 1.0), window.level)
            self._repaint_picture()

    def point_mouse(self, at: QPointF | None) -> None:
        """The mouse is at a place in the widget, or over another one: the probe reads what lies there from now on."""
        self._mouse_at = at
        self.state.set_pointer(self.point_at(at) if at is not None else None)

    def _set_frame(self, frame: SliceFrame) -> None:
        self._frame = frame
        if self._mouse_at is not None:
            self.point_mouse(self._mouse_at)
        self._recut()

    def _on_cursor(self) -> None:
        """Move the frame onto the cursor's slice; only another slice is cut anew."""
        if self._frame is None or self.stack is None:
            return
        index = self.index
        on_slice = self.stack.on_slice(self._frame.centre_mm, index)
        is_other = np.abs(on_slice - self._frame.centre_mm).max() > self.stack.step_mm * 1e-6
        if not self._is_fitted and not self.rect().toRectF().contains(self.place_of(self.state.cursor_mm)):
            on_slice = self.stack.on_slice(self.state.cursor_mm, index)  # a magnified view goes where the others went
        if np.any(on_slice != self._frame.centre_mm):
            self._set_frame(replace(self._frame, centre_mm=on_slice))
        if is_other:
            self.slice_changed.emit()
        self.update()

    def _recut(self) -> None:
        self._cut = None
        self._repaint_picture()

    def _repaint_picture(self) -> None:
        self._picture = None
        self.update()

    def _on_tool(self) -> None:
        if self._draft is not None and kind_of(self.state.tool) is not self._draft.kind:
            self.cancel_measuring()
        measures = kind_of(self.state.tool) is not None
        self.setCursor(Qt.CursorShape.CrossCursor if measures else Qt.CursorShape.ArrowCursor)

    # --- measuring

    @property
    def draft(self) -> Draft | None:
        """The measurement being laid."""
        return self._draft

    def cancel_measuring(self) -> None:
        self._draft = None
        self.update()

    def drawn_measurements(self) -> tuple[DrawnMeasurement, ...]:
        """Those that this slice meets, and the one being laid last, in the widget's pixels."""
        frame = self.logical_frame()
        if frame is None or self._subject is None or self._texts is None or self._subject.image is None:
            return ()
        slab, texts = self.state.slab_mm, self._texts
        mine = [m for m in self.state.measurements() if m.image_id == self._subject.image.image_id]
        if not self._follows_window and self._subject.twin is not self.state.twin:
            mine = []
        shapes = [drawn(m.measurement_id, m.kind, m.points_mm, frame, slab, texts) for m in mine]
        return tuple(shape for shape in shapes if shape is not None)

    def drawn_draft(self) -> DrawnMeasurement | None:
        frame = self.logical_frame()
        if self._draft is None or frame is None or self._texts is None:
            return None
        points = self._draft.preview_mm
        if len(points) < 2:
            return None
        kind = self._draft.kind
        if len(points) == 2 and kind.value == "angle":
            path = tuple((float(x), float(y)) for x, y, _ in frame.to_pixel(points))
            return DrawnMeasurement("draft", path, None, (), True)
        return drawn("draft", kind, points, frame, self.state.slab_mm, self._texts)

    def measurement_at(self, at: QPointF) -> str:
        """Id of the measurement at a place in the widget, or empty."""
        near = [(shape.distance_to(at.x(), at.y()), shape.measurement_id) for shape in self.drawn_measurements()]
        return min(near)[1] if near and min(near)[0] <= HIT_PIXELS else ""

    def draw_towards(self, point_mm: Point3 | None) -> None:
        """The next point of the measurement being laid would lie here."""
        if self._draft is not None and point_mm is not None:
            self._draft = self._draft.towards(point_mm)
        self.update()

    def lay_point(self, at: QPointF) -> None:
        """A click with a measuring tool."""
        kind, point = kind_of(self.state.tool), self.point_at(at)
        if kind is None or point is None or not self.state.can_edit or self._subject is None:
            return
        draft = self._draft if self._draft is not None and self._draft.kind is kind else Draft(kind)
        self._draft = draft.with_point(point)
        if self._draft.is_complete:
            points, self._draft = self._draft.points_mm, None
            self.state.measure(kind, points)
        self.update()

    # --- events

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        if self._subject is not None and self._frame is not None:
            if self._picture is None:
                self._picture = self._draw_picture(self._subject, self._frame)
            painter.drawImage(0, 0, self._picture)
            self.guests.paint(painter)
            write_over(painter, self)
        if self.hasFocus():  # the arrow keys go here
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QColor(*ACCENT))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _draw_picture(self, subject: SliceSubject, frame: SliceFrame) -> QImage:
        style, looks = self.style_shown(), looks_of(self.state, subject)
        if self._cut is None:
            self._cut = subject.source.cut(frame, style, looks)
        rgb = subject.source.paint(self._cut, style, looks)
        height, width, _ = rgb.shape
        image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        image = image.convertToFormat(QImage.Format.Format_RGB32)  # painted many times, converted once
        image.setDevicePixelRatio(self._ratio)
        return image

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        if self._frame is not None:
            if self._is_fitted:
                self.fit()
            else:
                self._set_frame(self._frame.resized(self._device_size()))
        super().resizeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self._hands.wheel(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self.guests.press(event):
            self._hands.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self.guests.move(event):
            self._hands.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self.guests.release(event):
            self._hands.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._hands.double_click(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        if self._subject is not None and not self._hands.has_dragged:
            slice_menu(self, QPointF(event.pos())).exec(event.globalPos())

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self.point_mouse(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not self._hands.key(Qt.Key(event.key())):
            super().keyPressEvent(event)
