"""Whatever happens to a program or a disk, plans are there as they were told to be, or the harm is said."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from plan_samples import approving, change, keep_some_plans, saving
from test_kill import dies_at, needs_fork
from test_schema import as_schema_1_0
from twin_samples import sample_twin

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.saved_plan import PlanState, text_sha256
from surgtwin.errors import DiskError, PlanError, TwinCorruptError, TwinError, TwinLockedError
from surgtwin.store.copy import copy_twin
from surgtwin.store.journal import read_events
from surgtwin.store.layout import CURRENT_SCHEMA
from surgtwin.store.load import load_twin
from surgtwin.store.plans import load_plans
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planned(saved: Path) -> Path:
    return keep_some_plans(saved)


@pytest.mark.parametrize("rewrite", ["lost", "shortened", "text", "approval", "no approval"])
def test_the_history_cannot_be_rewritten(planned: Path, rewrite: str) -> None:
    def harm(shelf: PlanShelf) -> PlanShelf:
        first, second = shelf.every
        changed = {
            "lost": (second,),
            "shortened": (replace(first, versions=first.versions[:1]), second),
            "text": (replace(first, versions=(replace(first.versions[0], text="{}"), first.versions[1])), second),
            "approval": (replace(first, approvals=(replace(first.approvals[0], note="other"),)), second),
            "no approval": (replace(first, approvals=()), second),
        }
        return PlanShelf(changed[rewrite])

    before = len(read_events(planned))
    with TwinWriter(planned) as writer:
        with pytest.raises(TwinError, match=r"history|rewritten"):
            writer.change_plans(harm)
        assert writer.twin.shelf.plan("A").latest.text == '{"a":2}'
    assert len(read_events(planned)) == before


def test_a_change_that_raises_writes_nothing(planned: Path) -> None:
    before = len(read_events(planned))
    with TwinWriter(planned) as writer:
        for refused in (
            lambda s: s.with_name("A", ""),
            lambda s: s.with_name("Z", "Y"),
            lambda s: s.without("Bé"),
            saving("A\nB", "{}"),
            saving("a", "{}"),
            saving("A", '{"a":3}', by="Dr.\nA"),
        ):
            with pytest.raises((PlanError, TwinError)):
                writer.change_plans(refused)
    assert len(read_events(planned)) == before
    assert verify_twin(planned).ok


@pytest.mark.parametrize("harm", ["flipped", "truncated", "missing"])
def test_a_damaged_plan_is_named_by_load_and_verify(planned: Path, harm: str) -> None:
    sha256 = text_sha256('{"a":2}')
    path = planned / "blobs" / sha256[:2] / sha256
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if harm == "truncated" else bytes([data[0] ^ 1]) + data[1:])
    report = verify_twin(planned)
    assert not report.ok and any(sha256 in p and "version 2 of the plan 'A'" in p for p in report.problems)
    for load in (load_twin, load_plans):
        plan = load(planned).shelf.plan("A")
        assert plan.latest.sha256 == sha256 and "version 2 of the plan 'A'" in plan.latest.damage
        assert plan.versions[0].text == '{"a":1}' and not plan.versions[0].damage
        status = plan.status(1)
        assert status.state is PlanState.BROKEN and status.reason == "damage to its contents"


def test_a_damaged_plan_is_neither_copied_nor_approved_and_is_mended_by_saving_it_again(
    planned: Path, tmp_path: Path
) -> None:
    sha256 = text_sha256('{"a":2}')
    (planned / "blobs" / sha256[:2] / sha256).write_bytes(b"")
    twin = load_twin(planned)
    with pytest.raises(TwinCorruptError, match="damaged and can't be saved"):
        save_twin(twin, tmp_path / "again.twin")
    assert not (tmp_path / "again.twin").exists()
    with pytest.raises(TwinCorruptError, match="could not be copied"):
        copy_twin(planned, tmp_path / "copy.twin")
    with TwinWriter(planned) as writer:
        for refused in (
            approving("A"),
            lambda s: s.with_copy("A", "C", by="Dr. C", utc="2026-03-02T00:00:00Z", twin_revision=1),
        ):
            with pytest.raises(PlanError, match="can't be read"):
                writer.change_plans(refused)
        writer.change_plans(saving("B", '{"b":1}'))
        writer.change_plans(saving("A", '{"a":2}'))
    mended = load_twin(planned).shelf.plan("A")
    assert [v.damage for v in mended.versions] == ["", "", ""] and mended.latest.text == '{"a":2}'
    assert verify_twin(planned).ok


def test_verify_counts_plans_and_finds_an_approval_of_something_else(planned: Path) -> None:
    report = verify_twin(planned)
    assert (report.ok, report.plans, report.plan_versions) == (True, 2, 3)

    def forged(shelf: PlanShelf) -> PlanShelf:
        first, second = shelf.every
        other = replace(first.approvals[0], plan_sha256="0" * 64)
        return PlanShelf((replace(first, approvals=(*first.approvals, other)), second))

    change(planned, forged)
    assert any("version 2 of the plan 'A' is of other contents" in p for p in verify_twin(planned).problems)
    twin = load_twin(planned)
    assert twin.plan_status(twin.shelf.plan("A")).state is PlanState.BROKEN


def test_a_twin_of_the_first_schema_opens_and_takes_plans(saved: Path) -> None:
    as_schema_1_0(saved)
    assert load_twin(saved).plans == () and verify_twin(saved).schema == "1.0"
    with TwinWriter(saved):
        pass
    assert verify_twin(saved).schema == "1.0"
    change(saved, saving("A", '{"a":1}'))
    assert [p.name for p in load_twin(saved).plans] == ["A"]
    report = verify_twin(saved)
    assert report.ok and report.schema == str(CURRENT_SCHEMA)


def test_threads_and_a_reader_share_a_writer(saved: Path) -> None:
    with TwinWriter(saved) as writer:
        threads = [threading.Thread(target=writer.change_plans, args=(saving("A", f'{{"a":{n}}}'),)) for n in range(8)]
        for thread in threads:
            thread.start()
        assert {v.number for p in load_twin(saved).plans for v in p.versions} <= set(range(1, 9))
        for thread in threads:
            thread.join()
    (plan,) = load_twin(saved).plans
    assert [v.number for v in plan.versions] == list(range(1, 9))
    assert {v.text for v in plan.versions} == {f'{{"a":{n}}}' for n in range(8)}
    assert verify_twin(saved).ok


def test_a_second_writer_is_refused(saved: Path) -> None:
    with TwinWriter(saved), pytest.raises(TwinLockedError, match="read-only"):
        change(saved, saving("A", "{}"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom a folder's mode can stop")
def test_a_folder_that_cannot_be_written_is_said(saved: Path) -> None:
    saved.chmod(0o500)
    try:
        with pytest.raises(DiskError):
            change(saved, saving("A", "{}"))
    finally:
        saved.chmod(0o700)


def test_a_full_disk_leaves_the_plans_as_they_were(planned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, chunks: object) -> int:
        raise OSError(28, "No space left on device")

    with TwinWriter(planned) as writer:
        with monkeypatch.context() as patched:
            patched.setattr("surgtwin.store.blobs.write_file", full)
            with pytest.raises(DiskError, match="no space"):
                writer.change_plans(saving("A", '{"a":3}'))
        assert writer.twin.shelf.plan("A").latest.number == 2
        assert writer.change_plans(saving("A", '{"a":3}')).shelf.plan("A").latest.number == 3


@needs_fork
def test_a_change_of_plans_that_dies_at_any_step_is_there_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    origin, path = tmp_path / "origin.twin", tmp_path / "a.twin"
    save_twin(sample_twin(), origin)
    step, seen = 0, set()
    while True:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(origin, path)
        died = dies_at(step, lambda: change(path, saving("A", '{"a":1}'), saving("A", '{"a":2}'), approving("A")))
        found = tuple((len(p.versions), len(p.approvals)) for p in load_twin(path).plans)
        assert verify_twin(path).ok
        with TwinWriter(path):
            pass
        after = verify_twin(path)
        assert after.ok and after.orphans == ()
        seen.add(found)
        if not died:
            break
        step += 1
    assert seen <= {(), ((1, 0),), ((2, 0),), ((2, 1),)} and ((2, 1),) in seen and () in seen and step > 8


def test_what_a_killed_program_was_told_is_saved_is_there(saved: Path) -> None:
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]\n"
        "from pathlib import Path\n"
        "from surgtwin.store.writer import TwinWriter\n"
        "from plan_samples import saving\n"
        f"with TwinWriter(Path({str(saved)!r})) as writer:\n"
        "    n = 0\n"
        "    while True:\n"
        "        n += 1\n"
        "        writer.change_plans(saving('A', '{\"a\":%d}' % n))\n"
        "        print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        for _ in range(15):
            victim.stdout.readline()
        victim.kill()
        said = 15 + len([line for line in victim.stdout.read().splitlines(keepends=True) if line.endswith("\n")])
    (plan,) = load_twin(saved).plans
    assert len(plan.versions) in (said, said + 1) and plan.latest.text == f'{{"a":{len(plan.versions)}}}'
    assert verify_twin(saved).ok


def test_the_database_refuses_to_forget_a_plan(planned: Path) -> None:
    connection = sqlite3.connect(planned / "twin.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM events WHERE kind = 'plan.saved'")
    connection.close()
