"""The window: banner, panels, search, opening, saving, a second program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from surgtwin.domain.measurement import MeasurementKind
from surgtwin.domain.twin import Side, Twin
from surgtwin.settings import MouseProfile, Settings, load_settings
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from ui.desktop.main_window import MainWindow
from ui.desktop.panels.structure_list import Column

pytestmark = pytest.mark.desktop
JOB_MS = 20_000


def row_of(window: MainWindow, name: str) -> int:
    return window.structures.filter.mapFromSource(
        window.structures.model.index(window.structures.model.row_of(name), 0)
    ).row()


def click(window: MainWindow, qtbot: Any, name: str, column: Column) -> None:
    tree = window.structures.tree
    index = window.structures.filter.index(row_of(window, name), column)
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualRect(index).center())


def pixels(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., :3].copy()


def test_empty_window_teaches_what_to_do(make_window: Any) -> None:
    window = make_window()
    assert window.middle.currentWidget() is window.empty
    assert window.empty.open_folder.isVisible()
    assert not window.left.isVisible()
    assert not window.right.isVisible()
    assert window.banner.name.whole_text == "No patient open"
    assert window.banner.research.isVisible()


def test_banner_shows_identity_series_revision_and_side(window: MainWindow) -> None:
    banner = window.banner
    assert banner.name.whole_text == "ZYXWHOLM, Ottoline"
    assert banner.details.whole_text == "ID QX-774411  ·  born 1961-04-12  ·  female"
    assert banner.series.whole_text == "Abdomen portal venous 5.0"
    assert banner.revision.whole_text == "Revision 1 of 1"
    assert "NOT SAVED" in banner.saved.whole_text
    assert banner.side.text() == "Side: NOT STATED"
    assert banner.name.text() == banner.name.whole_text, "the patient's name is cut off"


def test_eye_hides_a_structure_and_the_panel_shows_it(window: MainWindow, qtbot: Any) -> None:
    before = pixels(window.structures.tree.viewport())
    click(window, qtbot, "spleen", Column.EYE)
    assert not window.state.visible("spleen")
    rect = window.structures.tree.visualRect(window.structures.filter.index(row_of(window, "spleen"), Column.EYE))
    after = pixels(window.structures.tree.viewport())
    inside = np.s_[rect.top() : rect.bottom(), rect.left() : rect.right()]
    assert (before[inside] != after[inside]).any()
    click(window, qtbot, "spleen", Column.EYE)
    assert window.state.visible("spleen")


def test_keys_toggle_and_solo_the_selected_structure(window: MainWindow, qtbot: Any) -> None:
    click(window, qtbot, "liver", Column.NAME)
    assert window.state.selected == "liver"
    qtbot.keyClick(window.structures.tree, Qt.Key.Key_Space)
    assert not window.state.visible("liver")
    window.actions_table["solo"].trigger()
    assert window.state.soloed == "liver"
    assert window.structures.detail.solo.isChecked()


def test_search_leaves_the_rows_that_hold_every_word(window: MainWindow, qtbot: Any) -> None:
    qtbot.keyClicks(window.structures.search, "kid le")
    shown = [
        window.structures.filter.index(n, Column.NAME).data().strip()
        for n in range(window.structures.filter.rowCount())
    ]
    assert shown == ["left kidney"]


def test_rows_show_volumes_that_are_the_label_maps(window: MainWindow, twin: Twin) -> None:
    model = window.structures.model
    for n in range(model.rowCount()):
        structure = model.structure(n)
        shown = model.index(n, Column.VOLUME).data().replace("\u202f", "")
        assert shown == f"{twin.labels.volume_ml(structure):.0f} mL"


def test_organ_with_parts_says_how_large_it_is_with_them(window: MainWindow, twin: Twin) -> None:
    window.state.select("liver")
    liver = twin.labels.structure("liver")
    assert window.structures.detail.parts.text() == f"{twin.labels.with_parts_ml(liver):.0f} mL with its parts"
    window.state.select("spleen")
    assert not window.structures.detail.parts.isVisible()


def test_not_accepted_is_marked_until_a_person_accepts(window: MainWindow, qtbot: Any) -> None:
    assert window.structures.footer.whole_text == "\u25c7 9 of 9 not accepted by a person"
    window.state.select("liver")
    qtbot.mouseClick(window.structures.detail.accept, Qt.MouseButton.LeftButton)
    assert window.state.is_accepted("liver")
    assert window.structures.footer.whole_text == "\u25c7 8 of 9 not accepted by a person"
    assert window.actions_table["undo"].text() == "Undo: Accept liver"
    window.actions_table["undo"].trigger()
    assert not window.state.is_accepted("liver")


def test_side_is_confirmed_by_a_person_and_warned_about(make_window: Any, make_other_twin: Any, qtbot: Any) -> None:
    window = make_window()
    window.state.open_twin(make_other_twin(without=("right kidney",)))
    dialog = window.commands.choose_side(Side.RIGHT)
    assert dialog is not None
    assert "Only the left kidney was found" in dialog.warning_text
    assert window.state.twin.operated_side is Side.NOT_STATED
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    assert window.state.twin.operated_side is Side.RIGHT
    assert window.banner.side.text() == "Side: RIGHT"
    assert window.notice.isVisible()
    assert "Only the left kidney" in window.notice.text.text()


def test_side_that_fits_gives_no_warning_and_can_be_dismissed(window: MainWindow, qtbot: Any) -> None:
    dialog = window.commands.choose_side(Side.LEFT)
    assert dialog is not None
    assert dialog.warning_text == ""
    qtbot.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    assert window.state.twin is not None
    assert window.state.twin.operated_side is Side.NOT_STATED


def test_findings_stand_worst_first_and_lead_to_their_place(window: MainWindow, twin: Twin) -> None:
    panel = window.right.currentWidget()
    order = [f.severity.value for f in panel.findings.findings()]
    assert order == ["error", "warning", "info"]
    window.state.set_cursor(twin.primary.grid.to_lps((0, 0, 0)))
    panel.findings.go_to.emit(panel.findings.findings()[0])
    assert np.allclose(window.state.cursor_mm, twin.primary.grid.center(), atol=1e-6)


def test_window_presets_set_the_window(window: MainWindow, qtbot: Any) -> None:
    section = window.right.currentWidget().window_section
    button, wanted = section.presets["Liver"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.state.window == wanted
    assert (wanted.width, wanted.level) == (150, 90)
    assert section.width_box.value() == 150


def test_probe_reads_the_voxel_under_the_pointer(window: MainWindow, twin: Twin) -> None:
    tumour = twin.mesh("liver tumour")
    assert tumour is not None
    ijk = np.round(twin.primary.grid.to_ijk(tumour.vertices_mm.mean(axis=0)))
    i, j, k = ijk.astype(int)
    window.state.set_pointer(tuple(twin.primary.grid.to_lps(ijk)))
    section = window.right.currentWidget().probe
    assert section.value.text() == f"{twin.primary.values[k, j, i]} HU"
    assert section.structures.text() == "liver tumour, body" or set(section.structures.text().split(", ")) == {
        "liver tumour", "body",
    }  # fmt: skip


def test_search_field_finds_structures_and_commands(window: MainWindow, qtbot: Any) -> None:
    window.actions_table["search"].trigger()
    qtbot.keyClicks(window.search_box, "aorta")
    qtbot.keyClick(window.search_box, Qt.Key.Key_Return)
    assert window.state.selected == "aorta"
    window.search_box.hits()
    window.search_box.choose("Show only liver")
    assert {n for n in window.state.structure_names() if window.state.visible(n)} == {"liver", "liver tumour"}


def test_twin_is_built_saved_and_edits_go_to_disk(window: MainWindow, tmp_path: Path, qtbot: Any) -> None:
    assert window.notice.isVisible()
    window.state.set_side(Side.RIGHT)
    with qtbot.waitSignal(window.saver.saved, timeout=JOB_MS):
        window.saver.choose_folder(tmp_path / "twins")
    assert window.state.is_saved
    assert not window.state.read_only
    assert "saved" in window.banner.saved.whole_text
    window.state.accept("liver", "AB")
    window.state.measure(MeasurementKind.DISTANCE, ((0, 0, 0), (3, 4, 0)))
    path = window.state.path
    assert path is not None
    window.state.undo()
    window.state.close()
    with TwinWriter(path) as writer:
        assert writer.twin.accepted == {"liver"}
        assert writer.twin.measurements == ()
        assert writer.twin.operated_side is Side.RIGHT
    assert load_settings().twins_folder == str(tmp_path / "twins")
    assert load_settings().recent[0].path == str(path)


def test_second_program_opens_it_read_only_and_says_so(
    make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    first, second = make_window(), make_window()
    for window in (first, second):
        with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
            window.commands.open_path(path)
    assert not first.state.read_only
    assert second.state.read_only
    assert "READ-ONLY" in second.banner.saved.whole_text
    assert second.notice.isVisible()
    assert not second.actions_table["accept"].isEnabled()
    assert not second.banner.side.isEnabled()
    first.state.close()
    with qtbot.waitSignal(second.opener.twin_opened, timeout=JOB_MS):
        second.commands.open_path(path)
    assert not second.state.read_only


def test_dropped_image_is_built_with_progress_and_shown_before_it_is_done(
    make_window: Any, slow_segmenter: Any, nifti: Path, qtbot: Any
) -> None:
    window = make_window(slow_segmenter)
    drop(window, nifti)
    qtbot.waitUntil(slow_segmenter.started.is_set, timeout=JOB_MS)
    qtbot.waitUntil(lambda: window.timeline.job.bar.value() > 0, timeout=JOB_MS)
    assert window.timeline.job.stage.text() == "Finding organs"
    assert window.state.volume is not None
    assert window.state.twin is None
    assert window.middle.currentWidget().isAncestorOf(window.views)
    assert window.timeline.job.isVisible()
    assert window.state.busy
    slow_segmenter.release.set()
    with qtbot.waitSignal(window.opener.twin_built, timeout=JOB_MS):
        pass
    assert window.state.twin is not None
    qtbot.waitUntil(lambda: not window.state.busy)
    assert not window.timeline.job.isVisible()


def test_cancel_stops_the_build_and_leaves_the_images(
    make_window: Any, slow_segmenter: Any, nifti: Path, qtbot: Any
) -> None:
    window = make_window(slow_segmenter)
    window.commands.open_path(nifti)
    qtbot.waitUntil(slow_segmenter.started.is_set, timeout=JOB_MS)
    with qtbot.waitSignal(window.jobs.cancelled, timeout=JOB_MS):
        qtbot.mouseClick(window.timeline.job.cancel, Qt.MouseButton.LeftButton)
    assert slow_segmenter.was_cancelled
    assert window.state.twin is None
    assert window.state.volume is not None
    assert not window.state.busy
    assert window.errors.dialog is None


def test_opening_during_a_build_asks_first(make_window: Any, slow_segmenter: Any, nifti: Path, qtbot: Any) -> None:
    window = make_window(slow_segmenter)
    window.commands.open_path(nifti)
    qtbot.waitUntil(slow_segmenter.started.is_set, timeout=JOB_MS)
    window.commands.open_path(nifti)
    assert window.jobs.is_running
    assert not slow_segmenter.was_cancelled
    assert "Stop it" in window.notice.text.text()


def test_folder_without_images_says_so(make_window: Any, tmp_path: Path, qtbot: Any) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "notes.txt").write_text("no image")
    window = make_window()
    with qtbot.waitSignal(window.errors.shown, timeout=JOB_MS) as heard:
        window.commands.open_path(tmp_path / "nothing")
    assert heard.args[0].title == "No images found here"
    assert not window.state.busy


def test_close_of_an_unsaved_twin_asks_once(window: MainWindow) -> None:
    window.close()
    assert window.isVisible()
    assert "not saved" in window.notice.text.text()
    window.leaves_unsaved = True
    window.close()
    assert not window.isVisible()


def test_settings_survive_a_restart_and_a_damaged_file(make_window: Any, own_settings: Path, qtbot: Any) -> None:
    window = make_window()
    dialog = window.commands.show_settings()
    dialog.mouse.setCurrentIndex(dialog.mouse.findData(MouseProfile.SLICER))
    dialog.scale.setCurrentIndex(dialog.scale.findData(200))
    dialog.reader.setText("AB")
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    assert window.state.mouse_profile is MouseProfile.SLICER
    again = make_window()
    assert again.state.mouse_profile is MouseProfile.SLICER
    assert (again.kept.now.scale_percent, again.kept.reader()) == (200, "AB")
    (own_settings / "settings.json").write_text("{ not json")
    assert load_settings() == Settings()


def test_colour_is_kept_with_the_case(
    window: MainWindow, make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    window.state.set_colour("liver", (10, 200, 30))
    again = make_window()
    with qtbot.waitSignal(again.opener.twin_opened, timeout=JOB_MS):
        again.commands.open_path(path)
    assert again.state.colour("liver") == (10, 200, 30)


def test_recent_twins_stand_on_the_opening_screen_and_open(
    make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    window = make_window()
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(path)
    window.commands.close_twin()
    assert len(window.empty.cards) == 1
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.empty.cards[0].click()
    assert window.state.twin is not None


def test_export_offers_what_is_shown(window: MainWindow) -> None:
    dialog = window.commands.ask_export()
    assert dialog is not None
    order = dialog.order()
    assert order.names == set(window.state.structure_names()) - {"body"}
    assert order.formats == ("stl",)
    dialog.formats["stl"].setChecked(False)
    assert not dialog.accept_button.isEnabled()


def test_no_two_actions_share_a_shortcut(window: MainWindow) -> None:
    keys = [k.lower() for row in window.actions_table.rows for k in row.shortcuts]
    assert len(keys) == len(set(keys))


def test_keyboard_help_lists_every_shortcut(window: MainWindow) -> None:
    dialog = window.commands.show_shortcuts()
    texts = {w.text() for w in dialog.findChildren(QWidget) if hasattr(w, "text")}
    for row in window.actions_table.rows:
        if row.shortcuts:
            assert row.text.replace("&", "").rstrip("…") in texts


def test_about_says_what_it_is_not(window: MainWindow) -> None:
    texts = " ".join(w.text() for w in window.commands.show_about().findChildren(QWidget) if hasattr(w, "text"))
    assert "Research use only. Not a medical device." in texts


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(QPoint(50, 300)), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    window.dropEvent(event)
