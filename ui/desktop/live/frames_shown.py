"""Tracked frames as the 3D view draws them: their picture, and where it lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray
from surgtwin.errors import SourceError
from surgtwin.live.freshness import LATE_S
from surgtwin.live.igtl_fields import LPS_FROM_RAS
from surgtwin.live.igtl_image import Image
from surgtwin.live.source import TimedImage

from .link import LiveLink


def place_of_frame(link: LiveLink, device: str, found: TimedImage) -> FloatArray | None:
    """`lps_from_ijk` (4, 4) of a frame in the twin; None while its place is not known.

    A frame that says its own place says it in the tracker's frame (or the reference marker's), as poses do; in the
    protocol's RAS where the source sends places in the image. One that a probe carries is where the probe was when it
    arrived.
    """
    calibration, own = link.calibration, LPS_FROM_RAS @ found.image.lps_from_ijk
    carrier = calibration.carriers.get(device)
    if not calibration.is_registered:
        return None
    if carrier is None:
        matrix = calibration.setup.lps_from_tracker
        return found.image.lps_from_ijk if matrix is None else np.asarray(matrix @ own)
    pose = _pose_at(link, carrier.device, found.arrived_s)
    reference = _pose_at(link, calibration.reference, found.arrived_s) if calibration.reference else None
    if pose is None or (calibration.reference and reference is None):
        return None
    try:
        marker = calibration.setup.lps_from_marker(carrier.device, pose, reference)
    except SourceError:
        return None
    return np.asarray(marker @ carrier.probe_from_image @ own)


def _pose_at(link: LiveLink, device: str, time_s: float) -> FloatArray | None:
    """At the frame's time, else the last one if it is hardly older: poses and frames come one after the other."""
    exact, last = link.source.pose_at(device, time_s), link.source.pose(device)
    if exact is not None or last is None:
        return exact
    return last.matrix if 0.0 <= time_s - last.arrived_s <= LATE_S else None


def picture_of(image: Image) -> NDArray[np.uint8]:
    """[row, column, 3] of a flat image; values beyond eight bits are stretched from their least to their largest."""
    values = image.values[0]
    if values.ndim == 3 and values.shape[2] >= 3:
        return np.ascontiguousarray(values[..., :3]).astype(np.uint8)
    grey = values[..., 0] if values.ndim == 3 else values
    if grey.dtype != np.uint8:
        low, high = float(grey.min()), float(grey.max())
        grey = ((grey - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
