"""The first tasks of a surgeon, each at most five actions from the opening screen, with the real views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from surgtwin.domain.cut import ShellCut
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.twin import Twin
from surgtwin.domain.verdict import Verdict
from tests.ui.desktop.plan_hand import wait_exact
from ui.desktop.main_window import MainWindow, make_view_grid
from ui.desktop.panels.structure_list import Column
from ui.desktop.planning.panel import PlanPanel

pytestmark = pytest.mark.desktop
MOST_ACTIONS = 5
JOB_MS = 20_000


class Hand:
    """Clicks, keys and drops, counted."""

    def __init__(self, window: MainWindow, qtbot: Any) -> None:
        self.window, self._qtbot, self.actions = window, qtbot, 0

    def click(self, widget: QWidget, place: QPoint | None = None) -> None:
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place or widget.rect().center())
        self.actions += 1

    def click_row(self, name: str, column: Column) -> None:
        panel = self.window.structures
        index = panel.filter.mapFromSource(panel.model.index(panel.model.row_of(name), column))
        self.click(panel.tree.viewport(), panel.tree.visualRect(index).center())

    def command(self, key: str) -> None:
        """A key, a menu item or a button of the tool row."""
        assert self.window.actions_table[key].isEnabled()
        self.window.actions_table[key].trigger()
        self.actions += 1

    def drop(self, path: Path) -> None:
        self.window.commands.open_path(path)
        self.actions += 1


@pytest.fixture
def hand(make_window: Any, qtbot: Any) -> Hand:
    return Hand(make_window(make_views=make_view_grid), qtbot)


@pytest.fixture
def hand_with_twin(hand: Hand, twin: Twin, qtbot: Any) -> Hand:
    hand.window.state.open_twin(twin)
    qtbot.waitUntil(hand.window.views.isVisible)
    qtbot.waitUntil(lambda: hand.window.views.scene.render_window is not None, timeout=JOB_MS)
    return hand


def plan_mode(hand: Hand) -> PlanPanel:
    """One click on the mode's button."""
    hand.click(hand.window.tool_row.mode_buttons.button(1))
    panel = hand.window.right.currentWidget()
    assert isinstance(panel, PlanPanel)
    return panel


def between_tumour_and_hilum(hand: Hand) -> None:
    """Two clicks in 3D, above and below, half way from the tumour to the portal vein's middle."""
    twin, scene = hand.window.state.twin, hand.window.views.scene
    tumour, vein = (twin.mesh(name).vertices_mm.mean(axis=0) for name in ("liver tumour", "portal vein"))
    between = (tumour + vein) / 2
    for height in (14.0, -14.0):
        place = scene.place_of(tuple(between + np.array([0.0, 0.0, height])))
        hand.click(scene, QPoint(round(place.x()), round(place.y())))


def shown(hand: Hand) -> set[str]:
    return {n for n in hand.window.state.structure_names() if hand.window.state.visible(n)}


def test_open_images_and_see_the_organs(hand: Hand, nifti: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(hand.window.opener.twin_built, timeout=JOB_MS):
        hand.drop(nifti)
    assert hand.window.views.isVisible()
    assert shown(hand) == {"liver"}
    assert hand.actions <= MOST_ACTIONS


def test_hide_everything_but_the_liver_and_its_vessels(hand_with_twin: Hand) -> None:
    hand = hand_with_twin
    hand.command("hide_all")
    hand.click_row("liver", Column.EYE)
    hand.click_row("portal vein", Column.EYE)
    assert shown(hand) == {"liver", "portal vein"}
    assert hand.actions <= MOST_ACTIONS


def test_set_a_liver_window(hand_with_twin: Hand) -> None:
    hand = hand_with_twin
    before = hand.window.views.slices["axial"].grab().toImage()
    hand.click(hand.window.right.currentWidget().window_section.presets["Liver"][0])
    assert (hand.window.state.window.width, hand.window.state.window.level) == (150, 90)
    assert hand.window.views.slices["axial"].grab().toImage() != before
    assert hand.actions <= MOST_ACTIONS


def test_measure_a_tumour(hand_with_twin: Hand, twin: Twin) -> None:
    hand = hand_with_twin
    hand.click_row("liver tumour", Column.NAME)
    hand.command("go_to")
    hand.command("tool_distance")
    axial = hand.window.views.slices["axial"]
    middle = axial.rect().center()
    hand.click(axial, middle - QPoint(30, 0))
    hand.click(axial, middle + QPoint(30, 0))
    kept = hand.window.state.measurements()
    assert len(kept) == 1
    ends = np.asarray(kept[0].points_mm)
    across = np.abs(ends[1] - ends[0])
    assert across.max() == across[0], "a line across the axial view runs from right to left"
    assert hand.window.measurements.list.count() == 1
    assert hand.actions <= MOST_ACTIONS


def test_lay_a_plane_between_tumour_and_hilum_and_read_the_remnant(hand_with_twin: Hand, qtbot: Any) -> None:
    hand = hand_with_twin
    panel = plan_mode(hand)
    hand.click(panel.laying.plane)
    between_tumour_and_hilum(hand)
    wait_exact(hand.window, qtbot)
    assert hand.actions <= MOST_ACTIONS
    numbers = hand.window.planning.desk.judged.numbers["Cut 1"]
    assert panel.figures.percent.isVisible()
    assert panel.figures.percent.text() == f"{numbers.remnant_percent:.0f} %"
    remnant = panel.figures.rows.texts()["Remnant"]
    assert remnant == f"{numbers.remnant.ml:.0f} \u00b1 {numbers.remnant.error_ml:.0f} mL"
    assert numbers.margins[0].min_mm is not None
    assert numbers.margins[0].min_mm > 0


def test_lay_a_cut_and_bend_it_to_a_10_mm_margin(hand_with_twin: Hand, qtbot: Any) -> None:
    hand = hand_with_twin
    panel = plan_mode(hand)
    hand.click(panel.laying.patch)
    between_tumour_and_hilum(hand)
    qtbot.waitUntil(lambda: bool(hand.window.planning.book.plan.resections), timeout=JOB_MS)
    hand.click(next(iter(panel.editors.values())).bend)
    qtbot.waitUntil(lambda: "Bend" in hand.window.state.undo_text, timeout=JOB_MS)
    wait_exact(hand.window, qtbot)
    assert hand.actions <= MOST_ACTIONS
    margin = hand.window.planning.desk.judged.numbers["Cut 1"].margins[0]
    assert margin.min_mm == pytest.approx(10.0, abs=0.6)
    assert panel.margins.line("liver tumour").value.text().startswith(f"{margin.min_mm:.1f}")


def test_find_the_safest_needle_path_to_a_tumour(hand_with_twin: Hand, qtbot: Any) -> None:
    hand = hand_with_twin
    panel = plan_mode(hand)
    hand.click(panel.needles.find_path)
    needles = hand.window.planning.desk.needles
    qtbot.waitUntil(lambda: needles.search is not None, timeout=JOB_MS)
    hand.click(panel.needles.best)
    wait_exact(hand.window, qtbot)
    assert hand.actions <= MOST_ACTIONS
    planned = hand.window.planning.book.plan.trajectories[0]
    assert needles.choice.target == "liver tumour"
    assert planned.entry_mm == needles.search.candidates[0].result.entry_mm
    assert needles.result.verdict is Verdict.SAFE
    assert needles.result.place.lesion == "liver tumour"


def test_compare_two_plans(hand_with_twin: Hand, qtbot: Any) -> None:
    hand = hand_with_twin
    for name, margin_mm in (("Narrow", 5.0), ("Wide", 12.0)):
        surface = ShellCut(("liver tumour",), margin_mm)
        cut = Resection("Cut 1", "liver", surface, (), ("liver tumour",), margin_mm)
        hand.window.planning.book.add(name, Plan(resections=(cut,)), f"Open {name}")
    panel = plan_mode(hand)
    wait_exact(hand.window, qtbot)
    hand.command("plan_compare")
    qtbot.waitUntil(lambda: hand.window.planning.pane is not None, timeout=JOB_MS)
    pane = hand.window.planning.pane
    assert hand.actions <= MOST_ACTIONS
    assert pane.isVisible()
    assert pane.comparison.names == ("Wide", "Narrow")
    wide, narrow = (pane.comparison.row("resected_ml", "liver").number(n) for n in (0, 1))
    assert wide > narrow
    assert pane.table.text_of("liver resected", 1).startswith("\u2713"), "the plan that takes less has the tick"
    assert panel.isVisible()


def test_export_the_liver(hand_with_twin: Hand) -> None:
    hand = hand_with_twin
    dialog = hand.window.commands.ask_export()
    assert dialog is not None
    hand.actions += 1
    dialog.tick_only(("liver",))
    hand.actions += 2
    ordered = []
    dialog.ordered.connect(ordered.append)
    dialog.ordered.disconnect(hand.window.commands.export)
    hand.click(dialog.accept_button)
    assert ordered[0].names == {"liver"}
    assert ordered[0].formats == ("stl",)
    assert hand.actions <= MOST_ACTIONS


def test_accept_a_structure(hand_with_twin: Hand) -> None:
    hand = hand_with_twin
    hand.click_row("spleen", Column.NAME)
    hand.command("accept")
    assert hand.window.state.is_accepted("spleen")
    assert hand.actions <= MOST_ACTIONS


def test_hiding_an_organ_is_seen_in_the_3d_view(hand_with_twin: Hand, qtbot: Any) -> None:
    hand = hand_with_twin
    scene = hand.window.views.scene
    qtbot.waitUntil(lambda: _colourful(scene) > 0.01, timeout=JOB_MS)
    whole = _colourful(scene)
    hand.command("hide_all")
    qtbot.waitUntil(lambda: _colourful(scene) < whole / 4, timeout=JOB_MS)


def _colourful(widget: QWidget) -> float:
    """Share of the pixels that have a colour of their own: organs do, the ground does not."""
    image = widget.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB32)
    rgb = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., :3].astype(int)
    return float((rgb.max(axis=-1) - rgb.min(axis=-1) > 40).mean())
