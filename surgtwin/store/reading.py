"""Reading the log without ever writing into the twin's folder.

A twin at rest is one database file outside WAL mode, which SQLite reads without leaving anything behind. While a
program writes, its WAL is shared with readers. After a kill, or on a network share, the log is copied to a private
folder first, because recovering means writing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..errors import DiskError, TwinCorruptError, TwinLockedError
from . import database, layout
from .disk_errors import explain_disk_errors
from .file_system import network_file_system
from .lock import is_locked

T = TypeVar("T")
_ATTEMPTS = 5


def read_with(twin: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    """What `read` makes of the log. Raises TwinCorruptError, DiskError or TwinLockedError.

    A writer that begins or ends just then can make one attempt fail; it is repeated while the files change.
    """
    for _ in range(_ATTEMPTS - 1):
        before = _signature(twin)
        try:
            return _read_once(twin, read)
        except (TwinCorruptError, TwinLockedError, DiskError):
            if _signature(twin) == before and not is_locked(twin):
                raise
    return _read_once(twin, read)


def _read_once(twin: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    with explain_disk_errors("read the twin", twin), _connection(twin) as connection:
        return read(connection)


@contextmanager
def _connection(twin: Path) -> Iterator[sqlite3.Connection]:
    live = is_locked(twin)
    must_recover = any(_size(path) > 0 for path in _side_files(twin))
    if network_file_system(twin) or (must_recover and not live):
        with _private_copy(twin) as copy:
            yield from _opened(copy, "mode=rw")
    elif live:
        yield from _opened(layout.database(twin), "mode=ro")
    else:
        untouched = layout.is_wal_header(layout.read_header(twin)) or not os.access(twin, os.W_OK)
        yield from _opened(layout.database(twin), "mode=ro&immutable=1" if untouched else "mode=ro")


def _opened(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    connection = database.connect(path, options)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _private_copy(twin: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="surgtwin-read-") as folder:
        copy = Path(folder) / layout.DATABASE
        # The WAL first: if it is folded into the database in between, the database has its events too.
        for path in _side_files(twin):
            if path.exists():
                shutil.copyfile(path, Path(folder) / path.name)
        shutil.copyfile(layout.database(twin), copy)
        yield copy


def _side_files(twin: Path) -> tuple[Path, Path]:
    """What SQLite needs beside the database after a kill: it recovers from them, which means writing."""
    return layout.wal(twin), layout.rollback_journal(twin)


def _signature(twin: Path) -> tuple[tuple[int, int], ...]:
    """Changes whenever the database, its WAL or its journal does."""
    stats = []
    for path in (layout.database(twin), *_side_files(twin)):
        try:
            found = path.stat()
            stats.append((found.st_size, found.st_mtime_ns))
        except OSError:
            stats.append((0, 0))
    return tuple(stats)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
