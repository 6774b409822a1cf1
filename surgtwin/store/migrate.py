"""Bringing the log of an older major schema up to today's.

A migration is a pure function from the events of one major to those of the next; it may rename, split, drop or add
events, and refers to blobs that are there already. The columns of the table of events never change. Readers migrate in
memory; a writer does it on disk: the old log is kept in `backups/`, the new one is built beside it and takes its
place in one rename.

To add one: write a function here, and a row in `MIGRATIONS` under the major it starts from.
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import TwinCorruptError, TwinLockedError, TwinSchemaError
from . import database, layout
from .durable import remove_quietly, sync_folder, write_file
from .event import GENESIS, SCHEMA_MIGRATED, Event, EventDraft, chain_break
from .layout import CURRENT_SCHEMA, Schema

Migration = Callable[[tuple[Event, ...]], Iterable[Event]]

MIGRATIONS: dict[int, Migration] = {}
"""From major -> the function that makes events of the next major. Schema 1 is the first there is."""


def check_schema(schema: Schema, twin: Path, migrations: Mapping[int, Migration] | None = None) -> bool:
    """True if the log must be migrated.

    Raises
    ------
    TwinSchemaError
        If it is of a newer major, or of an older one that nothing migrates.
    """
    migrations = MIGRATIONS if migrations is None else migrations
    if schema.major > CURRENT_SCHEMA.major:
        raise TwinSchemaError(
            f"'{twin.name}' was written by a newer program: its schema is {schema}, this program knows up to "
            f"{CURRENT_SCHEMA}. Update the program to open it."
        )
    missing = [m for m in range(schema.major, CURRENT_SCHEMA.major) if m not in migrations]
    if missing:
        raise TwinSchemaError(
            f"'{twin.name}' has schema {schema}, which this program (schema {CURRENT_SCHEMA}) can no longer migrate. "
            "Open and save it with an earlier version of the program."
        )
    return schema.major < CURRENT_SCHEMA.major


def migrated_events(
    events: tuple[Event, ...], schema: Schema, migrations: Mapping[int, Migration] | None = None
) -> tuple[Event, ...]:
    """The events in today's schema, newly chained, with an event at the end that says so."""
    migrations = MIGRATIONS if migrations is None else migrations
    broken = chain_break(events)
    if broken:
        raise TwinCorruptError(f"{broken} It is not migrated. Restore the twin from a copy.")
    old_head = events[-1].hash if events else GENESIS
    kept = tuple(sorted({name for event in events for name in event.blobs}))
    for major in range(schema.major, CURRENT_SCHEMA.major):
        events = tuple(migrations[major](events))
    payload = {"from": str(schema), "to": str(CURRENT_SCHEMA), "old_head": old_head}
    return _chained([*events, _unplaced(EventDraft(SCHEMA_MIGRATED, payload, more_blobs=kept), events)])


def migrate_in_place(twin: Path) -> None:
    """Replace the log by its migrated self. The caller holds the writer's lock. Atomic: a kill leaves old or new."""
    _fold_in_wal(twin)
    connection = database.connect(layout.database(twin), "mode=ro")
    try:
        schema = database.read_schema(connection)
        events = migrated_events(database.read_rows(connection), schema)
    finally:
        connection.close()
    _keep_backup(twin, schema)
    new = twin / f"{layout.INCOMING}{secrets.token_hex(8)}"
    try:
        write_log(new, events)
        new.replace(layout.database(twin))
    except BaseException:
        remove_quietly(new)
        raise
    sync_folder(twin)


def write_log(path: Path, events: Iterable[Event]) -> None:
    """A new log of today's schema that holds `events`; built in a private folder, then copied and synced."""
    with tempfile.TemporaryDirectory(prefix="surgtwin-log-") as folder:
        built = Path(folder) / layout.DATABASE
        database.create(built)
        connection = database.connect(built, "mode=rw")
        try:
            connection.execute("BEGIN IMMEDIATE")
            for event in events:
                database.write_row(connection, event)
            connection.execute("COMMIT")
        finally:
            connection.close()
        write_file(path, (built.read_bytes(),))


def _fold_in_wal(twin: Path) -> None:
    """A WAL left behind would be replayed onto the new database."""
    connection = database.connect(layout.database(twin), "mode=rw")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise TwinLockedError(f"'{twin.name}' is being read by another program. Close it there, try again.") from error
    finally:
        connection.close()
    if mode != "delete":
        raise TwinLockedError(f"'{twin.name}' is being read by another program. Close it there, try again.")


def _keep_backup(twin: Path, schema: Schema) -> None:
    folder = twin / layout.BACKUPS
    folder.mkdir(exist_ok=True)
    backup = folder / f"schema-{schema}.sqlite"
    if backup.exists():
        return
    incoming = folder / f"{layout.INCOMING}{secrets.token_hex(8)}"
    write_file(incoming, (layout.database(twin).read_bytes(),))
    incoming.replace(backup)
    sync_folder(folder)
    sync_folder(twin)


def _unplaced(draft: EventDraft, after: tuple[Event, ...]) -> Event:
    said = replace(after[-1], actor="", source="surgtwin", kind=draft.kind)
    return replace(said, payload_text=draft.payload_text, blobs=draft.blobs)


def _chained(events: list[Event]) -> tuple[Event, ...]:
    """The events numbered from 1 and linked anew."""
    linked, previous = [], GENESIS
    for seq, event in enumerate(events, start=1):
        linked.append(database.linked(replace(event, seq=seq), previous))
        previous = linked[-1].hash
    return tuple(linked)
