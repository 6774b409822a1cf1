"""A simulated tool follows its way exactly but for its noise, and its faults are what a tracker's are."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from surgtwin.errors import SourceError
from surgtwin.live.freshness import PoseSlot, TimedPose
from surgtwin.live.guidance import ToolPlace, path_offset
from surgtwin.live.simulate import START_MM, AlongWay, Faults, ToolSimulator, Wobble
from surgtwin.live.tool_tip import ToolTip
from tests.conftest import rotation
from tests.live.liver_scene import CENTRE, make_way

STILL = Faults(noise_mm=0.0, noise_deg=0.0)


def test_the_tool_goes_from_the_skin_to_the_target_and_back() -> None:
    way = make_way()
    motion = AlongWay(way, speed_mm_s=20.0)
    reach_s = (way.length_mm + START_MM) / 20.0
    for time_s, to_go in ((0.0, way.length_mm + START_MM), (1.0, way.length_mm + START_MM - 20), (reach_s, 0.0)):
        offset = path_offset(ToolPlace.of(motion.pose(time_s), ToolTip()), way)
        assert offset.depth_to_go_mm == pytest.approx(to_go, abs=1e-6)
        assert offset.off_axis_mm == pytest.approx(0, abs=1e-6)
        assert offset.angle_deg == pytest.approx(0, abs=1e-4)


def test_every_pose_is_rigid_and_none_jumps() -> None:
    for motion in (AlongWay(make_way(), 500.0), Wobble(tuple(CENTRE))):
        slot = PoseSlot()
        for tick in range(600):
            pose = motion.pose(tick / 60.0)
            assert pose[:3, :3].T @ pose[:3, :3] == pytest.approx(np.eye(3))
            assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
            assert slot.put(TimedPose(pose, tick / 60.0))


def poses_of(simulator: ToolSimulator, seconds: float, rate_hz: float = 60.0) -> list[tuple[float, str, object]]:
    return [
        (tick / rate_hz, message.kind, message.content)
        for tick in range(int(seconds * rate_hz))
        for message in simulator.messages(tick / rate_hz, 1 / rate_hz, 1000.0 + tick / rate_hz)
    ]


def test_poses_are_sent_in_the_trackers_frame() -> None:
    lps_from_tracker = np.eye(4)
    lps_from_tracker[:3, :3], lps_from_tracker[:3, 3] = rotation((10, 20, -70)), (400, -80, 900)
    motion = AlongWay(make_way())
    simulator = ToolSimulator(motion, STILL, tracker_from_lps=np.linalg.inv(lps_from_tracker))
    sent = next(iter(simulator.messages(3.0, 0.01, 0.0))).content.matrix
    assert lps_from_tracker @ sent == pytest.approx(motion.pose(3.0))


def test_noise_has_the_size_that_was_asked_for() -> None:
    motion = Wobble(tuple(CENTRE))
    simulator = ToolSimulator(motion, Faults(noise_mm=0.5, noise_deg=0.2), tracker_from_lps=np.eye(4))
    off = [content.matrix[:3, 3] - motion.pose(t)[:3, 3] for t, _, content in poses_of(simulator, 30)]
    assert np.std(off, axis=0) == pytest.approx(np.full(3, 0.5), rel=0.1)


def test_dropouts_are_said_and_nothing_is_sent_meanwhile() -> None:
    simulator = ToolSimulator(Wobble(tuple(CENTRE)), Faults(dropouts_per_min=12.0, seed=4))
    sent = poses_of(simulator, 60)
    codes = [content.code for _, kind, content in sent if kind == "STATUS"]
    assert codes[:4] == [4, 1, 4, 1]
    assert len(codes) > 6
    times = [t for t, kind, _ in sent if kind == "TRANSFORM"]
    assert np.diff(times).max() >= 0.7
    lost_at = [t for t, kind, content in sent if kind == "STATUS" and content.code == 4]
    assert all(not any(lost <= t < lost + 0.6 for t in times) for lost in lost_at)


def test_jumps_are_seen_through() -> None:
    simulator, slot = ToolSimulator(Wobble(tuple(CENTRE)), Faults(jumps_per_min=30.0, seed=2)), PoseSlot()
    for t, _, content in poses_of(simulator, 60):
        slot.put(TimedPose(content.matrix, t))
        assert np.linalg.norm((np.diag([-1, -1, 1, 1]) @ slot.latest.matrix)[:3, 3] - CENTRE) < 60
    assert slot.refused > 10


def test_the_same_seed_gives_the_same_faults() -> None:
    faults = Faults(dropouts_per_min=20, jumps_per_min=20, seed=9)
    a, b = (poses_of(ToolSimulator(Wobble(tuple(CENTRE)), faults), 20) for _ in range(2))
    assert [kind for _, kind, _ in a] == [kind for _, kind, _ in b]
    assert all(
        np.array_equal(x.matrix, y.matrix) for (_, k, x), (_, _, y) in zip(a, b, strict=True) if k == "TRANSFORM"
    )


def test_it_sends_at_its_rate_until_it_is_stopped() -> None:
    stop, sent = threading.Event(), []

    def send(message) -> None:
        sent.append(message)
        if len(sent) == 30:
            stop.set()

    assert ToolSimulator(Wobble(tuple(CENTRE)), STILL).run(send, stop, rate_hz=200.0) == 30
    times = [message.time_s for message in sent]
    assert np.diff(times) == pytest.approx(np.full(29, 1 / 200), abs=1e-5)


@pytest.mark.parametrize("change", [{"noise_mm": -1.0}, {"dropouts_per_min": float("nan")}, {"jumps_per_min": 1e6}])
def test_impossible_faults_are_refused(change) -> None:
    with pytest.raises(SourceError, match=next(iter(change))):
        Faults(**change)


def test_impossible_speeds_and_rates_are_refused() -> None:
    with pytest.raises(SourceError, match="mm/s"):
        AlongWay(make_way(), 0.0)
    with pytest.raises(SourceError, match="a second"):
        ToolSimulator(Wobble(tuple(CENTRE)), STILL).run(print, threading.Event(), rate_hz=1e6)
