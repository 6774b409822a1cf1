"""Writing that survives a kill and a power cut: the bytes first, then the name, then the folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path


def sync_descriptor(descriptor: int) -> None:
    """Return only when the file's bytes are on the medium."""
    if sys.platform == "darwin":
        import fcntl

        # fsync on macOS stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable. Windows has no such call; NTFS journals names itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, chunks: Iterable[memoryview | bytes]) -> int:
    """Write a new file and sync it; answers its size. On any failure nothing is left under that name."""
    size = 0
    try:
        with path.open("xb", buffering=0) as file:
            for chunk in chunks:
                data = memoryview(chunk).cast("B")
                _write_all(file.fileno(), data)
                size += len(data)
            sync_descriptor(file.fileno())
    except BaseException:
        remove_quietly(path)
        raise
    return size


def _write_all(descriptor: int, data: memoryview) -> None:
    """os.write may take fewer bytes than it is given (2 GiB on Linux, a nearly full disk)."""
    while len(data):
        written = os.write(descriptor, data)
        data = data[written:]


def remove_quietly(path: Path) -> None:
    """Remove a stray file; if that fails it stays, is harmless, and the next writer removes it."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
