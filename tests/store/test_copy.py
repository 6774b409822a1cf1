"""A copy has the whole history, is independent, and is checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from twin_samples import differences, sample_measurement, with_moved_liver

from surgtwin.domain.twin import Side
from surgtwin.errors import TwinCorruptError, TwinExistsError
from surgtwin.store import layout
from surgtwin.store.copy import copy_twin
from surgtwin.store.journal import read_events
from surgtwin.store.load import load_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter


def test_a_copy_made_while_the_twin_is_written_has_every_event_and_revision(saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "copy.twin"
    with TwinWriter(saved, actor="Dr. A") as writer:
        writer.append(with_moved_liver(writer.twin, 3.0), "moved")
        writer.set_side(Side.LEFT)
        writer.add_measurement(sample_measurement("m1"))
        copy_twin(saved, target)
        assert read_events(target) == read_events(saved)
    assert verify_twin(target).ok
    assert [p.name for p in target.parent.iterdir()] == ["copy.twin"]
    for revision in (1, 2):
        assert differences(load_twin(saved, revision=revision), load_twin(target, revision=revision)) == []


def test_a_copy_lives_on_when_the_original_is_gone(saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.twin"
    copy_twin(saved, target)
    shutil.rmtree(saved)
    with TwinWriter(target) as writer:
        writer.set_side(Side.RIGHT)
    assert load_twin(target).operated_side is Side.RIGHT


def test_a_damaged_twin_is_not_copied_and_leaves_nothing(saved: Path, tmp_path: Path) -> None:
    blob = max((p for p in layout.blob_folder(saved).rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\x00")
    folder = tmp_path / "to"
    with pytest.raises(TwinCorruptError, match="could not be copied whole"):
        copy_twin(saved, folder / "copy.twin")
    assert list(folder.iterdir()) == []


def test_a_missing_blob_is_named(saved: Path, tmp_path: Path) -> None:
    blob = next(p for p in layout.blob_folder(saved).rglob("*") if p.is_file())
    blob.unlink()
    with pytest.raises(TwinCorruptError, match=blob.name):
        copy_twin(saved, tmp_path / "copy.twin")


def test_a_copy_replaces_another_twin_only_if_asked_and_never_itself_or_something_else(
    saved: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.twin"
    copy_twin(saved, target)
    with TwinWriter(saved) as writer:
        writer.set_side(Side.LEFT)
    with pytest.raises(TwinExistsError, match="replace it"):
        copy_twin(saved, target)
    copy_twin(saved, target, overwrite=True)
    assert load_twin(target).operated_side is Side.LEFT
    with pytest.raises(TwinExistsError, match="the twin itself"):
        copy_twin(saved, saved, overwrite=True)
    other = tmp_path / "notes"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(TwinExistsError, match="not a twin"):
        copy_twin(saved, other, overwrite=True)
