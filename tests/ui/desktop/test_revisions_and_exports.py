"""Old revisions are looked at read-only and compared; exports carry what is on the screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMenu

from surgtwin.domain.twin import Twin
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from ui.desktop.compare_menu import NOTHING
from ui.desktop.dialogs.export_dialog import ExportOrder
from ui.desktop.main_window import MainWindow, make_view_grid

pytestmark = pytest.mark.desktop
JOB_MS = 20_000


@pytest.fixture
def two_revisions(twin: Twin, make_other_twin: Any, tmp_path: Path) -> Path:
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    other = make_other_twin(without=("spleen",))
    with TwinWriter(path) as writer:
        writer.append(replace(other, case_id=twin.case_id), "after the splenectomy")
    return path


@pytest.fixture
def opened(make_window: Any, two_revisions: Path, qtbot: Any) -> MainWindow:
    window = make_window()
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(two_revisions)
    return window


def test_newest_revision_opens_and_the_timeline_shows_them_all(opened: MainWindow) -> None:
    assert opened.banner.revision.whole_text == "Revision 2 of 2"
    assert sorted(opened.timeline.buttons) == [1, 2]
    assert opened.timeline.buttons[2].isChecked()
    assert not opened.state.read_only


def test_older_revision_is_read_only_and_the_newest_can_be_changed_again(opened: MainWindow, qtbot: Any) -> None:
    with qtbot.waitSignal(opened.opener.twin_opened, timeout=JOB_MS):
        opened.timeline.buttons[1].click()
    assert opened.banner.revision.whole_text == "Revision 1 of 2"
    assert opened.state.read_only
    assert "spleen" in opened.state.structure_names()
    assert "can be looked at, not changed" in opened.notice.text.text()
    with qtbot.waitSignal(opened.opener.twin_opened, timeout=JOB_MS):
        opened.timeline.buttons[2].click()
    assert not opened.state.read_only
    assert "spleen" not in opened.state.structure_names()


def test_two_revisions_stand_side_by_side(make_window: Any, two_revisions: Path, qtbot: Any) -> None:
    window = make_window(make_views=make_view_grid)
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(two_revisions)
    menu = QMenu(window)
    window.comparer.fill(menu)
    assert [a.text().split(",")[0] for a in menu.actions()] == ["Revision 1"]
    with qtbot.waitSignal(window.state.compare_changed, timeout=JOB_MS):
        menu.actions()[0].trigger()
    comparison = window.state.comparison
    assert comparison is not None
    assert comparison.title == "Revision 1"
    assert window.views.compare.isVisible()
    window.actions_table["end_compare"].trigger()
    assert window.state.comparison is None
    assert not window.views.compare.isVisible()


def test_nothing_to_compare_says_so(window: MainWindow) -> None:
    menu = QMenu(window)
    window.comparer.fill(menu)
    assert [a.text() for a in menu.actions()] == [NOTHING]
    assert not menu.actions()[0].isEnabled()


def test_export_writes_what_was_ordered_in_the_colours_shown(window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    window.state.set_colour("liver", (10, 200, 30))
    order = ExportOrder(tmp_path / "surfaces", ("stl", "ply"), frozenset({"liver", "left kidney"}), "RAS")
    with qtbot.waitSignal(window.jobs.finished, timeout=JOB_MS):
        window.commands.export(order)
    names = {p.name for p in order.folder.iterdir()}
    assert {"liver.stl", "liver.ply", "left_kidney.stl", "left_kidney.ply", "manifest.json"} <= names
    manifest = (order.folder / "manifest.json").read_text(encoding="utf-8")
    told = next(s for s in json.loads(manifest)["files"] if s["structure"] == "liver")
    assert told["colour"] == [10, 200, 30]
    for secret in ("zyxwholm", "ottoline", "qx-774411"):
        assert secret not in manifest.lower()


def test_picture_shows_what_the_views_show(window: MainWindow, tmp_path: Path) -> None:
    window.save_picture(tmp_path / "views.png")
    assert (tmp_path / "views.png").stat().st_size > 0
