"""The SQLite database that holds the log: its tables, its triggers, its connections."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TwinCorruptError
from .event import GENESIS, Event, EventDraft, require_one_line
from .layout import APPLICATION_ID, CURRENT_SCHEMA, Schema

BUSY_MS = 5000
"""How long a statement waits for another connection."""

_TABLE = """CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  utc TEXT NOT NULL,
  monotonic_ns INTEGER NOT NULL,
  actor TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  blobs TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
)"""
TRIGGERS = {
    "events_no_update": """CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN
  SELECT RAISE(ABORT, 'the log of a twin is append-only');
END""",
    "events_no_delete": """CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN
  SELECT RAISE(ABORT, 'the log of a twin is append-only');
END""",
    "events_follow": """CREATE TRIGGER events_follow BEFORE INSERT ON events
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
    OR NEW.previous_hash IS NOT coalesce(
      (SELECT hash FROM events ORDER BY seq DESC LIMIT 1), hex(zeroblob(32))) BEGIN
  SELECT RAISE(ABORT, 'an event must follow the last one');
END""",
}
_COLUMNS = "seq, utc, monotonic_ns, actor, source, kind, payload, blobs, previous_hash, hash"
_MINORS = 1000
"""user_version = major * 1000 + minor."""


def create(path: Path, schema: Schema = CURRENT_SCHEMA) -> None:
    """A new, empty log. Raises sqlite3.Error or OSError."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={schema.major * _MINORS + schema.minor}")
        connection.execute(_TABLE)
        for statement in TRIGGERS.values():
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def connect(path: Path, options: str = "mode=rwc") -> sqlite3.Connection:
    """A connection in autocommit mode. The caller serialises its use over threads."""
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA trusted_schema=OFF")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("PRAGMA checkpoint_fullfsync=ON")
    return connection


def open_to_write(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode whose commits are on the medium when they return."""
    connection = connect(path, "mode=rw")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        for name, statement in TRIGGERS.items():
            connection.execute(statement.replace(f"TRIGGER {name}", f"TRIGGER IF NOT EXISTS {name}"))
    except BaseException:
        connection.close()
        raise
    return connection


def close_at_rest(connection: sqlite3.Connection) -> None:
    """Fold the WAL into the database and leave WAL mode: what is left is one file that can be copied.

    If a reader is in the way the WAL stays; the next writer folds it in.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        return
    finally:
        connection.close()


def checkpoint(connection: sqlite3.Connection) -> None:
    """Copy committed events from the WAL into the database, so that losing the WAL loses nothing.

    A failure (a reader in the way, a full disk) changes nothing: the events are durable in the WAL.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.OperationalError:
        return


def read_schema(connection: sqlite3.Connection) -> Schema:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    return Schema(*divmod(version, _MINORS))


def read_rows(connection: sqlite3.Connection, after_seq: int = 0) -> tuple[Event, ...]:
    """Events after `after_seq`, unchecked, in order."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq", (after_seq,))  # noqa: S608
    return tuple(_event_of(row) for row in rows)


def _event_of(row: tuple[object, ...]) -> Event:
    seq, utc, ns, actor, source, kind, payload, blobs, previous, own = row
    if not isinstance(seq, int) or not isinstance(ns, int):
        raise TwinCorruptError(f"Event {seq} of the log has a number that is none.")
    texts = (utc, actor, source, kind, payload, blobs, previous, own)
    if not all(isinstance(text, str) for text in texts):
        raise TwinCorruptError(f"Event {seq} of the log has a text that is none.")
    u, a, s, k, p, b, before, h = (str(text) for text in texts)
    return Event(seq, u, ns, a, s, k, p, tuple(b.split()), before, h)


def append(connection: sqlite3.Connection, drafts: Sequence[EventDraft], source: str) -> tuple[Event, ...]:
    """Write events in one transaction: all of them are durable when this returns, or none is there.

    A log of an older minor says from then on that it may hold what today's minor adds.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _raise_minor(connection)
        head = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = head if head is not None else (0, GENESIS)
        events = []
        for draft in drafts:
            event = _place(draft, seq + 1, previous, source)
            write_row(connection, event)
            events.append(event)
            seq, previous = event.seq, event.hash
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return tuple(events)


def _raise_minor(connection: sqlite3.Connection) -> None:
    schema = read_schema(connection)
    if schema.major == CURRENT_SCHEMA.major and schema.minor < CURRENT_SCHEMA.minor:
        connection.execute(f"PRAGMA user_version={CURRENT_SCHEMA.major * _MINORS + CURRENT_SCHEMA.minor}")


def write_row(connection: sqlite3.Connection, e: Event) -> None:
    """Insert one event as it is."""
    row = (e.seq, e.utc, e.monotonic_ns, e.actor, e.source, e.kind, e.payload_text, " ".join(e.blobs))
    connection.execute(
        f"INSERT INTO events ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
        (*row, e.previous_hash, e.hash),
    )


def _place(draft: EventDraft, seq: int, previous: str, source: str) -> Event:
    require_one_line(actor=draft.actor, source=source, kind=draft.kind)
    utc = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return linked(
        Event(seq, utc, time.monotonic_ns(), draft.actor, source, draft.kind, draft.payload_text, draft.blobs, "", ""),
        previous,
    )


def linked(event: Event, previous: str) -> Event:
    """The event tied to the hash before it."""
    fields = (event.seq, event.utc, event.monotonic_ns, event.actor, event.source, event.kind, event.payload_text)
    open_event = Event(*fields, event.blobs, previous, "")
    return Event(*fields, event.blobs, previous, open_event.expected_hash())
