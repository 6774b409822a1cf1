"""From stored bits to values: depth, sign, inversion, padding and rescale of one slice (PS3.3, C.7.6.3 and C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.volume import Modality
from .frame import Frame
from .pixel_layout import PixelLayout

PADDING_AIR_HU = -1024.0
"""What pixels outside the scanner's field become in a CT."""
PADDING_BELOW_HU = -900.0
"""Padding of a CT whose value lies above this and below `PADDING_ABOVE_HU` could be tissue: it is left alone."""
PADDING_ABOVE_HU = 3071.0
_INT16 = np.iinfo(np.int16)


class DoesNotFitError(Exception):
    """The values of a slice are not whole numbers that int16 can hold: the volume must be float32."""


@dataclass(frozen=True)
class SliceFacts:
    """What was seen while a slice was read: its smallest value, and how many pixels were padding."""

    smallest: float
    padded: int


def stored_dtype(layout: PixelLayout) -> np.dtype[Any]:
    """Type of the stored pixels in the file, byte order included."""
    order = ">" if layout.is_big_endian else "<"
    return np.dtype(f"{order}{'i' if layout.is_signed else 'u'}{layout.bits_allocated // 8}")


def rescales_to_whole(frame: Frame) -> bool:
    """True if whole stored values stay whole."""
    return frame.slope == int(frame.slope) and frame.intercept == int(frame.intercept)


def clean_bits(stored: NDArray[Any], layout: PixelLayout) -> None:
    """Keep the bits stored and nothing else, in place: old files carry overlays in the unused high bits."""
    unused = layout.bits_allocated - layout.bits_stored
    if not unused:
        return
    above = layout.bits_allocated - 1 - layout.high_bit
    if not layout.is_signed and not unused - above:
        np.bitwise_and(stored, stored.dtype.type((1 << layout.bits_stored) - 1), out=stored)
        return
    # Up to the top and down again: drops what is above and below, and carries the sign.
    np.left_shift(stored, stored.dtype.type(above), out=stored)
    np.right_shift(stored, stored.dtype.type(unused), out=stored)


def invert(stored: NDArray[Any], layout: PixelLayout) -> None:
    """MONOCHROME1 as MONOCHROME2, in place: the largest stored value becomes the smallest."""
    low, high = layout.stored_range
    if layout.is_signed:
        np.invert(stored, out=stored)
    else:
        np.subtract(stored.dtype.type(high - low), stored, out=stored)


def padding_range(frame: Frame, modality: Modality) -> tuple[int, int] | None:
    """Stored values that are padding and cannot be tissue; None if there are none to replace."""
    padding = frame.instance.layout.padding
    if padding is None or modality is not Modality.CT:
        return None
    in_hu = [p * frame.slope + frame.intercept for p in padding]
    is_outside = all(v < PADDING_BELOW_HU for v in in_hu) or all(v > PADDING_ABOVE_HU for v in in_hu)
    return padding if is_outside else None


def fill_slice(stored: NDArray[Any], frame: Frame, modality: Modality, out: NDArray[Any]) -> SliceFacts:
    """Rescale cleaned `stored` values [j, i] into `out` [j, i]; `stored` may share memory with an int16 `out`.

    Raises
    ------
    DoesNotFitError
        If `out` is int16 and cannot hold a value exactly.
    """
    padding = padding_range(frame, modality)
    mask = None
    if padding is not None and int(stored.min()) <= padding[1] and int(stored.max()) >= padding[0]:
        mask = (stored >= padding[0]) & (stored <= padding[1])
        mask = mask if mask.any() else None
    if mask is not None:
        inside = stored[~mask]
        np.copyto(stored, inside.min() if inside.size else stored.dtype.type(0), where=mask)
    if out.dtype == np.int16:
        smallest = _rescale_whole(stored, frame, out)
    else:
        smallest = _rescale_float(stored, frame, out)
    padded = 0
    if mask is not None:
        out[mask] = PADDING_AIR_HU
        padded = int(np.count_nonzero(mask))
        smallest = PADDING_AIR_HU if padded == mask.size else min(smallest, PADDING_AIR_HU)
    return SliceFacts(smallest, padded)


def _fits(ends: tuple[int, int], slope: int, intercept: int) -> bool:
    rescaled = [end * slope + intercept for end in ends]
    return min(rescaled) >= _INT16.min and max(rescaled) <= _INT16.max


def _rescale_whole(stored: NDArray[Any], frame: Frame, out: NDArray[Any]) -> float:
    slope, intercept = int(frame.slope), int(frame.intercept)
    fits_always = _fits(frame.instance.layout.stored_range, slope, intercept)
    if not fits_always and not _fits((int(stored.min()), int(stored.max())), slope, intercept):
        raise DoesNotFitError
    # Modulo 2**16 throughout: only the result has to fit, which was just made sure of.
    if not np.may_share_memory(out, stored):
        np.copyto(out, stored, casting="unsafe")
    modular = out.view(np.uint16)
    if slope != 1:
        np.multiply(modular, np.uint16(slope % 65536), out=modular)
    if intercept:
        np.add(modular, np.uint16(intercept % 65536), out=modular)
    return float(out.min())


def _rescale_float(stored: NDArray[Any], frame: Frame, out: NDArray[Any]) -> float:
    np.copyto(out, stored.astype(np.float64) * frame.slope + frame.intercept, casting="same_kind")
    return float(out.min())
