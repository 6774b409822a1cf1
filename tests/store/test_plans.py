"""Plans in the log: kept, named, copied, removed, brought back, approved; nothing of it is ever lost."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_kill import dies_at, needs_fork
from test_schema import as_schema_1_0
from twin_samples import differences, sample_twin, with_moved_liver

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.saved_plan import PlanApproval, PlanState, text_sha256
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import DiskError, PlanError, TwinCorruptError, TwinError, TwinLockedError
from surgtwin.store.copy import copy_twin
from surgtwin.store.fold import fold
from surgtwin.store.journal import read_events, read_state
from surgtwin.store.layout import CURRENT_SCHEMA
from surgtwin.store.load import load_twin
from surgtwin.store.plans import load_plans
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter

ROOT = Path(__file__).resolve().parents[2]
Change = Callable[[PlanShelf], PlanShelf]


def saving(name: str, text: str, by: str = "Dr. A", revision: int = 1) -> Change:
    return lambda shelf: shelf.with_saved(name, text, by=by, utc="2026-03-01T10:42:00Z", twin_revision=revision)


def approving(name: str, by: str = "Dr. B", revision: int = 1, despite: str = "") -> Change:
    def approve(shelf: PlanShelf) -> PlanShelf:
        latest = shelf.plan(name).latest
        verdicts = (("resection A, margins tumour", Verdict.VIOLATED if despite else Verdict.SAFE),)
        approval = PlanApproval(
            latest.number, latest.sha256, revision, by, "2026-03-01T11:00:00Z", "looked at", verdicts, (), despite
        )
        return shelf.with_approval(name, approval)

    return approve


def change(path: Path, *changes: Change) -> None:
    with TwinWriter(path, actor="Dr. W") as writer:
        for one in changes:
            writer.change_plans(one, "Dr. C")


def kinds(path: Path) -> list[str]:
    return [e.kind for e in read_events(path) if e.kind.startswith("plan.")]


@pytest.fixture
def planned(saved: Path) -> Path:
    """Two plans, one of two versions with an approval, one copied, renamed, removed."""
    change(
        saved,
        saving("A", '{"a":1}'),
        saving("A", '{"a":2}'),
        approving("A", despite="the vein can be reconstructed"),
        lambda s: s.with_copy("A", "B", version=1, by="Dr. C", utc="2026-03-02T00:00:00Z", twin_revision=1),
        lambda s: s.with_name("B", "Bé"),
        lambda s: s.without("Bé"),
    )
    return saved


def test_what_is_kept_is_there_after_opening_again(planned: Path) -> None:
    twin = load_twin(planned)
    (plan,) = twin.plans
    assert [(v.number, v.text, v.by, v.parent, v.twin_revision) for v in plan.versions] == [
        (1, '{"a":1}', "Dr. A", None, 1),
        (2, '{"a":2}', "Dr. A", 1, 1),
    ]
    assert plan.latest.sha256 == text_sha256('{"a":2}') and plan.latest.utc == "2026-03-01T10:42:00Z"
    (approval,) = plan.approvals
    assert approval.despite == "the vein can be reconstructed" and approval.obstacles
    assert twin.plan_status(plan).text == "approved by Dr. B despite: the vein can be reconstructed"
    (gone,) = twin.shelf.removed
    assert (gone.name, gone.copied_from, gone.latest.text) == ("Bé", "plan-1 version 1", '{"a":1}')


def test_the_log_says_who_did_what(planned: Path) -> None:
    said = [(e.kind, e.actor) for e in read_events(planned) if e.kind.startswith("plan.")]
    assert said == [
        ("plan.saved", "Dr. A"),
        ("plan.saved", "Dr. A"),
        ("plan.approved", "Dr. B"),
        ("plan.saved", "Dr. C"),
        ("plan.renamed", "Dr. C"),
        ("plan.removed", "Dr. C"),
    ]


def test_the_same_content_twice_adds_nothing(saved: Path) -> None:
    change(saved, saving("A", '{"a":1}'))
    before = len(read_events(saved)), verify_twin(saved).blobs
    change(saved, saving("A", '{"a":1}', by="Dr. X"))
    assert (len(read_events(saved)), verify_twin(saved).blobs) == before


def test_equal_contents_of_two_plans_are_one_blob_named_by_the_content_hash(saved: Path) -> None:
    before = verify_twin(saved).blobs
    change(saved, saving("A", '{"a":1}'), saving("B", '{"a":1}'))
    assert verify_twin(saved).blobs == before + 1
    sha256 = text_sha256('{"a":1}')
    assert (saved / "blobs" / sha256[:2] / sha256).read_bytes() == b'{"a":1}'


def test_a_removed_plan_comes_back_with_all_its_history(planned: Path) -> None:
    change(planned, saving("bé", '{"b":1}'))
    with TwinWriter(planned) as writer:
        with pytest.raises(PlanError, match="already"):
            writer.change_plans(lambda s: s.with_restored("Bé"))
        writer.change_plans(lambda s: s.with_restored("Bé", "C"), "Dr. C")
    twin = load_twin(planned)
    assert [p.name for p in twin.plans] == ["A", "C", "bé"]
    assert twin.shelf.plan("C").copied_from == "plan-1 version 1"


def test_plans_belong_to_the_twin_and_survive_revisions_that_break_their_approval(planned: Path) -> None:
    with TwinWriter(planned) as writer:
        stale = replace(writer.twin, shelf=PlanShelf())
        writer.append(with_moved_liver(stale, 3.0), "moved")
        status = writer.twin.plan_status(writer.twin.shelf.plan("A"))
        assert status.state is PlanState.BROKEN and status.text == "approval broken by revision 2"
        writer.revert(1)
        assert writer.twin.plan_status(writer.twin.shelf.plan("A")).state is PlanState.APPROVED
        writer.revert(2)
    old = load_twin(planned, revision=1)
    assert old.plan_status(old.shelf.plan("A")).text == "approval broken by a revision after revision 1"


def test_a_withdrawn_approval_leaves_a_draft_and_stays_in_the_history(planned: Path) -> None:
    change(planned, lambda s: s.without_approval("A", "Dr. D"))
    twin = load_twin(planned)
    plan = twin.shelf.plan("A")
    assert twin.plan_status(plan).state is PlanState.DRAFT
    assert [a.withdrawn_by for a in plan.approvals] == ["Dr. D"]
    assert read_events(planned)[-1].actor == "Dr. D"


def test_saving_loading_and_copying_a_whole_twin_carries_the_plans(planned: Path, tmp_path: Path) -> None:
    twin = load_twin(planned)
    save_twin(twin, tmp_path / "again.twin")
    assert differences(twin, load_twin(tmp_path / "again.twin")) == []
    copy_twin(planned, tmp_path / "copy.twin")
    assert differences(twin, load_twin(tmp_path / "copy.twin")) == []
    assert kinds(tmp_path / "copy.twin") == kinds(planned)


def test_plans_are_read_without_the_images_and_despite_damage_to_them(planned: Path) -> None:
    twin = load_twin(planned)
    kept = load_plans(planned)
    assert (kept.case_id, kept.revision, kept.shelf) == (twin.case_id, twin.revision, twin.shelf)
    assert kept.plan_status(kept.plans[0]) == twin.plan_status(twin.plans[0])
    mesh = next(e.payload for e in read_events(planned) if e.kind == "revision.added")["meshes"][0]
    sha256 = mesh["vertices_mm"]["blob"]
    (planned / "blobs" / sha256[:2] / sha256).unlink()
    assert load_plans(planned) == kept
    with pytest.raises(TwinCorruptError):
        load_twin(planned)


def test_replaying_the_events_gives_the_same_plans(planned: Path) -> None:
    events = read_events(planned)
    for cut in range(1, len(events)):
        assert fold(events[cut:], fold(events[:cut])) == read_state(planned)


def test_a_change_reads_no_text_that_it_knows(planned: Path) -> None:
    with TwinWriter(planned) as writer:
        before = {id(v) for p in writer.twin.shelf.every for v in p.versions}
        writer.change_plans(saving("A", '{"a":3}'))
        after = {id(v) for p in writer.twin.shelf.every for v in p.versions}
        assert before < after and len(after) == len(before) + 1


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
        "from test_plans import saving\n"
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


def some_change(rng: random.Random) -> Change:
    """A change that a person might make, possible or not."""
    name, other = (rng.choice(["A", "B", "C", "a", "Dé"]) for _ in range(2))
    by, text = rng.choice(["Dr. A", "Dr. B"]), f'{{"n":{rng.randrange(4)}}}'
    copied: dict[str, Any] = {
        "by": by,
        "utc": "2026-03-02T00:00:00Z",
        "twin_revision": 1,
        "version": rng.choice([None, 1, 2]),
    }
    changes: list[Change] = [
        saving(name, text, by),
        approving(name, by),
        approving(name, by, despite="no other way"),
        lambda s: s.with_copy(name, other, **copied),
        lambda s: s.with_name(name, other),
        lambda s: s.without(name),
        lambda s: s.with_restored(name, rng.choice(["", other])),
        lambda s: s.without_approval(name, by),
    ]
    return rng.choice(changes)


@pytest.mark.parametrize("seed", range(4))
def test_any_row_of_changes_is_the_same_in_memory_on_disk_and_after_opening_again(
    saved: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    rng, shelf, refused = random.Random(seed), PlanShelf(), 0
    with TwinWriter(saved) as writer:
        for _ in range(60):
            change = some_change(rng)
            state = rng.getstate()
            try:
                shelf = change(shelf)
            except PlanError as error:
                rng.setstate(state)
                with pytest.raises(PlanError, match=re.escape(str(error))):
                    writer.change_plans(change)
                refused += 1
            else:
                rng.setstate(state)
                writer.change_plans(change)
            assert writer.twin.shelf == shelf
    assert load_plans(saved).shelf == shelf and load_twin(saved).shelf == shelf
    assert verify_twin(saved).ok and len(shelf.every) > 3 and 5 < refused < 50


def test_the_database_refuses_to_forget_a_plan(planned: Path) -> None:
    connection = sqlite3.connect(planned / "twin.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM events WHERE kind = 'plan.saved'")
    connection.close()
