"""Killed at any moment, a twin is in the last acknowledged state, or in the one that was just being made."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kill_trial import judge, run_trial
from kill_victim import progress_of, twin_of_generation
from twin_samples import sample_measurement, with_moved_liver

from surgtwin.store.load import load_twin
from surgtwin.store.replace_folder import remove_abandoned
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

KILLS = 25
LONGEST_DELAY_S = 0.8


def test_nothing_acknowledged_is_lost_by_a_kill_at_a_random_moment(tmp_path: Path) -> None:
    rng = random.Random(20260101)
    faults = []
    for n in range(KILLS):
        faults += run_trial(tmp_path / f"trial {n}", rng.uniform(0.0, LONGEST_DELAY_S))
    assert faults == []


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Run `work` in a forked child that ends at once at its `step`-th operation on files; True if it came that far."""
    child = os.fork()
    if child == 0:
        seen = iter(range(1_000_000))

        def hook(name: str, _: object) -> None:
            if name in WATCHED and next(seen) == step:
                os._exit(9)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "sqlite3.connect", "shutil.rmtree"}
"""Python's audit events for what changes a folder."""


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process leaves its writes to the system, so waiting for the medium proves nothing here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@needs_fork
@pytest.mark.usefixtures("unsynced")
@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_replacement_that_dies_at_any_step_leaves_the_old_or_the_new_twin(
    tmp_path: Path, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A staging folder whose lock was not made yet is given a minute, in case another save has just begun.
    monkeypatch.setattr("surgtwin.store.replace_folder._ABANDONED_AFTER_S", -1.0)
    if not can_exchange:
        monkeypatch.setattr("surgtwin.store.replace_folder._exchange", lambda a, b: False)
    origin, folder, new = tmp_path / "origin.twin", tmp_path / "work", twin_of_generation(2)
    path = folder / "a.twin"
    save_twin(twin_of_generation(1), origin)
    step, seen = 0, set()
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(origin, path)
        died = dies_at(step, lambda: save_twin(new, path, overwrite=True))
        assert verify_twin(path).ok
        seen.add(progress_of(path))
        remove_abandoned(path)
        assert [p.name for p in folder.iterdir()] == ["a.twin"]
        if not died:
            break
        step += 1
    assert seen == {(1, 0), (2, 0)} and step > 20


@needs_fork
@pytest.mark.usefixtures("unsynced")
def test_a_change_that_dies_at_any_step_is_there_or_not_and_never_half(tmp_path: Path) -> None:
    origin, path = tmp_path / "origin.twin", tmp_path / "a.twin"
    save_twin(twin_of_generation(1), origin)

    def change() -> None:
        with TwinWriter(path) as writer:
            writer.append(with_moved_liver(writer.twin, 4.0), "moved")
            writer.add_measurement(sample_measurement("m1"))

    step, seen = 0, set()
    while True:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(origin, path)
        died = dies_at(step, change)
        found = progress_of(path)
        assert judge(path, found) == []
        seen.add(found)
        if not died:
            break
        step += 1
    assert (1, 2) in seen and seen <= {(1, 0), (1, 1), (1, 2)} and step > 10
    assert load_twin(path).revision.number == 2


def test_reading_beside_a_program_that_saves_and_changes_never_fails(tmp_path: Path) -> None:
    victim = Path(__file__).with_name("kill_victim.py")
    path, seen = tmp_path / "case one.twin", []
    with subprocess.Popen([sys.executable, str(victim), str(tmp_path)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        assert program.stdout.readline() == b"1 0\n"
        for _ in range(60):
            seen.append(progress_of(path))
        program.kill()
        program.stdout.read()
    assert seen == sorted(seen) and len(set(seen)) > 3
