"""A twin with all its history in another place."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import TwinCorruptError, TwinExistsError
from ..progress import SILENT, Progress
from . import database, layout
from .arrays import CHUNK_BYTES
from .disk_errors import explain_disk_errors
from .durable import sync_folder, write_file
from .journal import find_twin
from .reading import read_with
from .replace_folder import finish_interrupted, remove_abandoned
from .save import build_and_publish, require_free
from .verify import verify_twin


def copy_twin(source: Path, target: Path, *, overwrite: bool = False, progress: Progress = SILENT) -> None:
    """Copy a twin with every revision and event. `source` may be open to write, by this program or another.

    The copy holds what the log held at one moment. It is built beside `target`, checked as `verify_twin` does, and
    renamed into place: a kill leaves what was at `target` before, or the whole copy.

    Raises
    ------
    TwinExistsError
        If there is something at `target` and `overwrite` is False, or it is no twin, or it is `source` itself.
    TwinCorruptError
        If the source is damaged: nothing is left at `target`.
    DiskError
        If there is no space or no permission.
    """
    origin, goal = find_twin(source), Path(target).resolve()
    if goal == origin or origin in goal.parents:
        raise TwinExistsError(f"'{goal}' is the twin itself. Choose another name for the copy.")
    with explain_disk_errors("copy the twin", goal):
        goal.parent.mkdir(parents=True, exist_ok=True)
        finish_interrupted(goal)
        require_free(goal, overwrite)
        remove_abandoned(goal)
        build_and_publish(goal, lambda folder, is_shared: _build(origin, folder, is_shared, progress))
        progress.update(1.0, "Copied")


def _build(origin: Path, folder: Path, is_shared: bool, progress: Progress) -> None:
    """The log first: blobs are never changed or removed, so all that it names is there afterwards."""
    if is_shared:
        # SQLite's locks are not to be trusted on a network share.
        with tempfile.TemporaryDirectory(prefix="surgtwin-log-") as private:
            blobs = _copy_log(origin, layout.database(Path(private)))
            write_file(layout.database(folder), (layout.database(Path(private)).read_bytes(),))
    else:
        blobs = _copy_log(origin, layout.database(folder))
    layout.blob_folder(folder).mkdir()
    _copy_blobs(origin, folder, blobs, progress.part(0.0, 0.7, "Copying"))
    sync_folder(folder)
    report = verify_twin(folder, progress.part(0.7, 1.0, "Checking the copy"))
    if not report.ok:
        raise TwinCorruptError(f"'{origin.name}' could not be copied whole. {report.problems[0]}")


def _copy_log(origin: Path, database_file: Path) -> tuple[str, ...]:
    """Copy the log as of one moment; answers the names of the blobs it needs."""

    def copy(connection: sqlite3.Connection) -> None:
        database_file.unlink(missing_ok=True)
        made = database.connect(database_file)
        try:
            made.execute("PRAGMA synchronous=FULL")
            connection.backup(made)
        finally:
            database.close_at_rest(made)

    read_with(origin, copy)
    made = database.connect(database_file, "mode=ro")
    try:
        return tuple(sorted({name for event in database.read_rows(made) for name in event.blobs}))
    finally:
        made.close()


def _copy_blobs(origin: Path, folder: Path, names: tuple[str, ...], progress: Progress) -> None:
    parents = set()
    for n, name in enumerate(names):
        progress.update(n / len(names), "Copying")
        path = layout.blob_path(folder, name)
        path.parent.mkdir(exist_ok=True)
        parents.add(path.parent)
        try:
            write_file(path, _chunks(layout.blob_path(origin, name)))
        except FileNotFoundError as error:
            raise TwinCorruptError(f"Blob {name} of '{origin.name}' is missing.") from error
    for parent in sorted(parents):
        sync_folder(parent)
    sync_folder(layout.blob_folder(folder))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")
