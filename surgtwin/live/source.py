"""What one OpenIGTLink server sends, sorted by device: the latest poses, and what happened since it was last asked."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray
from .freshness import Freshness, PoseSlot, TimedPose, freshness_of
from .health import Health
from .igtl_client import Arrival, IgtlClient, LinkState
from .igtl_content import Status, String
from .igtl_image import Image
from .igtl_poses import Position, QuaternionTrackingData, TrackingData, Transform
from .replay import STATUS_OK

WAITING = 512
"""Happenings kept for a slow reader; the oldest are dropped, and counted."""
MOST_DEVICES = 256
"""A peer that invents names can't fill the memory."""
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Happening:
    """Something that was sent beside poses, or happened to the connection.

    Parameters
    ----------
    kind
        "connected", "closed", "status", "text", "image", "lost", "refused".
    """

    kind: str
    device: str
    text: str
    arrived_s: float = 0.0


@dataclass(frozen=True, eq=False)
class TimedImage:
    """A frame and when it arrived, s of the monotonic clock."""

    image: Image
    arrived_s: float


class TrackedSource:
    """One server: its poses by device, kept by a thread of its own; others may ask.

    A STATUS of a device that sends poses, other than OK, means that its tool is lost until the next pose.
    """

    def __init__(self, host: str, port: int) -> None:
        self.name = f"{host}:{port}"
        self.host, self.port = host, port
        self._slots: dict[str, PoseSlot] = {}
        self._images: dict[str, TimedImage] = {}
        self._lost: set[str] = set()
        self._happenings: deque[Happening] = deque(maxlen=WAITING)
        self._lock = threading.Lock()
        self._is_open = False
        self._link: Happening | None = None
        self.dropped = 0
        self._client = IgtlClient(host, port, self._arrived, self._changed)

    def __enter__(self) -> TrackedSource:
        self._client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop()

    @property
    def devices(self) -> tuple[str, ...]:
        """Those that have sent a pose, sorted."""
        with self._lock:
            return tuple(sorted(self._slots))

    def pose(self, device: str) -> TimedPose | None:
        """The device's latest pose, however old."""
        with self._lock:
            slot = self._slots.get(device)
        return None if slot is None else slot.latest

    def pose_at(self, device: str, time_s: float) -> FloatArray | None:
        """The device's pose (4, 4) at a time of the monotonic clock; None where that is not known."""
        with self._lock:
            slot = self._slots.get(device)
        return None if slot is None else slot.at(time_s)

    @property
    def image_devices(self) -> tuple[str, ...]:
        """Those that have sent a flat image, sorted."""
        with self._lock:
            return tuple(sorted(self._images))

    def image(self, device: str) -> TimedImage | None:
        """The device's latest flat image, however old; volumes are not kept."""
        with self._lock:
            return self._images.get(device)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        with self._lock:
            return self._is_open

    def freshness(self, device: str, now_s: float) -> tuple[Freshness, float | None]:
        """What may be shown of a device at a time of the monotonic clock, and its pose's age."""
        pose = self.pose(device)
        age_s = None if pose is None else max(0.0, now_s - pose.arrived_s)
        with self._lock:
            is_seen = self._is_open and device not in self._lost
        return freshness_of(age_s, is_seen), age_s

    def happened(self) -> list[Happening]:
        """What happened since the last call, in order."""
        with self._lock:
            found = list(self._happenings)
            self._happenings.clear()
        return found

    def health(self) -> Health:
        """Rate, latency and what was refused."""
        return self._client.health()

    def _changed(self, state: LinkState, why: str) -> None:
        with self._lock:
            self._is_open = state is LinkState.OPEN
        happening = Happening("connected" if state is LinkState.OPEN else "closed", "", why)
        # A server that is away is tried again and again: that is told once.
        if state is not LinkState.CONNECTING and happening != self._link:
            self._link = happening
            self._note(happening)

    def _arrived(self, arrival: Arrival) -> None:
        message, content = arrival.message, arrival.message.content
        if isinstance(content, (Transform, Position)):
            self._pose(message.device, TimedPose(content.matrix, arrival.arrived_s, message.time_s))
        elif isinstance(content, (TrackingData, QuaternionTrackingData)):
            for tool in content.tools:
                self._pose(tool.name, TimedPose(tool.matrix, arrival.arrived_s, message.time_s))
        elif isinstance(content, Status):
            self._status(message.device, content, arrival.arrived_s)
        elif isinstance(content, String):
            self._note(Happening("text", message.device, content.text[:LONGEST_TEXT], arrival.arrived_s))
        elif isinstance(content, Image):
            nk, nj, ni = content.values.shape[:3]
            if nk == 1:
                self._keep_image(message.device, TimedImage(content, arrival.arrived_s))
            self._note(Happening("image", message.device, f"{ni} x {nj} x {nk}", arrival.arrived_s))

    def _keep_image(self, device: str, image: TimedImage) -> None:
        with self._lock:
            if device in self._images or len(self._images) < MOST_DEVICES:
                self._images[device] = image

    def _pose(self, device: str, pose: TimedPose) -> None:
        with self._lock:
            slot = self._slots.get(device)
            if slot is None and len(self._slots) < MOST_DEVICES:
                slot = self._slots[device] = PoseSlot()
        if slot is None:
            self._note(Happening("refused", device, f"More than {MOST_DEVICES} devices send poses.", pose.arrived_s))
        elif slot.put(pose):
            with self._lock:
                self._lost.discard(device)
        else:
            far = float(np.linalg.norm(pose.matrix[:3, 3]))
            why = f"It seems to have jumped (now {far:.0f} mm from the tracker's origin): not believed."
            self._note(Happening("refused", device, why, pose.arrived_s))

    def _status(self, device: str, status: Status, arrived_s: float) -> None:
        text = status.message or status.error_name or ("ok" if status.code == STATUS_OK else f"code {status.code}")
        with self._lock:
            is_lost = device in self._slots and status.code != STATUS_OK
            if is_lost:
                self._lost.add(device)
        kind = "lost" if is_lost else "status"
        self._note(Happening(kind, device, text[:LONGEST_TEXT], arrived_s))

    def _note(self, happening: Happening) -> None:
        with self._lock:
            if len(self._happenings) == WAITING:
                self.dropped += 1
            self._happenings.append(happening)
