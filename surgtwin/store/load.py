"""Loading a twin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..domain.twin import Twin
from ..errors import DiskError, TwinCorruptError
from ..progress import SILENT, Progress
from .assemble import assemble
from .blobs import BlobStore
from .disk_errors import explain_disk_errors
from .journal import find_twin, read_state
from .known_objects import KnownObjects

T = TypeVar("T")
_ATTEMPTS = 4
"""A twin may be replaced while it is read; then it is read again."""


def load_twin(path: Path, *, revision: int | None = None, progress: Progress = SILENT) -> Twin:
    """The twin at a revision (the current one if None). Writes nothing; every byte is checked by its hash.

    Side, measurements and plans belong to the twin, not to a revision: they are those of today. What a person has
    accepted belongs to the revision. A damaged version of a plan says so itself; the rest can be used.

    Raises
    ------
    TwinError
        If there is no twin or no such revision; TwinCorruptError names the blob and what it holds;
        TwinSchemaError if a newer program wrote it.
    DiskError
        If it cannot be read.
    """
    return read_steadily(path, lambda twin: _load(twin, revision, progress))


def read_steadily(path: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of a twin's folder; it is read again if the folder was replaced in between."""
    for _ in range(_ATTEMPTS - 1):
        twin = find_twin(path)
        before = _identity(twin)
        try:
            return read(twin)
        except (TwinCorruptError, DiskError):
            if _identity(twin) == before:
                raise
    return read(find_twin(path))


def _load(twin: Path, revision: int | None, progress: Progress) -> Twin:
    with explain_disk_errors("read the twin", twin):
        return assemble(read_state(twin), revision, BlobStore(twin), KnownObjects(), progress)


def _identity(twin: Path) -> tuple[int, int]:
    """Another folder under the same name has another one: the twin was replaced while it was read."""
    try:
        found = twin.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
