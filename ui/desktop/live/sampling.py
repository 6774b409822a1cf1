"""Poses of the followed tool, collected while a person holds it still or swings it about."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from surgtwin.domain.geometry import FloatArray
from surgtwin.errors import SourceError
from surgtwin.live.guidance import SHOWN, ToolPlace
from surgtwin.live.listening import Setup, joint_freshness

from .desk import LiveDesk
from .link import LiveLink

LOOK_MS = 5
MOST = 3000
"""Nearly a minute of 60 Hz."""
STILL_POSES = 20
STILL_MM = 1.5
"""A tip that strays farther while it is taken was not held still."""


class PoseSampler(QObject):
    """Each pose once, only fresh ones, relative to the patient's reference marker where there is one."""

    sampled = Signal()

    def __init__(self, desk: LiveDesk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._link: LiveLink | None = None
        self._device, self._last_s = "", 0.0
        self.poses: list[FloatArray] = []
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_running(self) -> bool:
        return self._timer.isActive()

    def start(self) -> None:
        """Begin anew with the tool that is followed now."""
        self._link, self._device, self._last_s, self.poses = self._desk.link, self._desk.device, 0.0, []
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _look(self) -> None:
        link, now = self._link, time.monotonic()
        if link is None or not self._device or len(self.poses) >= MOST:
            return
        pose = link.source.pose(self._device)
        setup = Setup(link.calibration.reference, np.eye(4), {})
        if pose is None or pose.arrived_s == self._last_s:
            return
        if joint_freshness(link.source, setup, self._device, now)[0] not in SHOWN:
            return
        reference = link.source.pose(setup.reference) if setup.reference else None
        try:
            found = setup.lps_from_marker(self._device, pose.matrix, None if reference is None else reference.matrix)
        except SourceError:
            return
        self._last_s = pose.arrived_s
        self.poses.append(found)
        self.sampled.emit()


def still_tip(poses: list[FloatArray], link: LiveLink, device: str) -> FloatArray:
    """(3,) where the tip was held, in the reference's frame or the tracker's.

    Raises
    ------
    SourceError
        If it moved meanwhile.
    """
    tip = link.calibration.setup.tip(device)
    places = np.array([ToolPlace.of(pose, tip).tip_mm for pose in poses])
    middle = np.median(places, axis=0)
    strayed = float(np.percentile(np.linalg.norm(places - middle, axis=1), 95))
    if strayed > STILL_MM:
        raise SourceError(f"The tip moved by {strayed:.1f} mm while it was taken. Hold it still and take it again.")
    return np.asarray(middle)
