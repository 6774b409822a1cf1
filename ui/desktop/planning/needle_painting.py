"""What is drawn over the views for needles: the line, its handles, candidates on the skin, the map's legend."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from surgtwin.domain.verdict import Verdict
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

from ..views.slice_overlay import GAP
from .needle_search import Search
from .needle_words import skin_rows
from .painting import SWATCH, draw_swatch

MARK_PIXELS = 9.0
_DARK = QColor(0, 0, 0, 190)
_STYLES = {
    Verdict.SAFE: (2.0, Qt.PenStyle.SolidLine),
    Verdict.UNPROVEN: (2.0, Qt.PenStyle.DashLine),
    Verdict.VIOLATED: (3.5, Qt.PenStyle.SolidLine),
}


def draw_needle(painter: QPainter, line: QLineF, verdict: Verdict | None, width: float, *, is_chosen: bool) -> None:
    """A piece of a needle, `width` pixels wide or as wide as its verdict asks for."""
    least, style = _STYLES[verdict] if verdict is not None else (2.0, Qt.PenStyle.SolidLine)
    colour = QColor(*VERDICT_COLOURS[verdict.value]) if verdict is not None else QColor(*ACCENT)
    if not is_chosen:
        colour.setAlpha(170)
    thick = max(least, width)
    for pen in (QPen(_DARK, thick + 2.5), QPen(colour, thick, style)):
        painter.setPen(pen)
        painter.drawLine(line)


def draw_hidden(painter: QPainter, line: QLineF) -> None:
    """Where a needle runs behind or before what is seen."""
    painter.setPen(QPen(QColor(*TEXT, 130), 1.0, Qt.PenStyle.DotLine))
    painter.drawLine(line)


def draw_ring(painter: QPainter, at: QPointF, radius: float, verdict: Verdict | None) -> None:
    """Where a needle passes a slice."""
    colour = QColor(*VERDICT_COLOURS[verdict.value]) if verdict is not None else QColor(*ACCENT)
    for pen in (QPen(_DARK, 4.0), QPen(colour, 2.0)):
        painter.setPen(pen)
        painter.drawEllipse(at, radius, radius)


def draw_candidate(painter: QPainter, at: QPointF, rank: int, verdict: Verdict, *, is_hot: bool) -> None:
    """A numbered place on the skin."""
    size = MARK_PIXELS + (2.0 if is_hot else 0.0)
    painter.setPen(QPen(QColor(*VERDICT_COLOURS[verdict.value]), 2.0))
    painter.setBrush(QColor(16, 18, 22, 230))
    painter.drawEllipse(at, size, size)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(*TEXT))
    room = QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size)
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, str(rank + 1))


def draw_skin_legend(painter: QPainter, at: QPointF, search: Search) -> None:
    """What the colours on the skin say; `at` is the lower left corner."""
    metrics = QFontMetricsF(painter.font())
    rows, title = skin_rows(search), f"Entry on the skin to {search.choice.words}"
    step = max(metrics.height(), SWATCH) + 3
    word = max(metrics.horizontalAdvance(words) for _, words, _ in rows) + GAP
    wide = SWATCH + GAP + word + max(metrics.horizontalAdvance(span) for _, _, span in rows)
    width = max(wide, metrics.horizontalAdvance(title)) + 2 * GAP
    room = QRectF(at.x(), at.y() - step * (len(rows) + 1) - GAP, width, step * (len(rows) + 1) + GAP)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 200))
    painter.drawRoundedRect(room, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    y, left = room.y() + GAP / 2, room.x() + GAP
    painter.setPen(QColor(*QUIET))
    painter.drawText(QPointF(left, y + metrics.ascent()), title)
    for verdict, words, span in rows:
        y += step
        draw_swatch(painter, QRectF(left, y + (metrics.height() - SWATCH) / 2, SWATCH, SWATCH), verdict)
        painter.setPen(QColor(*TEXT))
        painter.drawText(QPointF(left + SWATCH + GAP, y + metrics.ascent()), words)
        painter.setPen(QColor(*QUIET))
        painter.drawText(QPointF(left + SWATCH + GAP + word, y + metrics.ascent()), span)
