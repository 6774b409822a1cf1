"""Loading a twin."""

from __future__ import annotations

from pathlib import Path

from ..domain.twin import Twin
from ..progress import SILENT, Progress
from .assemble import assemble
from .blobs import BlobStore
from .disk_errors import explain_disk_errors
from .journal import find_twin, read_state
from .known_objects import KnownObjects


def load_twin(path: Path, *, revision: int | None = None, progress: Progress = SILENT) -> Twin:
    """The twin at a revision (the current one if None). Writes nothing; every byte is checked by its hash.

    Side and measurements belong to the twin, not to a revision: they are those of today. What a person has accepted
    belongs to the revision.

    Raises
    ------
    TwinError
        If there is no twin or no such revision; TwinCorruptError names the blob and what it holds;
        TwinSchemaError if a newer program wrote it.
    DiskError
        If it cannot be read.
    """
    twin = find_twin(path)
    with explain_disk_errors("read the twin", twin):
        return assemble(read_state(twin), revision, BlobStore(twin), KnownObjects(), progress)
