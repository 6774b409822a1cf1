"""One writer per twin: a lock of the operating system on `writer.lock`, which ends with the process that holds it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TwinLockedError
from . import layout

_BYTE = 1 << 30
"""Windows locks ranges and forbids reading them, so the locked byte lies far behind the text."""
_PATIENCE_S = 0.5
_PAUSE_S = 0.02
"""A reader that asks whether there is a writer holds the lock for an instant."""


class WriterLock:
    """The lock of a twin's folder, held from `acquire` to `release`."""

    def __init__(self, twin: Path) -> None:
        self._twin = twin
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises TwinLockedError naming who holds it, OSError if the folder cannot be written."""
        path = layout.lock_file(self._twin)
        end = time.monotonic() + _PATIENCE_S
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            if _try_lock(descriptor) and _is_still_there(path, descriptor):
                break
            os.close(descriptor)
            if time.monotonic() >= end:
                raise TwinLockedError(_who_holds(self._twin))
            time.sleep(_PAUSE_S)
        self._descriptor = descriptor
        _say_who(descriptor)

    def release(self) -> None:
        if self._descriptor is None:
            return
        try:
            os.ftruncate(self._descriptor, 0)
        finally:
            _unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def _is_still_there(path: Path, descriptor: int) -> bool:
    """False if the twin was replaced between opening and locking: the lock would be that of the old folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _say_who(descriptor: int) -> None:
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since_utc": _now()}
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(who).encode())
    except OSError:
        # A full disk: the lock holds all the same, only without a name.
        return


def is_locked(twin: Path) -> bool:
    """True if a program that is alive has the twin open to write. Writes nothing."""
    try:
        descriptor = os.open(layout.lock_file(twin), os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return False
    try:
        if not _try_lock(descriptor, shared=True):
            return True
        _unlock(descriptor)
        return False
    finally:
        os.close(descriptor)


def _who_holds(twin: Path) -> str:
    try:
        who = json.loads(layout.lock_file(twin).read_text(encoding="utf-8"))
        holder = f"process {int(who['pid'])} on {who['host']}, since {who['since_utc']}"
    except (OSError, ValueError, KeyError, TypeError):
        holder = "another program"
    return f"'{twin.name}' is open to write in {holder}. Close it there, or open the twin read-only."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int, shared: bool = False) -> bool:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int, shared: bool = False) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
