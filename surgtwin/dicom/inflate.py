"""A deflated data set as a stream that never holds more than a piece of what it inflates to (PS3.5, A.5)."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from ..errors import DicomError

_PIECE = 64 * 1024


class InflatingReader(io.RawIOBase):
    """Reads the inflated bytes of a raw deflate stream, a bounded piece at a time.

    Raises
    ------
    DicomError
        While reading, if the stream is damaged or ends too early.
    """

    def __init__(self, compressed: BinaryIO) -> None:
        self._compressed = compressed
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        target = memoryview(buffer).cast("B")
        if not self._ready and not self._inflate(min(max(len(target), 1), 16 * _PIECE)):
            return 0
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        if not self.closed and hasattr(self._compressed, "close"):
            self._compressed.close()
        super().close()

    def _inflate(self, most: int) -> bool:
        """Inflate up to `most` bytes into `_ready`; False at the proper end of the stream."""
        while not self._ready and not self._inflater.eof:
            source = self._inflater.unconsumed_tail or self._compressed.read(_PIECE)
            try:
                piece = self._inflater.decompress(source, most)
            except zlib.error as error:
                raise DicomError(f"its deflated data set is damaged ({error})") from error
            if not piece and not source:
                raise DicomError("it is cut short: its deflated data set has no end")
            self._ready = memoryview(piece)
        return bool(self._ready)
