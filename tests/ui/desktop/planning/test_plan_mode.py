"""Plan mode in the real window: a cut is laid, bent, undone, kept, opened again, and has the command line's figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from surgtwin.domain.cut import BezierCut, PlaneCut, ShellCut
from surgtwin.domain.saved_plan import PlanState
from surgtwin.domain.twin import Twin
from surgtwin.planning.edits import moved, with_surface
from surgtwin.store.load import load_twin
from tests.ui.desktop.plan_hand import JOB_MS, click_place, drag, enter, lay_on_axial, middle, pixel, wait_exact
from ui.cli.main import main
from ui.desktop.main_window import MainWindow, make_view_grid
from ui.desktop.planning.handles import handles_of
from ui.desktop.planning.scene_props import REMNANT_OPACITY

pytestmark = pytest.mark.desktop


def cut_of(window: MainWindow) -> Any:
    return window.planning.book.plan.resections[0]


def evaluate(twin: Path, plan: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command line says of an exported plan."""
    capsys.readouterr()
    main(["plan", "evaluate", str(twin), str(plan), "--json"])
    return dict(json.loads(capsys.readouterr().out))


def test_the_views_stay_where_they_are_when_the_mode_changes(window: MainWindow, qtbot: Any) -> None:
    before = [f.geometry() for f in window.views.frames.values()]
    panel = enter(window, qtbot)
    assert window.state.mode == "plan"
    assert panel.isVisible()
    assert [f.geometry() for f in window.views.frames.values()] == before


def test_an_empty_plan_teaches_the_one_thing_to_do(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    assert panel.laying.teach.isVisible()
    assert "Two clicks" in panel.laying.teach.text()
    assert panel.form.organ.currentText() == "liver"
    assert panel.form.boxes["liver tumour"].isChecked()
    assert not panel.figures.isVisible()


def test_two_clicks_on_a_slice_lay_a_cut_that_takes_the_tumour(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    cut = cut_of(window)
    assert (cut.organ, cut.targets) == ("liver", ("liver tumour",))
    assert isinstance(cut.surface, BezierCut)
    wait_exact(window, qtbot)
    numbers = window.planning.desk.judged.numbers[cut.name]
    assert numbers.resected.ml > 0 < numbers.remnant.ml
    assert numbers.resected.ml + numbers.remnant.ml == pytest.approx(numbers.whole.ml, rel=1e-12)
    assert numbers.margins[0].min_mm is not None
    assert numbers.margins[0].min_mm > 0, "the side with the tumour is the one that is taken"
    assert panel.figures.percent.text() == f"{numbers.remnant_percent:.0f} %"
    assert panel.margins.line("liver tumour").isVisible()
    assert panel.map.maps


def test_two_clicks_in_3d_lay_a_plane_along_the_line_of_sight(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    scene = window.views.scene
    qtbot.mouseClick(panel.laying.plane, Qt.MouseButton.LeftButton)
    liver = middle(window, "liver")
    click_place(scene, liver + np.array([12.0, 0.0, 30.0]))
    assert window.planning.desk.laying is not None
    click_place(scene, liver + np.array([12.0, 0.0, -30.0]))
    qtbot.waitUntil(lambda: bool(window.planning.book.plan.resections), timeout=JOB_MS)
    plane = cut_of(window).surface
    assert isinstance(plane, PlaneCut)
    sight = np.asarray(scene.camera.GetDirectionOfProjection())
    assert abs(float(np.asarray(plane.normal) @ sight)) < 0.12
    tumour = middle(window, "liver tumour")
    assert float(plane.plane.signed_distance(tumour[None])[0]) > 0


def test_a_click_beside_the_organ_lays_nothing_and_says_why(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    qtbot.mouseClick(panel.laying.patch, Qt.MouseButton.LeftButton)
    click_place(window.views.scene, middle(window, "spleen"))
    assert window.planning.desk.laying.points_mm == ()
    assert "Click on the liver" in window.notice.text.text()
    window.actions_table["cancel"].trigger()
    assert window.planning.desk.laying is None


def test_a_drawn_line_becomes_a_surface_through_it(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    tumour = middle(window, "liver tumour")
    window.state.set_cursor(tumour)
    axial = window.views.slices["axial"]
    qtbot.mouseClick(panel.laying.line, Qt.MouseButton.LeftButton)
    start = pixel(axial.place_of(tumour + np.array([35.0, -35.0, 0.0])))
    end = pixel(axial.place_of(tumour + np.array([35.0, 35.0, 0.0])))
    drag(axial, start, end - start, steps=12)
    qtbot.waitUntil(lambda: bool(window.planning.book.plan.resections), timeout=JOB_MS)
    wait_exact(window, qtbot)
    numbers = window.planning.desk.judged.numbers[cut_of(window).name]
    assert numbers.margins[0].min_mm == pytest.approx(35.0 - 14.0, abs=4.0)


def test_a_shell_takes_the_targets_with_their_margin(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    qtbot.mouseClick(panel.laying.shell, Qt.MouseButton.LeftButton)
    assert cut_of(window).surface == ShellCut(("liver tumour",), 10.0)
    wait_exact(window, qtbot)
    numbers = window.planning.desk.judged.numbers[cut_of(window).name]
    assert numbers.margins[0].min_mm == pytest.approx(10.0, abs=numbers.margins[0].error_mm)
    see_through = [a for a in _actors(window.views.scene) if a.GetProperty().GetOpacity() == REMNANT_OPACITY]
    assert len(see_through) == 1, "what is taken lies inside: the remnant lets it be seen"
    assert numbers.resected.ml < 70.0, "a ball of 14 + 10 mm, and no more of the liver"


def test_a_handle_is_dragged_in_3d_along_the_screen_and_makes_one_edit(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    window.state.request_camera("left")
    scene, desk = window.views.scene, window.planning.desk
    before = cut_of(window).surface
    handle = handles_of(before)[5]
    at = pixel(scene.place_of(handle.place_mm))
    pull = QPoint(30, -20)
    edits_then = []
    desk.hand_moved.connect(lambda: edits_then.append(window.state.undo_text))
    drag(scene, at, pull)
    assert edits_then == ["Lay Cut 1"] * 4, "a drag is one edit, and only once it is let go"
    after = cut_of(window).surface
    assert not np.array_equal(after.control_points_mm, before.control_points_mm)
    moved = after.control_points_mm[handle.at] - before.control_points_mm[handle.at]
    looking = np.asarray(scene.camera.GetDirectionOfProjection())
    assert abs(float(moved @ looking)) < 0.02 * float(np.linalg.norm(moved)), "a drag moves along the screen"
    assert pixel(scene.place_of(after.control_points_mm[handle.at])) == at + pull
    assert window.state.undo_text == "Bend Cut 1"
    wait_exact(window, qtbot)


def test_the_line_on_a_slice_is_pulled_and_passes_the_hand(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    axial = window.views.slices["axial"]
    on_line = middle(window, "liver tumour") + np.array([40.0, 5.0, 0.0])
    start = pixel(axial.place_of(on_line))
    drag(axial, start, QPoint(-24, 0))
    wait_exact(window, qtbot)
    layer_cut = window.planning.desk.judged.picture.cuts[0]
    hand = np.array([axial.point_at((start + QPoint(-24, 0)).toPointF())])
    assert float(np.abs(layer_cut.side.signed(hand))[0]) < 2.5
    numbers = window.planning.desk.judged.numbers[cut_of(window).name]
    assert numbers.margins[0].min_mm < 26.0


def test_bending_to_the_margin_gives_the_margin_that_is_wanted(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot, offset_mm=18.0)
    wait_exact(window, qtbot)
    editor = next(iter(panel.editors.values()))
    qtbot.mouseClick(editor.bend, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Bend" in window.state.undo_text, timeout=JOB_MS)
    wait_exact(window, qtbot)
    assert window.planning.desk.judged.numbers["Cut 1"].margins[0].min_mm == pytest.approx(10.0, abs=0.6)
    assert window.state.undo_text == "Bend Cut 1 to 10 mm"


def test_undo_and_redo_name_what_they_do_and_bring_the_same_figures(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    first = window.planning.desk.judged.numbers["Cut 1"]
    editor = next(iter(panel.editors.values()))
    qtbot.mouseClick(editor.flip, Qt.MouseButton.LeftButton)
    wait_exact(window, qtbot)
    second = window.planning.desk.judged.numbers["Cut 1"]
    assert second.remnant.ml == pytest.approx(first.resected.ml, rel=1e-6)
    assert window.actions_table["undo"].text() == "Undo: Take the other side of Cut 1"
    window.actions_table["undo"].trigger()
    wait_exact(window, qtbot)
    assert window.planning.desk.judged.numbers["Cut 1"] == first
    assert window.actions_table["redo"].text() == "Redo: Take the other side of Cut 1"
    window.actions_table["redo"].trigger()
    wait_exact(window, qtbot)
    assert window.planning.desk.judged.numbers["Cut 1"] == second
    window.actions_table["undo"].trigger()
    window.actions_table["undo"].trigger()
    assert not window.planning.book.plan.resections
    assert panel.laying.teach.isVisible()


def test_a_saved_plan_is_there_again_with_the_same_figures_as_the_command_line(
    window: MainWindow, make_window: Any, tmp_path: Path, qtbot: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    panel.patient.height_box.setValue(170)
    panel.patient.weight_box.setValue(70)
    wait_exact(window, qtbot)
    shown = window.planning.desk.judged.numbers["Cut 1"]
    assert "sFLR (Vauthey)" in panel.figures.rows.texts()
    window.actions_table["save"].trigger()
    assert not window.planning.book.changed
    assert "not approved" in panel.bar.status.text()
    window.commands.plans.export(tmp_path / "plan.json")
    window.state.close()
    result = evaluate(tmp_path / "case.twin", tmp_path / "plan.json", capsys)["resections"][0]
    assert result["name"] == "Cut 1"
    assert result["remnant_ml"] == shown.remnant.ml
    assert result["resected_ml"] == shown.resected.ml
    assert result["remnant_error_ml"] == shown.remnant.error_ml
    assert result["remnant_percent"] == shown.remnant_percent
    assert result["sflr_percent"] == shown.sflr_percent
    assert result["margins"][0]["min_mm"] == shown.margins[0].min_mm
    assert result["margins"][0]["verdict"] == shown.margins[0].verdict.value
    again = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(again.opener.twin_opened, timeout=JOB_MS):
        again.commands.open_path(tmp_path / "case.twin")
    enter(again, qtbot)
    wait_exact(again, qtbot)
    assert again.planning.desk.judged.numbers["Cut 1"] == shown


def test_an_approval_is_broken_by_an_edit_that_is_named_and_mended_by_undo(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    dialog = window.commands.plans.approve_or_withdraw()
    assert dialog is not None
    if not dialog.accept_button.isEnabled():
        dialog.reason.setPlainText("agreed at the board")
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    assert "\u2713 Approved by" in panel.bar.status.text()
    assert window.state.twin.plans[0].status(1).state is PlanState.APPROVED
    editor = next(iter(panel.editors.values()))
    editor.form.margin.setValue(7.0)
    assert "broken by: Margin of Cut 1" in panel.bar.status.text()
    window.actions_table["undo"].trigger()
    assert "\u2713 Approved by" in panel.bar.status.text()


def test_a_click_on_the_map_takes_the_cross_hair_to_the_cut(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    heard = []
    window.state.place_requested.connect(heard.append)
    view = panel.map.map
    at = view.room().center()
    place = view.patient_place(at)
    assert place is not None
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    cut = window.planning.desk.judged.picture.cuts[0]
    assert float(np.abs(cut.side.signed(np.array([window.state.cursor_mm])))[0]) < 3.0
    assert heard == [window.state.cursor_mm]


def test_the_worst_place_of_a_margin_is_shown_on_request(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    qtbot.mouseClick(panel.margins.line("liver tumour").show_worst, Qt.MouseButton.LeftButton)
    at = window.planning.desk.judged.numbers["Cut 1"].margins[0].at_mm
    assert np.allclose(window.state.cursor_mm, at, atol=1e-6)


def test_the_organ_gives_way_to_its_parts_and_comes_back(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    scene = window.views.scene
    liver = scene.items["liver"].actor
    assert not liver.GetVisibility()
    seen = [a for a in _actors(scene) if a.GetVisibility() and 0 < a.GetProperty().GetOpacity() < 0.3]
    assert seen, "what is taken is seen through"
    window.state.set_mode("explore")
    assert liver.GetVisibility()
    window.state.set_mode("plan")
    assert not liver.GetVisibility()


def test_plans_are_compared_with_one_camera_and_their_figures(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    window.actions_table["plan_duplicate"].trigger()
    editor = next(iter(panel.editors.values()))
    qtbot.mouseClick(editor.flip, Qt.MouseButton.LeftButton)
    assert [d.name for d in window.planning.book.drafts] == ["Plan", "Plan copy"]
    window.actions_table["plan_compare"].trigger()
    qtbot.waitUntil(lambda: window.planning.pane is not None, timeout=JOB_MS)
    pane = window.planning.pane
    assert pane.isVisible()
    assert pane.scenes[0].camera is pane.scenes[1].camera
    first, second = pane.table.text_of("liver remnant", 0), pane.table.text_of("liver remnant", 1)
    assert first != second
    window.actions_table["cancel"].trigger()
    assert window.planning.pane is None
    assert window.views.slices["axial"].isVisible()


def test_close_asks_for_plans_that_are_not_saved(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    window.close()
    assert window.isVisible()
    assert "Not saved: Plan." in window.notice.text.text()
    window.actions_table["save"].trigger()
    assert window.commands.unsaved_words() == ""


def test_plans_that_were_not_saved_are_offered_again_after_a_crash(
    window: MainWindow, make_window: Any, tmp_path: Path, qtbot: Any
) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    laid = cut_of(window)
    window.planning.keep_aside()
    window.state.close()
    again = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(again.planning.found, timeout=JOB_MS):
        again.commands.open_path(tmp_path / "case.twin")
    assert "Unsaved plans were found: Plan." in again.notice.text.text()
    restore = next(b for b in again.notice.findChildren(type(panel.bar.save)) if b.text() == "Restore")
    qtbot.mouseClick(restore, Qt.MouseButton.LeftButton)
    found = again.planning.book.plan.resections[0]
    assert np.array_equal(found.surface.control_points_mm, laid.surface.control_points_mm)
    again.actions_table["save"].trigger()
    again.planning.keep_aside()
    again.state.close()
    assert load_twin(tmp_path / "case.twin").plans[0].name == "Plan"
    third = make_window()
    third.commands.open_path(tmp_path / "case.twin")
    qtbot.waitUntil(lambda: third.state.twin is not None, timeout=JOB_MS)
    assert not third.notice.isVisible()


def test_a_cut_is_renamed_in_the_list_and_a_name_that_is_taken_is_refused(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    panel.laying.shell.click()
    panel.laying.shell.click()
    assert [r.name for r in window.planning.book.plan.resections] == ["Cut 1", "Cut 2"]
    panel.entries.topLevelItem(1).setText(0, "Wedge in segment VI")
    assert [r.name for r in window.planning.book.plan.resections] == ["Cut 1", "Wedge in segment VI"]
    assert window.planning.desk.cut.name == "Wedge in segment VI"
    assert window.state.undo_text == "Rename Cut 2"
    panel.entries.topLevelItem(1).setText(0, "Cut 1")
    assert "share the name" in window.notice.text.text()
    assert panel.entries.topLevelItem(1).text(0) == "Wedge in segment VI"
    panel.entries.setCurrentItem(panel.entries.topLevelItem(0))
    assert window.planning.desk.cut.name == "Cut 1"
    window.commands.plans.remove_entry()
    assert [r.name for r in window.planning.book.plan.resections] == ["Wedge in segment VI"]


def test_a_plan_in_a_twin_that_cannot_be_changed_is_not_lost_in_silence(
    window: MainWindow, make_window: Any, tmp_path: Path, qtbot: Any
) -> None:
    second = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(second.opener.twin_opened, timeout=JOB_MS):
        second.commands.open_path(tmp_path / "case.twin")
    assert second.state.read_only
    panel = enter(second, qtbot)
    panel.laying.shell.click()
    with qtbot.waitSignal(second.errors.shown, timeout=JOB_MS) as heard:
        second.actions_table["save"].trigger()
    assert "Save a copy of it, or export the plan" in heard.args[0].found
    assert second.commands.unsaved_words() == "Not saved: Plan."


def test_a_plan_file_that_does_not_fit_is_refused_and_changes_nothing(
    window: MainWindow, tmp_path: Path, qtbot: Any
) -> None:
    enter(window, qtbot)
    path = tmp_path / "bad.json"
    path.write_text('{"schema": 1, "resections": [{"name": "A", "organ": "liver"}]}')
    with qtbot.waitSignal(window.errors.shown, timeout=JOB_MS) as heard:
        window.commands.plans.open_file(path)
    assert "resections[0]" in heard.args[0].found
    assert window.planning.book.drafts == ()


def test_an_exported_plan_names_its_twin_and_is_refused_on_another(
    window: MainWindow, tmp_path: Path, qtbot: Any
) -> None:
    lay_on_axial(window, enter(window, qtbot), qtbot)
    plans, path = window.commands.plans, tmp_path / "plan.json"
    plans.export(path)
    content = json.loads(path.read_text())
    assert content["twin"] == {"case_id": window.state.twin.case_id, "revision": 1}
    plans.open_file(path)
    assert len(window.planning.book.drafts) == 2
    path.write_text(json.dumps(content | {"twin": {"case_id": "case-XXXX-9999"}}))
    with qtbot.waitSignal(window.errors.shown, timeout=JOB_MS) as heard:
        plans.open_file(path)
    assert "case-XXXX-9999" in heard.args[0].found
    assert len(window.planning.book.drafts) == 2


def test_a_plan_of_another_twin_says_which_structure_is_missing(window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    plane = {"type": "plane", "point_mm": [0, 0, 0], "normal": [1, 0, 0]}
    content = {"schema": 1, "name": "Board", "resections": [{"name": "A", "organ": "pancreas", "surface": plane}]}
    path = tmp_path / "other.json"
    path.write_text(json.dumps(content))
    window.commands.plans.open_file(path)
    assert window.planning.book.current.name == "Board"
    assert "no structure 'pancreas'" in panel.findings.findings()[0].message
    assert window.errors.dialog is None


def test_a_cut_that_misses_the_organ_says_so_and_shows_no_figures_of_old(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    book, desk = window.planning.book, window.planning.desk
    away = moved(cut_of(window).surface, (500.0, 0.0, 0.0))
    book.apply(with_surface(book.plan, "Cut 1", away), "Move Cut 1")
    qtbot.waitUntil(lambda: bool(desk.judged.problem), timeout=JOB_MS)
    assert "misses the organ" in panel.findings.findings()[0].message
    assert not desk.is_waiting


def test_the_accepted_structures_change_the_findings(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    assert any(f.code == "not-accepted" for f in panel.findings.findings())
    assert panel.figures.doubt.text().endswith("accepted: liver, liver tumour")
    for name in ("liver", "liver tumour"):
        window.commands.accept(name)
    assert not panel.figures.doubt.isVisible()
    qtbot.waitUntil(lambda: not any(f.code == "not-accepted" for f in panel.findings.findings()), timeout=JOB_MS)


def _actors(scene: Any) -> list[Any]:
    listed = scene.renderer.GetActors()
    listed.InitTraversal()
    return [listed.GetNextActor() for _ in range(listed.GetNumberOfItems())]


def test_a_plan_on_a_twin_that_was_never_saved_goes_to_the_disk_with_it(
    make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    window = make_window()
    window.state.open_twin(twin)
    window.opener.twin_built.emit()
    panel = enter(window, qtbot)
    panel.laying.shell.click()
    window.actions_table["save"].trigger()
    assert "not saved yet" in window.notice.text.text()
    with qtbot.waitSignal(window.saver.saved, timeout=JOB_MS):
        window.saver.choose_folder(tmp_path / "twins")
    path = window.state.path
    assert path is not None
    assert not window.planning.book.changed
    window.state.close()
    assert [p.name for p in load_twin(path).plans] == ["Plan"]


def test_another_image_on_the_slices_leaves_the_plan_and_its_undo(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    wait_exact(window, qtbot)
    drafts = window.planning.book.drafts
    window.state.twin_changed.emit()
    assert window.planning.book.drafts == drafts
    assert window.planning.desk.is_exact
    window.actions_table["undo"].trigger()
    assert window.planning.book.plan.is_empty


def test_two_cuts_of_one_organ_are_counted_together_in_the_preview_too(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    lay_on_axial(window, panel, qtbot)
    panel.laying.shell.click()
    wait_exact(window, qtbot)
    exact = panel.figures.numbers
    assert exact.name == "Cut 1 + Cut 2"
    shown = []
    desk = window.planning.desk
    desk.judged_changed.connect(lambda: shown.append(panel.figures.numbers))
    editor = next(iter(panel.editors.values()))
    editor.form.distance.setValue(12.0)
    wait_exact(window, qtbot)
    assert {n.name for n in shown if n is not None} == {"Cut 1 + Cut 2"}
    assert not all(n.is_exact for n in shown)
    for numbers in shown[1:]:
        assert numbers.remnant.ml == pytest.approx(exact.remnant.ml, rel=0.02)
