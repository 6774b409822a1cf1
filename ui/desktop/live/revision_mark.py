"""Over every view while what is on the screen is not the revision that counts: that it is not."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from ui.render.palette import UNPROVEN

from ..views.painting_guest import PaintingGuest
from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from ..views.slice_view import SliceView
from .history import History

PIXELS, UP = 14, 30.0


class RevisionMark(PaintingGuest):
    """A guest of one view that takes no mouse."""

    def __init__(self, view: SceneView | SliceView, history: History) -> None:
        super().__init__(view)
        self._history = history
        view.guests.add(self)
        history.changed.connect(view.update)

    def words(self, width: float) -> str:
        """What is written; empty while the revision that counts is on the screen."""
        history = self._history
        if not history.is_behind:
            return ""
        row = history.row(history.shown)
        state = f" ({row.revision.state.value})" if row is not None else ""
        long = f"REVISION {history.shown}{state}: revision {history.current} is the one that counts"
        return long if width > 8.5 * len(long) else f"REVISION {history.shown}, not the latest"

    def paint(self, view: QWidget, painter: QPainter) -> None:
        text = self.words(view.width())
        if not text:
            return
        font = QFont(painter.font())
        font.setPixelSize(PIXELS)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        room = QRectF(0.0, 0.0, metrics.horizontalAdvance(text) + 2 * GAP, metrics.height() + GAP)
        room.moveLeft((view.width() - room.width()) / 2.0)
        room.moveBottom(view.height() - UP)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(42, 38, 24, 230))
        painter.drawRoundedRect(room, 4, 4)
        painter.setPen(QColor(*UNPROVEN))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)
