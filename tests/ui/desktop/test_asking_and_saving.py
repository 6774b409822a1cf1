"""CT or MR is asked, organs are found on request, and a copy keeps the history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from surgtwin.domain.twin import Side, Twin
from surgtwin.domain.volume import Modality
from surgtwin.store.journal import read_events
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from ui.desktop.dialogs.modality_dialog import ModalityDialog
from ui.desktop.views.view_frame import LEAST_WIDTH, ViewFrame
from ui.desktop.views.view_grid import ViewGrid
from ui.render.reslice import SlabMode

pytestmark = pytest.mark.desktop
JOB_MS = 20_000


@pytest.fixture
def odd_file(tmp_path: Path) -> Path:
    """Values that look like neither CT nor MR."""
    values = np.random.default_rng(3).random((12, 14, 16), dtype=np.float32) * 5 - 2
    path = tmp_path / "odd.nii.gz"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    return path


def asked(window: Any) -> ModalityDialog | None:
    return next((d for d in window.findChildren(ModalityDialog) if d.isVisible()), None)


def test_an_image_of_unknown_kind_is_asked_about_and_the_answer_is_kept(
    make_window: Any, odd_file: Path, qtbot: Any
) -> None:
    window = make_window()
    window.commands.open_path(odd_file)
    qtbot.waitUntil(lambda: asked(window) is not None, timeout=JOB_MS)
    dialog = asked(window)
    assert dialog is not None
    assert window.state.volume.modality is Modality.OTHER
    assert not dialog.accept_button.isEnabled()
    dialog.buttons.button(1).click()
    with qtbot.waitSignal(window.opener.twin_built, timeout=JOB_MS):
        dialog.accept_button.click()
    assert window.state.twin.primary.modality is Modality.MR
    codes = {f.code for f in window.state.twin.findings}
    assert "modality-stated" in codes
    assert "modality-inferred" not in codes


def test_looking_without_answering_leaves_the_image_and_offers_the_organs(
    make_window: Any, odd_file: Path, qtbot: Any
) -> None:
    window = make_window()
    window.commands.open_path(odd_file)
    qtbot.waitUntil(lambda: asked(window) is not None, timeout=JOB_MS)
    asked(window).reject()
    assert window.state.volume is not None
    assert window.notice.isVisible()
    assert window.actions_table["find_organs"].isEnabled()


def test_after_cancel_the_organs_can_be_found_without_opening_again(
    make_window: Any, nifti: Path, slow_segmenter: Any, qtbot: Any
) -> None:
    window = make_window(slow_segmenter)
    window.commands.open_path(nifti)
    qtbot.waitUntil(slow_segmenter.started.is_set, timeout=JOB_MS)
    with qtbot.waitSignal(window.jobs.idle, timeout=JOB_MS):
        window.commands.cancel_job()
    assert window.notice.isVisible()
    slow_segmenter.release.set()
    with qtbot.waitSignal(window.opener.twin_built, timeout=JOB_MS):
        window.actions_table["find_organs"].trigger()
    assert not window.actions_table["find_organs"].isEnabled()


def test_save_as_keeps_the_whole_history_and_lets_go_of_the_old_place(
    make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    old, new = tmp_path / "old.twin", tmp_path / "new.twin"
    save_twin(twin, old)
    with TwinWriter(old) as writer:
        writer.append(replace(writer.twin, findings=()), "read again")
    window = make_window()
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(old)
    window.state.set_side(Side.LEFT)
    with qtbot.waitSignal(window.saver.saved, timeout=JOB_MS):
        window.saver.save_as(new)
    assert read_events(new) == read_events(old)
    assert len(window.revisions) == 2
    window.state.accept("liver", "AB")
    assert "liver" not in load_twin(old).accepted
    assert "liver" in load_twin(new).accepted
    with TwinWriter(old) as writer:
        assert writer.twin.operated_side is Side.LEFT


def test_a_read_only_twin_becomes_ones_own_by_save_as(make_window: Any, twin: Twin, tmp_path: Path, qtbot: Any) -> None:
    old, new = tmp_path / "old.twin", tmp_path / "new.twin"
    save_twin(twin, old)
    with TwinWriter(old):
        window = make_window()
        with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
            window.commands.open_path(old)
        assert window.state.read_only
        with qtbot.waitSignal(window.saver.saved, timeout=JOB_MS):
            window.saver.save_as(new)
    assert not window.state.read_only
    assert window.state.path == new


def test_slab_mode_is_shared_and_waits_for_a_thickness(window: Any, qtbot: Any) -> None:
    slices = window.right.currentWidget().slices
    assert not slices.slab_mode.isEnabled()
    window.state.set_slab(10.0)
    assert slices.slab_mode.isEnabled()
    slices.slab_mode.setCurrentIndex(1)
    slices.slab_mode.activated.emit(1)
    assert window.state.slab_mode is SlabMode.MIP


def test_the_list_of_structures_comes_first_where_there_is_little_height(window: Any) -> None:
    panel = window.structures
    window.state.select("liver tumour")
    panel.resize(280, 360)
    assert panel.detail.isVisible()
    assert panel.tree.height() > panel.height() * 0.4
    window.state.select("liver")
    assert "\u25c7" in panel.detail.volume.text()
    assert not panel.detail.status.isVisible()


def test_views_made_after_a_twin_was_opened_show_it(state: Any, qtbot: Any) -> None:
    views = ViewGrid(state)
    qtbot.addWidget(views)
    assert set(views.scene.items) == {m.name for m in state.twin.meshes}
    assert all(view.subject is not None for view in views.slices.values())
    views.dispose()


def test_what_the_3d_view_says_of_a_structure_follows_its_acceptance(state: Any, qtbot: Any) -> None:
    views = ViewGrid(state)
    qtbot.addWidget(views)
    views.resize(900, 700)
    with qtbot.waitExposed(views):
        views.show()
    state.select("liver")
    qtbot.waitUntil(lambda: views.scene.render_window is not None or bool(views.scene.problem), timeout=JOB_MS)
    before = views.scene.grab().toImage()
    state.accept("liver", "AB")
    assert views.scene.grab().toImage() != before
    views.dispose()


def test_camera_letters_go_where_a_view_is_narrow(qtbot: Any) -> None:
    frame = ViewFrame("3d", "3D", QWidget())
    qtbot.addWidget(frame)
    buttons = [frame.add_button(letter, letter, lambda: None) for letter in "APLRSI"]
    frame.resize(600, 300)
    with qtbot.waitExposed(frame):
        frame.show()
    assert all(b.isVisible() for b in buttons)
    assert frame.minimumSizeHint().width() <= LEAST_WIDTH
    frame.resize(LEAST_WIDTH, 300)
    qtbot.waitUntil(lambda: not any(b.isVisible() for b in buttons))
    with qtbot.waitSignal(frame.maximise_asked):
        qtbot.mouseClick(frame._maximise, Qt.MouseButton.LeftButton)
