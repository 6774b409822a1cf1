"""How old a pose is decides what is shown of it; jumps are refused, and times between are interpolated."""

from __future__ import annotations

import numpy as np
import pytest

from surgtwin.live.freshness import MOST_JUMPS, Freshness, PoseSlot, TimedPose, freshness_of
from surgtwin.live.health import HealthMeter
from tests.conftest import rotation


def pose(x: float, angle: float = 0.0) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[0, 3] = rotation((0, 0, angle)), x
    return matrix


@pytest.mark.parametrize(
    ("age_s", "is_open", "expected"),
    [
        (0.02, True, Freshness.LIVE),
        (0.3, True, Freshness.LATE),
        (0.51, True, Freshness.STALE),
        (3.1, True, Freshness.LOST),
        (0.02, False, Freshness.LOST),
        (None, True, Freshness.LOST),
    ],
)
def test_age_says_what_may_be_shown(age_s, is_open, expected) -> None:
    assert freshness_of(age_s, is_open) is expected


def test_between_two_poses_places_and_turns_are_interpolated() -> None:
    slot = PoseSlot()
    slot.put(TimedPose(pose(0, 0), 10.0))
    slot.put(TimedPose(pose(8, 40), 10.1))
    assert slot.at(10.05) == pytest.approx(pose(4, 20))
    assert slot.at(10.1) == pytest.approx(pose(8, 40))
    assert slot.at(9.9) is None
    assert slot.at(10.2) is None


def test_a_jump_is_refused_until_it_is_plainly_true() -> None:
    slot = PoseSlot()
    slot.put(TimedPose(pose(0), 1.0))
    answers = [slot.put(TimedPose(pose(500), 1.0 + 0.016 * n)) for n in range(1, MOST_JUMPS + 2)]
    assert answers == [False] * (MOST_JUMPS - 1) + [True] * 2
    assert slot.latest.matrix[0, 3] == 500
    assert slot.refused == MOST_JUMPS


def test_messages_that_arrive_bunched_are_no_jump() -> None:
    slot = PoseSlot()
    slot.put(TimedPose(pose(0), 1.0, sent_s=100.0))
    assert slot.put(TimedPose(pose(15), 1.001, sent_s=100.05))


def test_the_ring_forgets_what_is_older_than_ten_seconds() -> None:
    slot = PoseSlot()
    for n in range(30):
        slot.put(TimedPose(pose(0), float(n)))
    assert slot.at(15.0) is None
    assert slot.at(20.0) is not None


def test_health_tells_rate_delay_and_refusals() -> None:
    meter = HealthMeter()
    for n in range(101):
        late = 0.010 if n % 2 else 0.0
        meter.received(n * 0.02 + late, 1000 + n * 0.02 + late, 995.0 + n * 0.02)
    meter.refused("wrong CRC")
    health = meter.health(2.0)
    assert health.rate_hz == pytest.approx(50, rel=0.02)
    assert health.jitter_ms == pytest.approx(10, rel=0.05)
    assert health.latency_ms == pytest.approx(0, abs=10)
    assert health.clock_offset_s == pytest.approx(-5.0, abs=0.02)
    assert (health.received, health.refused) == (101, {"wrong CRC": 1})
    assert meter.health(100.0).rate_hz == 0


def test_the_rate_is_that_of_the_busiest_device_and_ends_with_it() -> None:
    meter = HealthMeter()
    for n in range(100):
        for device, late in (("tool", 0.0), ("image", 0.001), ("probe", 0.002))[: 3 if n % 2 else 1]:
            meter.received(n * 0.02 + late, 0.0, 0.0, device)
    assert meter.health(2.0).rate_hz == pytest.approx(50, rel=0.02)
    assert meter.health(2.0).jitter_ms == pytest.approx(0, abs=0.01)
    assert meter.health(3.5).rate_hz == 0
