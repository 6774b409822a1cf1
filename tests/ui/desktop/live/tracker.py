"""A tracker on this computer that sends what a test wants, sixty times a second, on a thread of its own."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from surgtwin.live.igtl_content import Status
from surgtwin.live.igtl_image import Image
from surgtwin.live.igtl_poses import Transform
from surgtwin.live.igtl_server import IgtlServer
from surgtwin.live.openigtlink import Message
from surgtwin.live.replay import STATUS_NOT_FOUND, TRACKING_LOST

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RATE_S = 1.0 / 60.0
TOOL = "Stylus"
WAIT_MS = 30_000


def pose_at(place_lps: Any, turn: np.ndarray | None = None) -> np.ndarray:
    """A pose (4, 4) in RAS of a tool whose tip, its marker's origin, is at a place in LPS; the shaft along LPS +z."""
    matrix = np.eye(4)
    matrix[:3, 3] = place_lps
    if turn is not None:
        matrix[:3, :3] = turn
    return RAS_FROM_LPS @ matrix


class Tracker:
    """Sends the poses of `poses`, by device, until it is stopped; change them at will."""

    def __init__(self, poses: dict[str, np.ndarray], port: int = 0) -> None:
        self.poses = poses
        self.motion: Any = None
        self.images: dict[str, Image] = {}
        self._server = IgtlServer(port)
        self.port = self._server.port
        self._stop, self._silent = threading.Event(), threading.Event()
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def silence(self) -> None:
        """Send nothing, and keep the connection."""
        self._silent.set()

    def speak(self) -> None:
        self._silent.clear()

    def lose(self, device: str = TOOL) -> None:
        """Say that a tool is not seen, and send it no more."""
        with self._sending:
            self.poses.pop(device)
            self._server.send(Message(Status.KIND, device, Status(STATUS_NOT_FOUND, 0, TRACKING_LOST, "not seen")))

    def stop(self) -> None:
        """Go away."""
        self._stop.set()
        self._thread.join()
        self._server.stop()

    def _run(self) -> None:
        begin = time.monotonic()
        while not self._stop.wait(RATE_S):
            if self._silent.is_set():
                continue
            with self._sending:
                self._send(time.monotonic() - begin)

    def _send(self, time_s: float) -> None:
        poses = dict(self.poses) if self.motion is None else self.motion(time_s)
        for device, pose in poses.items():
            self._server.send(Message(Transform.KIND, device, Transform(pose), time.time()))
        for device, image in self.images.items():
            self._server.send(Message(Image.KIND, device, image, time.time()))
