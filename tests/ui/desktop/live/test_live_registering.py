"""A tracker is registered by touching landmarks, and a tool's tip found by swinging it, in the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from surgtwin.domain.twin import Twin
from surgtwin.live.tool_tip import read_tool_tip, read_tracker_to_image
from tests.ui.desktop.live.test_live_tool import connect, liver_middle
from tests.ui.desktop.live.tracker import TOOL, WAIT_MS, Tracker
from ui.desktop.live.panel import LivePanel
from ui.desktop.main_window import MainWindow

pytestmark = pytest.mark.desktop
MakeTracker = Callable[..., Tracker]
LANDMARKS = np.array([[40.0, -30.0, 20.0], [-60.0, 10.0, -15.0], [5.0, 50.0, 60.0], [-20.0, -45.0, -50.0]])


def tracker_from_lps() -> np.ndarray:
    """Anything but the identity: a tracker that stands oblique beside the table."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [25.0, -70.0, 130.0], degrees=True).as_matrix()
    matrix[:3, 3] = (310.0, -95.0, 1200.0)
    return matrix


def touching(place_lps: np.ndarray) -> np.ndarray:
    """The pose in the tracker of a tool whose tip, its marker's origin, touches a place."""
    pose = np.eye(4)
    pose[:3, 3] = place_lps
    return tracker_from_lps() @ pose


def take(window: MainWindow, panel: LivePanel, tracker: Tracker, place: np.ndarray, qtbot: Any) -> None:
    """Cross-hair on the landmark, tool on the patient, and the button."""
    model = panel.register.model
    before, link = len(model.pairs), panel._desk.link
    tracker.poses[TOOL] = touching(place)
    wanted = touching(place)
    qtbot.waitUntil(lambda: np.allclose(link.source.pose(TOOL).matrix, wanted, atol=1e-3), timeout=WAIT_MS)
    window.state.set_cursor(place)
    panel.register.take.click()
    qtbot.waitUntil(lambda: len(model.pairs) == before + 1, timeout=WAIT_MS)


def registered(window: MainWindow, panel: LivePanel, make_tracker: MakeTracker, middle: Any, qtbot: Any) -> Tracker:
    tracker = make_tracker({TOOL: touching(middle + LANDMARKS[0])})
    connect(panel, tracker, qtbot)
    for offset in LANDMARKS:
        take(window, panel, tracker, middle + offset, qtbot)
    return tracker


def test_landmarks_register_the_tracker_and_the_tool_is_where_it_is(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, tmp_path: Path, qtbot: Any
) -> None:
    middle = liver_middle(twin)
    tracker = registered(window, live_panel, make_tracker, middle, qtbot)
    section, desk = live_panel.register, live_panel._desk
    assert section.list.topLevelItemCount() == len(LANDMARKS)
    assert "Expected error at the cross-hair: 0.0 mm" in section.words.text()
    section.use.click()
    place = middle + np.array([12.0, -3.0, 8.0])
    tracker.poses[TOOL] = touching(place)
    qtbot.waitUntil(
        lambda: desk.seen.place is not None and np.allclose(desk.seen.place.tip_mm, place, atol=0.01), timeout=WAIT_MS
    )
    section.save_to(tmp_path / "registration.json")
    kept = read_tracker_to_image(tmp_path / "registration.json", "tracker")
    assert np.allclose(kept.transform.matrix, np.linalg.inv(tracker_from_lps()), atol=1e-3)
    desk.register(desk.link, None)
    assert not desk.seen.is_shown
    live_panel.tool.take_registration(tmp_path / "registration.json")
    qtbot.waitUntil(lambda: desk.seen.is_shown, timeout=WAIT_MS)


def test_points_on_a_line_are_refused_in_words(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    middle = liver_middle(twin)
    tracker = make_tracker({TOOL: touching(middle)})
    connect(live_panel, tracker, qtbot)
    for n in range(3):
        take(window, live_panel, tracker, middle + np.array([20.0 * n, 0.0, 0.0]), qtbot)
    assert "lie on a line" in live_panel.register.words.text()
    assert not live_panel.register.use.isEnabled()
    take(window, live_panel, tracker, middle + np.array([0.0, 40.0, 10.0]), qtbot)
    assert live_panel.register.use.isEnabled()
    live_panel.register.remove.click()
    assert not live_panel.register.use.isEnabled()


def test_a_tip_that_is_not_held_still_is_not_taken(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    middle = liver_middle(twin)
    tracker = make_tracker({})
    tracker.motion = lambda t: {TOOL: touching(middle + np.array([40.0 * np.sin(8.0 * t), 0.0, 0.0]))}
    connect(live_panel, tracker, qtbot)
    live_panel.register.take.click()
    qtbot.waitUntil(lambda: not live_panel.register.model.is_taking, timeout=WAIT_MS)
    assert live_panel.register.model.pairs == ()
    assert "Hold it still" in window.notice.text.text()


def test_another_reference_makes_the_pairs_void(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    tracker = registered(window, live_panel, make_tracker, liver_middle(twin), qtbot)
    tracker.poses["Patient"] = touching(liver_middle(twin))
    desk = live_panel._desk
    qtbot.waitUntil(lambda: "Patient" in desk.link.source.devices, timeout=WAIT_MS)
    live_panel.register.use.click()
    desk.set_reference(desk.link, "Patient")
    assert live_panel.register.model.pairs == ()
    assert not desk.link.calibration.is_registered


def test_a_swung_tool_gives_its_tip_and_too_little_swing_is_refused(
    live_panel: LivePanel, make_tracker: MakeTracker, tmp_path: Path, qtbot: Any
) -> None:
    tip = np.array([3.0, -5.0, -140.0])
    pivot = np.array([100.0, 50.0, 900.0])

    def swung(t: float) -> dict[str, np.ndarray]:
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_euler("xy", [0.6 * np.sin(4 * t), 0.6 * np.cos(5 * t)]).as_matrix()
        pose[:3, 3] = pivot - pose[:3, :3] @ tip
        return {TOOL: pose}

    tracker = make_tracker({TOOL: swung(0.3)[TOOL]})
    desk = connect(live_panel, tracker, qtbot)
    section = live_panel.tip
    section.start.click()
    qtbot.waitUntil(lambda: section.model.count >= 20, timeout=WAIT_MS)
    section.start.click()
    assert "The tool was turned by" in section.words.text()
    assert not section.use.isVisible()
    tracker.motion = swung
    section.start.click()
    qtbot.waitUntil(lambda: section.model.count >= 120, timeout=WAIT_MS)
    section.start.click()
    assert "The tip is known to" in section.words.text()
    section.use.click()
    found = desk.link.calibration.tips[TOOL]
    assert np.allclose(found.tip_mm, tip, atol=0.05)
    section.save_to(tmp_path / "tip.json")
    assert np.allclose(read_tool_tip(tmp_path / "tip.json").tip_mm, found.tip_mm)


def test_a_file_that_is_no_registration_is_told(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, tmp_path: Path, qtbot: Any
) -> None:
    connect(live_panel, make_tracker({TOOL: np.eye(4)}), qtbot)
    bad = tmp_path / "bad.json"
    bad.write_text("[[1, 2], [3, 4]]")
    live_panel.tool.take_registration(bad)
    assert "no 4 x 4 matrix" in window.notice.text.text()
    bad.write_text("{}")
    live_panel.tool.take_tip(tmp_path / "missing.json")
    assert "cannot be read" in window.notice.text.text()
