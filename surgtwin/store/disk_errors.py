"""What the operating system and SQLite say about the disk, in words that tell what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskError, SurgTwinError, TwinCorruptError, TwinLockedError

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_NO_PERMISSION = {errno.EACCES, errno.EPERM}
_DISK_CODES = {sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_READONLY: "read-only", sqlite3.SQLITE_PERM: "forbidden"}
_DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}


@contextmanager
def explain_disk_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn OSError and sqlite3.Error into the program's own errors; `doing` is e.g. "save the twin"."""
    try:
        yield
    except OSError as error:
        raise explained_os_error(error, doing, path) from error
    except sqlite3.Error as error:
        raise explained_sqlite_error(error, doing, path) from error


def explained_os_error(error: OSError, doing: str, path: Path) -> SurgTwinError:
    if error.errno in _NO_SPACE:
        return DiskError(
            f"Could not {doing}: no space left on the disk that holds '{path}'. "
            "What was saved before is intact. Free some space and try again."
        )
    if error.errno in _NO_PERMISSION:
        return DiskError(f"Could not {doing}: no permission at '{path}'. Ask for it, or choose another folder.")
    if error.errno == errno.EROFS:
        return DiskError(f"Could not {doing}: '{path}' lies on a read-only file system. Choose another folder.")
    reason = error.strerror or type(error).__name__
    return DiskError(f"Could not {doing} at '{path}': {reason}. Check the disk and try again.")


def explained_sqlite_error(error: sqlite3.Error, doing: str, path: Path) -> SurgTwinError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TwinLockedError(f"Could not {doing}: another program holds the log of '{path}'. Try again.")
    if code in _DAMAGE_CODES or isinstance(error, sqlite3.IntegrityError):
        return TwinCorruptError(f"Could not {doing}: the log of '{path}' is damaged ({error}). Restore it from a copy.")
    if code == sqlite3.SQLITE_FULL:
        return DiskError(
            f"Could not {doing}: no space left on the disk that holds '{path}'. "
            "What was saved before is intact. Free some space and try again."
        )
    word = _DISK_CODES.get(code, f"not answering as it should: {error}")
    return DiskError(f"Could not {doing}: the disk that holds '{path}' is {word}. Check it, or choose another folder.")
