"""The first tasks of a surgeon, each at most five actions from the opening screen, with the real views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from surgtwin.domain.twin import Twin
from ui.desktop.main_window import MainWindow, make_view_grid
from ui.desktop.panels.structure_list import Column

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
    return hand


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
