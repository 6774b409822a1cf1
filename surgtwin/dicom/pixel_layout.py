"""How the pixels of one file are stored, and whether they can be what the header says (PS3.3, C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import tags
from .elements import PixelPlace
from .header import NATIVE_SYNTAXES, Header
from .limits import MAX_FRAMES, MAX_SIDE
from .values import ascii_text, integer, ushort

_DEPTHS = (8, 16, 32)
GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """Size, depth and place of the pixels of one file.

    Parameters
    ----------
    padding
        Stored values from and to (inclusive) that stand for "not measured"; None if the file states none.
    fault
        Why these pixels cannot be used; empty if nothing speaks against it.
    """

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    samples: int
    photometric: str
    padding: tuple[int, int] | None
    syntax: str
    is_big_endian: bool
    place: PixelPlace
    fault: str = ""

    @property
    def is_native(self) -> bool:
        return self.syntax in NATIVE_SYNTAXES

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * max(self.samples, 1) * (self.bits_allocated // 8)

    @property
    def stored_range(self) -> tuple[int, int]:
        """Smallest and largest value the stored bits can hold."""
        if self.is_signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1


def read_layout(header: Header, file_size: int | None) -> PixelLayout | None:
    """The pixel layout of a file, or None if it has no image pixels.

    Parameters
    ----------
    file_size
        Bytes of the file, to see whether the pixel data are all there; None where it is not known (a deflated file).
    """
    if header.pixels is None:
        return None
    elements, big = header.elements, header.encoding.is_big_endian
    bits_allocated = ushort(elements, tags.BITS_ALLOCATED, big) or 0
    bits_stored = ushort(elements, tags.BITS_STORED, big) or bits_allocated
    high_bit = ushort(elements, tags.HIGH_BIT, big)
    is_signed = ushort(elements, tags.PIXEL_REPRESENTATION, big) == 1
    frames = integer(elements, tags.NUMBER_OF_FRAMES)
    layout = PixelLayout(
        rows=ushort(elements, tags.ROWS, big) or 0,
        columns=ushort(elements, tags.COLUMNS, big) or 0,
        frames=1 if frames is None else frames,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=bits_stored - 1 if high_bit is None else high_bit,
        is_signed=is_signed,
        samples=ushort(elements, tags.SAMPLES_PER_PIXEL, big) or 1,
        photometric=ascii_text(elements, tags.PHOTOMETRIC_INTERPRETATION),
        padding=_padding(header, is_signed),
        syntax=header.syntax,
        is_big_endian=big,
        place=header.pixels,
    )
    return _with_fault(layout, _fault(layout) or _length_fault(layout, file_size))


def _with_fault(layout: PixelLayout, fault: str) -> PixelLayout:
    return replace(layout, fault=fault) if fault else layout


def _padding(header: Header, is_signed: bool) -> tuple[int, int] | None:
    big = header.encoding.is_big_endian
    value = ushort(header.elements, tags.PIXEL_PADDING_VALUE, big, is_signed=is_signed)
    if value is None:
        return None
    limit = ushort(header.elements, tags.PIXEL_PADDING_RANGE_LIMIT, big, is_signed=is_signed)
    other = value if limit is None else limit
    return min(value, other), max(value, other)


def _fault(layout: PixelLayout) -> str:
    if layout.place.tag != tags.PIXEL_DATA:
        return "its pixels are floating-point numbers of a parametric map, not an image"
    if not (0 < layout.rows <= MAX_SIDE and 0 < layout.columns <= MAX_SIDE):
        return f"its size of {layout.columns} x {layout.rows} pixels is not plausible"
    if not 0 < layout.frames <= MAX_FRAMES:
        return f"its number of frames, {layout.frames}, is not plausible"
    if layout.samples != 1 or (layout.photometric and layout.photometric not in GREY):
        kind = layout.photometric or f"{layout.samples} samples a pixel"
        return f"it is a colour image ({kind}); a grey-scale CT or MR image is needed"
    if layout.bits_allocated not in _DEPTHS:
        return f"its pixels take {layout.bits_allocated} bits; 8, 16 or 32 can be read"
    if not 0 < layout.bits_stored <= layout.bits_allocated:
        return f"it stores {layout.bits_stored} bits in {layout.bits_allocated}, which cannot be"
    if not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated:
        return f"its high bit {layout.high_bit} does not fit {layout.bits_stored} bits stored"
    return ""


def _length_fault(layout: PixelLayout, file_size: int | None) -> str:
    """Whether the pixel data are as long as the header says, and all there."""
    length = layout.place.length
    if not layout.is_native:
        return "" if length is None else "its transfer syntax is compressed, but its pixel data are not"
    if length is None:
        return "its transfer syntax is uncompressed, but its pixel data are compressed"
    needed = layout.frame_bytes * layout.frames
    row_bytes = layout.columns * (layout.bits_allocated // 8)
    if file_size is not None and layout.place.offset + min(needed, length) > file_size:
        there = max(file_size - layout.place.offset, 0)
        return f"it is cut short: {there} bytes of pixel data are there, {needed} are needed"
    if length < needed:
        return f"it has {length} bytes of pixel data, but its size needs {needed}"
    if length - needed > max(row_bytes, 1):
        return f"it has {length} bytes of pixel data, but its size explains only {needed}"
    return ""
