"""Tool paths on a slice: what of the instrument lies in it, filled, its way, and its handles where they are near."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.geometry import FloatArray, Point3

from ..views.slice_view import SliceView
from .desk import PlanDesk
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_prompt, draw_rubber
from .path_hold import SHAPES, Part, PathHold, Placing, parts_of
from .path_outline import capsule_section
from .path_painting import draw_outline, draw_touch, draw_way
from .path_scene import PathScene
from .path_words import PROMPTS, RECORDING, judged_names, moment_lines
from .slice_hand import carried_to, is_the_hands
from .slice_layer import NEAR_MM, PROMPT_UP


class PathSlice(QObject):
    """A guest of one slice view; what is touched, the 3D view's guest knows."""

    def __init__(self, view: SliceView, desk: PlanDesk, scene: PathScene) -> None:
        super().__init__(view)
        self._view, self._desk, self._paths, self._scene = view, desk, desk.paths, scene
        self._hold: PathHold | None = None
        self._since = 0
        self._hot: Part | None = None
        self._mouse = QPointF()
        view.guests.add(self)
        for signal in (self._paths.moment_changed, desk.hand_moved, desk.book.plan_changed, desk.book.chosen_changed):
            signal.connect(view.update)
        self._paths.placing_changed.connect(self._on_placing)
        self._paths.recording_changed.connect(view.update)

    def _on_placing(self) -> None:
        is_placing = self._paths.placing is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_placing else Qt.CursorShape.ArrowCursor)
        self._view.update()

    # --- the mouse

    def press(self, view: SliceView, event: QMouseEvent) -> bool:
        desk, at = self._desk, event.position()
        if not is_the_hands(desk, event):
            return False
        if self._paths.placing is not None:
            place = view.point_at(at)
            if place is not None:
                self._paths.put(place)
            return True
        if desk.is_placing:
            return False
        part = self._part_at(at)
        self._hold = self._paths.hold(part) if part is not None else None
        self._since, self._mouse = event.timestamp(), at
        return self._hold is not None

    def drag(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        place = carried_to(view, event, self._hold.place_mm) if self._hold is not None else None
        if self._hold is not None and place is not None:
            self._paths.pull(self._hold, place, (event.timestamp() - self._since) / 1000.0)
        view.update()

    def release(self, view: SliceView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._paths.let_go(hold)

    def hover(self, view: SliceView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if not self._desk.is_open or self._desk.is_placing:
            if self._paths.entry_mm is not None:
                view.update()
            return
        hot = self._part_at(event.position())
        if hot != self._hot:
            self._hot = hot
            view.setCursor(Qt.CursorShape.SizeAllCursor if hot is not None else Qt.CursorShape.ArrowCursor)
            view.update()

    def click(self, view: SliceView, event: QMouseEvent) -> bool:
        return False

    def _near(self, reach_mm: float = NEAR_MM) -> list[tuple[Part, QPointF]]:
        """The handles that lie on this slice, or nearly so."""
        path, pose, stack = self._paths.path, self._paths.pose, self._view.stack
        if path is None or pose is None or stack is None or not self._desk.is_open:
            return []
        reach = max(reach_mm, stack.step_mm)
        return [
            (part, self._view.place_of(place))
            for part, place in parts_of(path, pose).items()
            if abs(self._off(place)) <= reach
        ]

    def _part_at(self, at: QPointF) -> Part | None:
        near = [(QLineF(place, at).length(), part) for part, place in self._near()]
        away, part = min(near, default=(math.inf, None))
        return part if away <= GRAB_PIXELS else None

    def _off(self, place_mm: Point3) -> float:
        """How far a place lies off this slice, mm, with its side."""
        stack, frame = self._view.stack, self._view.frame
        if stack is None or frame is None:
            return math.inf
        return float((np.asarray(place_mm) - frame.centre_mm) @ stack.step)

    # --- over the picture

    def sections(self) -> list[tuple[FloatArray, bool]]:
        """The outline (N, 3) LPS of every part of the instrument that lies in this slice, and whether it touches."""
        instrument, pose = self._paths.instrument, self._paths.pose
        stack, frame = self._view.stack, self._view.frame
        if instrument is None or pose is None or stack is None or frame is None or not self._desk.is_open:
            return []
        starts, ends = (a[0] for a in instrument.axes_at(pose[None]))
        touching, normal = self._scene.touching_parts(), np.asarray(stack.step)
        found = []
        for n, radius in enumerate(instrument.radii_mm):
            outline = capsule_section(starts[n], ends[n], float(radius), np.asarray(frame.centre_mm), normal)
            if len(outline) > 2:
                found.append((outline, bool(touching[n])))
        return found

    def paint(self, view: SliceView, painter: QPainter) -> None:
        if not self._desk.is_open or view.frame is None:
            return
        placing, path, motion = self._paths.placing, self._paths.path, self._paths.motion
        if path is not None and motion is not None:
            keys = view.places_of(np.array([pose.tip_mm for pose in path.poses]))
            draw_way(painter, view.places_of(motion.tips_mm), keys, is_chosen=True)
            for outline, is_touching in self.sections():
                draw_outline(painter, view.places_of(outline), is_touching=is_touching, is_chosen=True)
            self._paint_touches(painter)
            held = self._hold.part if self._hold is not None else None
            for part, place in self._near():
                draw_handle(painter, place, SHAPES[part], is_hot=part in (held, self._hot))
        at = QPointF(view.width() / 2, view.height() - PROMPT_UP)
        if placing is not None:
            draw_prompt(painter, at, view.width(), PROMPTS[placing])
            entry = self._paths.entry_mm
            if placing is Placing.TIP and entry is not None and view.underMouse():
                draw_rubber(painter, view.place_of(entry), self._mouse)
        elif self._paths.is_recording:
            draw_prompt(painter, at, view.width(), RECORDING)
        if self._hold is not None:
            figures = self._paths.figures
            judged = judged_names(self._hold.path, figures)
            draw_beside_hand(painter, self._mouse, moment_lines(self._paths.moment, judged, figures))

    def _paint_touches(self, painter: QPainter) -> None:
        taken: list[QRectF] = []
        stack = self._view.stack
        for touch in self._scene.touched:
            if not touch.is_free and stack is not None and abs(self._off(touch.at_mm)) <= max(NEAR_MM, stack.step_mm):
                place = self._view.place_of(touch.at_mm)
                draw_touch(painter, place, touch, self._paths.clock.time_s, taken)
