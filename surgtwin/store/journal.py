"""The history of a twin, as it was written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..domain.twin import Revision
from ..errors import TwinCorruptError
from . import database, layout
from .event import Event, chain_break
from .fold import TwinState, fold
from .migrate import check_schema, migrated_events
from .reading import read_with
from .replace_folder import finish_interrupted


def read_events(path: Path) -> tuple[Event, ...]:
    """All events of the log, oldest first, their hash chain checked; an older schema is migrated in memory.

    Raises
    ------
    TwinError
        TwinCorruptError if an event was changed, removed or inserted; TwinSchemaError if the twin is too new.
    """
    twin = find_twin(path)

    def read(connection: sqlite3.Connection) -> tuple[Event, ...]:
        schema = database.read_schema(connection)
        must_migrate = check_schema(schema, twin)
        events = database.read_rows(connection)
        broken = chain_break(events)
        if broken:
            raise TwinCorruptError(f"The log of '{twin.name}' is damaged. {broken} Restore the twin from a copy.")
        return migrated_events(events, schema) if must_migrate else events

    return read_with(twin, read)


def read_state(path: Path) -> TwinState:
    """The state of the twin without its arrays."""
    return fold(read_events(path))


def read_revisions(path: Path) -> tuple[Revision, ...]:
    """Every revision with its parent, cause and state, by number."""
    state = read_state(path)
    return tuple(state.revisions[number].revision for number in sorted(state.revisions))


def find_twin(path: Path) -> Path:
    """The real folder of the twin; finishes a replacement that was interrupted. Raises TwinError if there is none."""
    twin = Path(path).resolve()
    finish_interrupted(twin)
    layout.require_twin(twin)
    return twin
