"""How old a live thing is, by the arrival's monotonic clock, and what may still be shown of it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..domain.geometry import FloatArray

LATE_S, STALE_S, LOST_S = 0.1, 0.5, 3.0
"""Older than this: a hint, numbers withheld and the tool shown as a ghost, gone."""
RING_S = 10.0
FASTEST_MM_S = 2000.0
"""A tool that seems to move faster has jumped: a marker was confused, or a frame was torn."""
MOST_JUMPS = 5
"""So many in a row, and the tool really is where it says."""


class Freshness(StrEnum):
    LIVE = "live"
    LATE = "late"
    STALE = "stale"
    LOST = "lost"


def freshness_of(age_s: float | None, is_open: bool = True) -> Freshness:
    """What an age means; None = nothing ever came."""
    if age_s is None or not is_open or age_s > LOST_S:
        return Freshness.LOST
    if age_s > STALE_S:
        return Freshness.STALE
    return Freshness.LATE if age_s > LATE_S else Freshness.LIVE


@dataclass(frozen=True, eq=False)
class TimedPose:
    """A pose (4, 4) and when it arrived, s of the monotonic clock; `sent_s` is the sender's, 0 if it gave none."""

    matrix: FloatArray
    arrived_s: float
    sent_s: float = 0.0


class PoseSlot:
    """The latest pose of one device, and those of the last ten seconds; written by one thread, read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring: deque[TimedPose] = deque()
        self._jumps = 0
        self.refused = 0

    def put(self, pose: TimedPose) -> bool:
        """Keep a pose; False if it was refused because the tool can't have come there so fast."""
        with self._lock:
            if self._ring and self._is_jump(self._ring[-1], pose):
                self._jumps += 1
                self.refused += 1
                if self._jumps < MOST_JUMPS:
                    return False
                self._ring.clear()
            self._jumps = 0
            self._ring.append(pose)
            while self._ring[0].arrived_s < pose.arrived_s - RING_S:
                self._ring.popleft()
            return True

    @property
    def latest(self) -> TimedPose | None:
        with self._lock:
            return self._ring[-1] if self._ring else None

    def at(self, time_s: float) -> FloatArray | None:
        """The pose at a time of the monotonic clock, interpolated; None outside the ring."""
        with self._lock:
            poses = list(self._ring)
        times = [p.arrived_s for p in poses]
        after = int(np.searchsorted(times, time_s))
        if not poses or time_s < times[0] or after == len(poses):
            return poses[-1].matrix if poses and time_s == times[-1] else None
        if times[after] == time_s:
            return poses[after].matrix
        a, b = poses[after - 1], poses[after]
        return _between(a.matrix, b.matrix, (time_s - a.arrived_s) / (b.arrived_s - a.arrived_s))

    @staticmethod
    def _is_jump(before: TimedPose, pose: TimedPose) -> bool:
        far = float(np.linalg.norm(pose.matrix[:3, 3] - before.matrix[:3, 3]))
        # Arrivals bunch up on a network: the sender's own clock is the better one where it runs.
        seconds = max(pose.arrived_s - before.arrived_s, pose.sent_s - before.sent_s, 1e-3)
        return far / seconds > FASTEST_MM_S and far > 5.0


def _between(a: FloatArray, b: FloatArray, share: float) -> FloatArray:
    from scipy.spatial.transform import Rotation, Slerp

    matrix = np.eye(4)
    turns = Rotation.from_matrix(np.stack([a[:3, :3], b[:3, :3]]))
    matrix[:3, :3] = Slerp([0.0, 1.0], turns)(share).as_matrix()
    matrix[:3, 3] = (1 - share) * a[:3, 3] + share * b[:3, 3]
    return matrix
