"""Ablation zones in Plan mode, in the real window: added, drawn out, proposed, kept; the command line's figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.planning.edits import with_entry
from surgtwin.planning.plan_versions import plan_of
from surgtwin.store.load import load_twin
from tests.ui.desktop.plan_hand import JOB_MS, drag, enter, middle, pixel, wait_exact
from ui.cli.main import main
from ui.desktop.main_window import MainWindow
from ui.desktop.planning.panel import PlanPanel
from ui.desktop.planning.plan_commands import PlanCommands
from ui.desktop.planning.zone_choice import SIZES
from ui.desktop.planning.zone_editor import ZoneEditor
from ui.desktop.planning.zone_hold import Grip, GripHold, MoveHold, RimHold, grip_places

pytestmark = pytest.mark.desktop
TUMOUR = "liver tumour"


def with_zone(window: MainWindow, qtbot: Any) -> PlanPanel:
    panel = enter(window, qtbot)
    panel.ensureWidgetVisible(panel.zones.add)
    qtbot.mouseClick(panel.zones.add, Qt.MouseButton.LeftButton)
    wait_exact(window, qtbot)
    return panel


def editor(panel: PlanPanel) -> ZoneEditor:
    return next(e for e in panel.editors.values() if isinstance(e, ZoneEditor))


def zones(window: MainWindow) -> tuple[Ablation, ...]:
    return window.planning.book.plan.ablations


def test_a_zone_appears_on_the_tumour_and_covers_it(window: MainWindow, qtbot: Any) -> None:
    panel = with_zone(window, qtbot)
    assert panel.zones.target.currentText() == TUMOUR
    (zone,) = zones(window)
    assert (zone.target, zone.name) == (TUMOUR, "Zone 1")
    assert np.linalg.norm(np.asarray(zone.centre_mm) - middle(window, TUMOUR)) < 3.0
    assert zone.radii_mm == (25.0, 25.0, 25.0), "its farthest place and 5 mm more, the next larger size"
    shown, result = editor(panel), window.planning.desk.zones.together
    assert shown.isVisible()
    assert shown.figures.texts()["Covered"] == "100 %"
    assert shown.verdict.text().endswith(result.verdict.value)
    assert np.allclose(window.state.cursor_mm, zone.centre_mm)
    assert window.state.undo_text == "Add Zone 1"
    window.actions_table["undo"].trigger()
    assert zones(window) == ()
    assert not shown.isVisible()


def test_zones_have_the_figures_of_the_command_line_and_come_back_from_the_disk(
    window: MainWindow, case_path: Path, qtbot: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = with_zone(window, qtbot)
    window.planning.desk.zones.edit(lambda z: replace(z, radii_mm=(16.0, 14.0, 14.0)), "Resize")
    wait_exact(window, qtbot)
    panel.zones.add.click()
    wait_exact(window, qtbot)
    plan = tmp_path / "plan.json"
    PlanCommands(window.planning.desk, str, window).export(plan)
    capsys.readouterr()
    main(["plan", "evaluate", str(case_path), str(plan), "--json"])
    said = json.loads(capsys.readouterr().out)
    judged = window.planning.desk.judged
    assert [a["name"] for a in said["ablations"]] == ["Zone 1", "Zone 2"]
    for told in said["ablations"]:
        ours = judged.zones.alone[told["name"]]
        assert told["coverage_percent"] == pytest.approx(ours.coverage_percent, rel=1e-12)
        assert told["min_margin_mm"] == pytest.approx(ours.min_margin_mm, abs=1e-9)
    together = judged.zones.together[TUMOUR]
    assert said["ablations_combined"][0]["min_margin_mm"] == pytest.approx(together.min_margin_mm, abs=1e-9)
    assert said["ablations_combined"][0]["verdict"] == together.verdict.value
    assert {f["message"] for f in said["findings"]} == {f.message for f in judged.evaluation.findings}
    window.actions_table["save"].trigger()
    kept = load_twin(case_path)
    assert plan_of(kept.plans[0].latest).ablations == zones(window)


def test_a_zone_is_moved_and_drawn_out_on_a_slice_by_one_edit_each(window: MainWindow, qtbot: Any) -> None:
    with_zone(window, qtbot)
    axial, before = window.views.slices["axial"], zones(window)[0]
    drag(axial, pixel(axial.place_of(before.centre_mm)), QPoint(14, 0))
    moved = np.subtract(zones(window)[0].centre_mm, before.centre_mm)
    assert moved[0] > 1.0, "right on the screen is the patient's left"
    assert abs(moved[2]) < 1e-6, "and no deeper into the picture"
    assert window.state.undo_text == "Move Zone 1"
    window.actions_table["undo"].trigger()
    assert zones(window)[0] == before
    diagonal = np.asarray(before.centre_mm) + 25.0 * np.array([0.7071, -0.7071, 0.0])
    at = pixel(axial.place_of(tuple(diagonal)))
    drag(axial, at, pixel(axial.place_of(tuple(diagonal + np.array([5.0, -5.0, 0.0])))) - at)
    along, across, third = zones(window)[0].radii_mm
    assert across == third == pytest.approx(32.0, abs=1.5), "a round zone stays round"
    assert along == 25.0
    assert window.state.undo_text == "Resize Zone 1"


def test_the_figures_follow_the_hand_in_3d(window: MainWindow, qtbot: Any) -> None:
    with_zone(window, qtbot)
    scene, desk, before = window.views.scene, window.planning.desk, zones(window)[0]
    margin = desk.zones.together.min_margin_mm
    drag(scene, pixel(scene.place_of(grip_places(before)[Grip.LENGTH])), QPoint(0, -10))
    after = zones(window)[0]
    assert after.radii_mm[0] < before.radii_mm[0]
    assert after.radii_mm[1:] == before.radii_mm[1:]
    wait_exact(window, qtbot)
    assert desk.zones.together.min_margin_mm < margin
    drag(scene, pixel(scene.place_of(grip_places(after)[Grip.AXIS])), QPoint(40, 20))
    assert zones(window)[0].centre_mm == after.centre_mm
    assert np.dot(zones(window)[0].axis, after.axis) < 0.95
    assert window.state.undo_text == "Turn Zone 1"


def test_a_hold_in_the_hand_gives_figures_before_the_plan_changes(window: MainWindow, qtbot: Any) -> None:
    with_zone(window, qtbot)
    desk, zone = window.planning.desk, zones(window)[0]
    hold = GripHold(zone, Grip.CENTRE)
    away = tuple(np.add(zone.centre_mm, (17.0, 0.0, 0.0)))
    desk.zones.pull(hold, away)
    assert desk.plan.ablations[0].centre_mm == away
    assert zones(window)[0] == zone
    qtbot.waitUntil(lambda: desk.judged.plan == desk.plan, timeout=JOB_MS)
    assert not desk.is_exact
    assert desk.zones.together.min_margin_mm == pytest.approx(25.0 - 14.0 - 17.0, abs=4.5)
    desk.zones.let_go(hold)
    wait_exact(window, qtbot)
    assert window.planning.desk.zones.together.verdict.value == "violated"


def test_the_second_zone_goes_where_the_first_leaves_most_bare(window: MainWindow, qtbot: Any) -> None:
    panel = with_zone(window, qtbot)
    panel_editor = editor(panel)
    panel_editor.boxes[1].setValue(20.0)
    panel_editor.boxes[0].setValue(20.0)
    wait_exact(window, qtbot)
    worst = window.planning.desk.zones.together.at_mm
    panel.zones.add.click()
    assert zones(window)[1].centre_mm == worst
    wait_exact(window, qtbot)
    result = window.planning.desk.zones.together
    assert result.zones == ("Zone 1", "Zone 2")
    assert "Treated twice" in panel_editor.figures.texts()
    assert panel.entries.topLevelItemCount() == 2


def test_a_zone_lies_along_the_needle_that_goes_to_its_target(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    tumour = middle(window, TUMOUR)
    needle = Trajectory(
        "Needle 1", tuple(tumour + np.array([-60.0, -60.0, 10.0])), tuple(tumour), NeedleTool(0.75, 150.0)
    )
    window.planning.book.apply(with_entry(window.planning.book.plan, needle), "Add Needle 1")
    panel.zones.add.click()
    zone = zones(window)[0]
    along = np.subtract(needle.entry_mm, needle.target_mm) / needle.length_mm
    assert np.allclose(zone.axis, along)
    assert zone.centre_mm == needle.target_mm
    window.planning.desk.zones.edit(lambda z: replace(z, axis=(0.0, 0.0, 1.0)), "Turn")
    shown = editor(panel)
    shown.line_up.activated.emit(1)
    assert np.allclose(zones(window)[0].axis, along)
    assert window.state.undo_text == "Line up with Needle 1 Zone 1"


def test_zones_are_proposed_in_place_of_those_there_were_and_undone_as_one(window: MainWindow, qtbot: Any) -> None:
    panel = with_zone(window, qtbot)
    before = zones(window)
    small = next(n for n, size in enumerate(SIZES) if size.words == "ball, 30 mm")
    panel.zones.zone_size.activated.emit(small)
    panel.ensureWidgetVisible(panel.zones.propose)
    qtbot.mouseClick(panel.zones.propose, Qt.MouseButton.LeftButton)
    assert panel.zones.progress.isVisible()
    qtbot.waitUntil(lambda: len(zones(window)) > 1, timeout=JOB_MS)
    assert not panel.zones.progress.isVisible()
    assert len({z.name for z in zones(window)}) == len(zones(window))
    assert all(z.radii_mm == (15.0, 15.0, 15.0) and z.target == TUMOUR for z in zones(window))
    wait_exact(window, qtbot)
    assert window.planning.desk.zones.together.min_margin_mm >= 5.0
    window.actions_table["undo"].trigger()
    assert zones(window) == before


def test_a_proposal_is_given_up_and_leaves_nothing(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    panel.zones.target.activated.emit(panel.zones.target.findText("liver"))
    panel.zones.zone_size.activated.emit(4)
    panel.ensureWidgetVisible(panel.zones.propose)
    qtbot.mouseClick(panel.zones.propose, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.zones.cancel, Qt.MouseButton.LeftButton)
    assert not panel.zones.progress.isVisible()
    worker = window.planning.desk.zones.worker
    qtbot.waitUntil(lambda: not worker.is_busy, timeout=JOB_MS)
    assert zones(window) == ()
    assert panel.zones.propose.isEnabled()


def test_what_no_zones_cover_is_said(window: MainWindow, qtbot: Any) -> None:
    panel = enter(window, qtbot)
    panel.zones.target.activated.emit(panel.zones.target.findText("aorta"))
    panel.zones.zone_size.activated.emit(0)
    qtbot.mouseClick(panel.zones.propose, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(window.planning.desk.zones.problem), timeout=JOB_MS)
    assert "take larger ones" in panel.zones.problem.text()
    assert panel.zones.problem.isVisible()
    assert zones(window) == ()


def test_a_zone_is_duplicated_renamed_and_removed(window: MainWindow, qtbot: Any) -> None:
    panel = with_zone(window, qtbot)
    shown = editor(panel)
    shown.duplicate.click()
    assert [z.name for z in zones(window)] == ["Zone 1", "Zone 2"]
    assert window.planning.book.chosen.name == "Zone 2"
    panel.entries.topLevelItem(1).setText(0, "Second")
    assert [z.name for z in zones(window)] == ["Zone 1", "Second"]
    shown.remove.click()
    assert [z.name for z in zones(window)] == ["Zone 1"]
    for _ in range(3):
        window.actions_table["undo"].trigger()
    assert [z.name for z in zones(window)] == ["Zone 1"]
    assert window.state.undo_text == "Add Zone 1"


def test_structures_inside_a_zone_are_listed_and_found(window: MainWindow, qtbot: Any) -> None:
    panel = with_zone(window, qtbot)
    vein = middle(window, "portal vein")
    window.planning.desk.zones.edit(lambda z: replace(z, centre_mm=tuple(vein)), "Move")
    wait_exact(window, qtbot)
    assert "portal vein" in editor(panel).inside.texts()
    findings = window.planning.desk.judged.evaluation.findings
    assert any(f.code == "ablation-reaches" and f.structure == "portal vein" for f in findings)


def test_a_rim_in_the_hand_lets_only_its_own_radius_follow() -> None:
    zone = Ablation("Z", "t", (1.0, 2.0, 3.0), (0.0, 0.0, 1.0), (30.0, 20.0, 20.0))
    pole = RimHold(zone, (1.0, 2.0, 33.0))
    assert pole.at((1.0, 2.0, 43.0)).radii_mm == pytest.approx((40.0, 20.0, 20.0))
    side = RimHold(zone, (21.0, 2.0, 3.0))
    assert side.at((26.0, 2.0, 3.0)).radii_mm == pytest.approx((30.0, 25.0, 25.0))
    alone = side.at((26.0, 2.0, 3.0), is_alone=True)
    assert sorted(alone.radii_mm) == pytest.approx([20.0, 25.0, 30.0])
    assert alone.axis_b is not None
    assert side.at((1.0, 2.0, 3.0)).radii_mm[1] == 2.0, "never nothing"
    assert MoveHold(zone, (5.0, 5.0, 5.0)).at((6.0, 5.0, 4.0)).centre_mm == (2.0, 2.0, 2.0)
    turned = GripHold(alone, Grip.AXIS).at((51.0, 2.0, 3.0))
    assert turned.axis == pytest.approx((1.0, 0.0, 0.0))
    assert abs(np.dot(turned.axis, turned.axis_b)) < 1e-9
    assert GripHold(zone, Grip.AXIS).at(zone.centre_mm) == zone
