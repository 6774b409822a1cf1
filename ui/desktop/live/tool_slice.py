"""Live mode in a slice: the tool where it passes, the way it should take, and where its tip is."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.verdict import Verdict
from surgtwin.live.guidance import ToolPlace
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

from ..planning.needle_slice import share_within
from ..views.painting_guest import PaintingGuest
from ..views.slice_view import SliceView
from .desk import LiveDesk
from .tool_props import AHEAD_MM, SHAFT_MM

TIP_PIXELS, SHAFT_PIXELS = 7.0, 3.0
NEAR_MM = 3.0
"""A tip this near to the slice is drawn whole; farther away its ring is broken."""
_DARK = QColor(0, 0, 0, 190)


class ToolSlice(PaintingGuest):
    """A guest of one slice view that takes no mouse."""

    def __init__(self, view: SliceView, desk: LiveDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        view.guests.add(self)
        for signal in (desk.tool_changed, desk.chosen_changed, desk.guidance_changed):
            signal.connect(self._refresh)
        desk.state.mode_changed.connect(view.update)

    def _refresh(self) -> None:
        if self._desk.is_open:
            self._view.update()

    def paint(self, view: QWidget, painter: QPainter) -> None:
        desk, slice_view = self._desk, self._view
        if not desk.is_open or slice_view.frame is None or slice_view.stack is None:
            return
        if desk.way is not None:
            self._draw_way(painter, np.array([desk.way.entry_mm, desk.way.target_mm]))
        place, ghost = desk.seen.place, desk.ghost
        if place is not None:
            self._draw_tool(painter, place, QColor(*self._colour()), is_ghost=False)
        elif ghost is not None:
            self._draw_tool(painter, ghost, QColor(*QUIET), is_ghost=True)

    def _colour(self) -> tuple[int, int, int]:
        guidance = self._desk.guidance
        breached = guidance is not None and any(v.verdict is Verdict.VIOLATED for v in guidance.limits)
        return VERDICT_COLOURS["violated"] if breached else ACCENT

    def _draw_way(self, painter: QPainter, ends: FloatArray) -> None:
        painter.setPen(QPen(QColor(*TEXT, 150), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(self._line(ends[0], ends[1]))
        at = self._view.place_of(ends[1])
        painter.setPen(QPen(QColor(*TEXT), 1.4))
        painter.drawEllipse(at, TIP_PIXELS - 2, TIP_PIXELS - 2)

    def _draw_tool(self, painter: QPainter, place: ToolPlace, colour: QColor, *, is_ghost: bool) -> None:
        tip, shaft = np.asarray(place.tip_mm), np.asarray(place.shaft)
        hub, ahead = tip + SHAFT_MM * shaft, tip - AHEAD_MM * shaft
        faint = QColor(colour)
        faint.setAlpha(110)
        painter.setPen(QPen(faint, 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(self._line(tip, hub))
        if not is_ghost:
            painter.drawLine(self._line(tip, ahead))
        offsets = self._offsets(np.array([tip, hub]))
        inside = share_within(offsets, max(NEAR_MM, self._half_step))
        if inside is not None and not is_ghost:
            low, high = (tip + share * (hub - tip) for share in inside)
            for pen in (QPen(_DARK, SHAFT_PIXELS + 2), QPen(colour, SHAFT_PIXELS)):
                painter.setPen(pen)
                painter.drawLine(self._line(low, high))
        self._draw_tip(painter, self._view.place_of(tip), colour, is_near=abs(offsets[0]) <= NEAR_MM)

    @staticmethod
    def _draw_tip(painter: QPainter, at: QPointF, colour: QColor, *, is_near: bool) -> None:
        style = Qt.PenStyle.SolidLine if is_near else Qt.PenStyle.DashLine
        for pen in (QPen(_DARK, 4.0), QPen(colour, 2.0, style)):
            painter.setPen(pen)
            painter.drawEllipse(at, TIP_PIXELS, TIP_PIXELS)
            painter.drawLine(QLineF(at.x() - 2, at.y(), at.x() + 2, at.y()))
            painter.drawLine(QLineF(at.x(), at.y() - 2, at.x(), at.y() + 2))

    @property
    def _half_step(self) -> float:
        return self._view.stack.step_mm / 2.0 if self._view.stack is not None else 0.0

    def _offsets(self, points_mm: FloatArray) -> FloatArray:
        """(N,) how far places lie off this slice, mm, with their side."""
        stack, frame = self._view.stack, self._view.frame
        if stack is None or frame is None:
            return np.full(len(points_mm), np.inf)
        return np.asarray((points_mm - frame.centre_mm) @ stack.step)

    def _line(self, one: FloatArray, other: FloatArray) -> QLineF:
        return QLineF(self._view.place_of(one), self._view.place_of(other))
