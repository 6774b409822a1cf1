"""Needles in the 3D view: the tool with its true radius, the map on the skin, candidates, and handles."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.geometry import Point3, unit
from surgtwin.domain.trajectory import Trajectory
from ui.render.cameras import CameraPreset, point_camera

from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from .desk import PlanDesk
from .needle_hold import SHAPES, End, NeedleHold, place_of
from .needle_painting import draw_candidate, draw_hidden, draw_skin_legend
from .needle_props import NeedleProps
from .needle_search import Search
from .needle_words import needle_lines
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_prompt
from .skin_picking import skin_under, structure_under

PROMPT_TOP = 40.0
ROOM_FOR_LEGEND, OTHER_LEGEND = 280, 96.0
AROUND_MM = 90.0
"""Looking along a needle, this much around its target is in the picture."""
PROMPTS = {End.ENTRY: "Click on the skin where the needle goes in", End.TARGET: "Click what the needle is to reach"}


class NeedleScene(QObject):
    """A guest of the 3D view."""

    def __init__(self, view: SceneView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk = view, desk
        self._props = NeedleProps(view)
        self._hold: NeedleHold | None = None
        self._hot: End | int | None = None
        self._mouse = QPointF()
        view.guests.add(self)
        needles, book = desk.needles, desk.book
        for signal in (book.plan_changed, book.chosen_changed, needles.search_changed, desk.hand_moved):
            signal.connect(self.refresh)
        desk.judged_changed.connect(self.refresh)
        needles.placing_changed.connect(self._on_placing)
        needles.look_asked.connect(self._look)
        self.refresh()

    def refresh(self) -> None:
        """Bring what is drawn up to date."""
        desk = self._desk
        chosen = desk.needles.needle
        drawn = desk.plan.trajectories if desk.is_open else ()
        self._props.show(drawn, chosen.name if chosen is not None else "", self._search)
        self._view.update()

    @property
    def _search(self) -> Search | None:
        return self._desk.needles.search if self._desk.is_open else None

    def _on_placing(self) -> None:
        is_placing = self._desk.needles.placing is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_placing else Qt.CursorShape.ArrowCursor)
        self._view.update()

    def _look(self, along: bool) -> None:
        needle = self._desk.needles.needle
        if needle is not None:
            where = sight_of(needle, along, self._view.camera.GetDirectionOfProjection())
            width, height = self._view.pixel_size()
            point_camera(self._view.camera, where, points_to_see(needle, along), width / height)
            self._view.redraw()

    # --- the mouse

    def press(self, view: SceneView, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton or self._is_idle:
            return False
        end, needle = self._end_at(event.position()), self._desk.needles.needle
        if end is None or needle is None:
            return False
        self._hold = NeedleHold(needle, end)
        return True

    def drag(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._hold is not None:
            view.set_in_motion(True)
            self._desk.needles.pull(self._hold, view.place_under(event.position(), self._hold.place_mm))

    def release(self, view: SceneView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            view.set_in_motion(False)
            self._desk.needles.let_go(hold)

    def hover(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        hot: End | int | None = None
        if not self._is_idle:
            hot = self._end_at(event.position()) or self._candidate_at(event.position())
        if hot != self._hot:
            self._hot = hot
            shape = Qt.CursorShape.PointingHandCursor if isinstance(hot, int) else Qt.CursorShape.SizeAllCursor
            view.setCursor(shape if hot is not None else Qt.CursorShape.ArrowCursor)
            view.update()

    def click(self, view: SceneView, event: QMouseEvent) -> bool:
        """Places what is being placed, or takes the candidate under the mouse."""
        if not self._desk.is_open:
            return False
        needles, at = self._desk.needles, event.position()
        if needles.placing is None:
            rank = None if self._is_idle else self._candidate_at(at)
            if rank is not None:
                needles.take(rank)
            return rank is not None
        over = self._props.skin_actors()
        place = skin_under(view, at, over) if needles.placing is End.ENTRY else structure_under(view, at)
        if place is None:
            where = "body" if needles.placing is End.ENTRY else "structure that is to be reached"
            self._desk.problem_found.emit(f"Click on the {where}, or on a slice.")
        else:
            needles.put(place)
        return True

    @property
    def _is_idle(self) -> bool:
        desk = self._desk
        return not desk.is_open or desk.laying is not None or desk.needles.placing is not None

    def _end_at(self, at: QPointF) -> End | None:
        needle = self._desk.needles.needle
        if needle is None:
            return None
        near = [(_away(self._view.place_of(place_of(needle, end)), at), end) for end in End]
        away, end = min(near)
        return end if away <= GRAB_PIXELS else None

    def _candidate_at(self, at: QPointF) -> int | None:
        near = [(_away(place, at), rank) for rank, place in self._marks()]
        away, rank = min(near, default=(math.inf, -1))
        return rank if away <= GRAB_PIXELS else None

    def _marks(self) -> list[tuple[int, QPointF]]:
        """Candidates that were not taken, where they appear."""
        search, taken = self._desk.needles.search, {t.entry_mm for t in self._desk.plan.trajectories}
        if search is None or not self._desk.is_open:
            return []
        listed = enumerate(search.candidates)
        return [(n, self._view.place_of(c.result.entry_mm)) for n, c in listed if c.result.entry_mm not in taken]

    # --- over the picture

    def paint(self, view: SceneView, painter: QPainter) -> None:
        desk, needles = self._desk, self._desk.needles
        if not desk.is_open:
            return
        if needles.placing is not None:
            draw_prompt(painter, QPointF(view.width() / 2, PROMPT_TOP), view.width(), PROMPTS[needles.placing])
        search, needle = needles.search, needles.needle
        for rank, place in self._marks():
            if search is not None:
                verdict = search.candidates[rank].result.verdict
                draw_candidate(painter, place, rank, verdict, is_hot=self._hot == rank)
        if needle is not None:
            ends = {end: view.place_of(place_of(needle, end)) for end in End}
            draw_hidden(painter, QLineF(ends[End.ENTRY], ends[End.TARGET]))
            held = self._hold.end if self._hold is not None else None
            for end, place in ends.items():
                draw_handle(painter, place, SHAPES[end], is_hot=end in (held, self._hot))
        if search is not None and view.width() >= ROOM_FOR_LEGEND:
            has_other = (desk.cut is not None and bool(desk.cut.targets)) or desk.zones.zone is not None
            up = OTHER_LEGEND if has_other else 0.0
            draw_skin_legend(painter, QPointF(GAP, view.height() - GAP - up), search)
        if self._hold is not None:
            draw_beside_hand(painter, self._mouse, needle_lines(needles.result))


def sight_of(needle: Trajectory, along: bool, looking: tuple[float, float, float]) -> CameraPreset:
    """Where to look from: from the hub down the needle, or square to it, from the side that is looked from now.

    The patient's head stays up where it can.
    """
    outward = unit(np.subtract(needle.entry_mm, needle.target_mm))
    if along:
        up = (0.0, 0.0, 1.0) if abs(outward[2]) < 0.9 else (0.0, -1.0, 0.0)
        return CameraPreset("along", _point(outward), up)
    towards_eye = -np.asarray(looking)
    square = towards_eye - (towards_eye @ outward) * outward
    if np.linalg.norm(square) < 0.1:
        square = np.cross(outward, (0.0, 0.0, 1.0) if abs(outward[2]) < 0.9 else (1.0, 0.0, 0.0))
    eye = unit(square)
    up = (0.0, 0.0, 1.0) if abs(eye[2]) < 0.9 else (0.0, -1.0, 0.0)
    return CameraPreset("across", _point(eye), up)


def points_to_see(needle: Trajectory, along: bool) -> np.ndarray:
    """(N, 3) places that have to be in the picture: around the target, or the whole needle."""
    target, entry = np.asarray(needle.target_mm), np.asarray(needle.entry_mm)
    reach = AROUND_MM if along else AROUND_MM / 3.0
    corners = reach * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3.0)
    return np.concatenate((target + corners, entry + (0.0 if along else 1.0) * corners))


def _away(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())


def _point(row: np.ndarray) -> Point3:
    x, y, z = (float(v) for v in row)
    return (x, y, z)
