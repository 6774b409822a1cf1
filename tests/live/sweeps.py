"""A free-hand sweep over a body whose brightness is known everywhere."""

from __future__ import annotations

import numpy as np

from surgtwin.live.probe_calibration import ProbeCalibration
from surgtwin.live.sequence_file import Recording, SequenceFrame
from tests.conftest import rotation

WIDE, DEEP = 60, 50
MIDDLE = np.array([120.0, -40.0, 300.0])
"""Of the body, in the reference's frame."""


def brightness(points: np.ndarray) -> np.ndarray:
    """At places (..., 3) of the reference's frame; brighter to +x, so that a mirrored volume shows."""
    off = points - MIDDLE
    return 60.0 + 120.0 * np.exp(-np.sum(off**2, axis=-1) / (2 * 8.0**2)) + 1.0 * off[..., 0]


def probe_from_pixel() -> np.ndarray:
    """Turned, off the marker's origin, and with pixels that are not square."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((10.0, 25.0, -40.0)) @ np.diag([0.4, 0.5, 0.45])
    matrix[:3, 3] = (12.0, 33.0, -8.0)
    return matrix


def reference_from_pixel(n: int, step_mm: float) -> np.ndarray:
    """Pictures side by side across the body, each turned a little more."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((20.0 + 0.3 * n, -15.0, 35.0)) @ np.diag([0.4, 0.5, 0.45])
    centre = matrix[:3, :3] @ ((WIDE - 1) / 2, (DEEP - 1) / 2, 0)
    across = rotation((20.0, -15.0, 35.0))[:, 2]
    matrix[:3, 3] = MIDDLE - centre + (n - 15) * step_mm * across
    return matrix


def sweep(count: int = 31, step_mm: float = 0.7, orientation: str = "MFA") -> Recording:
    """Pictures of the body with the poses of a probe and a reference marker in a tracker's frame."""
    tracker_from_reference = np.eye(4)
    tracker_from_reference[:3, :3] = rotation((-60.0, 15.0, 110.0))
    tracker_from_reference[:3, 3] = (-300.0, 80.0, -1500.0)
    i, j = np.meshgrid(np.arange(WIDE), np.arange(DEEP))
    pixels = np.stack([i, j, np.zeros_like(i)], axis=-1)
    frames, pictures = [], []
    for n in range(count):
        placed = reference_from_pixel(n, step_mm)
        pictures.append(brightness(pixels @ placed[:3, :3].T + placed[:3, 3]))
        probe = tracker_from_reference @ placed @ np.linalg.inv(probe_from_pixel())
        matrices = {"ProbeToTracker": probe, "ReferenceToTracker": tracker_from_reference}
        frames.append(SequenceFrame(10.0 + 0.05 * n, matrices, frozenset(), True))
    images = np.rint(np.array(pictures)[:, None]).astype(np.uint8)
    return Recording(tuple(frames), images, np.eye(4), orientation)


def calibration(**more: object) -> ProbeCalibration:
    return ProbeCalibration({("Image", "Probe"): probe_from_pixel()}, **more)  # type: ignore[arg-type]
