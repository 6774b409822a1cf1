"""A disk that is full, forbidden or read-only: what was saved stays, and the person is told what to do."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twin_samples import differences, sample_measurement, sample_twin, with_moved_liver

from surgtwin.domain.twin import Side
from surgtwin.errors import DiskError
from surgtwin.store import database
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

FAULTS = [("write", errno.ENOSPC), ("fsync", errno.EIO), ("open", errno.EACCES), ("mkdir", errno.EDQUOT)]
MOST_CALLS = 500


class FailingCall:
    """Stands in for a function of `os`; raises at the n-th call and at every one after it."""

    def __init__(self, name: str, number: int, step: int) -> None:
        self.real, self.number, self.step, self.calls = getattr(os, name), number, step, 0

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        if self.calls > self.step:
            raise OSError(self.number, os.strerror(self.number))
        return self.real(*args, **kwargs)


def in_turn(name: str, number: int, work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Run `work` with a disk that fails from its first, second, ... call on; yields True while it failed."""
    for step in range(MOST_CALLS):
        failing = FailingCall(name, number, step)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            failed = False
            try:
                work()
            except DiskError:
                failed = True
        yield failed
        if failing.calls <= step:
            return
    pytest.fail(f"still failing after {MOST_CALLS} calls")


@pytest.mark.parametrize(("name", "number"), FAULTS)
def test_saving_anew_succeeds_or_leaves_nothing(
    tmp_path: Path, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, failures = tmp_path / "a.twin", 0
    for failed in in_turn(name, number, lambda: save_twin(sample_twin(), path), monkeypatch):
        failures += failed
        if path.exists():
            assert verify_twin(path).ok and differences(sample_twin(), load_twin(path)) == []
            shutil.rmtree(path)
        else:
            assert failed
        for left in tmp_path.iterdir():
            shutil.rmtree(left)
    assert failures > 0


@pytest.mark.parametrize(("name", "number"), FAULTS)
def test_a_replacement_that_fails_keeps_the_old_twin(
    saved: Path, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = sample_twin(seed=9)
    for failed in in_turn(name, number, lambda: save_twin(new, saved, overwrite=True), monkeypatch):
        assert verify_twin(saved).ok
        found = load_twin(saved)
        is_new = differences(new, found) == []
        assert is_new or (failed and differences(sample_twin(), found) == [])
        for left in saved.parent.iterdir():
            if left != saved:
                shutil.rmtree(left)
        if is_new:
            save_twin(sample_twin(), saved, overwrite=True)


@pytest.mark.parametrize(("name", "number"), FAULTS)
def test_a_change_that_fails_changes_nothing_and_can_be_repeated(
    saved: Path, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TwinWriter(saved) as writer:
        before, offset = writer.twin, [0.0]

        def change() -> None:
            offset[0] += 1.0
            writer.append(with_moved_liver(before, offset[0]), "moved")

        for failed in in_turn(name, number, change, monkeypatch):
            assert writer.twin.revision.number == load_twin(saved).revision.number
            assert failed == (writer.twin is before)
            before = writer.twin
        writer.append(with_moved_liver(before, 99.0), "moved again")
    assert verify_twin(saved).ok
    assert load_twin(saved).meshes[0].vertices_mm[0, 0] == pytest.approx(99.1)


def test_a_log_that_cannot_grow_keeps_what_was_acknowledged(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = database.connect

    def small(path: Path, options: str = "mode=rwc") -> sqlite3.Connection:
        connection = real(path, options)
        if options == "mode=rw":
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages + 2}")
        return connection

    monkeypatch.setattr(database, "connect", small)
    kept = 1
    with TwinWriter(saved) as writer:
        with pytest.raises(DiskError, match=r"no space left.*Free some space"):
            for n in range(500):
                writer.add_measurement(sample_measurement(f"n{n}"))
                kept += 1
        assert len(writer.twin.measurements) == kept
    monkeypatch.undo()
    assert verify_twin(saved).ok
    assert len(load_twin(saved).measurements) == kept
    with TwinWriter(saved) as writer:
        writer.set_side(Side.LEFT)
    assert load_twin(saved).operated_side is Side.LEFT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB that can really be filled."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(disk: Path, leave: int) -> Path:
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    ballast.write_bytes(b"x" * max(0, free - leave))
    return ballast


@pytest.mark.parametrize("leave", [0, 4096, 20_000, 50_000, 80_000])
def test_a_really_full_disk_keeps_the_last_acknowledged_state(small_disk: Path, leave: int) -> None:
    path = small_disk / "a.twin"
    save_twin(sample_twin(), path)
    ballast = fill(small_disk, leave)
    acknowledged = 0
    with pytest.raises(DiskError, match=r"[Ff]ree|[Cc]heck"), TwinWriter(path) as writer:
        for n in range(1000):
            writer.append(with_moved_liver(writer.twin, float(n + 1)), "moved")
            acknowledged += 1
    with pytest.raises(DiskError):
        save_twin(sample_twin(), small_disk / "b.twin")
    assert not (small_disk / "b.twin").exists()
    moved = load_twin(path).revision.number - 1
    assert moved == acknowledged
    ballast.unlink()
    with TwinWriter(path) as writer:
        writer.set_side(Side.LEFT)
    report = verify_twin(path)
    assert report.ok and report.orphans == ()
    assert load_twin(path).operated_side is Side.LEFT


def test_a_read_only_disk_is_read_and_refused_for_writing(small_disk: Path) -> None:
    path = small_disk / "a.twin"
    save_twin(sample_twin(), path)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert differences(sample_twin(), load_twin(path)) == []
    assert verify_twin(path).ok
    with pytest.raises(DiskError, match="read-only"), TwinWriter(path):
        pass
    with pytest.raises(DiskError, match="read-only"):
        save_twin(sample_twin(), small_disk / "b.twin")
