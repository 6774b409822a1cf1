"""Exactly as many bytes as a header promises, from a file that may be compressed, cut short or lying.

The libraries unpack whatever a stream holds, or hand out what is left of a damaged one; here neither can happen.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError

MAX_DEFLATE_RATIO = 1032
"""Deflate cannot expand one byte to more than this."""
_CHUNK = 1 << 22
_DECODE_ERRORS = (OSError, EOFError, zlib.error, ValueError)


def open_maybe_gzip(path: Path) -> BinaryIO:
    """The file's contents; gzip is recognised by its first bytes, not by the name."""
    handle = path.open("rb")
    is_gzip = handle.read(2) == b"\x1f\x8b"
    handle.seek(0)
    if not is_gzip:
        return handle
    handle.close()
    return gzip.open(path, "rb")  # type: ignore[return-value]


def read_exactly(stream: BinaryIO, path: Path, count: int, what: str) -> bytes:
    """`count` bytes. Raises FormatError if the stream ends before or is damaged."""
    try:
        data = stream.read(count)
    except _DECODE_ERRORS as error:
        raise FormatError(f"'{path.name}' is damaged: its {what} cannot be decompressed.") from error
    if len(data) < count:
        raise FormatError(f"'{path.name}' is truncated: its {what} needs {count} bytes, {len(data)} are there.")
    return data


def read_values(
    stream: BinaryIO, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], stored_bytes: int
) -> NDArray[Any]:
    """Array of `shape` filled from the stream; needs no second copy.

    Parameters
    ----------
    stored_bytes
        Size of the (compressed) data on the disk: what can never hold that many values is refused at once.
    """
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if needed > max(stored_bytes, 1) * MAX_DEFLATE_RATIO:
        raise FormatError(
            f"'{path.name}' is truncated: its header promises {needed} bytes of values, "
            f"but the file holds only {stored_bytes} bytes."
        )
    values = np.empty(shape, dtype=dtype)
    view = values.data.cast("B")
    done = 0
    try:
        while done < needed:
            got = stream.readinto(view[done : done + _CHUNK])  # type: ignore[attr-defined]
            if not got:
                raise FormatError(
                    f"'{path.name}' is truncated: {done} of {needed} bytes of values are there. Copy it again."
                )
            done += got
        stream.readinto(bytearray(1))  # type: ignore[attr-defined]  # the checksum behind the values is compared now
    except _DECODE_ERRORS as error:
        raise FormatError(f"'{path.name}' is damaged: its values cannot be decompressed. Copy it again.") from error
    return values


def decompressed(stream: BinaryIO, encoding: str) -> BinaryIO:
    """`stream` from where it stands, through 'raw', 'gzip', 'zlib' or 'bzip2'."""
    if encoding == "gzip":
        return gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[return-value]
    if encoding == "bzip2":
        return bz2.BZ2File(stream, "rb")  # type: ignore[return-value]
    if encoding == "zlib":
        return _ZlibStream(stream)  # type: ignore[return-value]
    return stream


class _ZlibStream:
    """Just enough of a reader for a bare zlib stream."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._inflate = zlib.decompressobj()

    def readinto(self, view: memoryview) -> int:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._source.read(1 << 20)
            data = self._inflate.decompress(packed, len(view))
            if data or not packed:
                view[: len(data)] = data
                return len(data)
        return 0
