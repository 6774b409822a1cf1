"""A plan on a slice: the cut as a line with its verdicts, what it takes, and the places to take hold of it."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPainterPath, QPen

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.geometry import Point3
from surgtwin.domain.verdict import Verdict
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

from ..views.slice_view import SliceView
from .cut_lines import CutLine, SliceCut, cut_on_slice
from .desk import PlanDesk
from .hand import BodyHold, HandleHold, Hold
from .hand_words import bands_of, lines_beside
from .handles import Handle, handles_of
from .laying import Way
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_prompt, draw_rubber, draw_trail
from .pictures import CutPicture
from .slice_hand import carried_to, is_the_hands
from .verdict_look import MarginBands

NEAR_MM = 6.0
"""Handles this near to the slice are shown on it."""
LINE_GRAB_PIXELS = 6.0
MIDDLE_SHARE = 0.5
"""The middle half of a plane's line moves it; the ends tilt it."""
DRAG_PIXELS = 4.0
PROMPT_UP = 48.0
"""Above the lower edge, where no text stands."""
_PENS = {
    Verdict.SAFE: (2.0, Qt.PenStyle.SolidLine),
    Verdict.UNPROVEN: (2.4, Qt.PenStyle.DashLine),
    Verdict.VIOLATED: (4.0, Qt.PenStyle.SolidLine),
}


class SliceLayer(QObject):
    """A guest of one slice view."""

    def __init__(self, view: SliceView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        self._known: dict[tuple[int, int], tuple[CutPicture, SliceCut]] = {}
        self._hold: Hold | None = None
        self._pressed, self._mouse = QPointF(), QPointF()
        self._hot = False
        self._trail: list[Point3] = []
        view.guests.add(self)
        desk.judged_changed.connect(self._on_judged)
        desk.laying_changed.connect(self._on_laying)
        desk.hand_moved.connect(view.update)
        desk.book.plan_changed.connect(view.update)
        desk.book.chosen_changed.connect(view.update)

    def _on_judged(self) -> None:
        judged = self._desk.judged
        alive = {id(c) for c in judged.picture.cuts} if judged is not None else set()
        self._known = {key: known for key, known in self._known.items() if key[0] in alive}
        self._view.update()

    def _on_laying(self) -> None:
        self._trail = []
        is_laying = self._desk.laying is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_laying else Qt.CursorShape.ArrowCursor)
        self._view.update()

    # --- what of the plan lies here

    def cuts_here(self) -> list[tuple[CutPicture, SliceCut]]:
        """Each cut with its lines on this slice; looked up again while the slice stays."""
        desk, stack, frame = self._desk, self._view.stack, self._view.frame
        if not desk.is_open or desk.judged is None or stack is None or frame is None or not desk.plan.resections:
            return []
        found = []
        for cut in desk.judged.picture.cuts:
            key = (id(cut), self._view.index)
            if key not in self._known:
                self._known[key] = (cut, cut_on_slice(cut, stack, frame.centre_mm))
            found.append(self._known[key])
        return found

    def _line_under(self, at: QPointF) -> BodyHold | None:
        """The chosen cut's line, if it passes under the mouse inside the organ."""
        cut, place = self._desk.cut, self._view.point_at(at)
        if cut is None or place is None:
            return None
        for picture, here in self.cuts_here():
            if picture.resection.name != cut.name:
                continue
            inside = [line for line in here.lines if line.is_inside]
            if not inside:
                return None
            pixels = np.array([_xy(p) for line in inside for p in self._view.places_of(line.places_mm)])
            away = np.hypot(pixels[:, 0] - at.x(), pixels[:, 1] - at.y())
            if away.min() > LINE_GRAB_PIXELS:
                return None
            middle, reach = pixels.mean(0), float(np.hypot(*(pixels - pixels.mean(0)).T).max())
            is_end = math.hypot(at.x() - middle[0], at.y() - middle[1]) > MIDDLE_SHARE * reach
            return BodyHold(cut.surface, picture.side, place, isinstance(cut.surface, PlaneCut) and is_end)
        return None

    def _handles_near(self) -> list[tuple[Handle, QPointF]]:
        cut, stack, frame = self._desk.cut, self._view.stack, self._view.frame
        if cut is None or stack is None or frame is None or self._desk.laying is not None:
            return []
        reach = max(NEAR_MM, stack.step_mm)
        near = []
        for handle in handles_of(cut.surface):
            off = float(np.subtract(handle.place_mm, frame.centre_mm) @ stack.step)
            if abs(off) <= reach:
                near.append((handle, self._view.place_of(handle.place_mm)))
        return near

    def _handle_at(self, at: QPointF) -> Handle | None:
        near = [(QLineF(place, at).length(), handle) for handle, place in self._handles_near()]
        away, handle = min(near, key=lambda n: n[0], default=(math.inf, None))
        return handle if away <= GRAB_PIXELS else None

    # --- the mouse

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        desk, at = self._desk, event.position()
        if not is_the_hands(desk, event):
            return False
        self._pressed = self._mouse = at
        if desk.laying is not None:
            self._press_laying(at)
            return True
        handle, cut = self._handle_at(at), desk.cut
        if handle is not None and cut is not None:
            self._hold = HandleHold(cut.surface, handle)
        else:
            self._hold = self._line_under(at)
        return self._hold is not None

    def drag(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        place = view.point_at(event.position())
        if self._hold is not None and place is not None:
            alone = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            held = self._hold.handle.place_mm if isinstance(self._hold, HandleHold) else place
            self._desk.pull(self._hold, carried_to(view, event, held) or place, alone)
        elif self._trail and place is not None:
            self._trail.append(place)
        view.update()

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        trail, self._trail = tuple(self._trail), []
        desk = self._desk
        has_moved = (event.position() - self._pressed).manhattanLength() > DRAG_PIXELS
        if hold is not None:
            desk.let_go(hold.words)
        elif len(trail) > 1:
            desk.lay_line(trail, self._sight())
        elif desk.laying is not None and desk.laying.points_mm and has_moved:
            self._press_laying(event.position())  # press, draw, release lays both ends

    def hover(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        desk = self._desk
        if not desk.is_open:
            return
        if desk.laying is None:
            hot = self._handle_at(event.position()) is not None or self._line_under(event.position()) is not None
            if hot != self._hot:
                self._hot = hot
                view.setCursor(Qt.CursorShape.SizeAllCursor if hot else Qt.CursorShape.ArrowCursor)
        view.update()

    def click(self, view: SliceView, event: QMouseEvent) -> bool:
        return False

    def _press_laying(self, at: QPointF) -> None:
        place, laying = self._view.point_at(at), self._desk.laying
        if place is None or laying is None:
            return
        if laying.way is Way.LINE:
            self._trail = [place]
        else:
            self._desk.lay(place, self._sight())

    def _sight(self) -> Point3:
        """Square to the slice."""
        stack = self._view.stack
        x, y, z = (float(v) for v in stack.step) if stack is not None else (0.0, 1.0, 0.0)
        return (x, y, z)

    # --- over the picture

    def paint(self, view: SliceView, painter: QPainter) -> None:
        desk = self._desk
        if not desk.is_open:
            return
        for picture, here in self.cuts_here():
            self._draw_taken(painter, here)
            self._draw_lines(painter, here, bands_of(picture.resection, desk), picture.resection.name)
        if desk.laying is not None:
            self._draw_laying(painter, view)
            return
        hot = self._handle_at(self._mouse) if view.underMouse() else None
        for handle, place in self._handles_near():
            draw_handle(painter, place, handle.kind, is_hot=handle == hot)
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, lines_beside(desk))

    def _draw_laying(self, painter: QPainter, view: SliceView) -> None:
        laying = self._desk.laying
        if laying is None:
            return
        draw_prompt(painter, QPointF(view.width() / 2, view.height() - PROMPT_UP), view.width(), laying.prompt)
        if laying.points_mm and view.underMouse():
            draw_rubber(painter, view.place_of(laying.points_mm[0]), self._mouse)
        if len(self._trail) > 1:
            draw_trail(painter, [view.place_of(p) for p in self._trail])

    def _draw_taken(self, painter: QPainter, here: SliceCut) -> None:
        """What the cut takes, hatched lightly so that the image stays legible."""
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        for outline in here.taken:
            path.addPolygon(self._view.places_of(outline))
            path.closeSubpath()
        painter.fillPath(path, QBrush(QColor(*TEXT, 70), Qt.BrushStyle.BDiagPattern))

    def _draw_lines(self, painter: QPainter, here: SliceCut, bands: MarginBands, name: str) -> None:
        cut = self._desk.cut
        is_chosen = cut is not None and cut.name == name
        for line in here.lines:
            places = self._view.places_of(line.places_mm)
            if not line.is_inside:
                painter.setPen(QPen(QColor(*(ACCENT if is_chosen else QUIET), 120), 1.0, Qt.PenStyle.DotLine))
                painter.drawPolyline(places)
                continue
            painter.setPen(QPen(QColor(0, 0, 0, 190), 4.5))
            painter.drawPolyline(places)
            for pen, run in _verdict_runs(line, places, bands, is_chosen):
                painter.setPen(pen)
                painter.drawPolyline(run)


def _verdict_runs(
    line: CutLine, places: list[QPointF], bands: MarginBands, is_chosen: bool
) -> list[tuple[QPen, list[QPointF]]]:
    """The line in pieces of one verdict each; in one where there is no target."""
    if not np.isfinite(line.margins_mm).any():
        return [(QPen(QColor(*(ACCENT if is_chosen else TEXT)), 2.0), places)]
    verdicts = [bands.verdict(float(m)) for m in line.margins_mm]
    runs, start = [], 0
    for verdict, group in groupby(verdicts):
        end = start + len(list(group))
        width, style = _PENS[verdict]
        runs.append((QPen(QColor(*VERDICT_COLOURS[verdict.value]), width, style), places[start : end + 1]))
        start = end
    return runs


def _xy(point: QPointF) -> tuple[float, float]:
    return point.x(), point.y()
