"""Newer programs' twins, older programs' twins."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from twin_samples import differences, sample_twin, with_moved_liver

from surgtwin.domain.twin import Side
from surgtwin.errors import DiskError, TwinCorruptError, TwinSchemaError
from surgtwin.store import database, migrate
from surgtwin.store.event import GENESIS, Event, EventDraft
from surgtwin.store.journal import read_events, read_state
from surgtwin.store.layout import CURRENT_SCHEMA, Schema
from surgtwin.store.load import load_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter


def set_version(twin: Path, version: int) -> None:
    connection = sqlite3.connect(twin / "twin.sqlite")
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()


def files_of(twin: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(twin)): p.read_bytes() for p in twin.rglob("*") if p.is_file() and p.name != "writer.lock"
    }


def test_a_newer_major_is_refused_with_both_versions(saved: Path) -> None:
    set_version(saved, 2003)
    before = files_of(saved)
    for attempt in (load_twin, read_events, verify_twin, lambda path: TwinWriter(path).__enter__()):
        with pytest.raises(TwinSchemaError, match=rf"schema is 2\.3.*knows up to {CURRENT_SCHEMA}.*Update"):
            attempt(saved)
    assert files_of(saved) == before


def test_what_a_newer_minor_added_is_kept_and_not_understood(saved: Path) -> None:
    set_version(saved, 1007)
    connection = database.connect(saved / "twin.sqlite", "mode=rw")
    database.append(connection, [EventDraft("plan.added", {"plan": {"cuts": []}, "mesh": {"blob": "a" * 64}})], "later")
    connection.close()
    assert differences(sample_twin(), load_twin(saved)) == []
    with TwinWriter(saved) as writer:
        writer.set_side(Side.LEFT)
        writer.append(with_moved_liver(writer.twin, 1.0), "moved")
    assert read_state(saved).unknown_kinds == ("plan.added",)
    assert "plan.added" in [e.kind for e in read_events(saved)]


def as_schema_1_0(twin: Path) -> None:
    """Rewrite the log as the first release wrote it: without confidence and volume intervals."""
    events, previous = [], GENESIS
    for event in read_events(twin):
        payload = {k: v for k, v in event.payload.items() if k not in ("confidence", "volume_intervals")}
        draft = EventDraft(event.kind, payload)
        event = replace(event, payload_text=draft.payload_text, blobs=draft.blobs)
        events.append(database.linked(event, previous))
        previous = events[-1].hash
    (twin / "twin.sqlite").unlink()
    database.create(twin / "twin.sqlite", Schema(1, 0))
    connection = database.connect(twin / "twin.sqlite", "mode=rw")
    for event in events:
        database.write_row(connection, event)
    connection.close()


def test_a_twin_of_the_first_schema_opens_can_be_changed_and_gains_what_is_new(saved: Path) -> None:
    as_schema_1_0(saved)
    first = replace(sample_twin(), confidence=None, volume_intervals=())
    assert differences(first, load_twin(saved)) == []
    assert verify_twin(saved).ok and verify_twin(saved).schema == "1.0"
    with TwinWriter(saved) as writer:
        moved = replace(with_moved_liver(sample_twin(), 1.0), case_id=first.case_id)
        writer.append(moved, "segmented again")
    new = load_twin(saved)
    assert differences(new.confidence, sample_twin().confidence) == []
    assert new.volume_intervals == sample_twin().volume_intervals
    assert load_twin(saved, revision=1).confidence is None
    assert verify_twin(saved).ok


def test_an_unknown_kind_in_a_known_schema_is_reported(saved: Path) -> None:
    connection = database.connect(saved / "twin.sqlite", "mode=rw")
    database.append(connection, [EventDraft("plan.added", {})], "later")
    connection.close()
    assert any("plan.added" in problem for problem in verify_twin(saved).problems)


def as_schema_0(twin: Path) -> None:
    """Rewrite the log as an imagined prototype's: sides were numbers, and events were called otherwise."""
    events = []
    for event in read_events(twin):
        payload = event.payload
        if event.kind == "side.stated":
            payload = {"operated": 1 if payload["side"] == "right" else 2}
        kind = event.kind.replace("side.stated", "operated_side")
        events.append(replace(event, kind=kind, payload_text=json.dumps(payload)))
    (twin / "twin.sqlite").unlink()
    connection = database.connect(twin / "twin.sqlite")
    connection.execute(database._TABLE)
    connection.execute(f"PRAGMA application_id={0x5457494E}")
    previous = GENESIS
    for event in events:
        linked = database.linked(event, previous)
        database.write_row(connection, linked)
        previous = linked.hash
    connection.close()


def from_schema_0(events: tuple[Event, ...]) -> Iterable[Event]:
    for event in events:
        if event.kind == "operated_side":
            side = "right" if event.payload["operated"] == 1 else "left"
            draft = EventDraft("side.stated", {"side": side})
            event = replace(event, kind=draft.kind, payload_text=draft.payload_text)
        yield event


@pytest.fixture
def prototype(saved: Path) -> Path:
    as_schema_0(saved)
    return saved


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migrate.MIGRATIONS, 0, from_schema_0)


def test_an_older_major_without_a_migration_is_refused(prototype: Path) -> None:
    with pytest.raises(TwinSchemaError, match=r"schema 0\.0.*can no longer migrate"):
        load_twin(prototype)


@pytest.mark.usefixtures("migration")
def test_a_reader_migrates_in_memory_and_leaves_the_file(prototype: Path) -> None:
    before = files_of(prototype)
    assert differences(sample_twin(), load_twin(prototype)) == []
    assert verify_twin(prototype).schema == "0.0"
    assert files_of(prototype) == before


@pytest.mark.usefixtures("migration")
def test_a_writer_migrates_on_disk_and_keeps_the_old_log(prototype: Path) -> None:
    old = (prototype / "twin.sqlite").read_bytes()
    connection = database.connect(prototype / "twin.sqlite", "mode=ro")
    old_head = database.read_rows(connection)[-1].hash
    connection.close()
    with TwinWriter(prototype) as writer:
        assert differences(sample_twin(), writer.twin) == []
        writer.set_side(Side.LEFT)
    assert load_twin(prototype).operated_side is Side.LEFT
    report = verify_twin(prototype)
    assert report.ok and report.schema == str(CURRENT_SCHEMA) and report.orphans == ()
    said = next(e for e in read_events(prototype) if e.kind == "schema.migrated")
    assert said.payload == {"from": "0.0", "to": str(CURRENT_SCHEMA), "old_head": old_head}
    assert [p.read_bytes() for p in (prototype / "backups").iterdir()] == [old]


@pytest.mark.usefixtures("migration")
@pytest.mark.parametrize("step", range(6))
def test_a_migration_that_fails_midway_changes_nothing_and_can_be_repeated(
    prototype: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(100))
    real = migrate.write_file

    def failing(path: Path, chunks: Iterable[bytes]) -> int:
        if next(calls) == step:
            raise OSError(28, "No space left on device")
        return real(path, chunks)

    monkeypatch.setattr(migrate, "write_file", failing)
    try:
        with TwinWriter(prototype):
            pass
    except DiskError as error:
        assert "no space" in str(error)
        assert differences(sample_twin(), load_twin(prototype)) == []
    with TwinWriter(prototype) as writer:
        assert differences(sample_twin(), writer.twin) == []
    assert verify_twin(prototype).ok


@pytest.mark.usefixtures("migration")
def test_a_damaged_older_log_is_not_migrated(prototype: Path) -> None:
    connection = sqlite3.connect(prototype / "twin.sqlite")
    connection.execute("UPDATE events SET actor = 'x' WHERE seq = 2")
    connection.commit()
    connection.close()
    with pytest.raises(TwinCorruptError, match="changed after it was written"), TwinWriter(prototype):
        pass
    assert not (prototype / "backups").exists()
