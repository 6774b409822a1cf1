"""The 3D view under the hand: side, picking, cameras, volume rendering."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from surgtwin.domain.measurement import Measurement, MeasurementKind
from surgtwin.domain.twin import Twin
from ui.desktop.actors.organ_mesh import OrganMeshItem
from ui.desktop.actors.registry import BUILDERS, scene_item
from ui.desktop.state import AppState
from ui.desktop.views.light_meshes import light_mesh
from ui.desktop.views.scene_view import SceneView
from ui.desktop.views.view_grid import ViewGrid

pytestmark = pytest.mark.desktop
LEFT, NO_KEY, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def scene(grid: ViewGrid) -> SceneView:
    if grid.scene.problem:
        pytest.skip(grid.scene.problem)
    return grid.scene


def on(scene: SceneView, twin: Twin, name: str) -> QPointF:
    x, y, z = twin.mesh(name).vertices_mm.mean(axis=0)
    return scene.place_of((float(x), float(y), float(z)))


@pytest.mark.parametrize(("direction", "is_left"), [("anterior", True), ("posterior", False)])
def test_the_liver_appears_on_its_side(
    scene: SceneView, state: AppState, shown: Callable[..., np.ndarray], share_of: Callable[..., np.ndarray],
    direction: str, is_left: bool,
) -> None:  # fmt: skip
    state.request_camera(direction)
    red = share_of(shown(scene), "red")
    halves = np.array_split(red, 2, axis=1)
    assert red.sum() > 300
    assert halves[0 if is_left else 1].sum() > 0.9 * red.sum()


def test_hiding_and_colouring_change_the_picture(
    scene: SceneView, state: AppState, shown: Callable[..., np.ndarray], share_of: Callable[..., np.ndarray]
) -> None:
    state.request_camera("anterior")
    state.set_colour("liver", (0, 255, 0))
    assert share_of(shown(scene), "green").sum() > 300
    state.set_visible("liver", False)
    assert not share_of(shown(scene), "green").any()


def test_a_click_selects_the_organ_and_a_click_beside_it_nothing(
    scene: SceneView, state: AppState, sphere_twin: Twin
) -> None:
    state.request_camera("anterior")
    scene.grab()
    QTest.mouseClick(scene, LEFT, NO_KEY, on(scene, sphere_twin, "liver").toPoint())
    assert state.selected == "liver"
    QTest.mouseClick(scene, LEFT, NO_KEY, QPoint(5, 5))
    assert state.selected == ""


def test_shift_and_click_move_the_crosshair_onto_the_surface(
    scene: SceneView, state: AppState, sphere_twin: Twin
) -> None:
    state.request_camera("anterior")
    scene.grab()
    QTest.mouseClick(scene, LEFT, SHIFT, on(scene, sphere_twin, "liver").toPoint())
    vertices = sphere_twin.mesh("liver").vertices_mm
    centre = vertices.mean(axis=0)
    radius = np.linalg.norm(vertices[0] - centre)
    assert np.linalg.norm(np.subtract(state.cursor_mm, centre)) == pytest.approx(radius, rel=0.05)
    assert state.cursor_mm[1] < centre[1]


def test_a_click_passes_through_glass_to_what_is_inside(scene: SceneView, state: AppState, sphere_twin: Twin) -> None:
    state.set_opacity("liver", 0.3)
    state.request_camera("anterior")
    scene.grab()
    at = on(scene, sphere_twin, "liver")
    assert scene.structure_at(at)[0] == "liver"
    scene.items["spleen"].actor.SetPosition(
        *(sphere_twin.mesh("liver").vertices_mm.mean(axis=0) - sphere_twin.mesh("spleen").vertices_mm.mean(axis=0))
    )
    assert scene.structure_at(at)[0] == "spleen"


def test_turning_moves_the_camera_about_the_organs(scene: SceneView, state: AppState) -> None:
    state.request_camera("anterior")
    scene.grab()
    before = np.array(scene.camera.GetPosition())
    focus = np.array(scene.camera.GetFocalPoint())
    QTest.mousePress(scene, LEFT, NO_KEY, QPoint(100, 100))
    QTest.mouseMove(scene, QPoint(140, 100))
    from PySide6.QtGui import QMouseEvent

    at = QPointF(140, 100)
    scene.mouseMoveEvent(QMouseEvent(QMouseEvent.Type.MouseMove, at, scene.mapToGlobal(at), LEFT, LEFT, NO_KEY))
    QTest.mouseRelease(scene, LEFT, NO_KEY, QPoint(140, 100))
    after = np.array(scene.camera.GetPosition())
    assert np.linalg.norm(after - before) > 1
    assert np.linalg.norm(after - focus) == pytest.approx(np.linalg.norm(before - focus))


def test_volume_rendering_is_shown_and_taken_away(
    scene: SceneView, state: AppState, shown: Callable[..., np.ndarray]
) -> None:
    without = shown(scene)
    state.set_volume_preset("Soft tissue")
    assert scene.renderer.GetVolumes().GetNumberOfItems() == 1
    assert np.abs(shown(scene).astype(int) - without).max() > 30
    state.set_volume_preset("")
    assert scene.renderer.GetVolumes().GetNumberOfItems() == 0


def test_a_measurement_is_drawn_in_the_scene_and_undone(scene: SceneView, state: AppState) -> None:
    actors = scene.renderer.GetActors().GetNumberOfItems()
    x, y, z = state.cursor_mm
    state.measure(MeasurementKind.DISTANCE, ((x, y, z), (x + 20, y, z)))
    assert scene.renderer.GetActors().GetNumberOfItems() == actors + 1
    state.undo()
    assert scene.renderer.GetActors().GetNumberOfItems() == actors


def test_closing_the_twin_empties_the_scene(scene: SceneView, state: AppState) -> None:
    state.close()
    assert scene.renderer.GetActors().GetNumberOfItems() == 0
    assert scene.items == {}


def test_every_row_of_the_table_draws_its_type(sphere_twin: Twin) -> None:
    mesh = sphere_twin.mesh("liver")
    ball = Measurement("m1", MeasurementKind.ROI, ((0, 0, 0), (5, 0, 0)), "image-1")
    assert set(BUILDERS) == {type(mesh), type(ball)}
    assert scene_item(mesh).key == "liver"
    bounds = scene_item(ball).actor.GetBounds()
    assert np.allclose(bounds, (-5, 5, -5, 5, -5, 5), atol=0.2)


def test_a_light_surface_is_shown_only_in_motion(qapp: object, sphere_twin: Twin) -> None:
    mesh = sphere_twin.mesh("liver")
    light = light_mesh(mesh, 300)
    item = OrganMeshItem(mesh)
    item.set_light(light)
    full = item.actor.GetMapper().GetInput().GetNumberOfCells()
    item.set_moving(True)
    assert item.actor.GetMapper().GetInput().GetNumberOfCells() == len(light.triangles) < full
    item.set_moving(False)
    assert item.actor.GetMapper().GetInput().GetNumberOfCells() == full
    assert light.volume_ml == pytest.approx(mesh.volume_ml, rel=0.1)
