"""Taking a model from a folder or a zip that a person was given: only the files a model needs, and nothing that climbs.

A zip is never unpacked as a whole. Names are checked first, then single files are copied by size-limited reads.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from surgtwin.errors import DiskError, ModelError

from .calibration import CALIBRATION
from .collection import COLLECTION
from .model_folder import CHECKPOINT, DATASET, MAX_CHECKPOINT_BYTES, MAX_JSON_BYTES, PLANS

MAX_ENTRIES = 100_000
MAX_TOTAL_BYTES = 32 * 2**30
MAX_RATIO = 50
"""Weights hardly compress; a file that unpacks to more than this many times its size is a bomb."""
RATIO_FREE_BYTES = 16 * 2**20
MAX_TEXT_BYTES = 2**20
MAX_DEPTH = 6
CHUNK_BYTES = 2**20
TEXTS = re.compile(r"(licen[cs]e|readme|copying|notice)(\.(md|txt|rst))?", re.I)
FOLD = re.compile(r"fold_(all|\d{1,2})")
SPACE_RESERVE = 1.1

Opener = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class SourceFile:
    """One file of the source: its size and how to open it."""

    size: int
    open: Opener


class ModelSource:
    """The files below a folder or in a zip, by path with '/'.

    Raises
    ------
    ModelError
        If the zip climbs out of its folder, holds links, or is a bomb.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._archive: zipfile.ZipFile | None = None
        if path.is_dir():
            self.files = _files_of_folder(path)
        elif path.is_file() and zipfile.is_zipfile(path):
            self._archive = zipfile.ZipFile(path)
            try:
                self.files = _files_of_zip(self._archive, path.name)
            except ModelError:
                self._archive.close()
                raise
        elif path.exists():
            raise ModelError(f"{path.name} is neither a folder nor a zip.")
        else:
            raise ModelError(f"There is no {path}.")

    def __enter__(self) -> ModelSource:
        return self

    def __exit__(self, *_: object) -> None:
        if self._archive is not None:
            self._archive.close()

    def model_folders(self) -> list[PurePosixPath]:
        """Return every folder that holds a plans.json and a dataset.json beside it."""
        found = [PurePosixPath(f).parent for f in self.files if PurePosixPath(f).name == PLANS]
        return sorted(f for f in found if str(f / DATASET) in self.files and len(f.parts) <= MAX_DEPTH)

    def collection_folders(self) -> list[PurePosixPath]:
        """Return every folder that holds a collection.json."""
        found = [PurePosixPath(f).parent for f in self.files if PurePosixPath(f).name == COLLECTION]
        return sorted(f for f in found if len(f.parts) <= MAX_DEPTH)

    def copy_model(self, folder: PurePosixPath, target: Path) -> None:
        """Write a model's files into a folder; of a collection what lies beside its collection.json.

        Raises
        ------
        ModelError
            If a file is absurdly large, or larger than the zip said.
        DiskError
            If there is not enough space.
        """
        wanted = {path: file for path, file in self.files.items() if _is_needed(PurePosixPath(path), folder)}
        total = sum(file.size for file in wanted.values())
        if total > MAX_TOTAL_BYTES:
            raise ModelError(f"The model in {self.name} is larger than {MAX_TOTAL_BYTES >> 30} GiB.")
        if total * SPACE_RESERVE > shutil.disk_usage(target).free:
            raise DiskError(f"The model needs {total / 1e9:.1f} GB; there is less space for added models.")
        for path, file in wanted.items():
            output = target / PurePosixPath(path).relative_to(folder)
            output.parent.mkdir(parents=True, exist_ok=True)
            _copy(file, output)


def _is_needed(path: PurePosixPath, folder: PurePosixPath) -> bool:
    if not path.is_relative_to(folder):
        return False
    parts = path.relative_to(folder).parts
    if len(parts) == 1:
        return parts[0] in (PLANS, DATASET, COLLECTION, CALIBRATION) or TEXTS.fullmatch(parts[0]) is not None
    return len(parts) == 2 and FOLD.fullmatch(parts[0]) is not None and parts[1] == CHECKPOINT


def _limit(name: str) -> int:
    if name == CHECKPOINT:
        return MAX_CHECKPOINT_BYTES
    return MAX_JSON_BYTES if name.endswith(".json") else MAX_TEXT_BYTES


def _copy(file: SourceFile, output: Path) -> None:
    if file.size > _limit(output.name):
        raise ModelError(f"{output.name} is absurdly large ({file.size / 1e6:.0f} MB).")
    left = file.size
    try:
        with file.open() as source, output.open("xb") as target:
            while chunk := source.read(min(CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise ModelError(f"{output.name} unpacks to more than the zip says; it was refused.")
                target.write(chunk)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ModelError(f"{output.name} cannot be unpacked: {error}.") from error
    if left:
        raise ModelError(f"{output.name} is shorter than it should be; the source is damaged.")


def _files_of_folder(path: Path) -> dict[str, SourceFile]:
    root = path.resolve()
    found: dict[str, SourceFile] = {}
    pending = [root]
    while pending:
        folder = pending.pop()
        for entry in sorted(folder.iterdir()):
            relative = entry.relative_to(root)
            if entry.is_symlink():
                if entry.name in (PLANS, DATASET, COLLECTION, CALIBRATION, CHECKPOINT) or FOLD.fullmatch(entry.name):
                    raise ModelError(f"{relative.as_posix()} is a symbolic link; give the real files.")
            elif entry.is_dir() and len(relative.parts) <= MAX_DEPTH + 1:
                pending.append(entry)
            elif entry.is_file():
                found[relative.as_posix()] = SourceFile(entry.stat().st_size, lambda e=entry: e.open("rb"))  # type: ignore[misc]
            if len(found) > MAX_ENTRIES:
                raise ModelError(f"{path.name} holds more than {MAX_ENTRIES} files; give the model's own folder.")
    return found


def _files_of_zip(archive: zipfile.ZipFile, name: str) -> dict[str, SourceFile]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ModelError(f"{name} holds more than {MAX_ENTRIES} files; it was refused.")
    found: dict[str, SourceFile] = {}
    seen: set[str] = set()
    for entry in entries:
        path = _checked_path(entry, name)
        if entry.is_dir():
            continue
        if path.lower() in seen:
            raise ModelError(f"{name} holds {path} twice; it was refused.")
        seen.add(path.lower())
        if entry.file_size > RATIO_FREE_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise ModelError(f"{name} holds a file that unpacks to {entry.file_size / 1e6:.0f} MB; it was refused.")
        found[path] = SourceFile(entry.file_size, lambda e=entry: archive.open(e))  # type: ignore[misc]
    if sum(file.size for file in found.values()) > MAX_TOTAL_BYTES:
        raise ModelError(f"{name} unpacks to more than {MAX_TOTAL_BYTES >> 30} GiB; it was refused.")
    return found


def _checked_path(entry: zipfile.ZipInfo, name: str) -> str:
    # ZipInfo cuts names at a zero byte and turns the system's separators: the stored name is what counts.
    stored = entry.orig_filename
    parts = PurePosixPath(stored).parts
    if "\\" in stored or "\0" in stored or ":" in stored or stored.startswith("/") or ".." in parts:
        raise ModelError(f"{name} holds a file that would be written outside its folder; it was refused.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ModelError(f"{name} holds a symbolic link or special file; it was refused.")
    if entry.flag_bits & 1:
        raise ModelError(f"{name} is encrypted. Unpack it and give the folder.")
    return PurePosixPath(stored).as_posix()
