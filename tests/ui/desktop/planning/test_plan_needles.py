"""Needles in Plan mode, in the real window: found, taken, dragged, undone; with the command line's figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from surgtwin.domain.trajectory import Avoid
from surgtwin.planning.access_target import deepest_point
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.ui.desktop.plan_hand import JOB_MS, drag, enter, middle, pixel, wait_exact
from ui.cli.main import main
from ui.desktop.main_window import MainWindow
from ui.desktop.planning.needle_editor import NeedleEditor
from ui.desktop.planning.needle_search import Skin
from ui.desktop.planning.needle_slice import share_within
from ui.desktop.planning.panel import PlanPanel
from ui.desktop.planning.plan_commands import PlanCommands

pytestmark = pytest.mark.desktop


def searched(window: MainWindow, qtbot: Any) -> PlanPanel:
    panel = enter(window, qtbot)
    qtbot.mouseClick(panel.needles.find_path, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.planning.desk.needles.search is not None, timeout=JOB_MS)
    return panel


def with_best(window: MainWindow, qtbot: Any) -> PlanPanel:
    panel = searched(window, qtbot)
    panel.ensureWidgetVisible(panel.needles.best)
    qtbot.mouseClick(panel.needles.best, Qt.MouseButton.LeftButton)
    wait_exact(window, qtbot)
    return panel


def editor(panel: PlanPanel) -> NeedleEditor:
    return next(e for e in panel.editors.values() if isinstance(e, NeedleEditor))


def needle(window: MainWindow) -> Any:
    return window.planning.book.plan.trajectories[0]


def test_the_tumour_comes_first_and_the_best_path_to_it_is_one_click(window: MainWindow, qtbot: Any) -> None:
    panel = searched(window, qtbot)
    assert panel.needles.target.itemText(0) == "liver tumour"
    search = window.planning.desk.needles.search
    assert search.skin[Skin.FREE].area_cm2 > 0 < search.skin[Skin.BLOCKED].area_cm2
    assert panel.needles.candidates.topLevelItemCount() == len(search.candidates) > 1
    qtbot.mouseClick(panel.needles.best, Qt.MouseButton.LeftButton)
    best = search.candidates[0].result.trajectory
    assert (needle(window).entry_mm, needle(window).target_mm) == (best.entry_mm, best.target_mm)
    assert window.state.undo_text == "Add Needle 1"
    assert np.allclose(window.state.cursor_mm, best.target_mm)
    window.actions_table["undo"].trigger()
    assert window.planning.book.plan.trajectories == ()


def test_another_candidate_takes_the_place_of_the_one_that_was_taken(window: MainWindow, qtbot: Any) -> None:
    panel = with_best(window, qtbot)
    rows = panel.needles.candidates
    panel.ensureWidgetVisible(rows)
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualItemRect(rows.topLevelItem(1)).center())
    assert len(window.planning.book.plan.trajectories) == 1
    second = window.planning.desk.needles.search.candidates[1].result.trajectory
    assert needle(window).entry_mm == second.entry_mm
    assert window.state.undo_text == "Path 2 for Needle 1"


def test_a_needle_has_the_figures_of_the_command_line(
    window: MainWindow, qtbot: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = with_best(window, qtbot)
    result = window.planning.desk.needles.result
    plan = tmp_path / "plan.json"
    PlanCommands(window.planning.desk, str, window).export(plan)
    capsys.readouterr()
    main(["plan", "evaluate", str(tmp_path / "case.twin"), str(plan), "--json"])
    said = json.loads(capsys.readouterr().out)["trajectories"][0]
    assert said["length_mm"] == pytest.approx(result.length_mm, rel=1e-12)
    assert said["verdict"] == result.verdict.value
    assert [c["structure"] for c in said["crossed"]] == [c.structure for c in result.crossed]
    ours = {c.structure: c.min_mm for c in result.clearances}
    assert {c["structure"]: c["min_mm"] for c in said["clearances"]} == pytest.approx(ours, abs=1e-9)
    assert f"{result.length_mm:.1f} mm" in editor(panel).figures.texts().values()


def test_the_entry_is_dragged_over_the_skin_and_makes_one_edit(window: MainWindow, qtbot: Any) -> None:
    with_best(window, qtbot)
    before, scene = needle(window), window.views.scene
    drag(scene, pixel(scene.place_of(before.entry_mm)), QPoint(0, 25))
    after = needle(window)
    assert after.target_mm == before.target_mm
    assert np.linalg.norm(np.subtract(after.entry_mm, before.entry_mm)) > 2.0
    assert window.state.undo_text == "Move the entry of Needle 1"
    wait_exact(window, qtbot)
    result = window.planning.desk.needles.result
    assert result.skin is not None
    assert result.skin.depth_mm == pytest.approx(0.0, abs=3.0), "the entry stays on the skin"
    window.actions_table["undo"].trigger()
    assert needle(window) == before


def test_the_target_is_dragged_on_a_slice(window: MainWindow, qtbot: Any) -> None:
    with_best(window, qtbot)
    before, axial = needle(window), window.views.slices["axial"]
    drag(axial, pixel(axial.place_of(before.target_mm)), QPoint(12, 0))
    moved = np.subtract(needle(window).target_mm, before.target_mm)
    assert moved[0] > 1.0, "right on the screen is the patient's left"
    assert abs(moved[2]) < 1e-6, "and no deeper into the picture"
    assert needle(window).entry_mm == before.entry_mm


def test_a_needle_is_placed_by_a_click_on_a_slice_and_enters_through_the_skin(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    target = deepest_point(TwinGeometry(window.state.twin), "liver tumour")
    window.state.set_cursor(target)
    qtbot.mouseClick(panel.needles.by_hand, Qt.MouseButton.LeftButton)
    axial = window.views.slices["axial"]
    at = pixel(axial.place_of(np.asarray(target) + np.array([0.0, -25.0, 0.0])))
    qtbot.mouseClick(axial, Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: bool(window.planning.book.plan.trajectories), timeout=JOB_MS)
    assert needle(window).target_mm == target
    assert needle(window).entry_mm[1] < target[1] - 25.0, "through the front, beyond the click"
    assert not panel.needles.by_hand.isChecked()
    wait_exact(window, qtbot)
    assert window.planning.desk.needles.result.skin.depth_mm == pytest.approx(0.0, abs=3.0)


def test_what_is_typed_changes_the_needle_and_its_verdict(window: MainWindow, qtbot: Any) -> None:
    panel = with_best(window, qtbot)
    shown = editor(panel)
    shown.length.setValue(round(needle(window).length_mm - 20.0))
    wait_exact(window, qtbot)
    assert window.state.undo_text == "Length of Needle 1"
    assert window.planning.desk.needles.result.verdict.value == "violated"
    assert "The needle's length" in shown.limits.text()
    assert shown.verdict.text().endswith("violated")
    window.actions_table["undo"].trigger()
    name = shown.clear_rows.structures[0]
    shown.clear_rows.box_of(name).setValue(60.0)
    assert Avoid(name, 60.0) in needle(window).avoid
    wait_exact(window, qtbot)
    assert window.planning.desk.needles.result.verdict.value == "violated"
    assert panel.findings_section.isVisible()


def test_the_view_looks_down_the_needle_and_square_to_it(window: MainWindow, qtbot: Any) -> None:
    panel = with_best(window, qtbot)
    scene, shown = window.views.scene, editor(panel)
    along = np.subtract(needle(window).target_mm, needle(window).entry_mm) / needle(window).length_mm
    panel.ensureWidgetVisible(shown.along)
    qtbot.mouseClick(shown.along, Qt.MouseButton.LeftButton)
    assert np.allclose(scene.camera.GetDirectionOfProjection(), along, atol=1e-6)
    qtbot.mouseClick(shown.across, Qt.MouseButton.LeftButton)
    assert abs(float(np.asarray(scene.camera.GetDirectionOfProjection()) @ along)) < 1e-6
    assert "slices stand at the target" in shown.looked.text()
    assert shown.looked.isVisible()


def test_a_search_is_given_up_and_leaves_nothing(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    qtbot.mouseClick(panel.needles.find_path, Qt.MouseButton.LeftButton)
    assert panel.needles.progress.isVisible()
    qtbot.mouseClick(panel.needles.cancel, Qt.MouseButton.LeftButton)
    assert not panel.needles.progress.isVisible()
    worker = window.planning.desk.needles.worker
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=JOB_MS)
    qtbot.wait(50)
    assert window.planning.desk.needles.search is None
    assert panel.needles.find_path.isEnabled()


def test_a_target_without_a_way_is_said(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    panel.needles.length.setValue(10.0)
    window.state.set_cursor(middle(window, "liver tumour"))
    qtbot.mouseClick(panel.needles.find_path, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(window.planning.desk.needles.problem), timeout=JOB_MS)
    assert panel.needles.problem.isVisible()
    assert "longer tool" in panel.needles.problem.text()
    assert not panel.needles.candidates.isVisible()


@pytest.mark.parametrize(
    ("offsets", "share"),
    [
        ((-10.0, 10.0), (0.4, 0.6)),
        ((1.0, 1.0), (0.0, 1.0)),
        ((5.0, 5.0), None),
        ((4.0, 8.0), None),
        ((0.0, 8.0), (0.0, 0.25)),
    ],
)
def test_the_part_of_a_line_within_a_slab(offsets: tuple[float, float], share: tuple[float, float] | None) -> None:
    found = share_within(np.array(offsets), 2.0)
    assert found == (pytest.approx(share) if share is not None else None)
