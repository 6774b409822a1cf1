"""A tracked tool that does not exist: along a planned way or around a place, with noise, drop-outs and jumps."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..domain.geometry import FloatArray, Point3, unit
from ..domain.trajectory import Trajectory
from ..errors import SourceError
from .guidance import ToolPlace
from .igtl_content import Status
from .igtl_fields import LPS_FROM_RAS
from .igtl_poses import Transform
from .openigtlink import Message
from .replay import STATUS_NOT_FOUND, STATUS_OK, TRACKING_LOST

START_MM = 40.0
"""In front of the skin, where a tool that follows a way begins."""
HOLD_S = 2.0
WOBBLE_MM, WOBBLE_DEG, WOBBLE_S = 20.0, 15.0, 7.0
JUMP_MM = 300.0
DROPOUT_S = (0.7, 4.0)
"""Shortest and longest: some make a tool stale, some make it lost."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong with the simulated tool.

    Parameters
    ----------
    noise_mm, noise_deg
        Standard deviation along each axis, and about each.
    dropouts_per_min, jumps_per_min
        How often it is not seen for a while, and shown far away for one moment, on average.
    """

    noise_mm: float = 0.2
    noise_deg: float = 0.1
    dropouts_per_min: float = 0.0
    jumps_per_min: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("noise_mm", "noise_deg", "dropouts_per_min", "jumps_per_min"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 600):
                raise SourceError(f"{name} of 0 to 600 is needed; found {value:g}.")


@dataclass(frozen=True)
class AlongWay:
    """The tool comes from the skin to the target, rests, goes back and begins again."""

    trajectory: Trajectory
    speed_mm_s: float = 10.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.speed_mm_s <= 500:
            raise SourceError(f"A speed of 0.1 to 500 mm/s is needed; found {self.speed_mm_s:g}.")

    def pose(self, time_s: float) -> FloatArray:
        """`lps_from_tool` (4, 4): the tip at the origin, the shaft along +z."""
        entry, target = (np.asarray(p) for p in (self.trajectory.entry_mm, self.trajectory.target_mm))
        inward = unit(target - entry)
        length = self.trajectory.length_mm + START_MM
        travel_s = length / self.speed_mm_s
        phase = time_s % (2 * travel_s + 2 * HOLD_S)
        gone = np.interp(phase, [0, travel_s, travel_s + HOLD_S, 2 * travel_s + HOLD_S], [0, length, length, 0])
        return _pose(entry + (gone - START_MM) * inward, -inward)


@dataclass(frozen=True)
class Wobble:
    """The tip circles a place, the handle above it."""

    centre_mm: Point3

    def pose(self, time_s: float) -> FloatArray:
        """`lps_from_tool` (4, 4): the tip at the origin, the shaft along +z."""
        turn = 2 * math.pi * time_s / WOBBLE_S
        tip = np.asarray(self.centre_mm) + WOBBLE_MM * np.array(
            [math.cos(turn), math.sin(turn), 0.3 * math.sin(2 * turn)]
        )
        tilt = math.tan(math.radians(WOBBLE_DEG))
        return _pose(tip, unit((tilt * math.cos(turn), -1.0, tilt * math.sin(turn))))


Motion = AlongWay | Wobble


@dataclass
class ToolSimulator:
    """What a tracker would send of a tool, moment by moment; the same seed gives the same faults.

    Parameters
    ----------
    tracker_from_lps
        (4, 4); RAS, as the protocol has it, if not given.
    """

    motion: Motion
    faults: Faults = Faults()
    device: str = "ToolToTracker"
    tracker_from_lps: FloatArray = field(default_factory=LPS_FROM_RAS.copy)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.faults.seed)
        self._lost_until_s = -math.inf
        self._is_lost = False

    def messages(self, time_s: float, gap_s: float, wall_s: float) -> Iterator[Message]:
        """What is sent at a time since the start; `gap_s` after the last one."""
        if time_s >= self._lost_until_s and self._happens(self.faults.dropouts_per_min, gap_s):
            self._lost_until_s = time_s + float(self._rng.uniform(*DROPOUT_S))
        is_lost = time_s < self._lost_until_s
        if is_lost != self._is_lost:
            self._is_lost = is_lost
            status = Status(STATUS_NOT_FOUND, 0, TRACKING_LOST, "not seen") if is_lost else Status(STATUS_OK)
            yield Message(Status.KIND, self.device, status, wall_s)
        if not is_lost:
            pose = self._shaken(self.motion.pose(time_s))
            if self._happens(self.faults.jumps_per_min, gap_s):
                pose[:3, 3] += JUMP_MM
            yield Message(Transform.KIND, self.device, Transform(self.tracker_from_lps @ pose), wall_s)

    def run(self, send: Callable[[Message], None], stop: threading.Event, rate_hz: float = 60.0) -> int:
        """Send until stopped; how many messages were sent. Raises SourceError for a rate outside 1 to 1000."""
        if not 1.0 <= rate_hz <= 1000.0:
            raise SourceError(f"A rate of 1 to 1000 a second is needed; found {rate_hz:g}.")
        begin, wall, sent, tick = time.monotonic(), time.time(), 0, 0
        while not stop.wait(max(0.0, begin + tick / rate_hz - time.monotonic())):
            for message in self.messages(tick / rate_hz, 1.0 / rate_hz, wall + tick / rate_hz):
                send(message)
                sent += 1
            tick += 1
        return sent

    def _happens(self, per_min: float, gap_s: float) -> bool:
        return bool(self._rng.random() < per_min * gap_s / 60.0)

    def _shaken(self, pose: FloatArray) -> FloatArray:
        from scipy.spatial.transform import Rotation

        shaken = np.array(pose)
        turn = Rotation.from_rotvec(np.radians(self.faults.noise_deg) * self._rng.normal(size=3))
        shaken[:3, :3] = turn.as_matrix() @ shaken[:3, :3]
        shaken[:3, 3] += self.faults.noise_mm * self._rng.normal(size=3)
        return shaken


def _pose(tip: FloatArray, shaft: FloatArray) -> FloatArray:
    x, y, z = (float(v) for v in tip)
    u, v, w = (float(c) for c in shaft)
    return ToolPlace((x, y, z), (u, v, w)).lps_from_tool
