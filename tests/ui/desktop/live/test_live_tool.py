"""A tool is followed in the real window: shown where it is, withheld with the reason when it is not known where."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from surgtwin.domain.plan import Plan
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.twin import Twin
from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import Guidance, Guide
from surgtwin.live.igtl_image import Image
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.ui.desktop.live.tracker import RAS_FROM_LPS, TOOL, WAIT_MS, Tracker, pose_at
from ui.desktop.live.desk import LiveDesk
from ui.desktop.live.frames_shown import place_of_frame
from ui.desktop.live.guidance_words import DASH
from ui.desktop.live.panel import LivePanel
from ui.desktop.live.seen import NOT_REGISTERED
from ui.desktop.main_window import MainWindow, make_view_grid

pytestmark = pytest.mark.desktop
MakeTracker = Callable[..., Tracker]


def connect(panel: LivePanel, tracker: Tracker, qtbot: Any) -> LiveDesk:
    """By hand: the address, and the button."""
    panel.sources.address.setCurrentText(tracker.address)
    qtbot.mouseClick(panel.sources.connect_button, Qt.MouseButton.LeftButton)
    desk = panel._desk
    qtbot.waitUntil(lambda: bool(desk.device), timeout=WAIT_MS)
    return desk


def followed(panel: LivePanel, tracker: Tracker, qtbot: Any) -> LiveDesk:
    """Connected, and its poses taken as places in the image."""
    desk = connect(panel, tracker, qtbot)
    panel.tool.places.click()
    qtbot.waitUntil(lambda: desk.seen.is_shown, timeout=WAIT_MS)
    return desk


def figures(desk: LiveDesk, qtbot: Any) -> Guidance:
    """The figures that are shown; kept at once, since they are withheld again while this computer is too slow."""
    found: list[Guidance] = []

    def have_come() -> bool:
        guidance = desk.guidance
        found.extend([] if guidance is None else [guidance])
        return bool(found)

    qtbot.waitUntil(have_come, timeout=WAIT_MS)
    return found[0]


def liver_middle(twin: Twin) -> np.ndarray:
    mesh = twin.mesh("liver")
    assert mesh is not None
    return np.asarray(mesh.vertices_mm.mean(axis=0))


def needle_to(target: np.ndarray) -> Trajectory:
    entry = target + np.array([-30.0, -90.0, 10.0])
    return Trajectory(
        "Needle 1", tuple(float(v) for v in entry), tuple(float(v) for v in target), NeedleTool(0.9, 150.0)
    )


@pytest.mark.parametrize("text", ["nonsense", "host:", ":18944", "host:0", "host:65536", "a b:18944", "host:18x"])
def test_an_address_that_is_none_is_told_and_connects_nothing(live_panel: LivePanel, text: str) -> None:
    live_panel.sources.address.setCurrentText(text)
    live_panel.sources.connect_button.click()
    assert live_panel.sources.problem.isVisible()
    assert live_panel._desk.links == ()


def test_nothing_connected_says_what_to_do(live_panel: LivePanel) -> None:
    assert live_panel.sources.hint.isVisible()
    assert not live_panel.display.isVisible()
    assert not live_panel.tool.isVisible()


def test_the_address_is_remembered(live_panel: LivePanel, make_tracker: MakeTracker, qtbot: Any) -> None:
    tracker = make_tracker({TOOL: pose_at((0, 0, 0))})
    connect(live_panel, tracker, qtbot)
    assert live_panel.sources._kept.now.live_sources == (tracker.address,)


def test_a_tool_that_is_not_registered_has_no_figures_and_says_why(
    live_panel: LivePanel, make_tracker: MakeTracker, qtbot: Any
) -> None:
    desk = connect(live_panel, make_tracker({TOOL: pose_at((0, 0, 0))}), qtbot)
    qtbot.waitUntil(lambda: desk.seen.reason == NOT_REGISTERED, timeout=WAIT_MS)
    assert desk.guidance is None
    assert live_panel.display.nearest.value.text() == DASH
    assert live_panel.display.reason.text() == NOT_REGISTERED


def test_figures_are_those_of_the_core_at_the_place_in_lps(
    live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    place = liver_middle(twin) + np.array([3.0, -7.0, 11.0])
    desk = followed(live_panel, make_tracker({TOOL: pose_at(place)}), qtbot)
    guidance = figures(desk, qtbot)
    assert guidance.place is not None
    assert np.allclose(guidance.place.tip_mm, place, atol=1e-3)
    expected = Guide(TwinGeometry(twin)).at(guidance.place, Freshness.LIVE, 0.0).clearances_mm
    found = guidance.clearances_mm
    assert found is not None
    assert expected is not None
    assert found == pytest.approx(expected, abs=1e-3)
    assert found["liver"] < 0 < found["spleen"]


def test_depth_and_offset_follow_the_planned_way(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    way = needle_to(liver_middle(twin))
    window.planning.book.apply(Plan(trajectories=(way,)), "Lay a needle")
    inward = (np.array(way.target_mm) - way.entry_mm) / way.length_mm
    aside = np.cross(inward, [0, 0, 1.0])
    aside /= np.linalg.norm(aside)
    tip = np.array(way.target_mm) - 25.0 * inward + 4.0 * aside
    desk = followed(live_panel, make_tracker({TOOL: pose_at(tip)}), qtbot)
    assert desk.way == way
    offset = figures(desk, qtbot).offset
    assert offset is not None
    assert offset.depth_to_go_mm == pytest.approx(25.0, abs=1e-3)
    assert offset.off_axis_mm == pytest.approx(4.0, abs=1e-3)
    shown = live_panel.display
    qtbot.waitUntil(lambda: (shown.to_go.value.text(), shown.off_axis.value.text()) == ("25.0", "4.0"), timeout=WAIT_MS)


def test_a_breach_is_told_in_words(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    from dataclasses import replace

    from surgtwin.domain.trajectory import Avoid

    way = replace(needle_to(liver_middle(twin)), avoid=(Avoid("spleen", 10.0),))
    window.planning.book.apply(Plan(trajectories=(way,)), "Lay a needle")
    spleen = twin.mesh("spleen")
    assert spleen is not None
    desk = followed(live_panel, make_tracker({TOOL: pose_at(spleen.vertices_mm.mean(axis=0))}), qtbot)
    assert "BREACH" in figures(desk, qtbot).warnings[0]
    label = live_panel.display.warnings[0]
    qtbot.waitUntil(lambda: label.isVisible() and "BREACH" in label.text(), timeout=WAIT_MS)
    assert "inside spleen" in label.text()


def test_a_lost_tool_is_withheld_and_comes_back(
    live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    place = liver_middle(twin)
    tracker = make_tracker({TOOL: pose_at(place)})
    desk = followed(live_panel, tracker, qtbot)
    qtbot.waitUntil(lambda: desk.guidance is not None, timeout=WAIT_MS)
    tracker.lose()
    qtbot.waitUntil(lambda: not desk.seen.is_shown, timeout=WAIT_MS)
    assert desk.guidance is None
    assert desk.ghost is not None
    assert np.allclose(desk.ghost.tip_mm, place, atol=1e-3)
    assert "not visible" in live_panel.display.reason.text()
    assert live_panel.display.nearest.value.text() == DASH
    tracker.poses[TOOL] = pose_at(place)
    qtbot.waitUntil(lambda: desk.guidance is not None, timeout=WAIT_MS)
    assert desk.ghost is None


def test_silence_makes_it_stale_and_then_lost(
    live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    tracker = make_tracker({TOOL: pose_at(liver_middle(twin))})
    desk = followed(live_panel, tracker, qtbot)
    qtbot.waitUntil(lambda: desk.guidance is not None, timeout=WAIT_MS)
    shown: list[tuple[Freshness, bool]] = []
    desk.tool_changed.connect(lambda: shown.append((desk.seen.freshness, desk.guidance is None)))
    tracker.silence()
    qtbot.waitUntil(lambda: desk.seen.freshness is Freshness.LOST, timeout=WAIT_MS)
    assert all(is_withheld for freshness, is_withheld in shown if freshness in (Freshness.STALE, Freshness.LOST))
    assert live_panel.display.nearest.value.text() == DASH
    tracker.speak()
    qtbot.waitUntil(lambda: desk.guidance is not None, timeout=WAIT_MS)


def test_a_server_that_goes_is_noticed_and_found_again(
    live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    place = liver_middle(twin)
    tracker = make_tracker({TOOL: pose_at(place)})
    desk = followed(live_panel, tracker, qtbot)
    card = live_panel.sources.cards[tracker.address]
    tracker.stop()
    qtbot.waitUntil(lambda: "no connection" in card.state.text(), timeout=WAIT_MS)
    assert not desk.seen.is_shown
    assert "no connection" in desk.seen.reason
    make_tracker({TOOL: pose_at(place)}, tracker.port)
    qtbot.waitUntil(lambda: desk.seen.is_shown, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "connected" in card.state.text(), timeout=WAIT_MS)


def test_a_server_that_is_not_there_says_so(live_panel: LivePanel, qtbot: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    live_panel.sources.address.setCurrentText(f"127.0.0.1:{port}")
    live_panel.sources.connect_button.click()
    card = live_panel.sources.cards[f"127.0.0.1:{port}"]
    qtbot.waitUntil(lambda: "can't be reached" in card.words.text(), timeout=WAIT_MS)
    card.end.click()
    assert live_panel._desk.links == ()
    assert live_panel.sources.hint.isVisible()


def test_a_registration_does_not_survive_another_patient(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, make_other_twin: Any, twin: Twin, qtbot: Any
) -> None:
    from dataclasses import replace

    desk = followed(live_panel, make_tracker({TOOL: pose_at(liver_middle(twin))}), qtbot)
    window.state.open_twin(replace(make_other_twin(), case_id="case-other"))
    assert desk.link is not None
    assert not desk.link.calibration.is_registered
    assert not desk.seen.is_shown
    assert desk.guidance is None


def test_a_hidden_reference_withholds_a_tool_that_is_seen(
    live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    tracker = make_tracker({TOOL: pose_at(liver_middle(twin)), "Patient": pose_at((10.0, 20.0, 30.0))})
    desk = connect(live_panel, tracker, qtbot)
    link = desk.link
    assert link is not None
    qtbot.waitUntil(lambda: len(link.source.devices) == 2, timeout=WAIT_MS)
    desk.set_reference(link, "Patient")
    desk.follow(link, TOOL)
    live_panel.tool.places.click()
    qtbot.waitUntil(lambda: desk.seen.is_shown, timeout=WAIT_MS)
    tracker.lose("Patient")
    qtbot.waitUntil(lambda: "'Patient' is not visible" in desk.seen.reason, timeout=WAIT_MS)
    assert not desk.seen.is_shown


def test_two_sources_are_followed_and_either_can_be_chosen(
    live_panel: LivePanel, make_tracker: MakeTracker, qtbot: Any
) -> None:
    one, other = make_tracker({"Pointer": pose_at((0, 0, 0))}), make_tracker({"Probe": pose_at((5, 5, 5))})
    desk = connect(live_panel, one, qtbot)
    connect(live_panel, other, qtbot)
    combo = live_panel.tool.tool
    qtbot.waitUntil(lambda: combo.count() == 2, timeout=WAIT_MS)
    assert desk.device == "Pointer"
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert (desk.device, desk.link.name) == ("Probe", other.address)
    desk.disconnect_from(desk.link)
    qtbot.waitUntil(lambda: desk.device == "Pointer", timeout=WAIT_MS)


def test_slices_follow_the_tip_only_when_asked(
    window: MainWindow, live_panel: LivePanel, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    place = liver_middle(twin) + np.array([5.0, 5.0, 5.0])
    tracker = make_tracker({TOOL: pose_at(place)})
    followed(live_panel, tracker, qtbot)
    assert not np.allclose(window.state.cursor_mm, place, atol=1e-2)
    live_panel.tool.follow.click()
    tracker.poses[TOOL] = pose_at(place + np.array([1.0, 0.0, 0.0]))
    qtbot.waitUntil(
        lambda: np.allclose(window.state.cursor_mm, place + np.array([1.0, 0.0, 0.0]), atol=1e-2), timeout=WAIT_MS
    )


def test_leaving_live_mode_keeps_the_connection_and_hides_the_tool(
    make_window: Any, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    window = make_window(make_views=make_view_grid)
    window.state.open_twin(twin)
    window.state.set_mode("live")
    panel = window.live.panel
    tracker = make_tracker({})
    middle = liver_middle(twin)
    tracker.motion = lambda t: {TOOL: pose_at(middle + 10.0 * np.array([np.cos(3 * t), np.sin(3 * t), 0.0]))}
    desk = followed(panel, tracker, qtbot)
    qtbot.waitUntil(lambda: desk.to_screen_ms is not None, timeout=WAIT_MS)
    scene = next(g for g in window.views.scene.guests._listed if type(g).__name__ == "ToolScene")
    assert scene._tool.body.GetVisibility()
    window.state.set_mode("explore")
    assert not scene._tool.body.GetVisibility()
    assert desk.link is not None
    assert desk.link.source.is_open
    window.state.set_mode("live")
    qtbot.waitUntil(lambda: bool(scene._tool.body.GetVisibility()), timeout=WAIT_MS)


def test_the_self_test_answers_in_words(live_panel: LivePanel, qtbot: Any) -> None:
    live_panel.sources.test.click()
    qtbot.waitUntil(live_panel.sources.test.isEnabled, timeout=WAIT_MS)
    assert "A pose goes to this computer and back" in live_panel.sources.results.text()


def test_the_distance_to_go_is_four_actions_from_the_plan(
    window: MainWindow, make_tracker: MakeTracker, twin: Twin, qtbot: Any
) -> None:
    window.planning.book.apply(Plan(trajectories=(needle_to(liver_middle(twin)),)), "Lay a needle")
    tracker = make_tracker({TOOL: pose_at(liver_middle(twin))})
    qtbot.mouseClick(window.tool_row.mode_buttons.button(2), Qt.MouseButton.LeftButton)
    panel = window.live.panel
    panel.sources.address.lineEdit().setText(tracker.address)
    qtbot.keyClick(panel.sources.address.lineEdit(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(window.live.desk.device), timeout=WAIT_MS)
    panel.tool.places.click()
    qtbot.waitUntil(lambda: panel.display.to_go.value.text() == "0.0", timeout=WAIT_MS)


def test_a_frame_lies_where_its_probe_is_and_is_withheld_without_it(
    live_panel: LivePanel, make_tracker: MakeTracker, tmp_path: Path, qtbot: Any
) -> None:
    tracker = make_tracker({"ProbeToTracker": pose_at((30.0, -20.0, 50.0))})
    tracker.images["Image"] = Image(np.full((1, 6, 8), 90, dtype=np.uint8), RAS_FROM_LPS @ np.eye(4))
    desk = followed(live_panel, tracker, qtbot)
    link, frames = desk.link, live_panel.frames
    qtbot.waitUntil(lambda: frames.chosen == (link, "Image"), timeout=WAIT_MS)
    file = tmp_path / "probe.json"
    file.write_text(json.dumps({"matrix": np.diag([0.2, 0.2, 0.2, 1.0]).tolist()}))
    frames.carrier.setCurrentText("ProbeToTracker")
    frames.take_calibration(file)
    assert "carried by 'ProbeToTracker'" in frames.words.text()

    seen: list[np.ndarray] = []

    def is_placed() -> bool:
        found = place_of_frame(link, "Image", link.source.image("Image"))
        seen.extend([] if found is None else [found])
        return found is not None

    qtbot.waitUntil(is_placed, timeout=WAIT_MS)
    middle = np.eye(4)
    middle[:3, 3] = (5.0, 2.0, 0.0)
    expected = pose_in_lps(np.array([30.0, -20.0, 50.0])) @ np.array([1.0, 0.4, 0.0, 1.0])
    assert np.allclose((seen[0] @ middle)[:3, 3], expected[:3], atol=1e-3)
    file.write_text("[1, 2]")
    frames.take_calibration(file)
    assert "ImageToProbe" in live_panel.window().notice.text.text()
    desk.register(link, None)
    assert not is_placed()


def pose_in_lps(place: np.ndarray) -> np.ndarray:
    """What `pose_at` means: axes as those of LPS."""
    matrix = np.eye(4)
    matrix[:3, 3] = place
    return matrix


def test_a_marker_that_was_bumped_against_the_reference_is_told(
    live_panel: LivePanel, make_tracker: MakeTracker, qtbot: Any
) -> None:
    tracker = make_tracker({TOOL: pose_at((0, 0, 0)), "Patient": pose_at((9, 8, 7)), "Table": pose_at((50, 60, 70))})
    desk = connect(live_panel, tracker, qtbot)
    link, section = desk.link, live_panel.tool
    qtbot.waitUntil(lambda: len(link.source.devices) == 3, timeout=WAIT_MS)
    for combo, name in ((section.tool, TOOL), (section.reference, "Patient"), (section.fixed, "Table")):
        qtbot.waitUntil(lambda box=combo, text=name: box.findText(text) >= 0, timeout=WAIT_MS)
        combo.setCurrentIndex(combo.findText(name))
        combo.activated.emit(combo.currentIndex())
    assert (link.calibration.reference, link.pair.second) == ("Patient", "Table")
    card = live_panel.sources.cards[tracker.address]
    qtbot.waitUntil(lambda: "'Table' keeps its place" in card.words.text(), timeout=WAIT_MS)
    tracker.poses["Table"] = pose_at((50, 60, 74))
    qtbot.waitUntil(lambda: "Table has moved by 4.0 mm" in card.words.text(), timeout=WAIT_MS)
    assert "Register again" in card.words.text()
