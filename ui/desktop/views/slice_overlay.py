"""What is drawn over a slice's pixels: cross-hair, letters, texts, scale, measurements."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ui.render.annotations import scale_bar
from ui.render.palette import ACCENT, QUIET, TEXT, VIEW_COLOURS, Rgb
from ui.render.slice_picture import crossing_views
from ui.render.slices import View

from .slice_measurements import DrawnMeasurement

GAP = 8.0
CROSSHAIR_GAP = 12.0
LETTER_SCALE = 1.2
HALO = 3.0
NOTE_GROUND = QColor(16, 18, 22, 190)
NOTE_PADDING = 4.0
RIM = QColor(0, 0, 0, 210)
_RIM_OFFSETS = tuple(QPointF(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y)
"""A rim of drawn glyphs is ten times faster than a stroked path."""


def draw_text(painter: QPainter, at: QPointF, text: str, colour: Rgb, align: Qt.AlignmentFlag) -> None:
    """One line with a dark rim, legible on any ground; `at` is the corner or edge that `align` names."""
    metrics = QFontMetricsF(painter.font())
    width, height = metrics.horizontalAdvance(text), metrics.height()
    x, y = at.x(), at.y()
    if align & Qt.AlignmentFlag.AlignRight:
        x -= width
    elif align & Qt.AlignmentFlag.AlignHCenter:
        x -= width / 2
    if align & Qt.AlignmentFlag.AlignBottom:
        y -= height
    elif align & Qt.AlignmentFlag.AlignVCenter:
        y -= height / 2
    base = QPointF(x, y + metrics.ascent())
    painter.setPen(RIM)
    for offset in _RIM_OFFSETS:
        painter.drawText(base + offset, text)
    painter.setPen(QColor(*colour))
    painter.drawText(base, text)


def draw_lines(painter: QPainter, at: QPointF, lines: Sequence[tuple[str, Rgb]], align: Qt.AlignmentFlag) -> None:
    """Several lines, downwards from the top or upwards from the bottom."""
    height = QFontMetricsF(painter.font()).height()
    upward = bool(align & Qt.AlignmentFlag.AlignBottom)
    shown = [line for line in lines if line[0]]
    for n, (text, colour) in enumerate(reversed(shown) if upward else shown):
        y = at.y() - n * height if upward else at.y() + n * height
        draw_text(painter, QPointF(at.x(), y), text, colour, align)


def draw_letters(painter: QPainter, size: tuple[float, float], letters: tuple[str, str, str, str]) -> None:
    """Orientation letters in the middle of the left, right, top and bottom edge."""
    width, height = size
    flag = Qt.AlignmentFlag
    places = (
        (QPointF(GAP, height / 2), flag.AlignLeft | flag.AlignVCenter),
        (QPointF(width - GAP, height / 2), flag.AlignRight | flag.AlignVCenter),
        (QPointF(width / 2, GAP / 2), flag.AlignHCenter | flag.AlignTop),
        (QPointF(width / 2, height - GAP / 2), flag.AlignHCenter | flag.AlignBottom),
    )
    painter.save()
    font = painter.font()
    font.setPixelSize(round(font.pixelSize() * LETTER_SCALE))
    font.setBold(True)
    painter.setFont(font)
    for letter, (at, align) in zip(letters, places, strict=True):
        draw_text(painter, at, letter, TEXT, align)
    painter.restore()


def draw_scale(painter: QPainter, right: float, bottom: float, mm_per_pixel: float, max_pixels: float) -> float:
    """A scale bar whose right end lies at (right, bottom); answers how high it reaches."""
    bar = scale_bar(mm_per_pixel, max_pixels)
    left = right - bar.pixels
    for pen in (QPen(QColor(0, 0, 0, 200), HALO + 1.0), QPen(QColor(*TEXT), 1.6)):
        painter.setPen(pen)
        painter.drawPolyline(
            [QPointF(left, bottom - 5), QPointF(left, bottom), QPointF(right, bottom), QPointF(right, bottom - 5)]
        )
    flag = Qt.AlignmentFlag
    draw_text(painter, QPointF((left + right) / 2, bottom - 4), bar.text, TEXT, flag.AlignHCenter | flag.AlignBottom)
    return QFontMetricsF(painter.font()).height() + 4


def draw_crosshair(painter: QPainter, view: View, at: tuple[float, float], size: tuple[float, float]) -> None:
    """The planes of the two other views, each in its view's colour, open about the meeting point."""
    (x, y), (width, height) = at, size
    along, across = crossing_views(view)
    for line_view, lines in (
        (along, (QLineF(0, y, x - CROSSHAIR_GAP, y), QLineF(x + CROSSHAIR_GAP, y, width, y))),
        (across, (QLineF(x, 0, x, y - CROSSHAIR_GAP), QLineF(x, y + CROSSHAIR_GAP, x, height))),
    ):
        painter.setPen(QPen(QColor(*VIEW_COLOURS[line_view], 190), 1.0))
        painter.drawLines([line for line in lines if _is_forward(line)])


def draw_note(painter: QPainter, at: QPointF, lines: Sequence[str], taken: list[QRectF]) -> None:
    """Numbers on a dark ground, top left corner at `at`; further left where the view ends, below other notes.

    `taken` holds the places of the notes so far, and gets this one.
    """
    metrics = QFontMetricsF(painter.font())
    room = QRectF(at.x(), at.y(), note_width(painter, lines), metrics.height() * len(lines) + 2)
    room.moveLeft(max(min(room.x(), painter.window().right() - room.width() - 2.0), 2.0))
    while hit := next((other for other in taken if other.intersects(room)), None):
        room.moveTop(hit.bottom() + 1)
    taken.append(room)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(NOTE_GROUND)
    painter.drawRoundedRect(room, 3, 3)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(*TEXT))
    for n, line in enumerate(lines):
        painter.drawText(QPointF(room.x() + NOTE_PADDING, room.y() + 1 + metrics.ascent() + n * metrics.height()), line)


def note_width(painter: QPainter, lines: Sequence[str]) -> float:
    return max(QFontMetricsF(painter.font()).horizontalAdvance(line) for line in lines) + 2 * NOTE_PADDING


def draw_measurement(
    painter: QPainter, shape: DrawnMeasurement, taken: list[QRectF], *, is_draft: bool = False
) -> None:
    """Line or circle with its numbers; dashed where only its projection lies on the slice."""
    colour: Rgb = ACCENT if is_draft or shape.is_whole else QUIET
    style = Qt.PenStyle.SolidLine if shape.is_whole else Qt.PenStyle.DashLine
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(QColor(0, 0, 0, 170), HALO + 0.5), QPen(QColor(*colour), 1.6, style)):
        painter.setPen(pen)
        _draw_shape(painter, shape)
    if not shape.lines:
        return
    if shape.circle is not None:
        x, y, radius = shape.circle
        at = QPointF(x + radius * 0.75 + GAP, y + radius * 0.75)
    else:
        middle = shape.path[len(shape.path) // 2] if len(shape.path) == 3 else _middle(shape.path)
        at = QPointF(middle[0] + GAP, middle[1] + GAP / 2)
    draw_note(painter, at, shape.lines, taken)


def _draw_shape(painter: QPainter, shape: DrawnMeasurement) -> None:
    if shape.circle is not None:
        x, y, radius = shape.circle
        painter.drawEllipse(QPointF(x, y), radius, radius)
        painter.drawLine(QLineF(x - 3, y, x + 3, y))
        painter.drawLine(QLineF(x, y - 3, x, y + 3))
        return
    points = [QPointF(x, y) for x, y in shape.path]
    painter.drawPolyline(points)
    for p in points:
        painter.drawRect(QRectF(p.x() - 2.5, p.y() - 2.5, 5, 5))


def _middle(path: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return (path[0][0] + path[-1][0]) / 2, (path[0][1] + path[-1][1]) / 2


def _is_forward(line: QLineF) -> bool:
    return line.x2() > line.x1() or line.y2() > line.y1()
