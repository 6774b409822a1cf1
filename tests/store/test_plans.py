"""Plans in the log: kept, named, copied, removed, brought back, approved; nothing of it is ever lost."""

from __future__ import annotations

import os
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plan_samples import Change, approving, change, keep_some_plans, saving
from twin_samples import differences, with_moved_liver

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.saved_plan import PlanState, text_sha256
from surgtwin.errors import PlanError, TwinCorruptError
from surgtwin.store.copy import copy_twin
from surgtwin.store.fold import fold
from surgtwin.store.journal import read_events, read_state
from surgtwin.store.load import load_twin
from surgtwin.store.plans import load_plans
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter


@pytest.fixture
def planned(saved: Path) -> Path:
    return keep_some_plans(saved)


def kinds(path: Path) -> list[str]:
    return [e.kind for e in read_events(path) if e.kind.startswith("plan.")]


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
