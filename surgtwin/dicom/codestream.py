"""What a compressed frame says of itself, compared with the header before any decoder allocates memory for it."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

from ..errors import PixelError
from .pixel_layout import PixelLayout

_JPEG = {"50", "51", "57", "70", "80", "81"}
_JPEG2000 = {"90", "91", "201", "202", "203"}
_RLE = "1.2.840.10008.1.2.5"
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xF7}
_END = b"\xff\xd9"


@dataclass(frozen=True)
class _Stated:
    rows: int
    columns: int
    components: int
    precision: int


def check_codestream(data: bytes, layout: PixelLayout) -> None:
    """Refuse a frame whose own size is not the header's, or whose end is missing.

    Raises
    ------
    PixelError
        With the bare reason.
    """
    if layout.syntax == _RLE:
        _check_rle(data, layout)
        return
    kind = layout.syntax.rsplit(".", 1)[-1]
    stated = _jpeg(data) if kind in _JPEG else _jpeg2000(data) if kind in _JPEG2000 else None
    if stated is None:
        raise PixelError("its compressed pixels have no readable header")
    if (stated.rows, stated.columns) != (layout.rows, layout.columns):
        raise PixelError(
            f"its compressed pixels are {stated.columns} x {stated.rows}, its header says "
            f"{layout.columns} x {layout.rows}"
        )
    if stated.components != 1:
        raise PixelError(f"its compressed pixels have {stated.components} colour components; grey is needed")
    if stated.precision > layout.bits_allocated:
        raise PixelError(f"its compressed pixels have {stated.precision} bits, its header {layout.bits_allocated}")
    if not data.rstrip(b"\0\xff").endswith(b"\xd9") and _END not in data[-4:]:
        raise PixelError("its compressed pixels are cut short")


def _check_rle(data: bytes, layout: PixelLayout) -> None:
    """The header of an RLE frame: number of segments and their offsets (PS3.5, G.5)."""
    wanted = layout.bits_allocated // 8
    if len(data) < 64:
        raise PixelError("its RLE-compressed pixels are cut short")
    count, *offsets = unpack_from("<16L", data, 0)
    if count != wanted:
        raise PixelError(f"its RLE-compressed pixels have {count} segments, {wanted} are needed")
    used = offsets[:count]
    if used != sorted(used) or used[0] < 64 or used[-1] >= len(data):
        raise PixelError("its RLE-compressed pixels are damaged")


def _jpeg(data: bytes) -> _Stated | None:
    """From the start-of-frame marker of a JPEG or JPEG-LS stream (ITU-T T.81, B.2.2)."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _START_OF_FRAME:
            if at + 10 > len(data):
                return None
            precision, rows, columns, components = unpack_from(">BHHB", data, at + 4)
            return _Stated(rows, columns, components, precision)
        at += 2 + length
    return None


def _jpeg2000(data: bytes) -> _Stated | None:
    """From the SIZ marker of a JPEG 2000 codestream, bare or in a JP2 box (ITU-T T.800, A.5.1)."""
    start = 0 if data[:4] == b"\xff\x4f\xff\x51" else data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or start + 43 > len(data):
        return None
    width, height, left, top = unpack_from(">4L", data, start + 8)
    components = int.from_bytes(data[start + 40 : start + 42], "big")
    precision = (data[start + 42] & 0x7F) + 1
    return _Stated(height - top, width - left, components, precision)
