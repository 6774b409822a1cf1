"""Tool paths in Plan mode, in the real window: laid, dragged, recorded, played; with the command line's figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from surgtwin.domain.plan import ToolPath
from surgtwin.domain.tool import MeshTool
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.simulation.trocar import trocar_state
from tests.ui.desktop.plan_hand import JOB_MS, drag, enter, pixel, wait_exact
from ui.cli.main import main
from ui.desktop.main_window import MainWindow
from ui.desktop.planning.panel import PlanPanel
from ui.desktop.planning.path_editor import PathEditor
from ui.desktop.planning.path_hold import Part, parts_of
from ui.desktop.planning.path_instruments import INSTRUMENTS
from ui.desktop.planning.path_reach import ReachKind
from ui.desktop.planning.plan_commands import PlanCommands

pytestmark = pytest.mark.desktop


def click(view: Any, place_mm: Any) -> None:
    at = pixel(view.place_of(tuple(float(v) for v in place_mm)))
    assert view.rect().contains(at)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


def laid(window: MainWindow, qtbot: Any, aside: tuple[float, float] = (-20.0, -30.0)) -> PlanPanel:
    """A path to the tumour, by two clicks on the axial slice through it."""
    panel = enter(window, qtbot)
    before = len(window.planning.book.plan.tool_paths)
    target = np.asarray(deepest_point(TwinGeometry(window.state.twin), "liver tumour"))
    window.state.set_cursor(target)
    panel.ensureWidgetVisible(panel.paths.add)
    qtbot.mouseClick(panel.paths.add, Qt.MouseButton.LeftButton)
    axial = window.views.slices["axial"]
    click(axial, target + np.array([*aside, 0.0]))
    click(axial, target)
    qtbot.waitUntil(lambda: len(window.planning.book.plan.tool_paths) > before, timeout=JOB_MS)
    return panel


def path(window: MainWindow) -> ToolPath:
    chosen = window.planning.book.chosen
    assert isinstance(chosen, ToolPath)
    return chosen


def editor(panel: PlanPanel) -> PathEditor:
    return next(e for e in panel.editors.values() if isinstance(e, PathEditor))


def grab(window: MainWindow, part: Part) -> QPoint:
    paths = window.planning.desk.paths
    return pixel(window.views.scene.place_of(parts_of(paths.path, paths.pose)[part]))


def off_port(window: MainWindow) -> float:
    shown = path(window)
    assert shown.trocar_mm is not None
    return max(trocar_state(p.lps_from_tool, shown.trocar_mm, 330.0).deviation_mm for p in shown.poses)


def test_two_clicks_lay_a_path_through_the_skin_to_the_tumour(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    shown = path(window)
    target = deepest_point(TwinGeometry(window.state.twin), "liver tumour")
    assert shown.name == "Path 1"
    assert np.linalg.norm(np.subtract(shown.poses[-1].tip_mm, target)) < 3.0
    assert shown.tool is INSTRUMENTS[0].tool
    assert {a.structure for a in shown.avoid}.isdisjoint({"liver", "liver tumour", "body"})
    assert "aorta" in {a.structure for a in shown.avoid}
    assert off_port(window) < 1e-6
    assert not panel.paths.add.isChecked()
    assert window.planning.strip.isVisible()
    assert window.state.undo_text == "Add Path 1"
    window.actions_table["undo"].trigger()
    assert window.planning.book.plan.tool_paths == ()
    assert not window.planning.strip.isVisible()
    window.actions_table["redo"].trigger()
    assert len(window.planning.book.plan.tool_paths) == 1


def test_escape_gives_a_path_up_that_is_being_laid(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    window.actions_table["plan_path"].trigger()
    assert panel.paths.add.isChecked()
    window.commands.cancel_job()
    assert not panel.paths.add.isChecked()
    assert window.planning.desk.paths.placing is None


def test_a_path_is_saved_reopened_and_has_the_figures_of_the_command_line(
    window: MainWindow, qtbot: Any, case_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = laid(window, qtbot)
    window.planning.desk.paths.edits.set_instrument(INSTRUMENTS[2])
    wait_exact(window, qtbot)
    figures = window.planning.desk.paths.figures
    assert figures is not None
    result = figures.exact
    plan = tmp_path / "plan.json"
    PlanCommands(window.planning.desk, str, window).export(plan)
    capsys.readouterr()
    main(["plan", "evaluate", str(case_path), str(plan), "--json"])
    said = json.loads(capsys.readouterr().out)["tool_paths"][0]
    assert said["verdict"] == figures.verdict.value
    assert said["swept_ml"] == pytest.approx(result.swept_ml, rel=1e-12)
    assert said["removed_ml"] == pytest.approx(result.removed_ml, abs=1e-12)
    assert {c["structure"]: c["min_mm"] for c in said["min_clearance"]} == pytest.approx(
        {p.structure: p.min_mm for p in figures.nearest}, abs=1e-9
    )
    assert f"{said['swept_ml']:.1f} mL" == editor(panel).figures.texts()["Swept"]
    assert f"{said['removed_ml']['liver']:.2f} mL" == editor(panel).figures.texts()["Takes of liver"]
    window.commands.save()
    qtbot.waitUntil(lambda: not window.planning.book.changed, timeout=JOB_MS)
    before = path(window)
    window.commands.close_twin()
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(case_path)
    enter(window, qtbot)
    wait_exact(window, qtbot)
    again = path(window)
    assert (again.name, again.trocar_mm, again.avoid, again.cuts) == ("Path 1", before.trocar_mm, before.avoid, True)
    assert all(np.array_equal(a.lps_from_tool, b.lps_from_tool) for a, b in zip(again.poses, before.poses, strict=True))
    assert window.planning.desk.paths.figures.exact.swept_ml == pytest.approx(result.swept_ml, rel=1e-12)


def test_the_simulation_of_the_command_line_has_the_curves_of_the_timeline(
    window: MainWindow, qtbot: Any, case_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laid(window, qtbot)
    wait_exact(window, qtbot)
    plan = tmp_path / "plan.json"
    PlanCommands(window.planning.desk, str, window).export(plan)
    capsys.readouterr()
    main(["plan", "simulate", str(case_path), str(plan), "--json"])
    timeline = json.loads(capsys.readouterr().out)["tool_paths"][0]["timeline"]
    lines = window.planning.strip.curve.lines
    assert lines
    for line in lines:
        assert line.clearance_mm.tolist() == pytest.approx(timeline["clearance_mm"][line.structure], abs=1e-9)


def test_the_tip_is_dragged_in_3d_and_the_shaft_stays_in_its_trocar(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    before = path(window)
    drag(window.views.scene, grab(window, Part.TIP), QPoint(30, 20))
    after = path(window)
    assert np.linalg.norm(np.subtract(after.poses[-1].tip_mm, before.poses[-1].tip_mm)) > 5.0
    assert after.poses[0] is before.poses[0]
    assert after.trocar_mm == before.trocar_mm
    assert off_port(window) < 1e-6
    assert window.state.undo_text == "Move Path 1"
    assert np.allclose(window.state.cursor_mm, after.poses[-1].tip_mm), "the slices go with the tip"
    window.actions_table["undo"].trigger()
    assert path(window) == before


def test_the_shaft_and_the_trocar_are_dragged(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    before, scene = path(window), window.views.scene
    scene.look_from("left")
    drag(scene, grab(window, Part.SHAFT), QPoint(0, -25))
    turned = path(window)
    depths = [np.linalg.norm(np.subtract(p.poses[-1].tip_mm, p.trocar_mm)) for p in (before, turned)]
    assert depths[0] == pytest.approx(depths[1]), "about the trocar the depth stays"
    assert window.state.undo_text == "Turn Path 1"
    drag(scene, grab(window, Part.PORT), QPoint(0, 40))
    moved = path(window)
    assert np.linalg.norm(np.subtract(moved.trocar_mm, before.trocar_mm)) > 3.0
    assert [p.tip_mm for p in moved.poses] == [pytest.approx(p.tip_mm) for p in turned.poses]
    assert off_port(window) < 1e-6


def test_the_tip_is_dragged_on_a_slice(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    before, axial = path(window), window.views.slices["axial"]
    drag(axial, pixel(axial.place_of(before.poses[-1].tip_mm)), QPoint(14, 0))
    moved = np.subtract(path(window).poses[-1].tip_mm, before.poses[-1].tip_mm)
    assert moved[0] > 1.0, "right on the screen is the patient's left"
    assert abs(moved[2]) < 1e-6


def test_a_key_pose_is_added_at_the_end_with_a_key_and_then_dragged(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    end = path(window).poses[-1].time_s
    window.actions_table["path_key"].trigger()
    assert len(path(window).poses) == 3
    assert window.planning.desk.paths.clock.time_s == pytest.approx(end + 2.0)
    drag(window.views.scene, grab(window, Part.TIP), QPoint(0, 25))
    assert len(path(window).poses) == 3
    assert path(window).poses[2].tip_mm != path(window).poses[1].tip_mm
    window.planning.desk.paths.clock.set_time(end / 2.0)
    window.actions_table["path_key"].trigger()
    assert [round(p.time_s, 3) for p in path(window).poses] == [
        0.0,
        round(end / 2, 3),
        round(end, 3),
        round(end + 2, 3),
    ]
    assert editor(panel).keys.rows.topLevelItemCount() == 4
    told: list[str] = []
    window.planning.desk.problem_found.connect(told.append)
    window.actions_table["path_key"].trigger()
    assert told
    assert "already" not in window.state.undo_text
    assert len(path(window).poses) == 4


def test_key_poses_are_retimed_reordered_and_deleted_in_their_list(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    window.actions_table["path_key"].trigger()
    drag(window.views.scene, grab(window, Part.TIP), QPoint(0, 25))
    keys, paths = editor(panel).keys, window.planning.desk.paths
    keys.rows.topLevelItem(2).setText(1, "9,5 s")
    assert path(window).poses[2].time_s == pytest.approx(9.5)
    assert paths.clock.time_s == pytest.approx(9.5)
    keys.rows.topLevelItem(2).setText(1, "soon")
    assert keys.rows.topLevelItem(2).text(1) == "9.5"
    before = path(window)
    qtbot.mouseClick(keys.earlier, Qt.MouseButton.LeftButton)
    assert path(window).poses[1].tip_mm == before.poses[2].tip_mm
    assert path(window).poses[1].time_s == before.poses[1].time_s == pytest.approx(paths.clock.time_s)
    qtbot.mouseClick(keys.delete, Qt.MouseButton.LeftButton)
    assert [p.tip_mm for p in path(window).poses] == [before.poses[0].tip_mm, before.poses[1].tip_mm]
    assert window.state.undo_text == "Delete a key pose of Path 1"


def test_a_drag_is_recorded_with_its_times(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    before, scene, paths = path(window), window.views.scene, window.planning.desk.paths
    start = grab(window, Part.TIP)
    qtbot.mouseClick(window.planning.strip.record, Qt.MouseButton.LeftButton)
    assert paths.is_recording
    QTest.mousePress(scene, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start, 20)
    for n in range(1, 11):
        QTest.mouseMove(scene, start + QPoint(5 * n, 3 * n), 20)
    QTest.mouseRelease(scene, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(50, 30), 20)
    after = path(window)
    assert not paths.is_recording
    assert window.state.undo_text == "Record Path 1"
    assert after.poses[0] is before.poses[0]
    assert after.poses[-1].time_s > before.poses[-1].time_s
    assert off_port(window) < 1e-6
    assert paths.clock.time_s == pytest.approx(before.poses[-1].time_s), "ready to be played"
    window.actions_table["undo"].trigger()
    assert path(window) == before


def test_the_timeline_is_scrubbed_stepped_and_played_to_its_end(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    wait_exact(window, qtbot)
    strip, paths = window.planning.strip, window.planning.desk.paths
    end = path(window).poses[-1].time_s
    at = strip.curve.place_of(end / 2.0)
    QTest.mouseClick(strip.curve, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, pixel(at))
    assert paths.clock.time_s == pytest.approx(end / 2.0, abs=end / 100.0)
    tip = paths.pose[:3, 3]
    assert np.allclose(window.state.cursor_mm, tip, atol=1e-6)
    scene = window.views.scene
    now = paths.clock.time_s
    qtbot.keyClick(scene, Qt.Key.Key_Right)
    assert paths.clock.time_s == pytest.approx(now + 0.1)
    qtbot.keyClick(scene, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert paths.clock.time_s == 0.0
    paths.clock.set_speed(4.0)
    qtbot.keyClick(strip, Qt.Key.Key_Space)
    assert paths.clock.is_playing
    qtbot.waitUntil(lambda: not paths.clock.is_playing, timeout=JOB_MS)
    assert paths.clock.time_s == end
    assert strip.play.text().endswith("Play")


def test_a_diamond_under_the_curves_is_dragged_to_another_time(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    window.actions_table["path_key"].trigger()
    curve, before = window.planning.strip.curve, path(window)
    QApplication.processEvents()
    start = pixel(curve.place_of_key(1))
    drag(curve, start, QPoint(-30, 0))
    after = path(window)
    assert after.poses[1].time_s < before.poses[1].time_s - 0.05
    assert np.array_equal(after.poses[1].lps_from_tool, before.poses[1].lps_from_tool)
    assert [after.poses[n].time_s for n in (0, 2)] == [before.poses[n].time_s for n in (0, 2)]


def test_contacts_light_up_and_lead_to_their_moment(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    paths = window.planning.desk.paths
    aorta = deepest_point(TwinGeometry(window.state.twin), "aorta")
    hold = paths.hold(Part.TIP)
    paths.pull(hold, aorta, 0.1)
    qtbot.waitUntil(lambda: paths.moment is not None and "aorta" in paths.moment.contacts, timeout=JOB_MS)
    guest = next(g for g in window.views.scene.guests._listed if type(g).__name__ == "PathScene")
    touch = next(t for t in guest.touched if t.structure == "aorta")
    assert touch.depth_mm > 5.0
    assert not touch.is_free
    assert guest.touching_parts().any()
    paths.let_go(hold)
    wait_exact(window, qtbot)
    assert paths.figures.verdict.value == "violated"
    shown = editor(panel)
    button = next(b for b in shown.contacts.buttons if "aorta" in b.text())
    paths.go_to(0.0)
    panel.ensureWidgetVisible(button)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert paths.clock.time_s > 0.0
    assert any(c.structure == "aorta" for c in window.planning.strip.curve.contacts)
    finding = next(f for f in panel.findings.findings() if f.structure == "aorta")
    paths.go_to(0.0)
    panel.findings.go_to.emit(finding)
    assert paths.clock.time_s == pytest.approx(finding.numbers["time_s"])


def test_numbers_turn_and_slide_the_instrument_about_its_trocar(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    wait_exact(window, qtbot)
    box, paths = editor(panel).pose, window.planning.desk.paths
    box.deep.setValue(box.deep.value() + 10.0)
    depth = np.linalg.norm(paths.pose[:3, 3] - np.asarray(path(window).trocar_mm))
    assert depth == pytest.approx(box.deep.value(), abs=0.06)
    assert box.tilt.isEnabled()
    box.tilt.setValue(40.0)
    wait_exact(window, qtbot)
    assert paths.figures.trocar.states[-1].tilt_deg == pytest.approx(40.0, abs=0.1)
    box.roll.setValue(90.0)
    assert off_port(window) < 1e-6
    qtbot.mouseClick(box.free, Qt.MouseButton.LeftButton)
    assert path(window).trocar_mm is None
    assert not box.deep.isVisible()


def test_a_structure_may_be_touched_once_a_person_says_so(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    shown = editor(panel)
    names = [shown.fewer.itemText(n) for n in range(shown.fewer.count())]
    assert "aorta" in names
    shown.fewer.activated.emit(names.index("aorta"))
    assert "aorta" not in {a.structure for a in path(window).avoid}
    assert window.state.undo_text == "aorta may be touched by Path 1"
    again = [shown.more.itemText(n) for n in range(shown.more.count())]
    shown.more.activated.emit(again.index("aorta"))
    assert "aorta" in {a.structure for a in path(window).avoid}


def test_two_trocars_tell_their_angle_and_paths_are_copied_renamed_and_removed(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    laid(window, qtbot, (-30.0, 25.0))
    assert [p.name for p in window.planning.book.plan.tool_paths] == ["Path 1", "Path 2"]
    wait_exact(window, qtbot)
    assert "°" in editor(panel).figures.texts()["Meets Path 1 at"]
    shown = editor(panel)
    panel.ensureWidgetVisible(shown.duplicate)
    qtbot.mouseClick(shown.duplicate, Qt.MouseButton.LeftButton)
    assert path(window).name == "Path 2 copy"
    panel.entries.topLevelItem(2).setText(0, "Left hand")
    assert path(window).name == "Left hand"
    panel.ensureWidgetVisible(shown.remove)
    qtbot.mouseClick(shown.remove, Qt.MouseButton.LeftButton)
    assert len(window.planning.book.plan.tool_paths) == 2
    window.actions_table["undo"].trigger()
    assert [p.name for p in window.planning.book.plan.tool_paths][2] == "Left hand"


def test_the_swept_space_and_the_reach_are_painted_on_request(window: MainWindow, qtbot: Any) -> None:
    panel = laid(window, qtbot)
    extras, box = window.planning.desk.paths.extras, editor(panel).extras
    panel.ensureWidgetVisible(box.swept)
    box.swept.click()
    qtbot.waitUntil(lambda: extras.swept is not None, timeout=JOB_MS)
    box.target.setCurrentText("liver")
    box.paint.click()
    assert box.progress.isVisible()
    qtbot.waitUntil(lambda: extras.reach is not None, timeout=JOB_MS)
    assert extras.reach.percent[ReachKind.REACHED] > 0.0
    assert "% reached" in box.result.text()
    drag(window.views.scene, grab(window, Part.PORT), QPoint(10, 30))
    assert extras.reach is None, "of another trocar"
    box.paint.click()
    box.cancel.click()
    assert extras.done is None
    worker = window.planning.desk.paths.worker
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=JOB_MS)
    assert extras.reach is None


def test_an_instrument_of_ones_own_is_taken_and_a_bad_file_is_told(
    window: MainWindow, qtbot: Any, tmp_path: Path
) -> None:
    panel = laid(window, qtbot)
    own = tmp_path / "probe.json"
    own.write_text(json.dumps({"type": "needle", "radius_mm": 1.0, "length_mm": 210}))
    box = editor(panel).pose.instrument
    box.read(own)
    qtbot.waitUntil(lambda: path(window).tool is not INSTRUMENTS[0].tool, timeout=JOB_MS)
    assert path(window).tool.length_mm == 210.0
    assert box.currentText() == "probe"
    told: list[str] = []
    window.planning.desk.problem_found.connect(told.append)
    own.write_text("{}")
    box.read(own)
    qtbot.waitUntil(lambda: bool(told), timeout=JOB_MS)
    assert path(window).tool.length_mm == 210.0


def test_a_path_whose_mesh_is_open_is_told_and_harms_nothing(window: MainWindow, qtbot: Any) -> None:
    laid(window, qtbot)
    book = window.planning.book
    sheet = MeshTool(np.array([[0.0, 0, 0], [9, 0, 90], [0, 9, 90]]), np.array([[0, 1, 2]]))
    flat = replace(path(window), tool=sheet)
    book.apply(replace(book.plan, tool_paths=(flat,)), "Instrument of Path 1")
    qtbot.waitUntil(lambda: bool(window.planning.desk.judged and window.planning.desk.judged.problem), timeout=JOB_MS)
    assert "not closed" in window.planning.desk.judged.problem
    assert window.planning.desk.paths.pose is None
    window.grab()
