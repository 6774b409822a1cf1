"""Putting a finished folder into place in one step, over an older one if asked.

Linux and macOS can exchange two folders in one call, so there is a twin under the name at every moment. Elsewhere the
old one is moved aside first; a kill between the two moves is mended by whoever opens the twin next.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import sys
import time
from pathlib import Path

from ..errors import TwinExistsError
from . import layout
from .durable import sync_folder
from .lock import WriterLock, is_locked

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2
_OURS = re.compile(
    rf"(writer\.lock|{layout.BLOBS}|{layout.BACKUPS}|twin\.sqlite(-wal|-shm|-journal)?|{layout.INCOMING}[0-9a-f]+)"
)
_ABANDONED_AFTER_S = 60.0
"""A staging folder without a lock file is younger than this only while another save begins."""


def publish(staging: Path, twin: Path) -> None:
    """Rename a new folder into place where there is none yet. Raises TwinExistsError if there is one by now."""
    try:
        staging.rename(twin)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR) or twin.exists():
            raise TwinExistsError(f"'{twin}' was made by another program in the meantime.") from error
        raise
    sync_folder(twin.parent)


def publish_over(staging: Path, twin: Path, *, is_shared: bool = False) -> None:
    """Put a new folder in the place of an older twin, which is removed after that.

    Parameters
    ----------
    is_shared
        It lies on a network share, where no program writes to a twin and locks may not exist.

    Raises
    ------
    TwinLockedError
        If a program has the older twin open to write.
    """
    lock = WriterLock(twin)
    if not is_shared:
        lock.acquire()
    if os.name == "nt":
        # Windows renames no folder that holds an open file.
        lock.release()
    try:
        old = staging if _exchange(staging, twin) else _move_over(staging, twin)
    finally:
        lock.release()
    sync_folder(twin.parent)
    remove_folder(old)


def finish_interrupted(twin: Path) -> None:
    """Bring back a twin whose replacement was killed between its two moves. Does nothing otherwise."""
    if twin.exists():
        return
    for old in layout.siblings(twin, "old"):
        if layout.is_twin(old) and not is_locked(old):
            old.rename(twin)
            return


def remove_abandoned(twin: Path) -> None:
    """Remove what killed saves left beside the twin: folders of our naming and contents that nobody writes to."""
    leftovers = layout.siblings(twin, "tmp")
    if layout.is_twin(twin):
        leftovers += layout.siblings(twin, "old")
    for folder in leftovers:
        if _is_abandoned(folder):
            remove_folder(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder of ours; what cannot be removed now is removed by the next save."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        if not all(_OURS.fullmatch(entry.name) for entry in folder.iterdir()) or is_locked(folder):
            return False
        has_lock = layout.lock_file(folder).exists()
        return has_lock or time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S
    except OSError:
        return False


def _move_over(staging: Path, twin: Path) -> Path:
    old = layout.new_sibling(twin, "old")
    twin.rename(old)
    try:
        staging.rename(twin)
    except BaseException:
        old.rename(twin)
        raise
    return old


def _exchange(a: Path, b: Path) -> bool:
    """Swap two folders atomically. False where the system or the file system cannot."""
    first, second = os.fsencode(a), os.fsencode(b)
    try:
        libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
        if libc is None:
            return False
        if sys.platform == "darwin":
            return int(libc.renamex_np(first, second, _RENAME_SWAP)) == 0
        return int(libc.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE)) == 0
    except (OSError, AttributeError):
        return False
