"""A plan in the 3D view: what is taken, what stays, the cut between them, and the handles that bend it."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter
from vtkmodules.vtkRenderingCore import vtkActor

from surgtwin.domain.cut import BezierCut
from surgtwin.domain.geometry import Point3
from ui.render.cameras import sight_through

from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from .desk import PlanDesk
from .hand import HandleHold
from .hand_words import bands_of, lines_beside
from .handles import Handle, handles_of
from .laying import Way
from .painting import (
    GRAB_PIXELS,
    draw_beside_hand,
    draw_handle,
    draw_legend,
    draw_net,
    draw_prompt,
    draw_rubber,
    draw_trail,
)
from .pictures import PlanPicture
from .plan_props import PlanProps

ROOM_FOR_LEGEND = 280
PROMPT_TOP = 40.0


class SceneLayer(QObject):
    """A guest of the 3D view."""

    def __init__(self, view: SceneView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        self._props = PlanProps(view)
        self._hold: HandleHold | None = None
        self._hot: Handle | None = None
        self._has_moved = False
        self._mouse = QPointF()
        self._trail: list[Point3] = []
        view.guests.add(self)
        desk.judged_changed.connect(self.refresh)
        desk.laying_changed.connect(self._on_laying)
        desk.hand_moved.connect(view.update)
        desk.book.plan_changed.connect(view.update)
        desk.book.chosen_changed.connect(view.update)
        view.state.structure_changed.connect(lambda _name: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Bring what is drawn up to date."""
        desk = self._desk
        has_picture = desk.is_open and desk.judged is not None and bool(desk.plan.resections)
        picture = desk.judged.picture if has_picture and desk.judged is not None else PlanPicture()
        self._props.show(picture, lambda resection: bands_of(resection, desk))

    def _on_laying(self) -> None:
        self._trail = []
        is_laying = self._desk.laying is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_laying else Qt.CursorShape.ArrowCursor)
        self._view.update()

    # --- the mouse

    def press(self, view: SceneView, event: QMouseEvent) -> bool:
        desk = self._desk
        if not desk.is_open or event.button() != Qt.MouseButton.LeftButton:
            return False
        if desk.laying is not None:
            return desk.laying.way is Way.LINE and self._begin_line(event.position())
        handle, cut = self._handle_at(event.position()), desk.cut
        if handle is None or cut is None:
            return False
        self._hold = HandleHold(cut.surface, handle)
        return True

    def drag(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._hold is not None:
            to = view.place_under(event.position(), self._hold.handle.place_mm)
            if not self._has_moved:
                self._has_moved = True
                view.set_in_motion(True)
            self._desk.pull(self._hold, to, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif self._trail:
            self._trail.append(view.place_under(event.position(), self._trail[0]))
        view.update()

    def release(self, view: SceneView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._has_moved = False
            view.set_in_motion(False)
            self._desk.let_go(hold.words)
        elif self._trail:
            trail, self._trail = tuple(self._trail), []
            self._desk.lay_line(trail, self._sight(trail[len(trail) // 2]))

    def hover(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        hot = self._handle_at(event.position())
        if hot != self._hot:
            self._hot = hot
            if self._desk.laying is None:
                view.setCursor(Qt.CursorShape.SizeAllCursor if hot is not None else Qt.CursorShape.ArrowCursor)
        if self._desk.is_open:
            view.update()

    def click(self, view: SceneView, event: QMouseEvent) -> bool:
        """A click lays one end of a cut; a drag turns the patient, also between the two."""
        laying = self._desk.laying
        if not self._desk.is_open or laying is None or laying.way is Way.LINE:
            return False
        place = self._organ_under(event.position(), laying.points_mm)
        if place is None:
            self._desk.problem_found.emit(f"Click on the {self._desk.choice.organ}, or on a slice through it.")
        else:
            self._desk.lay(place, self._sight(place))
        return True

    def _begin_line(self, at: QPointF) -> bool:
        place = self._organ_under(at, ())
        if place is not None:
            self._trail = [place]
        else:
            self._desk.problem_found.emit(f"Begin the line on the {self._desk.choice.organ}.")
        return place is not None

    def _organ_under(self, at: QPointF, before: tuple[Point3, ...]) -> Point3 | None:
        """Where the organ's surface lies under the mouse; beside it, as deep as the first place was."""
        organ = self._desk.choice.organ
        hit = self._view.pick(at, self._pickable(organ))
        if hit is not None:
            return hit[1]
        return self._view.place_under(at, before[0]) if before else None

    def _pickable(self, organ: str) -> dict[str, vtkActor]:
        drawn = self._props.actors_of(organ)
        if drawn:
            return drawn
        item = self._view.items.get(organ)
        return {organ: item.actor} if item is not None and item.actor.GetVisibility() else {}

    def _sight(self, place: Point3) -> Point3:
        x, y, z = (float(v) for v in sight_through(self._view.camera, place))
        return (x, y, z)

    def _handle_at(self, at: QPointF) -> Handle | None:
        """The handle nearest to the eye's ray among those under the mouse."""
        cut = self._desk.cut
        if not self._desk.is_open or self._desk.laying is not None or cut is None:
            return None
        near = []
        for handle in handles_of(cut.surface):
            offset = self._view.place_of(handle.place_mm) - at
            away = math.hypot(offset.x(), offset.y())
            if away <= GRAB_PIXELS:
                near.append((away, self._depth(handle.place_mm), handle))
        return min(near, key=lambda n: (round(n[0] / 4.0), n[1]))[2] if near else None

    def _depth(self, place: Point3) -> float:
        return float(np.linalg.norm(np.subtract(place, self._view.camera.GetPosition())))

    # --- over the picture

    def paint(self, view: SceneView, painter: QPainter) -> None:
        desk = self._desk
        if not desk.is_open:
            return
        laying = desk.laying
        if laying is not None:
            draw_prompt(painter, QPointF(view.width() / 2, PROMPT_TOP), view.width(), laying.prompt)
            if laying.points_mm:
                draw_rubber(painter, view.place_of(laying.points_mm[0]), self._mouse)
            if len(self._trail) > 1:
                draw_trail(painter, [view.place_of(p) for p in self._trail])
            return
        cut = desk.cut
        if cut is None:
            return
        if isinstance(cut.surface, BezierCut):
            net = cut.surface.control_points_mm
            draw_net(painter, [[view.place_of(p) for p in row] for row in net])
        held = self._hold.handle.at if self._hold is not None else None
        for handle in handles_of(cut.surface):
            is_hot = handle == self._hot or (held is not None and handle.at == held)
            draw_handle(painter, view.place_of(handle.place_mm), handle.kind, is_hot=is_hot)
        if cut.targets and view.width() >= ROOM_FOR_LEGEND:
            draw_legend(painter, QPointF(GAP, view.height() - GAP), bands_of(cut, desk))
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, lines_beside(desk))
