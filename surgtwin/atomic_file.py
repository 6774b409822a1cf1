"""Write a file so that its name holds either the old contents or all of the new, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from .errors import DiskError


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to the disk, then give it its name.

    Raises
    ------
    DiskError
        If the folder does not exist, cannot be written, or the disk is full. Nothing is left behind.
    """
    temporary = path.with_name(f".{secrets.token_hex(6)}.partial")
    try:
        write(temporary)
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or "not all of it was taken"
        raise DiskError(f"'{path.name}' cannot be written: {reason}. Check the folder and the free space.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """`data` under the name `path`, as `write_atomically` does it."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_atomically(path, fill)
