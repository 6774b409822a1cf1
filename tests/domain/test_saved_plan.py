"""Kept plans: versions, names, and approvals that an edit or another revision breaks."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.plan_shelf import PlanShelf
from surgtwin.domain.plan_values import checked_direction
from surgtwin.domain.saved_plan import LONGEST_NAME, PlanApproval, PlanState, PlanVersion, SavedPlan
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError

UTC = "2026-03-01T10:42:33.123456Z"


def saved(shelf, name, text, by="Dr. A", revision=1, parent=None):
    return shelf.with_saved(name, text, by=by, utc=UTC, twin_revision=revision, parent=parent)


def approved(shelf, name, revision=1, **more):
    latest = shelf.plan(name).latest
    fields = {"by": "Dr. B", "utc": UTC} | more
    return shelf.with_approval(name, PlanApproval(latest.number, latest.sha256, revision, **fields))


@pytest.fixture
def shelf():
    return saved(saved(PlanShelf(), "A", "1"), "B", "2")


def test_versions_follow_each_other_and_know_what_they_were_made_from(shelf):
    shelf = saved(saved(shelf, "A", "1b", "Dr. C", revision=2), "A", "1c", parent=1)
    numbers = [(v.number, v.text, v.parent, v.twin_revision) for v in shelf.plan("A").versions]
    assert numbers == [(1, "1", None, 1), (2, "1b", 1, 2), (3, "1c", 1, 1)]
    assert shelf.plan("A").version(2).by == "Dr. C" and shelf.plan("A").version().number == 3
    assert shelf.plan("A").latest.sha256 == hashlib.sha256(b"1c").hexdigest()
    with pytest.raises(PlanError, match="no version 4; there are: 1, 2, 3"):
        shelf.plan("A").version(4)


def test_the_same_text_as_the_latest_adds_nothing_and_an_older_text_is_a_change(shelf):
    assert saved(shelf, "A", "1") is shelf
    again = saved(saved(shelf, "A", "x"), "A", "1")
    assert [v.text for v in again.plan("A").versions] == ["1", "x", "1"]


def test_a_plan_is_a_draft_until_it_is_approved(shelf):
    assert shelf.plan("A").status(1).state is PlanState.DRAFT
    status = approved(shelf, "A").plan("A").status(1)
    assert status.state is PlanState.APPROVED and status.text == "approved by Dr. B"
    assert approved(shelf, "A").plan("B").status(1).state is PlanState.DRAFT


def test_an_edit_breaks_an_approval_and_undoing_the_edit_does_not_mend_it(shelf):
    edited = saved(approved(shelf, "A"), "A", "other", "Dr. C")
    status = edited.plan("A").status(1)
    assert status.state is PlanState.BROKEN
    assert status.text == "approval broken by edit of 2026-03-01 10:42 UTC by Dr. C (version 2)"
    assert status.approval is not None and status.approval.by == "Dr. B"
    assert saved(edited, "A", "1").plan("A").status(1).state is PlanState.BROKEN
    assert approved(edited, "A").plan("A").status(1).state is PlanState.APPROVED


def test_another_revision_breaks_an_approval_and_both_reasons_are_told(shelf):
    given = approved(shelf, "A")
    assert given.plan("A").status(3).text == "approval broken by revision 3"
    assert given.plan("A").status(1, is_current=False).state is PlanState.BROKEN
    both = saved(given, "A", "x").plan("A").status(3).reason
    assert "version 2" in both and both.endswith("and revision 3")
    assert given.plan("A").status(1).state is PlanState.APPROVED


def test_a_name_is_no_part_of_what_was_approved(shelf):
    renamed = approved(shelf, "A").with_name("A", "Right side")
    assert renamed.plan("Right side").status(1).state is PlanState.APPROVED
    assert approved(shelf, "A").without("A").with_restored("A").plan("A").status(1).state is PlanState.APPROVED


def test_a_copy_is_a_draft_of_its_own(shelf):
    copied = approved(shelf, "A").with_copy("A", "C", by="Dr. C", utc=UTC, twin_revision=1)
    assert copied.plan("C").status(1).state is PlanState.DRAFT
    assert copied.plan("C").copied_from == "plan-1 version 1"
    edited = saved(copied, "C", "other")
    assert edited.plan("A").latest.text == "1" and edited.plan("A").status(1).state is PlanState.APPROVED


def test_an_approval_of_another_version_is_refused(shelf):
    old = shelf.plan("A").latest
    edited = saved(shelf, "A", "other")
    with pytest.raises(PlanError, match="of version 1 of 'A', the latest is 2"):
        edited.with_approval("A", PlanApproval(old.number, old.sha256, 1, "Dr. B", UTC))
    with pytest.raises(PlanError, match="Evaluate"):
        edited.with_approval("A", PlanApproval(2, old.sha256, 1, "Dr. B", UTC))


@pytest.mark.parametrize("against", [{"verdicts": (("margin", Verdict.VIOLATED),)}, {"errors": ("It is cut.",)}])
def test_what_stands_against_an_approval_needs_a_reason(shelf, against):
    with pytest.raises(PlanError, match=r"without a reason: (margin is violated|It is cut)"):
        approved(shelf, "A", **against)
    with pytest.raises(PlanError, match="without a reason"):
        approved(shelf, "A", despite="  ", **against)
    status = approved(shelf, "A", despite="palliative", **against).plan("A").status(1)
    assert status.text == "approved by Dr. B despite: palliative"


def test_an_unproven_verdict_needs_none(shelf):
    verdicts = (("margin", Verdict.UNPROVEN), ("remnant", Verdict.SAFE))
    assert approved(shelf, "A", verdicts=verdicts).plan("A").approvals[0].obstacles == ()


def test_an_approval_needs_a_person_and_so_does_taking_it_back(shelf):
    with pytest.raises(PlanError, match="name of the person"):
        approved(shelf, "A", by=" ")
    given = approved(shelf, "A")
    with pytest.raises(PlanError, match="name of the person"):
        given.without_approval("A", "")
    with pytest.raises(PlanError, match="nothing to withdraw"):
        shelf.without_approval("A", "Dr. C")
    withdrawn = given.without_approval("A", "Dr. C")
    assert withdrawn.plan("A").status(1).state is PlanState.DRAFT
    assert [a.withdrawn_by for a in approved(withdrawn, "A").plan("A").approvals] == ["Dr. C", ""]


@pytest.mark.parametrize("name", ["", " ", " A", "A\nB", "A\tB", "x" * (LONGEST_NAME + 1), "A\u202eB"])
def test_a_name_that_would_confuse_is_refused(shelf, name):
    for change in (
        lambda: saved(shelf, name, "1"),
        lambda: shelf.with_name("A", name),
        lambda: shelf.with_copy("A", name, by="x", utc=UTC, twin_revision=1),
    ):
        with pytest.raises(PlanError, match="name"):
            change()


def test_names_are_unique_but_for_case_and_for_how_letters_are_stored(shelf):
    for change in (
        lambda: saved(shelf, "a", "1"),
        lambda: shelf.with_name("A", "b"),
        lambda: shelf.with_copy("A", "B", by="x", utc=UTC, twin_revision=1),
    ):
        with pytest.raises(PlanError, match="already"):
            change()
    assert shelf.with_name("A", "a").plan("a").plan_id == "plan-1"
    marked = saved(shelf, "Jose\u0301", "1")
    assert marked.plan("Jos\u00e9").name == "Jose\u0301" and marked.has("JOS\u00c9")
    assert len(saved(marked, "Jos\u00e9", "2").plans) == 3


def test_removed_plans_are_kept_and_their_names_and_numbers_are_told_apart(shelf):
    gone = shelf.without("A")
    assert [p.name for p in gone.plans] == ["B"] and [p.name for p in gone.removed] == ["A"]
    with pytest.raises(PlanError, match=r"'A' was removed; restore it first.*'B'"):
        gone.plan("A")
    again = saved(gone, "A", "3")
    assert [p.plan_id for p in again.every] == ["plan-1", "plan-2", "plan-3"]
    with pytest.raises(PlanError, match="already"):
        again.with_restored("A")
    assert again.with_restored("A", "A old").plan("A old").latest.text == "1"
    both = again.without("A").with_restored("A")
    assert both.plan("A").plan_id == "plan-3"
    with pytest.raises(PlanError, match="no removed plan is called 'Z'; removed: 'A'"):
        gone.with_restored("Z")


def test_free_names_are_numbered(shelf):
    assert shelf.free_name("Plan") == "Plan"
    assert shelf.free_name("A") == "A 2"
    assert saved(shelf, "a 2", "1").free_name("A") == "A 3"


def test_unknown_names_list_the_known_ones(shelf):
    with pytest.raises(PlanError, match="no plan 'C'; there are: 'A', 'B'"):
        shelf.plan("C")
    with pytest.raises(PlanError, match="none in this twin yet"):
        PlanShelf().plan("C")


def test_impossible_histories_are_refused():
    one = PlanVersion(1, "1", "x", UTC, None, 1)
    with pytest.raises(PlanError, match="no version"):
        SavedPlan("plan-1", "A", ())
    with pytest.raises(PlanError, match="in order"):
        SavedPlan("plan-1", "A", (one, one))
    with pytest.raises(PlanError, match="share a name"):
        PlanShelf((SavedPlan("plan-1", "A", (one,)), SavedPlan("plan-2", "a", (one,))))


def test_a_changed_text_is_not_what_was_approved(shelf):
    plan = approved(shelf, "A").plan("A")
    forged = replace(plan, versions=(replace(plan.latest, text="forged"),))
    assert forged.status(1).state is PlanState.BROKEN


def test_a_direction_that_was_scaled_once_stays_as_it_is():
    rng = np.random.default_rng(3)
    for raw in rng.normal(size=(2000, 3)) * 10.0 ** rng.integers(-3, 4, (2000, 1)):
        once = checked_direction(raw, "normal")
        assert checked_direction(once, "normal") == once
        assert abs(float(np.linalg.norm(once)) - 1.0) < 1e-15
