"""A slice view under the hand: scroll, window, zoom, cross-hair, measure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest

from surgtwin.domain.measurement import MeasurementKind
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Window
from surgtwin.settings import MouseProfile
from ui.desktop.state import AppState, Tool
from ui.desktop.views.slice_view import SliceView
from ui.desktop.views.view_grid import ViewGrid
from ui.render.reslice import SlabMode
from ui.render.slices import View

pytestmark = pytest.mark.desktop
LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
NO_KEY, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


@pytest.fixture
def axial(grid: ViewGrid) -> SliceView:
    return grid.slices[View.AXIAL]


def centre_of(twin: Twin, name: str) -> tuple[float, float, float]:
    x, y, z = twin.mesh(name).vertices_mm.mean(axis=0)
    return (float(x), float(y), float(z))


def drag(
    view: SliceView,
    button: Qt.MouseButton,
    start: tuple[int, int],
    end: tuple[int, int],
    modifier: Qt.KeyboardModifier = NO_KEY,
) -> None:
    QTest.mousePress(view, button, modifier, QPoint(*start))
    for share in (0.5, 1.0):
        at = QPointF(*(a + (b - a) * share for a, b in zip(start, end, strict=True)))
        event = QMouseEvent(QMouseEvent.Type.MouseMove, at, view.mapToGlobal(at), LEFT, button, modifier)
        view.mouseMoveEvent(event)
    QTest.mouseRelease(view, button, modifier, QPoint(*end))


def turn_wheel(view: SliceView, eighths: int, modifier: Qt.KeyboardModifier = NO_KEY) -> None:
    at = QPointF(view.width() / 2, view.height() / 2)
    event = QWheelEvent(
        at, view.mapToGlobal(at), QPoint(), QPoint(0, eighths), Qt.MouseButton.NoButton, modifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    view.wheelEvent(event)


def test_the_liver_is_on_the_left_of_the_axial_slice(
    axial: SliceView, state: AppState, sphere_twin: Twin, share_of: Callable[..., np.ndarray]
) -> None:
    state.set_cursor(centre_of(sphere_twin, "liver"))
    red = share_of(axial.pixels(), "red")
    assert red.sum() > 300
    assert red[:, : red.shape[1] // 2].sum() > 0.95 * red.sum()


def test_the_wheel_moves_one_slice_towards_the_feet(axial: SliceView, state: AppState) -> None:
    before, picture, height = axial.index, axial.pixels(), state.cursor_mm[2]
    turn_wheel(axial, -120)
    assert axial.index == before + 1
    assert state.cursor_mm[2] < height
    turn_wheel(axial, -60)
    assert axial.index == before + 1
    turn_wheel(axial, -60)
    assert axial.index == before + 2
    axial.step_slices(-6)
    assert not np.array_equal(picture, axial.pixels())


def test_keys_scroll_and_zoom(axial: SliceView) -> None:
    before = axial.index
    QTest.keyClick(axial, Qt.Key.Key_Down)
    assert axial.index == before + 1
    QTest.keyClick(axial, Qt.Key.Key_PageUp)
    assert axial.index == max(before + 1 - 10, 0)
    QTest.keyClick(axial, Qt.Key.Key_End)
    assert axial.index == axial.stack.count - 1
    QTest.keyClick(axial, Qt.Key.Key_Plus)
    assert axial.zoom > 1.1


def test_dragging_with_the_pacs_profile_changes_the_window(axial: SliceView, state: AppState) -> None:
    state.set_crosshair(False)
    state.set_window(Window(400, 40))
    drag(axial, LEFT, (60, 60), (90, 80))
    assert state.window.width > 400
    assert state.window.level < 40


def test_a_brighter_window_makes_a_brighter_picture(axial: SliceView, state: AppState) -> None:
    state.set_label_opacity(0.0)
    state.set_window(Window(400, 200))
    dark = axial.pixels().mean()
    state.set_window(Window(400, -100))
    assert axial.pixels().mean() > dark + 20


def test_dragging_with_the_slicer_profile_moves_the_crosshair(axial: SliceView, state: AppState) -> None:
    state.set_mouse_profile(MouseProfile.SLICER)
    window = state.window
    wanted = axial.point_at(QPointF(90, 80))
    drag(axial, LEFT, (60, 60), (90, 80))
    assert state.window == window
    assert np.allclose(state.cursor_mm, wanted, atol=1e-6)


def test_shift_moves_the_crosshair_without_a_button(axial: SliceView, state: AppState) -> None:
    at = QPointF(80, 70)
    event = QMouseEvent(
        QMouseEvent.Type.MouseMove, at, axial.mapToGlobal(at), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, SHIFT
    )
    axial.mouseMoveEvent(event)
    assert np.allclose(state.cursor_mm, axial.point_at(at), atol=1e-6)


def test_the_crosshairs_lines_can_be_dragged_with_the_pacs_profile(axial: SliceView, state: AppState) -> None:
    window = state.window
    line = axial.place_of(state.cursor_mm)
    drag(axial, LEFT, (int(line.x()), 40), (int(line.x()) + 30, 40))
    assert state.window == window
    assert axial.place_of(state.cursor_mm).x() == pytest.approx(int(line.x()) + 30, abs=1.0)


def test_moving_the_crosshair_in_one_view_scrolls_the_others(
    grid: ViewGrid, state: AppState, sphere_twin: Twin
) -> None:
    state.set_cursor(centre_of(sphere_twin, "liver"))
    before = {view: shown.index for view, shown in grid.slices.items()}
    state.set_cursor(centre_of(sphere_twin, "spleen"))
    assert all(shown.index > before[view] for view, shown in grid.slices.items())


def test_middle_pans_and_right_zooms(axial: SliceView) -> None:
    point = axial.point_at(QPointF(60, 60))
    drag(axial, MIDDLE, (60, 60), (85, 50))
    assert np.allclose(axial.point_at(QPointF(85, 50)), point, atol=1e-6)
    zoom = axial.zoom
    drag(axial, RIGHT, (60, 90), (60, 40))
    assert axial.zoom > zoom
    axial.fit()
    assert axial.zoom == pytest.approx(1.0)


def test_control_and_wheel_zoom_about_the_mouse(axial: SliceView) -> None:
    middle = QPointF(axial.width() / 2, axial.height() / 2)
    point = axial.point_at(middle)
    turn_wheel(axial, 120, CONTROL)
    assert axial.zoom == pytest.approx(1.15, rel=0.01)
    assert np.allclose(axial.point_at(middle), point, atol=1e-6)


def test_a_distance_is_laid_by_two_clicks_and_kept(axial: SliceView, state: AppState) -> None:
    state.set_tool(Tool.DISTANCE)
    QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(60, 60))
    assert axial.draft is not None
    QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(120, 60))
    assert axial.draft is None
    (made,) = state.measurements()
    expected = 60 * axial.logical_frame().mm_per_pixel
    assert made.kind is MeasurementKind.DISTANCE
    assert made.value == pytest.approx(expected, rel=1e-6)
    (drawn,) = axial.drawn_measurements()
    assert drawn.lines == (f"{expected:.1f} mm",)
    axial.step_slices(5)
    assert axial.drawn_measurements() == ()


def test_a_distance_can_be_drawn_by_one_drag(axial: SliceView, state: AppState) -> None:
    state.set_tool(Tool.DISTANCE)
    drag(axial, LEFT, (60, 60), (120, 90))
    assert len(state.measurements()) == 1


def test_an_angle_takes_three_clicks(axial: SliceView, state: AppState) -> None:
    state.set_tool(Tool.ANGLE)
    for x, y in ((60, 60), (100, 60), (100, 100)):
        QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(x, y))
    (made,) = state.measurements()
    assert made.value == pytest.approx(90.0, abs=1e-6)


def test_a_roi_in_the_liver_reads_the_livers_values(axial: SliceView, state: AppState, sphere_twin: Twin) -> None:
    state.set_cursor(centre_of(sphere_twin, "liver"))
    state.set_tool(Tool.ROI)
    middle = axial.place_of(state.cursor_mm)
    QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(round(middle.x()), round(middle.y())))
    QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(round(middle.x()) + 12, round(middle.y())))
    (drawn,) = axial.drawn_measurements()
    assert drawn.lines[0] == "120.0 ± 0.0 HU"
    assert "cm²" in drawn.lines[1]
    assert "mL" in drawn.lines[2]


def test_escape_drops_what_is_being_measured(axial: SliceView, state: AppState) -> None:
    state.set_tool(Tool.DISTANCE)
    QTest.mouseClick(axial, LEFT, NO_KEY, QPoint(60, 60))
    QTest.keyClick(axial, Qt.Key.Key_Escape)
    assert axial.draft is None
    assert state.measurements() == ()


def test_a_measurement_is_found_under_the_mouse(axial: SliceView, state: AppState) -> None:
    state.set_tool(Tool.DISTANCE)
    drag(axial, LEFT, (60, 60), (120, 60))
    assert axial.measurement_at(QPointF(90, 63)) == state.measurements()[0].measurement_id
    assert axial.measurement_at(QPointF(90, 120)) == ""


def test_double_click_shows_the_view_alone_and_back(axial: SliceView, state: AppState) -> None:
    QTest.mouseDClick(axial, LEFT, NO_KEY, QPoint(60, 60))
    assert state.maximised == "axial"
    QTest.mouseDClick(axial, LEFT, NO_KEY, QPoint(60, 60))
    assert state.maximised == ""


def test_the_mouse_tells_where_it_points(axial: SliceView, state: AppState) -> None:
    QTest.mouseMove(axial, QPoint(70, 70))
    at = QPointF(70, 70)
    button = Qt.MouseButton.NoButton
    axial.mouseMoveEvent(QMouseEvent(QMouseEvent.Type.MouseMove, at, axial.mapToGlobal(at), button, button, NO_KEY))
    assert np.allclose(state.pointer_mm, axial.point_at(at))


def test_hiding_a_structure_takes_it_off_the_slice(
    axial: SliceView, state: AppState, sphere_twin: Twin, share_of: Callable[..., np.ndarray]
) -> None:
    state.set_cursor(centre_of(sphere_twin, "liver"))
    assert share_of(axial.pixels(), "red").any()
    state.set_visible("liver", False)
    assert not share_of(axial.pixels(), "red").any()


def test_a_mip_slab_shows_what_lies_slices_away(axial: SliceView, state: AppState, sphere_twin: Twin) -> None:
    state.set_label_opacity(0.0)
    state.set_cursor(sphere_twin.primary.grid.center())
    thin = axial.pixels().max()
    state.set_slab(100.0)
    state.set_slab_mode(SlabMode.MIP)
    assert axial.pixels().max() > thin


def test_the_texts_do_not_name_the_patient(axial: SliceView, monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.desktop.views import slice_writing

    texts: list[str] = []
    monkeypatch.setattr(slice_writing, "draw_lines", lambda _p, _at, lines, _align: texts.extend(t for t, _ in lines))
    axial.grab()
    assert "case-77" in texts
    assert not any("Zyxwholm" in t or "QX-774411" in t for t in texts)


def test_the_probe_reads_the_new_slice_when_the_mouse_rests_and_the_slice_changes(
    axial: SliceView, state: AppState
) -> None:
    QTest.mouseMove(axial, QPoint(axial.width() // 2, axial.height() // 2))
    axial.point_mouse(QPointF(axial.width() / 2, axial.height() / 2))
    before = state.pointer_mm
    axial.step_slices(3)
    after = state.pointer_mm
    assert before is not None
    assert after is not None
    assert axial.stack is not None
    along = np.subtract(after, before) @ axial.stack.step
    assert along == pytest.approx(3 * axial.stack.step_mm)


def test_a_magnified_view_follows_the_cross_hair_that_leaves_it(axial: SliceView, state: AppState) -> None:
    axial.zoom_by(6.0)
    assert state.grid is not None
    state.set_cursor(state.grid.to_lps((1.0, 1.0, 10.0)))
    assert axial.rect().contains(axial.place_of(state.cursor_mm).toPoint())


def test_a_magnified_view_keeps_its_piece_of_the_patient_when_it_grows(axial: SliceView) -> None:
    axial.zoom_by(3.0)
    assert axial.frame is not None
    before = axial.frame.mm_per_pixel * min(axial.frame.size)
    axial.resize(axial.width() * 2, axial.height() * 2)
    QTest.qWait(0)
    assert axial.frame.mm_per_pixel * min(axial.frame.size) == pytest.approx(before)
