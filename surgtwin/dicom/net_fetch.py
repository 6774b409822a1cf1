"""A series fetched from an archive: whole or not at all, continued where it was broken off."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..atomic_file import write_atomically
from ..errors import DicomError, DiskError, SourceError
from ..progress import SILENT, Progress
from . import tags
from .header import read_header
from .net_archive import Archive, SeriesRow, require_uid
from .values import ascii_text


@dataclass(frozen=True)
class Fetched:
    """A series on disk.

    Parameters
    ----------
    instances, new
        All of it, and how many of them came now.
    """

    folder: Path
    instances: int
    new: int


def fetch_series(archive: Archive, row: SeriesRow, output: Path, progress: Progress = SILENT) -> Fetched:
    """Fetch one series into `output/SERIES-UID/`.

    What came of a series that is not whole lies in `SERIES-UID.partial`, which nothing takes for a series, and is used
    when it is fetched again.

    Raises
    ------
    SourceError
        If the archive can't be asked, or did not deliver all that it listed: the message says how many.
    DiskError
        If the folder can't be written.
    Cancelled
        When asked to stop; what came stays.
    """
    name = require_uid(row.series_uid, "series")
    require_uid(row.study_uid, "study")
    listed = list(dict.fromkeys(require_uid(uid, "instance") for uid in archive.find_instances(row)))
    if not listed:
        raise SourceError(f"The archive lists no instance of series {name}.")
    if row.instances is not None and len(listed) < row.instances:
        raise SourceError(
            f"The archive says that series {name} has {row.instances} instances, but lists {len(listed)}. It is still "
            "being stored there, or damaged; nothing was fetched."
        )
    whole, partial = output / name, output / f"{name}.partial"
    folder = whole if whole.exists() else partial
    before = _there(folder)
    wanted = [uid for uid in listed if uid not in before]
    if wanted:
        folder = _reopened(whole, partial)
        _retrieve(archive, row, wanted, folder, progress)
    missing = len(set(listed) - _there(folder))
    if missing:
        raise SourceError(
            f"Series {name} is not whole: {len(listed) - missing} of {len(listed)} instances came. They are kept in "
            f"'{folder.name}'; fetch again to get the rest."
        )
    if folder == partial:
        _rename(partial, whole)
    return Fetched(whole, len(listed), len(wanted))


def _retrieve(archive: Archive, row: SeriesRow, wanted: Sequence[str], folder: Path, progress: Progress) -> None:
    left = set(wanted)

    def take(uid: str, pieces: Sequence[bytes | memoryview]) -> None:
        if uid not in left:
            return
        write_atomically(folder / f"{uid}.dcm", lambda path: _fill(path, pieces))
        if not _is(folder / f"{uid}.dcm", row, uid):
            (folder / f"{uid}.dcm").unlink()
            raise SourceError(f"The archive sent something else in place of an instance of series {row.series_uid}.")
        left.discard(uid)
        progress.update(1.0 - len(left) / len(wanted), f"Fetching {len(wanted) - len(left)} of {len(wanted)}")

    archive.retrieve(row, wanted, take, progress)


def _fill(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    with path.open("wb") as file:
        file.writelines(pieces)


def _is(path: Path, row: SeriesRow, uid: str) -> bool:
    """Whether a file is what was asked for; its head is read within bounds."""
    try:
        with path.open("rb") as stream:
            elements = read_header(stream).elements
    except DicomError:
        return False
    stated = ascii_text(elements, tags.SOP_INSTANCE_UID), ascii_text(elements, tags.SERIES_INSTANCE_UID)
    return stated == (uid, row.series_uid)


def _there(folder: Path) -> set[str]:
    return {file.stem for file in folder.glob("*.dcm")}


def _reopened(whole: Path, partial: Path) -> Path:
    """The folder of what is not whole; a series that has grown in the archive goes back there."""
    try:
        if whole.exists():
            whole.rename(partial)
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"'{partial.parent}' can't be written: {error.strerror}. Choose another folder.") from error
    return partial


def _rename(partial: Path, whole: Path) -> None:
    try:
        os.rename(partial, whole)  # noqa: PTH104 - refuses to replace a folder that holds files
    except OSError as error:
        raise DiskError(f"'{whole.name}' can't be written: {error.strerror}.") from error
