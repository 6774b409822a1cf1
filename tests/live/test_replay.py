"""A recording is played frame by frame at its own pace; what was not seen is said, never shown."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from surgtwin.errors import SourceError
from surgtwin.live.igtl_client import IgtlClient
from surgtwin.live.igtl_fields import LPS_FROM_RAS
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.replay import REMIND_S, Replay
from surgtwin.live.sequence_file import read_sequence
from tests.live.recordings import GAP_S, frame_fields, pictures, pose, write_mha
from tests.live.test_igtl_link import Box, wait_for


def recording_of(tmp_path, count=4, lost=(), images=True, **more):
    fields = frame_fields(count, lost) | more
    return read_sequence(write_mha(tmp_path / "a.igs.mha", pictures(count) if images else None, fields))


def test_a_frame_sends_its_poses_and_its_image(tmp_path) -> None:
    sent = list(Replay(recording_of(tmp_path)).messages(2, 1000.0))
    assert [(m.kind, m.device) for m in sent] == [
        ("TRANSFORM", "ProbeToTracker"),
        ("TRANSFORM", "StylusToTracker"),
        ("IMAGE", "Image"),
    ]
    assert sent[0].content.matrix == pytest.approx(pose(2))
    assert np.array_equal(sent[2].content.values, pictures(4)[2])
    # The image lies in its own frame, which is no patient's: whoever reads it as RAS finds the file's numbers.
    assert (LPS_FROM_RAS @ sent[2].content.lps_from_ijk) @ [4, 2, 0, 1] == pytest.approx([2, 3, 0, 1])


def test_a_tool_that_is_lost_is_said_once_and_every_second_and_when_it_is_back(tmp_path) -> None:
    told = []
    replay = Replay(recording_of(tmp_path, 4, lost=(1, 2), images=False), told.append)
    sent = {
        n: [(m.kind, m.device) for m in replay.messages(n, t) if "Stylus" in m.device]
        for n, t in ((0, 10.0), (1, 10.1), (2, 10.2), (3, 10.3))
    }
    assert sent == {
        0: [("TRANSFORM", "StylusToTracker")],
        1: [("STATUS", "StylusToTracker")],
        2: [],
        3: [("STATUS", "StylusToTracker"), ("TRANSFORM", "StylusToTracker")],
    }
    assert [(e.kind, e.frame, e.name) for e in told] == [
        ("lost", 1, "StylusToTracker"),
        ("found", 3, "StylusToTracker"),
    ]
    again = Replay(recording_of(tmp_path, 4, lost=(1, 2)))
    assert len([m for m in again.messages(1, 10.0) if m.kind == "STATUS"]) == 1
    reminder = [m for m in again.messages(2, 10.0 + REMIND_S) if m.kind == "STATUS"]
    assert (reminder[0].content.code, reminder[0].content.error_name) == (4, "TrackingLost")


def test_what_is_not_rigid_is_left_out_and_said(tmp_path) -> None:
    told = []
    scale = {f"Seq_Frame000{n}_ImageToProbeTransform": "0.1 0 0 0 0 0.1 0 0 0 0 0.1 0 0 0 0 1" for n in range(2)}
    replay = Replay(recording_of(tmp_path, 2, **scale), told.append)
    assert all(m.device != "ImageToProbe" for n in range(2) for m in replay.messages(n, 1.0 + n))
    assert [(e.kind, e.name) for e in told] == [("not rigid", "ImageToProbe")]


def test_names_that_would_be_confused_are_refused(tmp_path) -> None:
    pair = {f"Seq_Frame0000_AVeryLongNameOfATool{n}ToTrackerTransform": "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1" for n in "AB"}
    with pytest.raises(SourceError, match="first 20 letters"):
        Replay(recording_of(tmp_path, 1, **pair))


def test_frames_leave_at_their_own_pace(tmp_path) -> None:
    replay, times = Replay(recording_of(tmp_path, 5, images=False)), []

    def send(message) -> None:
        if message.device == "ProbeToTracker":
            times.append(time.monotonic())

    assert replay.play(send, threading.Event(), speed=2.0) == 5
    assert times[-1] - times[0] >= 4 * GAP_S / 2.0 - 1e-3
    assert times[-1] - times[0] < 4 * GAP_S / 2.0 + 2.0


def test_a_loop_goes_on_until_it_is_stopped(tmp_path) -> None:
    stop, told, sent = threading.Event(), [], []

    def send(message) -> None:
        sent.append(message)
        if len(sent) == 20:
            stop.set()

    Replay(recording_of(tmp_path, 3, images=False), told.append).play(send, stop, speed=50.0, loop=True)
    assert [e.kind for e in told] == ["loop"] * 3
    times = [m.time_s for m in sent]
    assert times == sorted(times)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), 1e6])
def test_impossible_speeds_are_refused(tmp_path, speed) -> None:
    with pytest.raises(SourceError, match="speed"):
        Replay(recording_of(tmp_path, 1)).play(print, threading.Event(), speed=speed)


def test_a_client_receives_what_was_recorded(tmp_path) -> None:
    box = Box()
    with IgtlServer(0) as server, IgtlClient("127.0.0.1", server.port, box.arrivals.append) as client:
        wait_for(lambda: server.peers)
        Replay(recording_of(tmp_path, 4, lost=(2,))).play(server.send, threading.Event(), speed=4.0)
        server.drain()
        wait_for(lambda: len(box.arrivals) == 4 + 3 + 2 + 4)
        refused = client.health().refused
    assert refused == {}
    stylus = [
        a.message.content.matrix
        for a in box.arrivals
        if a.message.device == "StylusToTracker" and a.message.kind == "TRANSFORM"
    ]
    assert np.array(stylus) == pytest.approx(np.array([pose(n, 30.0) for n in (0, 1, 3)]), abs=1e-4)


def test_real_recordings_go_through_the_wire(real_data) -> None:
    path = real_data / "igs" / "SpinePhantomFreehand.igs.mha"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    recording, box = read_sequence(path), Box()
    with IgtlServer(0) as server, IgtlClient("127.0.0.1", server.port, box.arrivals.append) as client:
        wait_for(lambda: server.peers)
        Replay(recording).play(server.send, threading.Event(), speed=10.0)
        server.drain()
        wait_for(lambda: len(box.arrivals) == 21 * 4)
        assert client.health().refused == {}
    images = [a.message.content.values for a in box.arrivals if a.message.kind == "IMAGE"]
    assert np.array_equal(np.array(images), recording.images)
