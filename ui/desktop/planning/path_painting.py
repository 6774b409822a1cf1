"""What is drawn over the views for tool paths: contacts with their names, and the outline of the instrument."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from ui.render.palette import ACCENT, QUIET, TEXT, VIOLATED

from ..views.slice_overlay import GAP, NOTE_GROUND, NOTE_PADDING
from .painting import SWATCH, draw_swatch
from .path_reach import LOOK_OF, Reach
from .path_words import Touch

MARK_PIXELS = 6.0
LEADER = QPointF(14.0, -16.0)
_DARK = QColor(0, 0, 0, 200)


def draw_touch(painter: QPainter, at: QPointF, touch: Touch, time_s: float, taken: list[QRectF]) -> None:
    """A cross where a structure is touched that may not be, with its name, how deep, and when."""
    colour, d = QColor(*VIOLATED), QPointF(MARK_PIXELS, MARK_PIXELS)
    for pen in (QPen(_DARK, 5.0), QPen(colour, 2.5)):
        painter.setPen(pen)
        painter.drawLine(at - d, at + d)
        painter.drawLine(at + QPointF(-d.x(), d.y()), at + QPointF(d.x(), -d.y()))
    words = f"\u25b2 {touch.words} at {time_s:.1f} s"
    metrics = QFontMetricsF(painter.font())
    room = QRectF(at + LEADER, at + LEADER)
    room.setSize(QRectF(0, 0, metrics.horizontalAdvance(words) + 2 * NOTE_PADDING, metrics.height() + 2).size())
    window = painter.window()
    room.moveLeft(max(min(room.x(), window.right() - room.width() - 2.0), 2.0))
    room.moveTop(max(room.y(), 2.0))
    while hit := next((other for other in taken if other.intersects(room)), None):
        room.moveTop(hit.bottom() + 1.0)
    taken.append(room)
    painter.setPen(QPen(colour, 1.0))
    painter.setBrush(NOTE_GROUND)
    painter.drawRoundedRect(room, 3, 3)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(*TEXT))
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, words)


def draw_outline(painter: QPainter, places: Sequence[QPointF], *, is_touching: bool, is_chosen: bool) -> None:
    """The section of one part of an instrument; filled, red where it touches what it may not."""
    colour = QColor(*(VIOLATED if is_touching else TEXT))
    shape = QPolygonF(list(places))
    fill = QColor(colour)
    fill.setAlpha(150 if is_chosen else 50)
    painter.setPen(QPen(_DARK, 3.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolygon(shape)
    painter.setPen(QPen(colour, 1.4, Qt.PenStyle.SolidLine if is_chosen else Qt.PenStyle.DashLine))
    painter.setBrush(fill)
    painter.drawPolygon(shape)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_way(painter: QPainter, places: Sequence[QPointF], keys: Sequence[QPointF], *, is_chosen: bool) -> None:
    """The way of a tip as it lies before or behind a slice, and its key poses."""
    colour = QColor(*ACCENT, 200 if is_chosen else 90)
    painter.setPen(QPen(colour, 1.2, Qt.PenStyle.DotLine))
    painter.drawPolyline(list(places))
    painter.setPen(QPen(_DARK, 1.0))
    painter.setBrush(colour)
    for place in keys:
        painter.drawEllipse(place, 2.5, 2.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_reach_legend(painter: QPainter, at: QPointF, reach: Reach) -> None:
    """What the paint on a structure says; `at` is the lower left corner."""
    metrics, title = QFontMetricsF(painter.font()), f"Reach on {reach.structure}"
    rows = [(kind, f"{kind}, {share:.0f} %") for kind, share in reach.percent.items() if share >= 0.5]
    step = max(metrics.height(), SWATCH) + 3
    wide = max(metrics.horizontalAdvance(words) for words in (title, *(w for _, w in rows))) + SWATCH + GAP
    room = QRectF(at.x(), at.y() - step * (len(rows) + 1) - GAP, wide + 2 * GAP, step * (len(rows) + 1) + GAP)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 200))
    painter.drawRoundedRect(room, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    y, left = room.y() + GAP / 2, room.x() + GAP
    painter.setPen(QColor(*QUIET))
    painter.drawText(QPointF(left, y + metrics.ascent()), title)
    for kind, words in rows:
        y += step
        draw_swatch(painter, QRectF(left, y + (metrics.height() - SWATCH) / 2, SWATCH, SWATCH), LOOK_OF[kind])
        painter.setPen(QColor(*TEXT))
        painter.drawText(QPointF(left + SWATCH + GAP, y + metrics.ascent()), words)
