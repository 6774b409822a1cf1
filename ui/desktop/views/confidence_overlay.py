"""Where the network was unsure, as colours on the slices, with a legend: off until a person asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QWidget

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.twin import Twin
from ui.render.palette import QUIET, TEXT

from ..certainty import world_probabilities
from ..state import AppState
from .painting_guest import PaintingGuest
from .slice_overlay import GAP

if TYPE_CHECKING:
    from .slice_view import SliceView

BANDS = ((0.6, (214, 64, 255), 190, "below 60 %"), (0.8, (214, 64, 255), 125, "60 to 80 %"),
         (0.95, (214, 64, 255), 60, "80 to 95 %"))  # fmt: skip
"""Probabilities below which a colour stands, the colour, how dense it is, and its words. Surer places stay clear."""
PIXELS = 3
"""Of the widget, to each that is looked up."""
TITLE, RAW_TITLE = "Label right with", "Label right with (not calibrated)"
SWATCH = 12.0


class ConfidenceOverlay(QObject):
    """Shown on all slice views of a window or on none."""

    changed = Signal()

    def __init__(self, state: AppState, views: QWidget) -> None:
        """A window without the real views (in a test) has nothing to draw on."""
        super().__init__(views)
        from .view_grid import ViewGrid

        self._state, self.is_on = state, False
        self.guests: list[ConfidenceGuest] = []
        if isinstance(views, ViewGrid):
            self.guests = [ConfidenceGuest(view, self) for view in views.slices.values()]

    @property
    def twin(self) -> Twin | None:
        """What is shown: a twin that stores confidence, while it is asked for."""
        twin = self._state.twin
        return twin if self.is_on and twin is not None and twin.confidence is not None else None

    def toggle(self) -> None:
        self.is_on = not self.is_on
        self.changed.emit()


class ConfidenceGuest(PaintingGuest):
    """On one slice view."""

    def __init__(self, view: SliceView, overlay: ConfidenceOverlay) -> None:
        super().__init__(view)
        self._view, self._overlay = view, overlay
        self._known: tuple[tuple[object, ...], QImage] | None = None
        view.guests.add(self)
        overlay.changed.connect(view.update)

    def paint(self, view: QWidget, painter: QPainter) -> None:
        twin = self._overlay.twin
        if twin is None:
            return
        picture = self._picture(twin)
        if picture is not None:
            painter.drawImage(QRectF(0, 0, picture.width() * PIXELS, picture.height() * PIXELS), picture)
            draw_confidence_legend(painter, QPointF(view.width() - GAP, 2 * GAP), self._title(twin))

    def _title(self, twin: Twin) -> str:
        return TITLE if twin.confidence is not None and twin.confidence.is_calibrated else RAW_TITLE

    def _picture(self, twin: Twin) -> QImage | None:
        """Made anew when the slice, its zoom or the twin changes."""
        ends = [self._view.point_at(QPointF(*at)) for at in ((0, 0), (PIXELS, 0), (0, PIXELS))]
        start, right, down = ends
        if start is None or right is None or down is None:
            return None
        wide, high = self._view.width() // PIXELS + 1, self._view.height() // PIXELS + 1
        key = (id(twin.confidence), start, right, down, wide, high)
        if self._known is None or self._known[0] != key:
            sure = world_probabilities(twin, places_of(start, right, down, wide, high))
            self._known = (key, confidence_image(sure.reshape(high, wide)))
        return self._known[1]


def places_of(start: object, right: object, down: object, wide: int, high: int) -> FloatArray:
    """(high * wide, 3) the middles of a grid's fields, from its first corner and the next ones right and down."""
    origin = np.asarray(start, dtype=np.float64)
    across, along = np.asarray(right, dtype=np.float64) - origin, np.asarray(down, dtype=np.float64) - origin
    columns, rows = np.arange(wide) + 0.5, np.arange(high) + 0.5
    return np.asarray(origin + rows[:, None, None] * along + columns[None, :, None] * across).reshape(-1, 3)


def confidence_image(sure: FloatArray) -> QImage:
    """A picture of probabilities [row, column]: clear where the network was sure or nothing is said."""
    pixels = np.zeros((*sure.shape, 4), dtype=np.uint8)
    for below, (red, green, blue), density, _ in reversed(BANDS):
        pixels[sure < below] = (red, green, blue, density)
    high, wide = sure.shape
    return QImage(pixels.tobytes(), wide, high, 4 * wide, QImage.Format.Format_RGBA8888).copy()


def draw_confidence_legend(painter: QPainter, at: QPointF, title: str) -> None:
    """`at` is the upper right corner."""
    metrics = QFontMetricsF(painter.font())
    step = max(metrics.height(), SWATCH) + 3
    words = max(metrics.horizontalAdvance(text) for *_, text in BANDS) + SWATCH + GAP
    width = max(words, metrics.horizontalAdvance(title)) + 2 * GAP
    room = QRectF(at.x() - width, at.y(), width, step * (len(BANDS) + 1) + GAP)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 200))
    painter.drawRoundedRect(room, 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    y, left = room.y() + GAP / 2, room.x() + GAP
    painter.setPen(QColor(*QUIET))
    painter.drawText(QPointF(left, y + metrics.ascent()), title)
    for _, colour, density, text in BANDS:
        y += step
        painter.fillRect(QRectF(left, y + (metrics.height() - SWATCH) / 2, SWATCH, SWATCH), QColor(*colour, density))
        painter.setPen(QColor(*TEXT))
        painter.drawText(QPointF(left + SWATCH + GAP, y + metrics.ascent()), text)
