"""Whatever happens to the files of a twin is found, and said with the name of what is hit."""

from __future__ import annotations

import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from twin_samples import differences, sample_twin, with_moved_liver

from surgtwin.errors import TwinCorruptError, TwinError
from surgtwin.store import database
from surgtwin.store.journal import read_events
from surgtwin.store.load import load_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter


def blob_of(twin: Path, kind: str) -> tuple[Path, str]:
    """A blob's file, and what errors must call it."""
    events = read_events(twin)
    image = next(e.payload["image"] for e in events if e.kind == "image.added")
    revision = next(e.payload for e in events if e.kind == "revision.added")
    liver = next(m for m in revision["meshes"] if m["name"] == "liver")
    ref, word = {
        "values": (image["values"], "the values of"),
        "header": (image["source"]["dicom"]["header"], "the DICOM header of"),
        "layer": (revision["labels"]["layers"][1], "layer 1 of the label map"),
        "vertices": (liver["vertices_mm"], "the vertices of 'liver'"),
        "triangles": (liver["triangles"], "the triangles of 'liver'"),
        "confidence": (revision["confidence"]["codes"], "the confidence map"),
    }[kind]
    return twin / "blobs" / ref["blob"][:2] / ref["blob"], word


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(bytes(data))


KINDS = ["values", "header", "layer", "vertices", "triangles", "confidence"]


@pytest.mark.parametrize("harm", ["flipped", "truncated", "longer", "missing"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_harmed_blob_is_named_with_what_it_holds(saved: Path, kind: str, harm: str) -> None:
    path, word = blob_of(saved, kind)
    if harm == "flipped":
        flip(path, path.stat().st_size // 2)
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:-7])
    elif harm == "longer":
        path.write_bytes(path.read_bytes() + b"\0")
    else:
        path.unlink()
    with pytest.raises(TwinCorruptError) as caught:
        load_twin(saved)
    assert path.name in str(caught.value) and word in str(caught.value)
    report = verify_twin(saved)
    assert not report.ok and any(path.name in p and word.split(" of ")[0] in p for p in report.problems)


def test_a_flip_anywhere_in_a_blob_is_found(saved: Path) -> None:
    path, _ = blob_of(saved, "vertices")
    whole = path.read_bytes()
    for offset in range(0, len(whole), 5):
        flip(path, offset)
        with pytest.raises(TwinCorruptError):
            load_twin(saved)
        path.write_bytes(whole)


def test_a_flip_anywhere_in_the_log_is_found_or_harmless(saved: Path) -> None:
    path, rng = saved / "twin.sqlite", random.Random(0)
    whole, expected = path.read_bytes(), sample_twin()
    found = 0
    for _ in range(150):
        flip(path, rng.randrange(len(whole)))
        try:
            assert differences(expected, load_twin(saved)) == []
        except TwinError:
            found += 1
        path.write_bytes(whole)
    assert found > 40


def test_a_log_cut_short_is_found(saved: Path) -> None:
    path = saved / "twin.sqlite"
    whole = path.read_bytes()
    for size in (0, 50, 4096, len(whole) // 2, len(whole) - 4096):
        path.write_bytes(whole[:size])
        with pytest.raises(TwinError):
            load_twin(saved)


def tampered(twin: Path, statement: str) -> None:
    """Change rows as an intruder would: without the triggers, which are put back afterwards."""
    connection = sqlite3.connect(twin / "twin.sqlite")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE events SET payload = replace(payload, '\"right\"', '\"left\"') WHERE kind = 'side.stated'", "changed"),
        ("UPDATE events SET actor = 'somebody else' WHERE seq = 2", "changed"),
        ("UPDATE events SET utc = '2020-01-01T00:00:00Z' WHERE seq = 1", "changed"),
        ("DELETE FROM events WHERE seq = 2", "missing"),
        ("UPDATE events SET hash = '00', payload = '{}' WHERE seq = 3", "changed"),
        ("UPDATE events SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM events)", "missing"),
    ],
)
def test_an_edited_row_breaks_the_chain(saved: Path, statement: str, word: str) -> None:
    tampered(saved, statement)
    with pytest.raises(TwinCorruptError, match=word):
        load_twin(saved)
    with pytest.raises(TwinCorruptError), TwinWriter(saved):
        pass
    assert any(word in problem for problem in verify_twin(saved).problems)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x'",
        "DELETE FROM events",
        "INSERT INTO events VALUES (99, '', 0, '', '', 'x', '{}', '', '', 'h')",
        "INSERT INTO events SELECT max(seq) + 1, '', 0, '', '', 'x', '{}', '', 'not the last hash', 'h' FROM events",
    ],
)
def test_the_database_itself_refuses_changes_to_the_past(saved: Path, statement: str) -> None:
    connection = sqlite3.connect(saved / "twin.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|must follow"):
        connection.execute(statement)
    connection.close()
    assert verify_twin(saved).ok


def test_a_missing_trigger_is_reported_and_put_back_by_the_next_writer(saved: Path) -> None:
    connection = sqlite3.connect(saved / "twin.sqlite")
    connection.execute("DROP TRIGGER events_no_delete")
    connection.commit()
    connection.close()
    assert any("events_no_delete" in problem for problem in verify_twin(saved).problems)
    with TwinWriter(saved):
        pass
    assert verify_twin(saved).ok


def test_losing_the_write_ahead_log_of_a_killed_writer_loses_nothing(saved: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed.twin"
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        shutil.copytree(saved, killed)
    assert (killed / "twin.sqlite-wal").exists()
    (killed / "twin.sqlite-wal").unlink()
    assert load_twin(killed).revision.number == 2
    (killed / "twin.sqlite-shm").unlink()
    assert load_twin(killed).revision.number == 2
    assert verify_twin(killed).ok
    assert not (killed / "twin.sqlite-wal").exists() and not (killed / "twin.sqlite-shm").exists()


def test_events_that_only_the_write_ahead_log_holds_are_read_without_touching_it(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surgtwin.store.database.checkpoint", lambda connection: None)
    killed = tmp_path / "killed.twin"
    with TwinWriter(saved) as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        shutil.copytree(saved, killed)
    before = {p.name: p.read_bytes() for p in killed.iterdir() if p.is_file()}
    assert load_twin(killed).revision.number == 2
    assert verify_twin(killed).ok
    assert {p.name: p.read_bytes() for p in killed.iterdir() if p.is_file()} == before


def test_a_rollback_journal_left_by_a_kill_is_undone_without_touching_it(saved: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed.twin"
    connection = database.connect(saved / "twin.sqlite", "mode=rw")
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN IMMEDIATE")
    last = database.read_rows(connection)[-1]
    for name in database.TRIGGERS:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE events SET payload = '{}'")
    for n in range(1, 40):
        database.write_row(connection, replace(last, seq=last.seq + n, payload_text="x" * 20_000, hash=f"{n}"))
    shutil.copytree(saved, killed)
    connection.execute("ROLLBACK")
    connection.close()
    assert (killed / "twin.sqlite-journal").stat().st_size > 512
    assert (killed / "twin.sqlite").read_bytes() != (saved / "twin.sqlite").read_bytes()
    before = {p.name: p.read_bytes() for p in killed.iterdir() if p.is_file()}
    assert differences(sample_twin(), load_twin(killed)) == []
    assert {p.name: p.read_bytes() for p in killed.iterdir() if p.is_file()} == before
    with TwinWriter(killed) as writer:
        assert differences(sample_twin(), writer.twin) == []
    assert not (killed / "twin.sqlite-journal").exists() and verify_twin(killed).ok


def test_strays_of_a_kill_are_reported_and_removed_by_the_next_writer(saved: Path) -> None:
    orphan = saved / "blobs" / "ff" / ("ff" * 32)
    orphan.parent.mkdir()
    orphan.write_bytes(b"written, never committed")
    (saved / "blobs" / "incoming-0123").write_bytes(b"half")
    report = verify_twin(saved)
    assert report.ok and len(report.orphans) == 2
    with TwinWriter(saved):
        pass
    assert verify_twin(saved).orphans == () and not orphan.exists()
    assert differences(sample_twin(), load_twin(saved)) == []


def test_saving_again_heals_a_damaged_blob(saved: Path) -> None:
    path, _ = blob_of(saved, "triangles")
    with TwinWriter(saved) as writer:
        flip(path, 130)
        writer.append(sample_twin(), "built again")
    assert verify_twin(saved).ok


def test_an_array_that_would_be_unpickled_is_refused(saved: Path) -> None:
    import hashlib
    import io

    from surgtwin.store.blobs import BlobRef, BlobStore

    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    data = stream.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    (saved / "blobs" / sha256[:2]).mkdir(exist_ok=True)
    (saved / "blobs" / sha256[:2] / sha256).write_bytes(data)
    with pytest.raises(TwinCorruptError, match="not plain numbers"):
        BlobStore(saved).read_array(BlobRef(sha256, "npy", len(data)), "a trap")


@pytest.mark.parametrize("name", ["../../../etc/passwd", "", "AB" * 32, 7, None])
def test_a_blob_name_that_is_no_hash_is_refused(name: object) -> None:
    from surgtwin.store.blobs import BlobRef

    with pytest.raises(TwinCorruptError):
        BlobRef.from_json({"blob": name, "codec": "npy", "bytes": 1})
