"""Treated zones on a slice: what they treat, their rim with its verdicts, and the places to take hold of them."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.trajectory import Ablation
from surgtwin.simulation.ellipsoid import as_point, zone_of

from ..views.slice_view import SliceView
from .desk import PlanDesk
from .handles import HandleKind
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle
from .slice_hand import carried_to, is_the_hands
from .slice_layer import LINE_GRAB_PIXELS, NEAR_MM
from .zone_hold import SHAPES, Grip, GripHold, MoveHold, RimHold, ZoneHand, grip_places
from .zone_painting import draw_rim, draw_treated
from .zone_pictures import ZoneOutline, outline_on
from .zone_words import bands_of_zones, zone_lines


class ZoneSlice(QObject):
    """A guest of one slice view."""

    def __init__(self, view: SliceView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk, self._zones = view, desk, desk.zones
        self._hold: ZoneHand | None = None
        self._is_hot = False
        self._mouse = QPointF()
        view.guests.add(self)
        for signal in (desk.judged_changed, desk.hand_moved, desk.book.plan_changed, desk.book.chosen_changed):
            signal.connect(view.update)

    def outline(self, zone: Ablation) -> ZoneOutline | None:
        """A zone of the plan on this slice; None where it does not reach it."""
        stack, frame = self._view.stack, self._view.frame
        if stack is None or frame is None:
            return None
        others = [a for a in self._desk.plan.ablations if a.target == zone.target and a.name != zone.name]
        return outline_on(zone_of(zone), [zone_of(a) for a in others], stack.right, stack.down, frame.centre_mm)

    # --- the mouse

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        desk = self._desk
        if not is_the_hands(desk, event):
            return False
        if desk.is_placing:
            return False
        self._mouse = event.position()
        self._hold = self._hold_at(event.position())
        if self._hold is None:
            return self._choose_at(event.position())
        return True

    def drag(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        place = carried_to(view, event, self._hold.place_mm) if self._hold is not None else None
        if self._hold is not None and place is not None:
            alone = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._zones.pull(self._hold, place, alone)
        view.update()

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._zones.let_go(hold)

    def hover(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if not self._desk.is_open or self._desk.is_placing:
            return
        is_hot = self._hold_at(event.position()) is not None
        if is_hot != self._is_hot:
            self._is_hot = is_hot
            view.setCursor(Qt.CursorShape.SizeAllCursor if is_hot else Qt.CursorShape.ArrowCursor)
            view.update()

    def click(self, view: SliceView, event: QMouseEvent) -> bool:
        return False

    def _hold_at(self, at: QPointF) -> ZoneHand | None:
        """A handle near the slice, the section's middle, or the rim of the zone that is worked on."""
        zone, place = self._zones.zone, self._view.point_at(at)
        if zone is None or place is None:
            return None
        outline = self.outline(zone)
        grips = [(QLineF(p, at).length(), grip) for grip, p in self._grips_near(zone)]
        away, grip = min(grips, default=(math.inf, None))
        if outline is not None and QLineF(self._view.place_of(outline.middle_mm), at).length() <= GRAB_PIXELS:
            return MoveHold(zone, as_point(outline.middle_mm))
        if grip is not None and away <= GRAB_PIXELS:
            return GripHold(zone, grip)
        return RimHold(zone, place) if outline is not None and self._is_on(outline, at) else None

    def _choose_at(self, at: QPointF) -> bool:
        """Work on another zone whose rim was pressed."""
        for zone in self._desk.book.plan.ablations:
            outline = self.outline(zone)
            if outline is not None and zone != self._desk.book.chosen and self._is_on(outline, at):
                self._desk.book.choose(zone)
                return True
        return False

    def _is_on(self, outline: ZoneOutline, at: QPointF) -> bool:
        places = self._view.places_of(outline.places_mm)
        return min(QLineF(p, at).length() for p in places) <= LINE_GRAB_PIXELS

    def _grips_near(self, zone: Ablation) -> list[tuple[Grip, QPointF]]:
        """Handles on the rim and beyond it that lie on this slice, or nearly so."""
        stack, frame = self._view.stack, self._view.frame
        if stack is None or frame is None:
            return []
        reach = max(NEAR_MM, stack.step_mm)
        return [
            (grip, self._view.place_of(place))
            for grip, place in grip_places(zone).items()
            if grip is not Grip.CENTRE and abs(float(np.subtract(place, frame.centre_mm) @ stack.step)) <= reach
        ]

    # --- over the picture

    def paint(self, view: SliceView, painter: QPainter) -> None:
        desk, chosen = self._desk, self._zones.zone
        if not desk.is_open:
            return
        for zone in desk.plan.ablations:
            self._draw(painter, zone, chosen is not None and chosen.name == zone.name)
        outline = self.outline(chosen) if chosen is not None else None
        if chosen is not None and outline is not None:
            hot = self._hold_at(self._mouse) if view.underMouse() else None
            for grip, place in self._grips_near(chosen):
                is_hot = isinstance(hot, GripHold) and hot.grip is grip
                draw_handle(painter, place, SHAPES[grip], is_hot=is_hot)
            is_hot = isinstance(hot, MoveHold)
            draw_handle(painter, view.place_of(as_point(outline.middle_mm)), HandleKind.MOVE, is_hot=is_hot)
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, zone_lines(self._zones.together))

    def _draw(self, painter: QPainter, zone: Ablation, is_chosen: bool) -> None:
        outline, judged = self.outline(zone), self._desk.judged
        if outline is None:
            return
        places = self._view.places_of(outline.places_mm)
        picture = judged.zones.picture(zone.name) if judged is not None else None
        result = judged.zones.together.get(zone.target) if judged is not None else None
        known = picture is not None and picture.ablation.target == zone.target
        margins = picture.margins.at(outline.places_mm) if picture is not None else np.zeros(len(places))
        draw_treated(painter, places, is_chosen)
        bands = bands_of_zones(result) if result is not None and known else None
        draw_rim(painter, places, margins, outline.is_bare, bands, is_chosen)
