"""Clearance against time along a tool path: curves of what comes nearest, contacts, key poses, and the moment shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.plan import ToolPath
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS, Rgb

from .needle_curve import DASHES, CurveLine, seen
from .path_figures import PathFigures
from .path_words import clear_words

HEIGHT, TOP_MM, LOW_MM = 104, 30.0, -6.0
MOST_LINES = 4
LEFT, TOP, BOTTOM = 30.0, 6.0, 26.0
KEY_PIXELS, GRAB = 5.0, 8.0
LEGEND = 190.0
ROOM_FOR_LEGEND = 520


class Held(StrEnum):
    """What of the curve the mouse holds."""

    MOMENT = "moment"
    KEY = "key"


@dataclass(frozen=True)
class Contact:
    """While a structure that may not be touched is; seconds."""

    structure: str
    start_s: float
    end_s: float


class PathCurve(QWidget):
    """A click or a drag shows a moment; a key pose's diamond is dragged to another time."""

    time_asked = Signal(float)
    key_moved = Signal(int, float)
    """A key pose's number, and the second that a person drags it to."""

    def __init__(self) -> None:
        super().__init__()
        self._times = np.zeros(0)
        self.lines: tuple[CurveLine, ...] = ()
        self.contacts: tuple[Contact, ...] = ()
        self.needed: dict[str, float] = {}
        self._keys: FloatArray = np.zeros(0)
        self._now = 0.0
        self._is_stale = False
        self._hover: QPointF | None = None
        self._held: Held | None = None
        self._key = 0
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Clearance against time")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(480, HEIGHT)

    # --- what is shown

    def show_path(self, path: ToolPath | None, figures: PathFigures | None, colours: dict[str, Rgb]) -> None:
        """The key poses of a path, and the curves of what it comes nearest to, ghosted if they are of another path."""
        self._keys = np.array([p.time_s for p in path.poses]) if path is not None else np.zeros(0)
        self._is_stale = figures is not None and figures.path != path
        self.lines, self.contacts, self._times = (), (), np.zeros(0)
        if figures is not None and path is not None:
            nearest = [p for p in figures.judged if p.min_mm < TOP_MM][:MOST_LINES]
            rows = {c.structure: c.mm for c in figures.timeline.clearances}
            self.needed = {p.structure: p.needed_mm or 0.0 for p in figures.judged}
            self._times = figures.timeline.motion.times_s
            self.lines = tuple(
                CurveLine(p.structure, rows[p.structure], colours.get(p.structure, TEXT))
                for p in nearest
                if p.structure in rows
            )
            self.contacts = tuple(
                Contact(c.structure, c.start_s, c.end_s)
                for c in figures.timeline.contacts
                if c.structure in self.needed
            )
        self.update()

    def show_moment(self, time_s: float) -> None:
        if time_s != self._now:
            self._now = time_s
            self.update()

    def words_at(self, time_s: float) -> str:
        """What is nearest at a moment."""
        if not self.lines:
            return f"{time_s:.1f} s"
        near = [(float(np.interp(time_s, self._times, line.clearance_mm)), line.structure) for line in self.lines]
        mm, structure = min(near)
        return f"{time_s:.1f} s: {clear_words(structure, mm)}"

    # --- places

    @property
    def _span(self) -> tuple[float, float]:
        if not len(self._keys):
            return 0.0, 1.0
        start, end = float(self._keys[0]), float(self._keys[-1])
        return (start, end) if end > start else (start, start + 1.0)

    @property
    def _room(self) -> QRectF:
        legend = LEGEND if self.width() >= ROOM_FOR_LEGEND else 8.0
        return QRectF(LEFT, TOP, max(self.width() - LEFT - legend, 1.0), max(self.height() - TOP - BOTTOM, 1.0))

    def place_of(self, time_s: float, mm: float = 0.0) -> QPointF:
        """Where a second and a clearance lie in the widget."""
        room, (start, end) = self._room, self._span
        y = room.bottom() - (min(mm, TOP_MM) - LOW_MM) / (TOP_MM - LOW_MM) * room.height()
        return QPointF(room.left() + (time_s - start) / (end - start) * room.width(), y)

    def place_of_key(self, key: int) -> QPointF:
        return QPointF(self.place_of(float(self._keys[key])).x(), self._room.bottom() + 7.0)

    def _time_at(self, at: QPointF) -> float:
        room, (start, end) = self._room, self._span
        return start + min(max((at.x() - room.left()) / room.width(), 0.0), 1.0) * (end - start)

    def _key_at(self, at: QPointF) -> int | None:
        near = [(abs(self.place_of_key(n).x() - at.x()), n) for n in range(len(self._keys))]
        away, key = min(near, default=(np.inf, -1))
        return key if away <= GRAB and at.y() >= self._room.bottom() else None

    # --- painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room, metrics = self._room, QFontMetricsF(self.font())
        painter.fillRect(room, QColor(16, 18, 22))
        self._draw_contacts(painter, room)
        self._draw_axes(painter, room, metrics)
        painter.setOpacity(0.4 if self._is_stale else 1.0)
        painter.save()
        painter.setClipRect(room)
        for n, line in enumerate(self.lines):
            painter.setPen(QPen(seen(line.colour), 1.8, DASHES[n % len(DASHES)]))
            places = [self.place_of(t, mm) for t, mm in zip(self._times, line.clearance_mm, strict=True)]
            painter.drawPolyline(places)
        painter.restore()
        painter.setOpacity(1.0)
        self._draw_legend(painter, room, metrics)
        self._draw_keys(painter)
        self._draw_now(painter, room)
        self._draw_words(painter, room, metrics)

    def _draw_contacts(self, painter: QPainter, room: QRectF) -> None:
        """Where something is touched: the ground itself is red."""
        colour = QColor(*VERDICT_COLOURS["violated"], 70)
        for contact in self.contacts:
            left, right = self.place_of(contact.start_s).x(), self.place_of(contact.end_s).x()
            painter.fillRect(QRectF(left, room.top(), max(right - left, 2.0), room.height()), colour)

    def _draw_axes(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        for mm in (0.0, 10.0, 20.0, TOP_MM):
            y = self.place_of(self._span[0], mm).y()
            is_zero = mm == 0.0
            painter.setPen(QPen(QColor(*VERDICT_COLOURS["violated"]), 1.5) if is_zero else QPen(QColor(*QUIET, 60)))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(QColor(*QUIET))
            label = QRectF(0, y - metrics.height() / 2, LEFT - 4, metrics.height())
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{mm:.0f}")
        below = QRectF(0, room.bottom() + 7.0 - metrics.height() / 2, LEFT - 8, metrics.height())
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "mm")

    def _draw_legend(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        """Each curve's structure with its clearance now, beside the curves."""
        if self.width() < ROOM_FOR_LEGEND:
            return
        left, step = room.right() + 10.0, metrics.height() + 3.0
        if not self.lines:
            painter.setPen(QColor(*QUIET))
            words = "computing\u2026" if not len(self._times) else f"Nothing within {TOP_MM:.0f} mm."
            painter.drawText(QPointF(left, room.top() + metrics.ascent()), words)
        for n, line in enumerate(self.lines):
            mm = float(np.interp(self._now, self._times, line.clearance_mm))
            y = room.top() + n * step
            painter.setPen(QPen(seen(line.colour), 1.8, DASHES[n % len(DASHES)]))
            painter.drawLine(QPointF(left, y + step / 2), QPointF(left + 18, y + step / 2))
            painter.setPen(QColor(*(VERDICT_COLOURS["violated"] if mm <= 0.0 else TEXT)))
            number = f"{mm:.1f}"
            wide = LEGEND - 40.0 - metrics.horizontalAdvance(number) - 8.0
            name = metrics.elidedText(line.structure, Qt.TextElideMode.ElideRight, wide)
            painter.drawText(QPointF(left + 24, y + metrics.ascent()), name)
            at = QRectF(left, y, LEGEND - 18.0, metrics.height())
            painter.drawText(at, Qt.AlignmentFlag.AlignRight, number)

    def _draw_keys(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor(0, 0, 0), 1.0))
        for n in range(len(self._keys)):
            is_now = abs(float(self._keys[n]) - self._now) < 1e-3
            painter.setBrush(QColor(*(ACCENT if is_now else TEXT)))
            at, d = self.place_of_key(n), KEY_PIXELS
            corners = [at + QPointF(*p) for p in ((0, -d), (d, 0), (0, d), (-d, 0))]
            painter.drawPolygon(QPolygonF(corners))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_now(self, painter: QPainter, room: QRectF) -> None:
        if len(self._keys):
            x = self.place_of(self._now).x()
            painter.setPen(QPen(QColor(*ACCENT), 2.0))
            painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))

    def _draw_words(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        if self._hover is None:
            return
        words = self.words_at(self._time_at(self._hover))
        wide = metrics.horizontalAdvance(words) + 8.0
        x = min(max(self._hover.x() + 10.0, room.left()), max(room.right() - wide, room.left()))
        ground = QRectF(x, room.top() + 2.0, wide, metrics.height() + 2.0)
        painter.fillRect(ground, QColor(16, 18, 22, 220))
        painter.setPen(QColor(*TEXT))
        painter.drawText(ground, Qt.AlignmentFlag.AlignCenter, words)

    # --- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.button() != Qt.MouseButton.LeftButton or not len(self._keys):
            return
        key = self._key_at(event.position())
        self._held, self._key = (Held.KEY, key) if key is not None else (Held.MOMENT, 0)
        self.time_asked.emit(float(self._keys[key]) if key is not None else self._time_at(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self._hover = event.position()
        if self._held is Held.MOMENT:
            self.time_asked.emit(self._time_at(event.position()))
        else:
            over = self._held is Held.KEY or self._key_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.SizeHorCursor if over else Qt.CursorShape.ArrowCursor)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        held, self._held = self._held, None
        if held is Held.KEY and abs(self.place_of_key(self._key).x() - event.position().x()) > 3.0:
            self.key_moved.emit(self._key, self._time_free(event.position()))

    def _time_free(self, at: QPointF) -> float:
        """The second at a place, also beyond the path's ends: the last key pose may come later."""
        room, (start, end) = self._room, self._span
        return start + (at.x() - room.left()) / room.width() * (end - start)

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._hover = None
        self.update()
