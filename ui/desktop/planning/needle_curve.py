"""Clearance against depth along a needle, as a small picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from surgtwin.domain.geometry import FloatArray
from surgtwin.planning.trajectory import TrajectoryResult
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

HEIGHT, TOP_MM = 132, 30.0
MOST_LINES = 4
LEFT, RIGHT, TOP, BOTTOM = 26.0, 8.0, 6.0, 30.0
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
LIGHTEST, DARKEST = 255, 70
"""Organ colours darker than this can't be told from the ground."""


@dataclass(frozen=True, eq=False)
class CurveLine:
    """One structure's clearance (N,) at the depths of the curve, and its colour."""

    structure: str
    clearance_mm: FloatArray
    colour: tuple[int, int, int]


class ClearanceCurveView(QWidget):
    """The structures that come nearest; a click asks for the place at that depth."""

    depth_asked = Signal(float)
    """Below the entry, mm."""

    def __init__(self) -> None:
        super().__init__()
        self._depths = np.zeros(0)
        self.lines: tuple[CurveLine, ...] = ()
        self._skin_mm = 0.0
        self._mouse: QPointF | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Clearance against depth")
        self.setToolTip("Clearance of what comes nearest, from the entry on the left to the target on the right")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, HEIGHT)

    def show_result(self, result: TrajectoryResult, colours: dict[str, tuple[int, int, int]]) -> None:
        """Draw the curves of those structures that are to be kept clear of, nearest first."""
        kept = [c.structure for c in result.clearances if c.needed_mm is not None]
        curve = result.curve
        rows: list[CurveLine] = []
        for name in kept:
            if name in curve.structures and len(rows) < MOST_LINES:
                row = curve.clearance_mm[curve.structures.index(name)]
                rows.append(CurveLine(name, row, colours.get(name, TEXT)))
        self._depths, self.lines = curve.depth_mm, tuple(rows)
        self.update()

    def words_at(self, depth_mm: float) -> str:
        """What is nearest at a depth."""
        if not self.lines:
            return ""
        n = int(np.abs(self._depths - depth_mm).argmin())
        nearest = min(self.lines, key=lambda line: float(line.clearance_mm[n]))
        return f"{depth_mm:.0f} mm deep: {float(nearest.clearance_mm[n]):.1f} mm from {nearest.structure}"

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room, metrics = self._room, QFontMetricsF(self.font())
        painter.fillRect(room, QColor(16, 18, 22))
        if not self.lines:
            painter.setPen(QColor(*QUIET))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, f"Nothing comes within {TOP_MM:.0f} mm.")
            return
        self._draw_axes(painter, room, metrics)
        painter.save()
        painter.setClipRect(room)
        for n, line in enumerate(self.lines):
            painter.setPen(QPen(seen(line.colour), 1.8, DASHES[n % len(DASHES)]))
            painter.drawPolyline([self._place(d, c) for d, c in zip(self._depths, line.clearance_mm, strict=True)])
        painter.restore()
        self._draw_words(painter, room, metrics)

    def _draw_axes(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        painter.setPen(QColor(*QUIET))
        for mm in (0.0, 10.0, 20.0, TOP_MM):
            y = self._place(0.0, mm).y()
            painter.setPen(QPen(QColor(*QUIET, 60), 1.0))
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(QColor(*QUIET))
            label = QRectF(0, y - metrics.height() / 2, LEFT - 4, metrics.height())
            painter.drawText(label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{mm:.0f}")
        zero = self._place(0.0, 0.0).y()
        painter.setPen(QPen(QColor(*VERDICT_COLOURS["violated"]), 1.5))
        painter.drawLine(QPointF(room.left(), zero), QPointF(room.right(), zero))

    def _draw_words(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        below = QRectF(room.left(), room.bottom() + 4, room.width(), metrics.height())
        if self._mouse is None:
            painter.setPen(QColor(*QUIET))
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "skin")
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "mm clear, by depth")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, "target")
            return
        depth = self._depth_at(self._mouse)
        x = self._place(depth, 0.0).x()
        painter.setPen(QPen(QColor(*ACCENT), 1.0))
        painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
        painter.setPen(QColor(*TEXT))
        words = metrics.elidedText(self.words_at(depth), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, words)

    @property
    def _room(self) -> QRectF:
        return QRectF(LEFT, TOP, max(self.width() - LEFT - RIGHT, 1.0), max(self.height() - TOP - BOTTOM, 1.0))

    def _place(self, depth_mm: float, clearance_mm: float) -> QPointF:
        room, low = self._room, -3.0
        longest = float(self._depths[-1]) if len(self._depths) else 1.0
        y = room.bottom() - (clearance_mm - low) / (TOP_MM - low) * room.height()
        return QPointF(room.left() + depth_mm / max(longest, 1e-9) * room.width(), y)

    def _depth_at(self, at: QPointF) -> float:
        room = self._room
        share = min(max((at.x() - room.left()) / room.width(), 0.0), 1.0)
        return share * (float(self._depths[-1]) if len(self._depths) else 0.0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self._mouse = event.position()
        self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._mouse = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if self.lines and event.button() == Qt.MouseButton.LeftButton:
            self.depth_asked.emit(self._depth_at(event.position()))


def seen(colour: tuple[int, int, int]) -> QColor:
    """A colour light enough for the dark ground."""
    made = QColor(*colour)
    return made if made.lightness() >= DARKEST else made.lighter(LIGHTEST)
