"""The frames of encapsulated (compressed) pixel data (PS3.5, A.4)."""

from __future__ import annotations

from itertools import pairwise
from struct import unpack_from

from ..errors import PixelError

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def split_frames(data: bytes, frames: int) -> list[bytes]:
    """The compressed frames in encapsulated pixel data.

    Parameters
    ----------
    data
        From the first item (the offset table) to the sequence's end.

    Raises
    ------
    PixelError
        With the bare reason, if the data are cut short or do not divide into that many frames.
    """
    table, pieces, starts = _fragments(data)
    if not pieces:
        raise PixelError("its pixel data are empty")
    if frames == 1:
        return [b"".join(pieces)]
    if len(pieces) == frames:
        return pieces
    offsets = [unpack_from("<L", table, n)[0] for n in range(0, len(table) - 3, 4)]
    if len(offsets) != frames or offsets != sorted(set(offsets)) or any(o not in starts for o in offsets):
        raise PixelError(f"its {len(pieces)} compressed pieces cannot be assigned to {frames} frames")
    bounds = [starts.index(o) for o in offsets] + [len(pieces)]
    return [b"".join(pieces[a:b]) for a, b in pairwise(bounds)]


def _fragments(data: bytes) -> tuple[bytes, list[bytes], list[int]]:
    """Offset table, fragments, and the offset of each from the first one's item."""
    pieces: list[bytes] = []
    starts: list[int] = []
    table: bytes | None = None
    at = first = 0
    while True:
        if at + 8 > len(data):
            raise PixelError("it is cut short: its compressed pixel data have no end")
        mark, length = data[at : at + 4], unpack_from("<L", data, at + 4)[0]
        if mark == _END:
            return table or b"", pieces, starts
        if mark != _ITEM or at + 8 + length > len(data):
            raise PixelError("it is cut short or damaged within its compressed pixel data")
        value = data[at + 8 : at + 8 + length]
        if table is None:
            table, first = value, at + 8 + length
        else:
            pieces.append(value)
            starts.append(at - first)
        at += 8 + length
