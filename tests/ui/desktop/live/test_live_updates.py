"""An image arrives in the real window: proposed, accepted or rejected by a person; the history tells the story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from PySide6.QtWidgets import QFileDialog
from scipy.ndimage import map_coordinates

from surgtwin.domain.plan import Plan
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Avoid, Trajectory
from surgtwin.domain.twin import RevisionState, Twin
from surgtwin.pipeline.timeline import read_timeline
from ui.desktop.live.overlay import Look
from ui.desktop.live.proposal_figures import MotionTable
from ui.desktop.live.updates import NOT_SAVED
from ui.desktop.main_window import MainWindow, make_view_grid

pytestmark = pytest.mark.desktop
JOB_MS = 120_000
CLEARLY = 40
"""Grey values of 255: far beyond the noise."""
PUSH_MM = np.array([2.0, -3.0, -8.0])


def write_image(twin: Twin, values: np.ndarray, path: Path) -> Path:
    grid = twin.primary.grid
    image = SimpleITK.GetImageFromArray(values.astype(np.int16))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture
def breathed(twin: Twin, tmp_path: Path) -> Path:
    """The twin's image after the liver was pushed by some millimetres."""
    grid = twin.primary.grid
    k, j, i = np.indices(grid.shape)
    places = grid.to_lps(np.stack([i, j, k], axis=-1))
    near = np.exp(-((np.linalg.norm(places - grid.center() - [-55, -15, 25], axis=-1) / 90.0) ** 2))
    from_ijk = grid.to_ijk(places - near[..., None] * PUSH_MM)
    values = map_coordinates(twin.primary.values, np.moveaxis(from_ijk[..., ::-1], -1, 0), order=1, mode="nearest")
    return write_image(twin, values, tmp_path / "breathed.nrrd")


@pytest.fixture
def mirrored(twin: Twin, tmp_path: Path) -> Path:
    """Something that is not this patient's abdomen as it lies."""
    values = np.roll(np.asarray(twin.primary.values)[:, ::-1, ::-1], 14, axis=0)
    return write_image(twin, values, tmp_path / "mirrored.nrrd")


def opened(make_window: Any, case: Path, qtbot: Any, **how: Any) -> MainWindow:
    window = make_window(**how)
    with qtbot.waitSignal(window.opener.twin_opened, timeout=JOB_MS):
        window.commands.open_path(case)
    return window


@pytest.fixture
def window(make_window: Any, case: Path, qtbot: Any) -> MainWindow:
    """With the twin open from the disk."""
    return opened(make_window, case, qtbot)


def propose(window: MainWindow, image: Path, qtbot: Any) -> None:
    window.live.take_in(image)
    qtbot.waitUntil(lambda: window.live.updates.page is not None, timeout=JOB_MS)


def answer(window: MainWindow, button: str, qtbot: Any) -> None:
    getattr(window.live.updates.page, button).click()
    qtbot.waitUntil(lambda: window.live.updates.page is None and not window.jobs.is_running, timeout=JOB_MS)


def needle(twin: Twin) -> Trajectory:
    tumour = twin.mesh("liver tumour")
    assert tumour is not None
    target = tumour.vertices_mm.mean(axis=0)
    entry = target + np.array([-10.0, -95.0, 0.0])
    ends = [tuple(float(v) for v in p) for p in (entry, target)]
    return Trajectory("Needle 1", ends[0], ends[1], NeedleTool(0.9, 150.0), (Avoid("portal vein", 10.0),))


def test_a_whole_operation_is_told_by_the_history(
    make_window: Any, case: Path, breathed: Path, mirrored: Path, twin: Twin, qtbot: Any
) -> None:
    window = opened(make_window, case, qtbot)
    window.planning.book.apply(Plan(trajectories=(needle(twin),)), "Lay a needle")
    window.commands.save()
    propose(window, breathed, qtbot)
    page = window.live.updates.page
    assert page.accept.isEnabled()
    assert window.live.history.current == 1
    answer(window, "accept", qtbot)
    assert (window.live.history.current, window.live.history.shown) == (2, 2)
    assert window.state.can_edit
    carried = window.planning.book.drafts[0].plan.trajectories[0]
    moved = np.subtract(carried.target_mm, needle(twin).target_mm)
    # Voxels of 5 x 4 x 10 mm leave the motion uncertain; standing still would be wrong by all of it.
    assert np.linalg.norm(moved - PUSH_MM) < 0.5 * np.linalg.norm(PUSH_MM)
    propose(window, mirrored, qtbot)
    assert not window.live.updates.page.accept.isEnabled()
    assert "can't be accepted" in window.live.updates.page.reason.text()
    answer(window, "reject", qtbot)
    assert window.live.history.current == 2
    window.close()
    again = opened(make_window, case, qtbot)
    assert (again.live.history.current, again.live.history.shown) == (2, 2)
    states = [row.revision.state for row in read_timeline(case)]
    assert states == [RevisionState.SUPERSEDED, RevisionState.ACCEPTED, RevisionState.REJECTED]
    deeds = [[deed.word for deed in row.deeds] for row in read_timeline(case)]
    assert deeds == [["added"], ["added", "accepted"], ["added", "rejected"]]
    assert [b.text().split()[0] for b in again.timeline.buttons.values()] == ["\u25cb", "\u2713", "\u2715"]


def test_a_proposal_that_was_put_off_can_be_judged_after_a_restart(
    make_window: Any, case: Path, breathed: Path, qtbot: Any
) -> None:
    window = opened(make_window, case, qtbot)
    propose(window, breathed, qtbot)
    answer(window, "later", qtbot)
    assert window.live.history.current == 1
    window.close()
    again = opened(make_window, case, qtbot)
    assert again.notice.text.text() == "Revision 2 waits for an answer."
    assert again.actions_table["live_judge"].isEnabled()
    again.actions_table["live_judge"].trigger()
    qtbot.waitUntil(lambda: again.live.updates.page is not None, timeout=JOB_MS)
    answer(again, "accept", qtbot)
    assert again.live.history.current == 2


def test_the_images_are_shown_on_one_another(window: MainWindow, breathed: Path, qtbot: Any) -> None:
    propose(window, breathed, qtbot)
    page = window.live.updates.page
    page.resize(900, 700)
    page.show()
    qtbot.waitUntil(lambda: page.overlay is not None and page.overlay.laid is not None, timeout=JOB_MS)
    laid = page.overlay.laid
    known = laid.known_before & laid.known_after
    before, after = (np.abs(laid.arrived.astype(int) - image) for image in (laid.before, laid.after))
    differs = known & (before > CLEARLY)
    assert differs.any()
    assert after[differs].mean() < 0.7 * before[differs].mean()
    page.overlay.looks[Look.DIFFERENCE].click()
    assert page.overlay.look is Look.DIFFERENCE
    page.overlay.blink.click()
    seen = set()

    def both_seen() -> bool:
        seen.add(page.overlay.look)
        return {Look.BASE, Look.ARRIVED} <= seen

    qtbot.waitUntil(both_seen, timeout=JOB_MS)
    page.overlay.blink.click()
    answer(window, "later", qtbot)


def test_plans_that_are_not_saved_keep_a_proposal_from_being_accepted(
    window: MainWindow, breathed: Path, twin: Twin, qtbot: Any
) -> None:
    propose(window, breathed, qtbot)
    page = window.live.updates.page
    window.planning.book.apply(Plan(trajectories=(needle(twin),)), "Lay a needle")
    assert not page.accept.isEnabled()
    assert "Save the plans first" in page.reason.text()
    window.commands.save()
    assert page.accept.isEnabled()
    answer(window, "later", qtbot)


def test_an_unsaved_twin_takes_nothing_in(make_window: Any, twin: Twin, breathed: Path) -> None:
    window = make_window()
    window.state.open_twin(twin)
    window.live.take_in(breathed)
    assert NOT_SAVED in window.notice.text.text()
    assert not window.jobs.is_running


def test_a_file_that_is_no_image_changes_nothing(window: MainWindow, case: Path, tmp_path: Path, qtbot: Any) -> None:
    bad = tmp_path / "empty"
    bad.mkdir()
    with qtbot.waitSignal(window.jobs.failed, timeout=JOB_MS):
        window.live.take_in(bad)
    assert window.live.updates.page is None
    assert len(read_timeline(case)) == 1


def test_taking_in_can_be_cancelled_and_leaves_no_revision(
    window: MainWindow, case: Path, breathed: Path, qtbot: Any
) -> None:
    window.jobs.started.connect(lambda title: window.jobs.cancel() if "on the twin" in title else None)
    with qtbot.waitSignal(window.jobs.cancelled, timeout=JOB_MS):
        window.live.take_in(breathed)
    assert window.live.updates.page is None
    assert len(read_timeline(case)) == 1


def test_an_older_revision_is_marked_seen_alike_and_left_again(
    make_window: Any, case: Path, breathed: Path, qtbot: Any
) -> None:
    window = opened(make_window, case, qtbot, make_views=make_view_grid)
    qtbot.waitUntil(lambda: window.views.scene.render_window is not None, timeout=JOB_MS)
    propose(window, breathed, qtbot)
    answer(window, "accept", qtbot)
    window.views.scene.look_from("left")
    window.state.set_visible("spleen", False)
    before = window.views.scene.camera.GetPosition()
    window.timeline.buttons[1].click()
    qtbot.waitUntil(lambda: window.live.history.shown == 1, timeout=JOB_MS)
    assert window.live.history.is_behind
    assert not window.state.can_edit
    assert not window.state.visible("spleen")
    assert window.views.scene.camera.GetPosition() == pytest.approx(before)
    mark = next(g for g in window.views.scene.guests._listed if type(g).__name__ == "RevisionMark")
    assert mark.words(2000.0) == "REVISION 1 (superseded): revision 2 is the one that counts"
    assert "REVISION 1" in mark.words(200.0)
    window.actions_table["revision_after"].trigger()
    qtbot.waitUntil(lambda: window.live.history.shown == 2, timeout=JOB_MS)
    assert window.state.can_edit
    assert mark.words(2000.0) == ""


def test_two_revisions_are_compared_and_the_older_one_counts_again(
    make_window: Any, case: Path, breathed: Path, qtbot: Any
) -> None:
    window = opened(make_window, case, qtbot, make_views=make_view_grid)
    propose(window, breathed, qtbot)
    answer(window, "accept", qtbot)
    window.actions_table["history"].trigger()
    page = window.live.history_page
    assert page.table.rowCount() == 2
    page._select(1)
    page.compare.click()
    qtbot.waitUntil(lambda: page.comparison is not None, timeout=JOB_MS)
    table = page.comparison.table
    rows = {table.item(n, 0).text(): table.item(n, 3).text() for n in range(table.rowCount())}
    assert "its middle moved" in rows["liver tumour"]
    assert page.comparison.scenes[0].camera is page.comparison.scenes[1].camera
    page.comparison.close_button.click()
    page.back.click()
    qtbot.waitUntil(lambda: window.live.history.current == 1 and not window.jobs.is_running, timeout=JOB_MS)
    assert window.state.can_edit
    assert [row.revision.state for row in read_timeline(case)] == [RevisionState.ACCEPTED, RevisionState.SUPERSEDED]
    assert "made the one that counts again" in deed_words(read_timeline(case)[0])
    window.actions_table["history"].trigger()
    assert window.live.history_page is None


def deed_words(row: Any) -> str:
    from ui.desktop.live.revision_words import DEED_WORDS

    return " ".join(DEED_WORDS[deed.word] for deed in row.deeds)


def test_live_figures_of_an_older_revision_say_so(window: MainWindow, breathed: Path, qtbot: Any) -> None:
    propose(window, breathed, qtbot)
    answer(window, "accept", qtbot)
    window.live.history.show(1)
    qtbot.waitUntil(lambda: window.live.history.shown == 1, timeout=JOB_MS)
    words = "Figures are of revision 1; revision 2 is the one that counts."
    assert words in window.live.panel.display.reason.text()
    window.live.history.show(2)
    assert words not in window.live.panel.display.reason.text()


def test_taking_in_a_scan_and_seeing_what_changed_is_five_actions_at_most(
    window: MainWindow, breathed: Path, qtbot: Any
) -> None:
    assert window.actions_table["live_take"].isEnabled()
    window.actions_table["live_take"].trigger()
    dialog = window.findChild(QFileDialog)
    assert dialog is not None
    dialog.fileSelected.emit(str(breathed))
    dialog.close()
    qtbot.waitUntil(lambda: window.live.updates.page is not None, timeout=JOB_MS)
    motions = window.live.updates.page.findChild(MotionTable)
    moved = {motions.item(n, 0).text(): float(motions.item(n, 1).text()) for n in range(motions.rowCount())}
    assert moved["liver"] > 2.0 > moved["left kidney"]
    answer(window, "later", qtbot)


def test_escape_leaves_the_pages_and_the_proposal_waits(window: MainWindow, breathed: Path, qtbot: Any) -> None:
    propose(window, breathed, qtbot)
    qtbot.waitUntil(lambda: not window.jobs.is_running, timeout=JOB_MS)
    window.actions_table["cancel"].trigger()
    assert window.live.updates.page is None
    assert [row.revision.number for row in window.live.history.proposed] == [2]
    window.actions_table["history"].trigger()
    assert window.live.history_page is not None
    window.actions_table["cancel"].trigger()
    assert window.live.history_page is None
    assert not window.actions_table["cancel"].isEnabled()
