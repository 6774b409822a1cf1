"""A small picture of a series for choosing among several."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.volume import Modality, Window
from ..errors import PixelError
from ..progress import SILENT
from .frame import Frame
from .load import frame_window
from .pixel_layout import GREY
from .read_pixels import read_pixels
from .series import SeriesInfo

CT_WINDOW = Window(400.0, 40.0)
"""Soft tissue."""
_OTHER_PERCENTILES = (1.0, 99.0)


def thumbnail(series: SeriesInfo, size: int = 96) -> NDArray[np.uint8]:
    """The middle slice, windowed, as uint8 [rows, columns]; its longer side is `size` pixels, in true proportion.

    Raises
    ------
    PixelError
        If there is no grey-scale slice that can be read.
    """
    frames = series.order.frames if series.order is not None else series.stack_frames
    usable = [f for f in frames if not f.fault and f.instance.layout.photometric in (*GREY, "")]
    if not usable:
        raise PixelError(f"The series {series.key} has no slice that can be shown.")
    frame = usable[len(usable) // 2]
    plane = read_pixels([frame], series.modality, SILENT).values[0]
    return _windowed(_sampled(plane, frame, size), _window(frame, plane, series.modality))


def _window(frame: Frame, plane: NDArray[Any], modality: Modality) -> Window:
    stated = frame_window(frame)
    if modality is Modality.CT:
        return CT_WINDOW
    if stated is not None:
        return stated
    low, high = np.percentile(plane, _OTHER_PERCENTILES)
    return Window(max(float(high - low), 1.0), float(low + high) / 2)


def _sampled(plane: NDArray[Any], frame: Frame, size: int) -> NDArray[Any]:
    """Block means of about `size` pixels, with the pixels' proportion kept."""
    rows, columns = plane.shape
    drow, dcolumn = frame.spacing or (1.0, 1.0)
    height, width = rows * drow, columns * dcolumn
    scale = size / max(height, width)
    shape = max(round(height * scale), 1), max(round(width * scale), 1)
    return _averaged(_averaged(plane.astype(np.float32), shape[0], 0), shape[1], 1)


def _averaged(plane: NDArray[Any], count: int, axis: int) -> NDArray[Any]:
    """`plane` brought to `count` samples along an axis by means of what falls into each."""
    sums = np.cumsum(np.moveaxis(plane, axis, 0).astype(np.float64), axis=0)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    edges = np.linspace(0, plane.shape[axis], count + 1)
    whole = np.minimum(edges.astype(int), plane.shape[axis] - 1)
    share = (edges - whole)[(slice(None), *[None] * (plane.ndim - 1))]
    at_edges = sums[whole] * (1 - share) + sums[whole + 1] * share
    means = np.diff(at_edges, axis=0) * (count / plane.shape[axis])
    return np.moveaxis(means, 0, axis)


def _windowed(plane: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    low = window.level - window.width / 2
    return np.clip((plane - low) / window.width * 255.0, 0, 255).astype(np.uint8)
