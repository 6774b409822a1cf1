"""A recording played at its own pace, as the messages that its tracker and its scanner sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..domain.geometry import MAX_ROTATION_ERROR, FloatArray
from ..errors import SourceError
from .igtl_content import Status
from .igtl_fields import LPS_FROM_RAS
from .igtl_image import Image
from .igtl_poses import Transform
from .openigtlink import Message
from .sequence_file import Recording

NAME_LETTERS = 20
IMAGE_NAME = "Image"
STATUS_OK, STATUS_NOT_FOUND = 1, 4
TRACKING_LOST = "TrackingLost"
REMIND_S = 1.0
"""How often a tool that stays lost is told again, for those who connect later."""
MIN_SPEED, MAX_SPEED = 0.01, 100.0


@dataclass(frozen=True)
class ReplayEvent:
    """What happened while playing: "lost" or "found" (a tool), "not rigid" (a transform left out), "loop", "end"."""

    kind: str
    frame: int
    name: str = ""


class Replay:
    """Messages of a recording, frame by frame, with what is to be known from frame to frame.

    A tool that was not seen is never sent as a pose: a STATUS of its name says that it is lost, once and every second.
    Transforms that are not rigid (calibrations that scale) are left out, as OpenIGTLink's TRANSFORM has no place for
    them. Matrices go out as recorded; an image goes out in its own frame.

    Raises
    ------
    SourceError
        If two transforms can't be told apart by the 20 letters that a device's name may have.
    """

    def __init__(self, recording: Recording, told: Callable[[ReplayEvent], None] = lambda event: None) -> None:
        self.recording = recording
        self._told = told
        self._lost: dict[str, float] = {}
        self._left_out: set[str] = set()
        short = [name[:NAME_LETTERS] for name in recording.names]
        if len(set(short)) < len(short):
            raise SourceError(f"Transforms of this recording share their first {NAME_LETTERS} letters: {short}.")

    def messages(self, n: int, time_s: float) -> Iterator[Message]:
        """What frame `n` sends at a time of the wall clock."""
        frame = self.recording.frames[n]
        for name, matrix in sorted(frame.matrices.items()):
            if not _is_rigid(matrix):
                if name not in self._left_out:
                    self._left_out.add(name)
                    self._told(ReplayEvent("not rigid", n, name))
                continue
            if self._lost.pop(name, None) is not None:
                self._told(ReplayEvent("found", n, name))
                yield _status(name, STATUS_OK, time_s)
            yield Message(Transform.KIND, name[:NAME_LETTERS], Transform(matrix), time_s)
        yield from self._losses(n, time_s)
        if frame.has_image and self.recording.images is not None:
            lps_from_ijk = LPS_FROM_RAS @ self.recording.frame_from_ijk
            yield Message(Image.KIND, IMAGE_NAME, Image(self.recording.images[n], lps_from_ijk), time_s)

    def play(
        self, send: Callable[[Message], None], stop: threading.Event, *, speed: float = 1.0, loop: bool = False
    ) -> int:
        """Send all frames, each when its time has come; how many were sent when it ended or was stopped.

        Raises
        ------
        SourceError
            If the speed is outside 0.01 to 100.
        """
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise SourceError(f"A speed of {MIN_SPEED:g} to {MAX_SPEED:g} is needed; found {speed:g}.")
        frames, sent = self.recording.frames, 0
        begin, wall = time.monotonic(), time.time()
        turn_s = (self.recording.duration_s + self.recording.gap_s) / speed
        while True:
            for n, frame in enumerate(frames):
                due = (frame.time_s - frames[0].time_s) / speed
                if stop.wait(max(0.0, begin + due - time.monotonic())):
                    return sent
                for message in self.messages(n, wall + due):
                    send(message)
                sent += 1
            self._told(ReplayEvent("loop" if loop else "end", len(frames) - 1))
            if not loop:
                return sent
            begin, wall = begin + turn_s, wall + turn_s

    def _losses(self, n: int, time_s: float) -> Iterator[Message]:
        for name in sorted(self.recording.frames[n].lost):
            if name not in self._lost:
                self._told(ReplayEvent("lost", n, name))
            if time_s - self._lost.get(name, -np.inf) >= REMIND_S:
                self._lost[name] = time_s
                yield _status(name, STATUS_NOT_FOUND, time_s)


def _status(name: str, code: int, time_s: float) -> Message:
    error, text = ("", "") if code == STATUS_OK else (TRACKING_LOST, f"{name} is not seen.")
    return Message(Status.KIND, name[:NAME_LETTERS], Status(code, 0, error, text), time_s)


def _is_rigid(matrix: FloatArray) -> bool:
    turn = matrix[:3, :3]
    return bool(np.abs(turn.T @ turn - np.eye(3)).max() <= MAX_ROTATION_ERROR and np.linalg.det(turn) > 0)
