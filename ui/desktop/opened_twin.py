"""Opening a twin on disk: to change it if nobody else does, else to look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surgtwin.domain.twin import Revision, Twin
from surgtwin.errors import DiskError, TwinLockedError
from surgtwin.progress import Progress

if TYPE_CHECKING:
    from surgtwin.store.writer import TwinWriter

LOCKED = "Another window or program is changing this twin. Close it there, then open it again here to change it."
NEWEST = "This is revision {} of {}: it can be looked at, not changed."


@dataclass(frozen=True, eq=False)
class OpenedTwin:
    """A twin, the writer that holds it (None: read-only, and `why` says why), and its history."""

    twin: Twin
    path: Path
    writer: TwinWriter | None
    revisions: tuple[Revision, ...]
    why: str = ""

    def close(self) -> None:
        """Give up the twin for other programs."""
        if self.writer is not None:
            self.writer.close()


def open_to_edit(path: Path, actor: str, progress: Progress) -> OpenedTwin:
    """The current revision with the right to change it; read-only if another program has it, or its disk forbids it.

    Raises
    ------
    TwinError
        If it cannot be opened at all.
    """
    from surgtwin.store.journal import read_revisions
    from surgtwin.store.writer import TwinWriter

    writer = TwinWriter(path, actor=actor, progress=progress.part(0.0, 1.0, "Opening the twin"))
    try:
        writer.__enter__()
    except TwinLockedError:
        return open_to_read(path, None, progress, why=LOCKED)
    except DiskError as error:
        return open_to_read(path, None, progress, why=str(error))
    try:
        return OpenedTwin(writer.twin, path, writer, read_revisions(path))
    except BaseException:
        writer.close()
        raise


def open_to_read(path: Path, revision: int | None, progress: Progress, why: str = "") -> OpenedTwin:
    """A revision (the current one if None), read-only."""
    from surgtwin.store.journal import read_revisions
    from surgtwin.store.load import load_twin

    twin = load_twin(path, revision=revision, progress=progress.part(0.0, 1.0, "Opening the twin"))
    revisions = read_revisions(path)
    return OpenedTwin(twin, path, None, revisions, why or NEWEST.format(twin.revision.number, len(revisions)))
