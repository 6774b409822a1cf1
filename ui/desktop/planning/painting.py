"""What Plan mode draws over the views: handles, the net between them, prompts, legend, the number beside the hand."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPen

from surgtwin.domain.verdict import Verdict
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

from ..views.slice_overlay import GAP, draw_note
from .handles import HandleKind
from .verdict_look import LOOKS, MarginBands

HANDLE_PIXELS, FAINT_PIXELS = 5.0, 3.0
GRAB_PIXELS = 11.0
SWATCH = 12.0
_DARK = QColor(0, 0, 0, 200)
_PROMPT_GROUND = QColor(0x1D, 0x4F, 0x85, 230)


def draw_handle(painter: QPainter, at: QPointF, kind: HandleKind, *, is_hot: bool, is_near: bool = True) -> None:
    """Round ones bend, square ones move, diamonds tilt; filled under the mouse, small where they lie off the slice."""
    size = (HANDLE_PIXELS + 2.0 if is_hot else HANDLE_PIXELS) if is_near else FAINT_PIXELS
    painter.setPen(QPen(_DARK, 3.0))
    painter.setBrush(QColor(*ACCENT) if is_hot or is_near else QColor(*QUIET))
    for pen in (QPen(_DARK, 3.5), QPen(QColor(*TEXT), 1.4)):
        painter.setPen(pen)
        if kind is HandleKind.BEND:
            painter.drawEllipse(at, size, size)
        elif kind is HandleKind.MOVE:
            painter.drawRect(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size))
        else:
            painter.drawPolygon([at + QPointF(*d) for d in ((0, -size), (size, 0), (0, size), (-size, 0))])
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_net(painter: QPainter, rows: Sequence[Sequence[QPointF]]) -> None:
    """Thin lines between the handles of a patch, along both directions."""
    painter.setPen(QPen(QColor(*ACCENT, 110), 1.0))
    for row in rows:
        painter.drawPolyline(list(row))
    for column in zip(*rows, strict=True):
        painter.drawPolyline(list(column))


def draw_prompt(painter: QPainter, middle: QPointF, width: float, text: str) -> None:
    """What to do next, about a place in a view of that width."""
    metrics = QFontMetricsF(painter.font())
    elided = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width - 6 * GAP)
    room = QRectF(0, 0, metrics.horizontalAdvance(elided) + 2 * GAP, metrics.height() + GAP)
    room.moveCenter(middle)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PROMPT_GROUND)
    painter.drawRoundedRect(room, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(*TEXT))
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, elided)


def draw_beside_hand(painter: QPainter, at: QPointF, lines: Sequence[str]) -> None:
    """The figures, a little below and right of the hand."""
    if lines:
        draw_note(painter, at + QPointF(16, 12), lines, [])


def draw_rubber(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """From the first click to the mouse."""
    for pen in (QPen(_DARK, 4.0), QPen(QColor(*ACCENT), 2.0, Qt.PenStyle.DashLine)):
        painter.setPen(pen)
        painter.drawLine(QLineF(start, end))
    draw_handle(painter, start, HandleKind.MOVE, is_hot=True)


def draw_trail(painter: QPainter, places: Sequence[QPointF]) -> None:
    """A line while it is drawn by hand."""
    for pen in (QPen(_DARK, 4.0), QPen(QColor(*ACCENT), 2.0)):
        painter.setPen(pen)
        painter.drawPolyline(list(places))


def verdict_brush(verdict: Verdict) -> QBrush:
    """A verdict's fill: hatched where it is unproven."""
    colour = QColor(*VERDICT_COLOURS[verdict.value])
    return QBrush(colour, Qt.BrushStyle.BDiagPattern if verdict is Verdict.UNPROVEN else Qt.BrushStyle.SolidPattern)


def draw_swatch(painter: QPainter, room: QRectF, verdict: Verdict) -> None:
    painter.fillRect(room, QColor(24, 26, 30))
    painter.fillRect(room, verdict_brush(verdict))
    thick = verdict is Verdict.VIOLATED
    painter.setPen(QPen(QColor(*VERDICT_COLOURS[verdict.value]).lighter(130 if thick else 100), 2.0 if thick else 1.0))
    painter.drawRect(room)


def draw_legend(painter: QPainter, at: QPointF, bands: MarginBands) -> None:
    """The margin's colours with their words and distances; `at` is the lower left corner."""
    metrics = QFontMetricsF(painter.font())
    rows = [(verdict, f"{LOOKS[verdict].mark} {LOOKS[verdict].word}", span) for verdict, span in bands.legend()]
    step = max(metrics.height(), SWATCH) + 3
    word = max(metrics.horizontalAdvance(words) for _, words, _ in rows) + GAP
    width = SWATCH + GAP + word + max(metrics.horizontalAdvance(span) for _, _, span in rows) + 2 * GAP
    room = QRectF(at.x(), at.y() - step * (len(rows) + 1) - GAP, width, step * (len(rows) + 1) + GAP)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 200))
    painter.drawRoundedRect(room, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    y, left = room.y() + GAP / 2, room.x() + GAP
    painter.setPen(QColor(*QUIET))
    painter.drawText(QPointF(left, y + metrics.ascent()), f"Margin, {bands.wanted_mm:g} mm wanted")
    for verdict, words, span in rows:
        y += step
        draw_swatch(painter, QRectF(left, y + (metrics.height() - SWATCH) / 2, SWATCH, SWATCH), verdict)
        painter.setPen(QColor(*TEXT))
        painter.drawText(QPointF(left + SWATCH + GAP, y + metrics.ascent()), words)
        painter.setPen(QColor(*QUIET))
        painter.drawText(QPointF(left + SWATCH + GAP + word, y + metrics.ascent()), span)
