"""Saving a twin to a new folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..domain.twin import Twin
from ..errors import TwinExistsError
from ..progress import SILENT, Progress
from ..version import VERSION
from . import database, layout
from .blobs import BlobStore
from .disk_errors import explain_disk_errors
from .durable import sync_folder, write_file
from .encode_twin import encode_new_twin
from .event import EventDraft
from .file_system import network_file_system
from .lock import WriterLock
from .replace_folder import finish_interrupted, publish, publish_over, remove_abandoned, remove_folder

SOURCE = f"surgtwin {VERSION}"


def save_twin(twin: Twin, path: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> None:
    """Write a twin as a new folder. It is built beside `path` and renamed into place when all of it is on the medium.

    A kill at any moment leaves what was at `path` before, or the new twin, never something between.

    Raises
    ------
    TwinExistsError
        If there is something at `path` and `overwrite` is False, or it is no twin.
    TwinLockedError
        If a program has the twin that is to be replaced open to write.
    DiskError
        If there is no space or no permission; `path` is as it was.
    """
    target = Path(path).resolve()
    with explain_disk_errors("save the twin", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        finish_interrupted(target)
        require_free(target, overwrite)
        remove_abandoned(target)
        build_and_publish(target, lambda folder, is_shared: _build(twin, folder, is_shared, progress))
        progress.update(1.0, "Saved")


def require_free(target: Path, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if not layout.is_twin(target):
        raise TwinExistsError(f"'{target}' exists and is not a twin; it is not replaced. Choose another name.")
    if not overwrite:
        raise TwinExistsError(f"The twin '{target}' exists. Choose another name, or replace it (--force).")


def build_and_publish(target: Path, build: Callable[[Path, bool], None]) -> None:
    """Let `build(folder, is_shared)` fill a new folder beside `target`, then put it in place in one step.

    `is_shared` says that it lies on a network file system. If `build` raises, nothing is left of it.
    """
    is_shared = bool(network_file_system(target))
    staging = layout.new_sibling(target, "tmp")
    staging.mkdir()
    lock = WriterLock(staging)
    try:
        if not is_shared:
            lock.acquire()
        build(staging, is_shared)
        if os.name == "nt":
            # Windows renames no folder that holds an open file.
            lock.release()
        if target.exists():
            publish_over(staging, target, is_shared=is_shared)
        else:
            publish(staging, target)
    except BaseException:
        lock.release()
        remove_folder(staging)
        raise
    lock.release()


def _build(twin: Twin, staging: Path, is_shared: bool, progress: Progress) -> None:
    layout.blob_folder(staging).mkdir()
    blobs = BlobStore(staging)
    drafts = encode_new_twin(twin, blobs, progress.part(0.0, 0.95))
    blobs.sync()
    progress.update(0.95, "Saving the log")
    if is_shared:
        with tempfile.TemporaryDirectory(prefix="surgtwin-log-") as folder:
            built = layout.database(Path(folder))
            _write_log(built, drafts)
            write_file(layout.database(staging), (built.read_bytes(),))
    else:
        _write_log(layout.database(staging), drafts)
    sync_folder(staging)


def _write_log(path: Path, drafts: list[EventDraft]) -> None:
    database.create(path)
    connection = database.connect(path, "mode=rw")
    try:
        connection.execute("PRAGMA synchronous=FULL")
        database.append(connection, drafts, SOURCE)
    finally:
        connection.close()
