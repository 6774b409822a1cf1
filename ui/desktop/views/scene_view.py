"""The 3D view: the organs, turned by hand, picked, and shown from anatomical directions."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget
from vtkmodules.vtkRenderingCore import vtkActor, vtkCamera, vtkRenderer

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.twin import Twin
from ui.render.appearance import Look
from ui.render.cameras import (
    box_corners,
    mm_per_pixel,
    orbit,
    pan,
    place_under,
    point_camera,
    preset,
    project,
    zoom,
)
from ui.render.orientation_cube import cube_renderer, follow, place
from ui.render.scene import meshes_in_twin, new_renderer, points_of_interest, tune_transparency
from ui.render.volume_rendering import VolumePreset, VolumeRendering, volume_presets

from ..actors.organ_mesh import OrganMeshItem
from ..actors.registry import scene_item
from ..actors.scene_item import SceneItem
from ..state import AppState
from .flight import Flight
from .guests import Guests
from .light_meshes import TRIANGLES_HARDWARE, TRIANGLES_SOFTWARE, LightMeshes
from .picking import picked
from .scene_writing import write_over_scene
from .sight import Sight
from .vtk_canvas import VtkCanvas

DEGREES_PER_WIDTH = 240.0
"""A drag across the whole view turns the patient this far."""
ZOOM_STEP = 1.15
ZOOM_PER_PIXEL = 1.006
SETTLE_MS = 220
"""After the last turn of the wheel, until the full picture is drawn."""
SEEN_THROUGH_OPACITY = 0.6
"""A surface fainter than this does not catch a click meant for what lies behind it."""
CLICK_PIXELS = 4.0


class SceneView(VtkCanvas):
    """Left turns, middle or Ctrl pans, right or wheel zooms; a click selects, Shift+click moves the cross-hair."""

    picked = Signal(str)
    """Name of the structure that was clicked."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        self._scene, self._cube = new_renderer(), cube_renderer()
        super().__init__((self._scene, self._cube), parent)
        self.state = state
        self.items: dict[str, SceneItem] = {}
        self._measurements: dict[str, SceneItem] = {}
        self.guests: Guests[SceneView] = Guests(self)
        self._replaced: frozenset[str] = frozenset()
        self._rendering: VolumeRendering | None = None
        self._flight = Flight(self)
        self._flight.glide.valueChanged.connect(lambda _share: self.render_soon())
        self._light = LightMeshes(self)
        self._light.ready.connect(self._take_light)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(lambda: self.set_in_motion(False))
        self._twin: Twin | None = None
        self._is_aimed, self._is_in_motion = False, False
        self._where = ""
        self._pressed, self._last = QPointF(), QPointF()
        self.paint_over = self._write
        self.before_render = self._prepare
        self.window_made.connect(self._on_window)
        self.setAccessibleName("3D view")
        self._listen()
        self._on_twin()

    def _listen(self) -> None:
        state = self.state
        state.twin_changed.connect(self._on_twin)
        state.structure_changed.connect(self._on_structure)
        state.selection_changed.connect(self._on_selection)
        state.measurements_changed.connect(self._on_measurements)
        state.volume_rendering_changed.connect(self._on_rendering)
        state.camera_requested.connect(self.look_from)
        state.place_requested.connect(lambda place: self._flight.go(self.camera, place))
        state.details_changed.connect(self.update)
        state.cursor_moved.connect(self.update)
        state.layout_changed.connect(self.update)

    # --- what is shown

    @property
    def renderer(self) -> vtkRenderer:
        return self._scene

    @property
    def camera(self) -> vtkCamera:
        return self._scene.GetActiveCamera()

    def look_from(self, direction: str) -> None:
        """Look from "anterior", "posterior", ...; anything else is the first look. All organs shown are in view."""
        self._where = direction
        self._is_aimed = True
        width, height = self.pixel_size()
        point_camera(self.camera, preset(direction), self._points(), width / height)
        self.render_soon()

    def look_like(self, other: SceneView | Sight) -> None:
        """Look from where another view looks, or looked."""
        self.camera.DeepCopy(other.camera)
        self._is_aimed = True
        self.render_soon()

    def share_camera(self, other: SceneView) -> None:
        """One camera for both: what turns in one has turned in the other."""
        self._scene.SetActiveCamera(other.camera)
        self._is_aimed = True

    def pixels_per_mm(self) -> float:
        """At the focal point, in the widget's pixels."""
        return 1.0 / mm_per_pixel(self._scene, max(self.height(), 1))

    def place_of(self, point_mm: Point3) -> QPointF:
        """Where a point of the patient appears in the widget."""
        return QPointF(*project(self._scene, point_mm, (max(self.width(), 1), max(self.height(), 1))))

    def place_under(self, at: QPointF, depth_of_mm: Point3) -> Point3:
        """LPS mm under a place in the widget, as deep in the picture as another place."""
        size = (max(self.width(), 1), max(self.height(), 1))
        x, y, z = (float(v) for v in place_under(self._scene, (at.x(), at.y()), size, depth_of_mm))
        return (x, y, z)

    def set_replaced(self, names: Iterable[str]) -> None:
        """Structures that something else stands for: their own surfaces are not drawn."""
        chosen = frozenset(names)
        if chosen != self._replaced:
            self._replaced = chosen
            self._on_structure("")

    def redraw(self) -> None:
        """Props of guests have changed."""
        self._tune()
        self.render_soon()

    def _tune(self) -> None:
        """Sort what is seen through; not while something moves and a processor draws: it takes half of a frame."""
        tune_transparency(self._scene)
        if self._is_in_motion and self.is_software:
            self._scene.SetUseDepthPeeling(False)

    def _points(self) -> FloatArray:
        state = self.state
        if state.twin is not None and state.twin.meshes and not state.volume_preset:
            return points_of_interest(state.twin, {n for n in self.items if state.visible(n)})
        if state.grid is not None:
            return state.grid.corners()
        return box_corners((-100, 100, -100, 100, -100, 100))

    def _on_twin(self) -> None:
        twin = self.state.twin
        if twin is not None and twin is self._twin:
            self._on_rendering_of_another_image()
            return
        self._twin = twin
        self._remove(self.items)
        self._add(self.items, meshes_in_twin(twin) if twin is not None else ())
        self._on_measurements()
        self._drop_rendering()
        self._on_rendering()
        self._on_selection()
        self._on_structure("")
        self._start_light()
        self._is_aimed = False
        self.render_soon()

    def _on_rendering_of_another_image(self) -> None:
        """The twin is the one that is drawn; only the image on the slices may be another."""
        if self._rendering is not None:
            self._drop_rendering()
            self._on_rendering()
        self._on_structure("")

    def _on_structure(self, name: str) -> None:
        state = self.state
        for key in [name] if name else list(self.items):
            item = self.items.get(key)
            if item is not None:
                is_shown = state.visible(key) and key not in self._replaced
                item.set_look(Look(is_shown, state.colour(key), state.opacity(key)))
                item.set_selected(key == state.selected)
        tune_transparency(self._scene)
        self.render_soon()

    def _on_selection(self) -> None:
        for key, item in self.items.items():
            item.set_selected(key == self.state.selected)
        self.render_soon()

    def _on_measurements(self) -> None:
        self._remove(self._measurements)
        self._add(self._measurements, self.state.measurements())
        tune_transparency(self._scene)
        self.render_soon()

    def _add(self, items: dict[str, SceneItem], things: Iterable[object]) -> None:
        for thing in things:
            item = scene_item(thing)
            items[item.key] = item
            self._scene.AddActor(item.actor)

    def _remove(self, items: dict[str, SceneItem]) -> None:
        for item in items.values():
            self._scene.RemoveActor(item.actor)
        items.clear()

    # --- volume rendering

    def _on_rendering(self) -> None:
        state, chosen = self.state, self._chosen_preset()
        if chosen is None or state.volume is None or self.render_window is None:
            self._drop_rendering()
        else:
            if self._rendering is None:
                self._is_aimed = False
                matrix = state.image.twin_from_image if state.image is not None else None
                self._rendering = VolumeRendering(state.volume, self.render_window, matrix)
                self._scene.AddVolume(self._rendering.prop)
            self._rendering.set_preset(chosen)
        self.render_soon()

    def _chosen_preset(self) -> VolumePreset | None:
        """The preset of the state's name; the image's first where it has none of that name (MR after CT)."""
        volume, name = self.state.volume, self.state.volume_preset
        if volume is None or not name:
            return None
        offered = volume_presets(volume)
        return next((p for p in offered if p.name == name), offered[0])

    def _drop_rendering(self) -> None:
        if self._rendering is not None:
            self._scene.RemoveVolume(self._rendering.prop)
            self._rendering = None
            self._is_aimed = False

    # --- motion

    def _on_window(self) -> None:
        self._start_light()
        if self.state.volume_preset:
            self._on_rendering()

    def _start_light(self) -> None:
        if self.render_window is not None:
            meshes = [item.mesh for item in self.items.values() if isinstance(item, OrganMeshItem)]
            self._light.start(meshes, TRIANGLES_SOFTWARE if self.is_software else TRIANGLES_HARDWARE)

    def _take_light(self, mesh: OrganMesh, light: OrganMesh) -> None:
        item = self.items.get(mesh.name)
        if isinstance(item, OrganMeshItem) and item.mesh is mesh:
            item.set_light(light)

    def set_in_motion(self, moving: bool) -> None:
        """Draw what is quick while something moves, all of it once it rests."""
        for item in self.items.values():
            item.set_moving(moving)
        if self._rendering is not None:
            self._rendering.set_moving(moving)
        self._is_in_motion = moving
        self._tune()
        self.set_moving(moving)
        self.render_soon()

    def _prepare(self) -> None:
        """Just before a picture is drawn."""
        if not self._is_aimed and self.state.volume is not None:
            self.look_from(self._where)
        camera = self.camera
        self._scene.ResetCameraClippingRange()
        place(self._cube, (max(self.width(), 1), max(self.height(), 1)))
        follow(self._cube, camera)

    def _write(self, painter: QPainter) -> None:
        write_over_scene(painter, self)
        self.guests.paint(painter)

    # --- picking

    def structure_at(self, at: QPointF) -> tuple[str, Point3] | None:
        """The structure under a place in the widget and where it is met; what is seen through lets a click pass."""
        actors = {name: item.actor for name, item in self.items.items() if item.actor.GetVisibility()}
        solid = {n: a for n, a in actors.items() if a.GetProperty().GetOpacity() >= SEEN_THROUGH_OPACITY}
        return self.pick(at, solid) or self.pick(at, actors)

    def pick(self, at: QPointF, actors: dict[str, vtkActor]) -> tuple[str, Point3] | None:
        """Which of some actors lies under a place in the widget, and where it is met."""
        if self.render_window is None:
            return None
        width, height = self.render_window.GetSize()
        pixel = at.x() / max(self.width(), 1) * width, at.y() / max(self.height(), 1) * height
        return picked(self._scene, pixel, height, actors)

    # --- events

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if not self.guests.press(event):
            self._pressed = self._last = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self.guests.move(event):
            return
        moved = event.position() - self._last
        self._last = event.position()
        buttons = event.buttons()
        if buttons == Qt.MouseButton.NoButton or self.render_window is None:
            return
        self._settle.stop()
        self.set_in_motion(True)
        camera = self.camera
        is_pan = buttons & Qt.MouseButton.MiddleButton or event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if is_pan:
            scale = 1.0 / self.pixels_per_mm()
            pan(camera, moved.x() * scale, moved.y() * scale)
        elif buttons & Qt.MouseButton.RightButton:
            zoom(camera, ZOOM_PER_PIXEL ** (-moved.y()))
        else:
            per_pixel = DEGREES_PER_WIDTH / max(self.width(), 1)
            orbit(camera, moved.x() * per_pixel, moved.y() * per_pixel)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self.guests.release(event):
            return
        if (event.position() - self._pressed).manhattanLength() <= CLICK_PIXELS:
            self._click(event)
        self.set_in_motion(False)

    def _click(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self.guests.click(event):
            return
        hit = self.structure_at(event.position())
        if hit is not None and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.state.set_cursor(hit[1])
        else:
            self.state.select(hit[0] if hit is not None else "")
            if hit is not None:
                self.picked.emit(hit[0])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.state.set_maximised("" if self.state.maximised == "3d" else "3d")

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if self.render_window is None:
            return
        self.set_in_motion(True)
        zoom(self.camera, ZOOM_STEP ** (event.angleDelta().y() / 120.0))
        self._settle.start()
        event.accept()

    def dispose(self) -> None:
        """Stop what runs and give back the OpenGL context."""
        self._settle.stop()
        self._light.stop()
        self._drop_rendering()
        self._remove(self.items)
        self._remove(self._measurements)
        super().dispose()
