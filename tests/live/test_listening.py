"""What is told of live sources: poses as places in the patient, and nothing of what is stale, lost or refused."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.domain.geometry import RigidTransform
from surgtwin.errors import GeometryError, SourceError
from surgtwin.live.frames import FrameGraph, frames_of_name
from surgtwin.live.freshness import LOST_S, STALE_S
from surgtwin.live.guidance import Guide
from surgtwin.live.igtl_content import Status, String
from surgtwin.live.igtl_fields import LPS_FROM_RAS
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import TrackedTool, TrackingData, Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.listening import Listener, Setup
from surgtwin.live.openigtlink import Message
from surgtwin.live.source import MOST_DEVICES, TrackedSource
from surgtwin.live.tool_tip import ToolTip
from surgtwin.planning.twin_geometry import TwinGeometry
from tests.conftest import rotation
from tests.live.liver_scene import TUMOUR_MM, make_twin, make_way
from tests.live.test_igtl_link import wait_for


@pytest.fixture(scope="module")
def guide() -> Guide:
    return Guide(TwinGeometry(make_twin()), make_way())


def rigid(degrees, place) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation(degrees), place
    return matrix


def at_tumour_in_ras(offset=(0, 0, 0)) -> np.ndarray:
    """A pose whose place, read as RAS, is the tumour's."""
    return np.asarray(LPS_FROM_RAS @ rigid((0, -90, 0), TUMOUR_MM + offset))


class Scene:
    """A server, a source that is connected to it, and a listener."""

    def __init__(self, guide: Guide, setup: Setup | None = None) -> None:
        self.server = IgtlServer(0)
        self.source = TrackedSource("127.0.0.1", self.server.port)
        self.listener = Listener([self.source], [setup or Setup()], guide)
        self.events, self.unread = [], []

    def __enter__(self):
        self.source.__enter__()
        wait_for(lambda: self.server.peers)
        return self

    def __exit__(self, *_) -> None:
        self.source.__exit__()
        self.server.stop()

    def send(self, content, device="tool") -> None:
        self.server.send(Message(content.KIND, device, content))

    def tick(self, now_s=None) -> list:
        new = list(self.listener.tick(now_s))
        self.events += new
        self.unread += new
        return new

    def wait_for(self, kind: str, device: str = "") -> object:
        """The next event of a kind that was not waited for yet."""
        while True:
            for n, event in enumerate(self.unread):
                if event.kind == kind and device in ("", event.device):
                    del self.unread[: n + 1]
                    return event
            wait_for(self.tick)


def test_a_pose_is_told_as_a_place_in_the_patient(guide) -> None:
    with Scene(guide) as scene:
        scene.wait_for("connected")
        scene.send(Transform(at_tumour_in_ras((-10, 0, 0))))
        told = scene.wait_for("pose").guidance
    assert told.place.tip_mm == pytest.approx(TUMOUR_MM - np.array([10, 0, 0]), abs=1e-3)
    assert told.offset.depth_to_go_mm == pytest.approx(10, abs=1e-3)
    assert told.clearances_mm["tumour"] == pytest.approx(3, abs=1.4)


def test_left_and_right_are_not_mixed_up(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(rigid((0, 0, 0), (10.0, 20.0, 30.0))))
        told = scene.wait_for("pose").guidance
    assert told.place.tip_mm == pytest.approx((-10, -20, 30))


def test_a_stale_pose_is_told_once_without_numbers(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(at_tumour_in_ras()))
        scene.wait_for("pose")
        arrived = scene.source.pose("tool").arrived_s
        stale = scene.tick(arrived + STALE_S + 0.05)
        assert [(e.kind, e.guidance.freshness.value, e.guidance.is_withheld) for e in stale] == [
            ("freshness", "stale", True)
        ]
        assert scene.tick(arrived + STALE_S + 0.1) == []
        lost = scene.tick(arrived + LOST_S + 0.1)
        assert [(e.kind, e.text) for e in lost] == [("freshness", "stale -> lost")]
        scene.send(Transform(at_tumour_in_ras((1, 0, 0))))
        assert not scene.wait_for("pose").guidance.is_withheld


def test_a_tool_that_says_it_is_lost_is_lost_at_once(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(at_tumour_in_ras()))
        scene.wait_for("pose")
        scene.send(Status(4, 0, "TrackingLost", "not seen"))
        assert scene.wait_for("lost").text == "not seen"
        while not scene.wait_for("freshness").text.endswith("-> lost"):
            continue
        assert not [e for e in scene.tick() if e.kind == "pose"]
        scene.send(Transform(at_tumour_in_ras((1, 0, 0))))
        scene.wait_for("pose")


def test_a_server_that_goes_takes_the_numbers_with_it(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(at_tumour_in_ras()))
        scene.wait_for("pose")
        scene.server.stop()
        closed = scene.wait_for("closed")
        assert "127.0.0.1" in closed.text
        while not scene.wait_for("freshness").text.endswith("-> lost"):
            continue
        assert not [e for e in scene.tick() if e.kind == "pose"]


def test_a_marker_on_the_patient_takes_the_patients_motion_out(guide) -> None:
    tool_in_patient, lps_from_patient = rigid((10, 20, 30), (1, 2, 3)), rigid((5, -8, 60), TUMOUR_MM)
    setup = Setup("ReferenceToTracker", lps_from_patient, {"StylusToTracker": ToolTip((0, 4, 0))})
    expected = (lps_from_patient @ tool_in_patient @ [0, 4, 0, 1])[:3]
    with Scene(guide, setup) as scene:
        for n in range(3):
            tracker_from_patient = rigid((4 * n, 0, -3 * n), (100 + 2 * n, -7, 900))
            scene.send(Transform(tracker_from_patient), "ReferenceToTracker")
            scene.send(Transform(tracker_from_patient @ tool_in_patient), "StylusToTracker")
            place = scene.wait_for("pose").guidance.place
            while place.tip_mm != pytest.approx(expected, abs=0.01):
                place = scene.wait_for("pose").guidance.place
    assert not [e for e in scene.events if e.kind == "pose" and e.device == "ReferenceToTracker"]


def test_without_its_reference_a_tool_is_nowhere(guide) -> None:
    with Scene(guide, Setup("ReferenceToTracker", np.eye(4))) as scene:
        scene.send(Transform(np.eye(4)), "StylusToTracker")
        assert scene.wait_for("freshness").guidance.freshness.value == "lost"
        assert not [e for e in scene.tick() if e.kind == "pose"]


def test_frames_that_do_not_meet_are_refused_once(guide) -> None:
    with Scene(guide, Setup("ReferenceToTracker", np.eye(4))) as scene:
        scene.send(Transform(np.eye(4)), "ReferenceToTracker")
        scene.send(Transform(np.eye(4)), "ProbeToCamera")
        assert "No way leads" in scene.wait_for("refused").text
        scene.send(Transform(np.eye(4)), "ProbeToCamera")
        scene.send(String("end"), "note")
        scene.wait_for("text")
        assert len([e for e in scene.events if e.kind == "refused"]) == 1


def test_a_jump_is_told_and_not_shown(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(at_tumour_in_ras()))
        scene.wait_for("pose")
        scene.send(Transform(at_tumour_in_ras((400, 0, 0))))
        assert "jumped" in scene.wait_for("refused").text
        assert scene.source.pose("tool").matrix == pytest.approx(at_tumour_in_ras(), abs=1e-3)


def test_several_tools_of_one_message_and_images_and_texts_are_told(guide) -> None:
    with Scene(guide) as scene:
        tools = tuple(TrackedTool(name, at_tumour_in_ras()) for name in ("probe", "needle"))
        scene.send(TrackingData(tools), "tracker")
        scene.wait_for("pose", "probe")
        wait_for(lambda: scene.tick() is not None and any(e.device == "needle" for e in scene.events))
        for _ in range(3):
            scene.send(Image(np.zeros((1, 5, 7), np.uint8), np.eye(4)), "us")
        scene.send(String("hello"), "note")
        assert scene.wait_for("text").text == "hello"
    images = [e for e in scene.events if e.kind == "image"]
    assert [(e.device, "7 x 5 x 1" in e.text) for e in images] == [("us", True)]


def test_a_peer_that_invents_names_fills_no_memory(guide) -> None:
    with Scene(guide) as scene:
        for begin in range(0, MOST_DEVICES + 40, 20):
            names = tuple(TrackedTool(f"tool {begin + n}", np.eye(4)) for n in range(20))
            scene.send(TrackingData(names), "tracker")
        wait_for(lambda: len(scene.source.devices) == MOST_DEVICES)
        scene.server.drain()
        assert len(scene.source.devices) == MOST_DEVICES


def test_names_tell_frames() -> None:
    assert frames_of_name("StylusTipToReference") == ("StylusTip", "Reference")
    assert frames_of_name("Tool") is None
    assert frames_of_name("ToTracker") is None
    assert frames_of_name("Tomato") is None


def test_a_way_through_several_frames_is_found_either_way_round() -> None:
    a, b, c = (rigid((10 * n, 5, -20), (n, 2, 3)) for n in range(3))
    graph = FrameGraph([RigidTransform("B", "A", a), RigidTransform("B", "C", b), RigidTransform("D", "C", c)])
    assert graph.between("A", "D").matrix == pytest.approx(c @ np.linalg.inv(b) @ a)
    assert graph.between("D", "A").matrix == pytest.approx(np.linalg.inv(c @ np.linalg.inv(b) @ a))
    assert graph.between("A", "A").matrix == pytest.approx(np.eye(4))


def test_frames_that_are_not_joined_or_joined_twice_are_errors() -> None:
    graph = FrameGraph([RigidTransform("B", "A", np.eye(4))]).joined(RigidTransform("D", "C", np.eye(4)))
    with pytest.raises(GeometryError, match="No way leads from the frame 'A' to 'C'"):
        graph.between("A", "C")
    with pytest.raises(GeometryError, match="joined already"):
        graph.joined(RigidTransform("A", "B", np.eye(4)))
    with pytest.raises(GeometryError, match="joined already"):
        FrameGraph([RigidTransform("A", "A", np.eye(4))])


def test_a_reference_of_another_tracker_is_refused() -> None:
    with pytest.raises(SourceError, match="can't be brought to the patient"):
        Setup("ReferenceToCamera", np.eye(4)).lps_from_marker("StylusToTracker", np.eye(4), np.eye(4))


def test_a_slow_tracker_is_not_told_as_late_again_and_again(guide) -> None:
    with Scene(guide) as scene:
        scene.send(Transform(at_tumour_in_ras()))
        scene.wait_for("pose")
        arrived = scene.source.pose("tool").arrived_s
        assert scene.tick(arrived + 0.3) == []


def test_a_server_that_is_away_is_told_once(guide) -> None:
    with Scene(guide) as scene:
        scene.server.stop()
        scene.wait_for("closed")
        scene.wait_for("closed")
        scene.source.__exit__()
        told = [e.text for e in scene.events if e.kind == "closed"]
    assert len(told) == len(set(told))
