"""Tool paths in the 3D view: the instrument at the moment that is shown, its way, its port, and what it touches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Trajectory
from surgtwin.errors import PlanError
from surgtwin.planning.structure_roles import is_wrapping
from surgtwin.simulation.motion import Motion
from ui.render.cameras import point_camera
from ui.render.palette import ACCENT, VIOLATED

from ..views.scene_view import SceneView
from ..views.slice_overlay import GAP
from .desk import PlanDesk
from .needle_scene import points_to_see, sight_of
from .painting import GRAB_PIXELS, draw_beside_hand, draw_handle, draw_prompt, draw_rubber
from .path_build import motion_of
from .path_figures import known_instrument
from .path_hold import SHAPES, Part, PathHold, Placing, parts_of
from .path_painting import draw_reach_legend, draw_touch
from .path_props import FREE, InstrumentProp, ReachProp, SurfaceProp, WayProp, add_all, lit_patch, remove_all
from .path_words import PROMPTS, RECORDING, Touch, free_names, judged_names, moment_lines, touches
from .skin_picking import skin_under, structure_under

PROMPT_TOP, ROOM_FOR_LEGEND = 40.0, 280
LIT_OPACITY = 0.85


class PathScene(QObject):
    """A guest of the 3D view."""

    def __init__(self, view: SceneView, desk: PlanDesk) -> None:
        super().__init__(view)
        self._view, self._desk, self._paths = view, desk, desk.paths
        self._ways: dict[str, tuple[ToolPath, bool, WayProp]] = {}
        self._tool: InstrumentProp | None = None
        self._lit = [SurfaceProp(VIOLATED, LIT_OPACITY, 0.5), SurfaceProp(FREE, 0.5, 0.3)]
        add_all(view.renderer, [prop.actor for prop in self._lit])
        self._swept, self._reach = SurfaceProp(ACCENT, 0.22), ReachProp()
        add_all(view.renderer, [self._swept.actor, *self._reach.actors])
        self._hold: PathHold | None = None
        self._since = 0
        self._hot: Part | None = None
        self._mouse = QPointF()
        view.guests.add(self)
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.hand_moved):
            signal.connect(self.refresh)
        self._paths.moment_changed.connect(self._show_moment)
        self._paths.extras.changed.connect(self._show_extras)
        self._paths.placing_changed.connect(self._on_placing)
        self._paths.look_asked.connect(self._look)
        self._paths.recording_changed.connect(view.update)
        self.refresh()

    # --- what is drawn

    def refresh(self) -> None:
        """Bring ways and ports up to date; then the instrument."""
        chosen = self._paths.path
        drawn = self._desk.plan.tool_paths if self._desk.is_open else ()
        names = {path.name for path in drawn}
        for name in [n for n in self._ways if n not in names]:
            remove_all(self._view.renderer, self._ways.pop(name)[2].actors)
        for path in drawn:
            self._show_way(path, chosen is not None and path.name == chosen.name)
        self._show_moment()

    def _show_way(self, path: ToolPath, is_chosen: bool) -> None:
        known = self._ways.get(path.name)
        if known is not None and known[0] is path and known[1] == is_chosen:
            return
        prop = known[2] if known is not None else WayProp()
        if known is None:
            add_all(self._view.renderer, prop.actors)
        self._ways[path.name] = (path, is_chosen, prop)
        keys = np.array([pose.tip_mm for pose in path.poses])
        motion = self._paths.motion if is_chosen else _motion(path)
        port = None
        if path.trocar_mm is not None:
            port = (path.trocar_mm, np.asarray(path.poses[-1].lps_from_tool[:3, 2]))
        prop.show(motion.tips_mm if motion is not None else keys, keys, port, is_chosen)

    def _show_moment(self) -> None:
        path, pose, instrument = self._paths.path, self._paths.pose, self._paths.instrument
        is_shown = self._desk.is_open and path is not None and pose is not None and instrument is not None
        if not is_shown or path is None or pose is None or instrument is None:
            self._drop_tool()
        else:
            if self._tool is None or self._tool.tool is not path.tool:
                self._drop_tool()
                self._tool = InstrumentProp(path.tool, instrument)
                add_all(self._view.renderer, self._tool.actors)
            self._tool.place(pose)
            self._tool.light(self.touching_parts())
        self._light_structures()
        self._show_extras()

    def _show_extras(self) -> None:
        swept = self._paths.extras.swept if self._desk.is_open else None
        self._swept.show([swept] if swept is not None else [])
        self._reach.show(self._paths.extras.reach if self._desk.is_open else None)
        self._view.redraw()

    def _drop_tool(self) -> None:
        if self._tool is not None:
            remove_all(self._view.renderer, self._tool.actors)
            self._tool = None

    @property
    def touched(self) -> tuple[Touch, ...]:
        """What the instrument touches at the moment that is shown."""
        path, twin = self._paths.path, self._desk.state.twin
        if path is None or twin is None or not self._desk.is_open:
            return ()
        figures = self._paths.figures
        wrapping = frozenset(s.name for s in twin.structures if is_wrapping(s))
        return touches(self._paths.moment, judged_names(path, figures), free_names(path, figures, wrapping))

    def touching_parts(self) -> NDArray[np.bool_]:
        """(C,) which capsules of the instrument touch what they may not."""
        instrument, pose = self._paths.instrument, self._paths.pose
        if instrument is None or pose is None:
            return np.zeros(0, dtype=bool)
        starts, ends = (a[0] for a in instrument.axes_at(pose[None]))
        return _parts_at(starts, ends, [t.at_mm for t in self.touched if not t.is_free])

    def _light_structures(self) -> None:
        instrument, pose, touched = self._paths.instrument, self._paths.pose, self.touched
        for prop, is_free in zip(self._lit, (False, True), strict=True):
            names = [t.structure for t in touched if t.is_free == is_free]
            twin = self._desk.state.twin
            meshes = [m for m in (twin.mesh(n) for n in names) if m is not None] if twin is not None else []
            if instrument is None or pose is None or not meshes:
                prop.show([])
                continue
            starts, ends = (a[0] for a in instrument.axes_at(pose[None]))
            prop.show([lit_patch(mesh, starts, ends, instrument.radii_mm) for mesh in meshes])

    def _on_placing(self) -> None:
        is_placing = self._paths.placing is not None
        self._view.setCursor(Qt.CursorShape.CrossCursor if is_placing else Qt.CursorShape.ArrowCursor)
        self._view.update()

    def _look(self, along: bool) -> None:
        parts = self._parts()
        if parts:
            line = Trajectory("-", parts[Part.SHAFT], parts[Part.TIP], NeedleTool(1.0, 1.0))
            where = sight_of(line, along, self._view.camera.GetDirectionOfProjection())
            width, height = self._view.pixel_size()
            point_camera(self._view.camera, where, points_to_see(line, along), width / height)
            self._view.redraw()

    # --- the mouse

    def press(self, view: SceneView, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton or self._is_idle:
            return False
        part = self._part_at(event.position())
        self._hold = self._paths.hold(part) if part is not None else None
        self._since, self._mouse = event.timestamp(), event.position()
        return self._hold is not None

    def drag(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        if self._hold is not None:
            view.set_in_motion(True)
            to = view.place_under(event.position(), self._hold.place_mm)
            self._paths.pull(self._hold, to, (event.timestamp() - self._since) / 1000.0)

    def release(self, view: SceneView, event: QMouseEvent) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            view.set_in_motion(False)
            self._paths.let_go(hold)

    def hover(self, view: SceneView, event: QMouseEvent) -> None:
        self._mouse = event.position()
        hot = None if self._is_idle else self._part_at(event.position())
        if hot != self._hot:
            self._hot = hot
            view.setCursor(Qt.CursorShape.SizeAllCursor if hot is not None else Qt.CursorShape.ArrowCursor)
            view.update()
        elif self._paths.entry_mm is not None:
            view.update()

    def click(self, view: SceneView, event: QMouseEvent) -> bool:
        """Places what is being placed."""
        placing = self._paths.placing
        if not self._desk.is_open or placing is None:
            return False
        on_skin = placing in (Placing.ENTRY, Placing.PORT)
        place = skin_under(view, event.position()) if on_skin else structure_under(view, event.position())
        if place is None:
            where = "body" if on_skin else "structure that the tip is to work at"
            self._desk.problem_found.emit(f"Click on the {where}, or on a slice.")
        else:
            self._paths.put(place)
        return True

    @property
    def _is_idle(self) -> bool:
        return not self._desk.is_open or self._desk.is_placing

    def _parts(self) -> dict[Part, Point3]:
        path, pose = self._paths.path, self._paths.pose
        return parts_of(path, pose) if path is not None and pose is not None else {}

    def _part_at(self, at: QPointF) -> Part | None:
        near = [(_away(self._view.place_of(place), at), part) for part, place in self._parts().items()]
        away, part = min(near, default=(math.inf, None))
        return part if away <= GRAB_PIXELS else None

    # --- over the picture

    def paint(self, view: SceneView, painter: QPainter) -> None:
        if not self._desk.is_open:
            return
        placing, entry, top = self._paths.placing, self._paths.entry_mm, QPointF(view.width() / 2, PROMPT_TOP)
        if placing is not None:
            draw_prompt(painter, top, view.width(), PROMPTS[placing])
            if entry is not None and view.underMouse():
                draw_rubber(painter, view.place_of(entry), self._mouse)
            return
        if self._paths.path is None:
            return
        if self._paths.is_recording:
            draw_prompt(painter, top, view.width(), RECORDING)
        taken: list[QRectF] = [QRectF(0, 0, view.width(), GAP)]
        for touch in (t for t in self.touched if not t.is_free):
            draw_touch(painter, view.place_of(touch.at_mm), touch, self._paths.clock.time_s, taken)
        reach = self._paths.extras.reach
        if reach is not None and view.width() >= ROOM_FOR_LEGEND:
            draw_reach_legend(painter, QPointF(GAP, view.height() - GAP), reach)
        held = self._hold.part if self._hold is not None else None
        for part, place in self._parts().items():
            draw_handle(painter, view.place_of(place), SHAPES[part], is_hot=part in (held, self._hot))
        if self._hold is not None:
            path, figures = self._hold.path, self._paths.figures
            lines = moment_lines(self._paths.moment, judged_names(path, figures), figures)
            draw_beside_hand(painter, self._mouse, lines)


def _motion(path: ToolPath) -> Motion | None:
    try:
        return motion_of(path, known_instrument(path.tool))
    except PlanError:
        return None


def _parts_at(starts: FloatArray, ends: FloatArray, places: list[Point3]) -> NDArray[np.bool_]:
    """(C,) which axes are the nearest to one of some places."""
    chosen = np.zeros(len(starts), dtype=bool)
    for place in places:
        along = ends - starts
        square = np.maximum(np.einsum("cx,cx->c", along, along), 1e-12)
        share = np.clip(np.einsum("cx,cx->c", np.asarray(place) - starts, along) / square, 0.0, 1.0)
        away = np.linalg.norm(starts + share[:, None] * along - np.asarray(place), axis=1)
        chosen[int(away.argmin())] = True
    return chosen


def _away(one: QPointF, other: QPointF) -> float:
    return math.hypot(one.x() - other.x(), one.y() - other.y())
