"""Tracked frames as the 3D view draws them: their picture, and where it lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray
from surgtwin.live.igtl_fields import LPS_FROM_RAS
from surgtwin.live.igtl_image import Image

from .link import Calibration


def place_of_frame(image: Image, device: str, calibration: Calibration) -> FloatArray | None:
    """`lps_from_ijk` (4, 4) of a frame in the twin; None while its source is not registered.

    A frame that says its own place says it in the tracker's frame (or the reference marker's), as poses do; the
    protocol's RAS where the source sends places in the image.
    """
    del device
    if calibration.sends_places:
        return image.lps_from_ijk
    if calibration.registration is None:
        return None
    return np.asarray(calibration.registration.transform.matrix @ LPS_FROM_RAS @ image.lps_from_ijk)


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
