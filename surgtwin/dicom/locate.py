"""The files of an input: of a folder with all below it, of a zip, of a DICOMDIR, or one file."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DicomError
from ..progress import Progress
from .file_ref import FileRef, Sources, safe_name
from .limits import MAX_FILES, MAX_FOLDER_DEPTH


@dataclass(frozen=True)
class SkippedFile:
    """A file that was passed over; `path` is relative to the input.

    Parameters
    ----------
    is_damaged
        True if it is, or seems to be, a DICOM file that should have been readable, or one that should be there.
    listed_series
        SeriesInstanceUID of a file that is not there, but that a DICOMDIR lists; "" for all others.
    """

    path: Path
    reason: str
    is_damaged: bool = False
    listed_series: str = ""


def locate(path: Path, sources: Sources, progress: Progress) -> tuple[list[FileRef], list[SkippedFile]]:
    """Every regular file of an input, and those that cannot be looked at.

    Raises
    ------
    DicomError
        If there is nothing at `path`, it cannot be read, or it holds absurdly many files.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such path"
        raise DicomError(f"{path.name or path} cannot be read: {reason}.") from error
    if stat.S_ISDIR(mode):
        return _of_folder(path, progress)
    if not stat.S_ISREG(mode):
        raise DicomError(f"{path.name} is neither a file nor a folder.")
    if is_zip(path):
        return _of_zip(path, sources)
    return [FileRef(path, safe_name(path.name), path.stat().st_size)], []


def is_zip(path: Path) -> bool:
    """True if the file begins as a zip does (a DICOM file may hold a zip's end mark in its pixels)."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def _of_folder(root: Path, progress: Progress) -> tuple[list[FileRef], list[SkippedFile]]:
    found: list[FileRef] = []
    skipped: list[SkippedFile] = []
    for entry in _walk(root, skipped):
        progress.check()
        relative = Path(os.path.relpath(entry.path, root))
        try:
            status = entry.stat()
        except OSError as error:
            skipped.append(SkippedFile(relative, f"it cannot be read ({error.strerror})"))
            continue
        if not stat.S_ISREG(status.st_mode):
            skipped.append(SkippedFile(relative, "it is no ordinary file"))
            continue
        found.append(FileRef(Path(entry.path), safe_name(str(relative)), status.st_size))
        if len(found) > MAX_FILES:
            raise DicomError(f"{root.name} holds more than {MAX_FILES} files. Choose a folder nearer to the images.")
    return found, skipped


def _walk(root: Path, skipped: list[SkippedFile]) -> Iterator[os.DirEntry[str]]:
    """Every entry below `root` that is no folder, in order of name; each folder once, however links lead to it."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, int]] = [(str(root), 0)]
    while waiting:
        folder, depth = waiting.pop()
        relative = Path(os.path.relpath(folder, root))
        try:
            status = os.stat(folder)  # noqa: PTH116 - in step with scandir
            key = (status.st_dev, status.st_ino)
            if key in seen:
                skipped.append(SkippedFile(relative, "it is a link to a folder that was read already"))
                continue
            seen.add(key)
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda e: e.name)
        except OSError as error:
            skipped.append(SkippedFile(relative, f"the folder cannot be read ({error.strerror})"))
            continue
        folders = [e for e in listed if _is_folder(e)]
        if depth >= MAX_FOLDER_DEPTH and folders:
            skipped.append(SkippedFile(relative, f"folders below it are nested deeper than {MAX_FOLDER_DEPTH}"))
            folders = []
        waiting.extend((e.path, depth + 1) for e in reversed(folders))
        yield from (e for e in listed if not _is_folder(e))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _of_zip(path: Path, sources: Sources) -> tuple[list[FileRef], list[SkippedFile]]:
    members = sources.zip_file(path).infolist()
    if len(members) > MAX_FILES:
        raise DicomError(f"The zip {path.name} holds more than {MAX_FILES} files; it is not opened.")
    found = [
        FileRef(path, safe_name(info.filename), info.file_size, index)
        for index, info in enumerate(members)
        if not info.is_dir() and not _is_link(info)
    ]
    skipped = [
        SkippedFile(Path(safe_name(info.filename)), "it is a link inside the zip") for info in members if _is_link(info)
    ]
    return found, skipped


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)
