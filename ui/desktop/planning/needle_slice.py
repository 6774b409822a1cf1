"""Needles on a slice: a line where they lie in it, a ring where they pass it, dots where they run beside it."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.verdict import Verdict

from ..views.slice_view import SliceView
from .desk import PlanDesk
from .needle_hold import SHAPES, End, NeedleHold, place_of
from .needle_painting import draw_hidden, draw_needle, draw_ring
from .needle_scene import PROMPTS
from .needle_words import needle_lines
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_prompt
from .slice_hand import carried_to, is_the_hands
from .slice_layer import NEAR_MM, PROMPT_UP

LEAST_RING = 5.0


class NeedleSlice(QObject):
    """A guest of one slice view."""

    def __init__(self, view: SliceView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        self._hold: NeedleHold | None = None
        self._hot: End | None = None
        self._mouse = QPointF()
        view.guests.add(self)
        for signal in (desk.judged_changed, desk.hand_moved, desk.book.plan_changed, desk.book.chosen_changed):
            signal.connect(view.update)
        desk.needles.placing_changed.connect(self._on_placing)

    def _on_placing(self) -> None:
        is_placing = self._desk.needles.placing is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_placing else Qt.CursorShape.ArrowCursor)
        self._view.update()

    # --- the mouse

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        desk, at = self._desk, event.position()
        if not is_the_hands(desk, event):
            return False
        if desk.laying is not None:
            return False
        if desk.needles.placing is not None:
            place = view.point_at(at)
            if place is not None:
                desk.needles.put(place)
            return True
        end, needle = self._end_at(at), desk.needles.needle
        if end is None or needle is None:
            return False
        self._mouse, self._hold = at, NeedleHold(needle, end)
        return True

    def drag(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        place = carried_to(view, event, self._hold.place_mm) if self._hold is not None else None
        if self._hold is not None and place is not None:
            self._desk.needles.pull(self._hold, place)
        view.update()

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._desk.needles.let_go(hold)

    def hover(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        desk = self._desk
        if not desk.is_open or desk.laying is not None or desk.needles.placing is not None:
            return
        hot = self._end_at(event.position())
        if hot != self._hot:
            self._hot = hot
            view.setCursor(Qt.CursorShape.SizeAllCursor if hot is not None else Qt.CursorShape.ArrowCursor)
            view.update()

    def click(self, view: SliceView, event: QMouseEvent) -> bool:
        return False

    def _ends_near(self) -> list[tuple[End, QPointF]]:
        """The handles that lie on this slice, or nearly so."""
        needle, stack = self._desk.needles.needle, self._view.stack
        if needle is None or stack is None or not self._desk.is_open:
            return []
        reach = max(NEAR_MM, stack.step_mm)
        near = [e for e in End if abs(self._offsets(np.array([place_of(needle, e)]))[0]) <= reach]
        return [(end, self._view.place_of(place_of(needle, end))) for end in near]

    def _end_at(self, at: QPointF) -> End | None:
        near = [(QLineF(place, at).length(), end) for end, place in self._ends_near()]
        away, end = min(near, default=(math.inf, None))
        return end if away <= GRAB_PIXELS else None

    def _offsets(self, points_mm: FloatArray) -> FloatArray:
        """(N,) how far places lie off this slice, mm, with their side."""
        stack, frame = self._view.stack, self._view.frame
        if stack is None or frame is None:
            return np.full(len(points_mm), np.inf)
        return np.asarray((points_mm - frame.centre_mm) @ stack.step)

    # --- over the picture

    def paint(self, view: SliceView, painter: QPainter) -> None:
        desk, frame = self._desk, view.logical_frame()
        if not desk.is_open or frame is None or view.stack is None:
            return
        needles, judged = desk.needles, desk.judged
        chosen = needles.needle
        for needle in desk.plan.trajectories:
            result = judged.needles.get(needle.name) if judged is not None else None
            is_chosen = chosen is not None and chosen.name == needle.name
            verdict = result.verdict if result is not None else None
            self._draw(painter, needle, verdict, frame.mm_per_pixel, is_chosen)
        held = self._hold.end if self._hold is not None else None
        for end, place in self._ends_near():
            draw_handle(painter, place, SHAPES[end], is_hot=end in (held, self._hot))
        if needles.placing is not None:
            at = QPointF(view.width() / 2, view.height() - PROMPT_UP)
            draw_prompt(painter, at, view.width(), PROMPTS[needles.placing])
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, needle_lines(needles.result))

    def _draw(
        self, painter: QPainter, needle: Trajectory, verdict: Verdict | None, mm_per_pixel: float, is_chosen: bool
    ) -> None:
        stack = self._view.stack
        if stack is None:
            return
        ends = np.array([needle.entry_mm, needle.target_mm])
        offsets, radius = self._offsets(ends), needle.tool.radius_mm / mm_per_pixel
        if is_chosen:
            draw_hidden(painter, self._line(ends[0], ends[1]))
        inside = share_within(offsets, max(needle.tool.radius_mm, stack.step_mm / 2.0))
        if inside is not None:
            low, high = (ends[0] + t * (ends[1] - ends[0]) for t in inside)
            draw_needle(painter, self._line(low, high), verdict, 2.0 * radius, is_chosen=is_chosen)
        if offsets[0] * offsets[1] < 0:
            at = ends[0] + (ends[1] - ends[0]) * offsets[0] / (offsets[0] - offsets[1])
            draw_ring(painter, self._view.place_of(at), max(radius, LEAST_RING), verdict)

    def _line(self, one: FloatArray, other: FloatArray) -> QLineF:
        return QLineF(self._view.place_of(one), self._view.place_of(other))


def share_within(offsets_mm: FloatArray, half_mm: float) -> tuple[float, float] | None:
    """From which share to which share of a line it lies within a slab about a slice; None if nowhere.

    Parameters
    ----------
    offsets_mm
        (2,) how far the line's ends lie off the slice.
    """
    start, rise = float(offsets_mm[0]), float(offsets_mm[1] - offsets_mm[0])
    if abs(rise) < 1e-9:
        return (0.0, 1.0) if abs(start) <= half_mm else None
    crossed = sorted(((-half_mm - start) / rise, (half_mm - start) / rise))
    low, high = max(crossed[0], 0.0), min(crossed[1], 1.0)
    return (low, high) if low < high else None
