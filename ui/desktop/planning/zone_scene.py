"""Treated zones in the 3D view: their rims coloured by margin, an outline through whatever hides them, and handles."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.geometry import Point3, unit
from surgtwin.domain.trajectory import Ablation
from surgtwin.simulation.ellipsoid import as_point, zone_of

from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from .desk import PlanDesk
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_legend
from .zone_figures import ZoneFigures
from .zone_hold import SHAPES, Grip, GripHold, grip_places
from .zone_painting import draw_hidden_rim, draw_stem
from .zone_props import ZoneProps
from .zone_words import bands_of_zones, zone_lines

ROOM_FOR_LEGEND = 280
RING_PLACES = 41


class ZoneScene(QObject):
    """A guest of the 3D view."""

    def __init__(self, view: SceneView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk, self._zones = view, desk, desk.zones
        self._props = ZoneProps(view)
        self._hold: GripHold | None = None
        self._hot: Grip | None = None
        self._mouse = QPointF()
        view.guests.add(self)
        for signal in (desk.judged_changed, desk.book.plan_changed, desk.book.chosen_changed):
            signal.connect(self.refresh)
        desk.hand_moved.connect(view.update)
        self.refresh()

    def refresh(self) -> None:
        """Bring what is drawn up to date."""
        desk, zone = self._desk, self._zones.zone
        has_zones = desk.is_open and desk.judged is not None and bool(desk.plan.ablations)
        figures = desk.judged.zones if has_zones and desk.judged is not None else ZoneFigures()
        self._props.show(figures, zone.name if zone is not None else "")
        self._view.update()

    @property
    def _is_idle(self) -> bool:
        return not self._desk.is_open or self._desk.is_placing

    # --- the mouse

    def press(self, view: SceneView, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton or self._is_idle:
            return False
        grip, zone = self._grip_at(event.position()), self._zones.zone
        if grip is None or zone is None:
            return False
        self._hold = GripHold(zone, grip)
        return True

    def drag(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._hold is not None:
            view.set_in_motion(True)
            alone = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._zones.pull(self._hold, view.place_under(event.position(), self._hold.place_mm), alone)

    def release(self, view: SceneView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            view.set_in_motion(False)
            self._zones.let_go(hold)

    def hover(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        hot = None if self._is_idle else self._grip_at(event.position())
        if hot != self._hot:
            self._hot = hot
            view.setCursor(Qt.CursorShape.SizeAllCursor if hot is not None else Qt.CursorShape.ArrowCursor)
            view.update()

    def click(self, view: SceneView, event: QMouseEvent) -> bool:
        """Work on the zone that was clicked."""
        if self._is_idle:
            return False
        hit = view.pick(event.position(), self._props.actors())
        zone = next((a for a in self._desk.book.plan.ablations if hit is not None and a.name == hit[0]), None)
        if zone is None or zone == self._desk.book.chosen:
            return False
        self._desk.book.choose(zone)
        return True

    def _grip_at(self, at: QPointF) -> Grip | None:
        zone = self._zones.zone
        if zone is None:
            return None
        places = {grip: self._view.place_of(place) for grip, place in grip_places(zone).items()}
        near = [(math.hypot(p.x() - at.x(), p.y() - at.y()), grip) for grip, p in places.items()]
        away, grip = min(near)
        return grip if away <= GRAB_PIXELS else None

    # --- over the picture

    def paint(self, view: SceneView, painter: QPainter) -> None:
        desk, zone, result = self._desk, self._zones.zone, self._zones.together
        if not desk.is_open or zone is None:
            return
        sight = as_point(np.subtract(view.camera.GetPosition(), zone.centre_mm))
        ring = [view.place_of(as_point(p)) for p in silhouette_of(zone, sight)]
        draw_hidden_rim(painter, ring, result.verdict if result is not None else None)
        places = {grip: view.place_of(place) for grip, place in grip_places(zone).items()}
        draw_stem(painter, places[Grip.CENTRE], places[Grip.AXIS])
        held = self._hold.grip if self._hold is not None else None
        for grip, place in places.items():
            draw_handle(painter, place, SHAPES[grip], is_hot=grip in (held, self._hot))
        if result is not None and view.width() >= ROOM_FOR_LEGEND:
            draw_legend(painter, QPointF(GAP, view.height() - GAP), bands_of_zones(result))
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, zone_lines(result))


def silhouette_of(zone: Ablation, towards_mm: Point3) -> np.ndarray:
    """(N, 3) the places of a zone's surface that are seen edge-on from far off in a direction, as a closed ring.

    In the measure in which the zone is a ball of radius 1 they lie square to the direction divided by the radii.
    """
    ball, turn = zone_of(zone), np.linspace(0.0, 2.0 * np.pi, RING_PLACES)
    sight = unit(ball.axes @ np.asarray(towards_mm) / ball.radii_mm)
    least = np.zeros(3)
    least[int(np.abs(sight).argmin())] = 1.0
    first = unit(np.cross(sight, least))
    flat = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * np.cross(sight, first)
    return np.asarray((flat * ball.radii_mm) @ ball.axes + ball.centre_mm)
