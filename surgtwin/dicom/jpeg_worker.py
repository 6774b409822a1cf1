"""A process that decodes JPEG frames with GDCM and nothing else.

GDCM ends the whole process on some damaged frames, and tells of others on standard error alone while it returns wrong
pixels. Here both are seen: the parent finds this process gone, or is told what was printed.

Protocol, both ways over pipes: a request is `REQUEST` and the frame, an answer is `ANSWER` and pixels or a reason.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from struct import Struct

from ..errors import SurgTwinError
from .decode_gdcm import decode_jpeg

REQUEST = Struct("<64sHHBBB?Q")
"""Transfer syntax, rows, columns, bits allocated, bits stored, high bit, signed, length of the frame."""
ANSWER = Struct("<?Q")
"""Whether it worked, length of what follows."""
READY = b"ready\n"
_MEMORY_BYTES = 4 * 2**30
_HARMLESS = (b"Unsupported JPEG data precision", b"extraneous bytes before marker 0xd9")
"""GDCM tries its 8-bit decoder first; and a byte that pads a frame to even length comes before the end mark."""


@dataclass(frozen=True)
class JpegFrame:
    """What the decoder has to know of a frame."""

    syntax: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    def packed(self, length: int) -> bytes:
        bits = self.bits_allocated, self.bits_stored, self.high_bit
        return REQUEST.pack(self.syntax.encode("ascii"), self.rows, self.columns, *bits, self.is_signed, length)


def main() -> None:
    """Serve requests on standard input until it ends."""
    _limit_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    with tempfile.TemporaryFile() as printed:
        # Nothing that the decoder prints may get between the answers.
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
        answers.write(READY)
        answers.flush()
        while len(head := requests.read(REQUEST.size)) == REQUEST.size:
            syntax, *shape, length = REQUEST.unpack(head)
            frame = JpegFrame(syntax.rstrip(b"\0").decode("ascii"), *shape)
            worked, body = _answer(requests.read(length), frame, printed.fileno())
            answers.write(ANSWER.pack(worked, len(body)) + body)
            answers.flush()


def _answer(data: bytes, frame: JpegFrame, printed: int) -> tuple[bool, bytes]:
    os.lseek(printed, 0, os.SEEK_SET)
    os.ftruncate(printed, 0)
    try:
        pixels = decode_jpeg(data, frame)
    except SurgTwinError as error:
        return False, str(error).encode()
    except (RuntimeError, ValueError, TypeError, AttributeError, MemoryError) as error:
        return False, f"its compressed pixels cannot be decoded ({type(error).__name__})".encode()
    os.lseek(printed, 0, os.SEEK_SET)
    complaints = [line for line in os.read(printed, 65536).splitlines() if line and not _is_harmless(line)]
    if complaints:
        return False, b"its compressed pixels are damaged (" + complaints[0][:80] + b")"
    return True, pixels


def _is_harmless(line: bytes) -> bool:
    return any(known in line for known in _HARMLESS)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows has none; the frame's own size was checked before.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    main()
