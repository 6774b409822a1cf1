"""Plans on the desk without a window: edits, undo across plans, names, keeping, approval, and what is kept aside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.saved_plan import PlanState
from surgtwin.domain.twin import Twin
from surgtwin.errors import PlanError
from surgtwin.planning.edits import with_entry, with_margin
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.plan_versions import plan_of
from surgtwin.planning.twin_geometry import TwinGeometry
from ui.desktop.planning.book import PlanBook
from ui.desktop.planning.choices import choice_for, first_choice, organs_of, targets_of
from ui.desktop.planning.draft import status_words
from ui.desktop.planning.recovery import find_again, keep_aside
from ui.desktop.state import AppState


@pytest.fixture
def book(state: AppState) -> PlanBook:
    return PlanBook(state, lambda: "AB")


def cut(name: str = "Cut 1", x: float = 0.0, targets: tuple[str, ...] = ()) -> Resection:
    return Resection(name, "liver", PlaneCut((x, 0.0, 0.0), (-1.0, 0.0, 0.0)), (), targets)


def add(book: PlanBook, resection: Resection) -> None:
    book.apply(with_entry(book.plan, resection), f"Lay {resection.name}", choose=resection)


def test_first_edit_makes_a_plan_and_undo_leads_back_to_nothing_in_it(state: AppState, book: PlanBook) -> None:
    assert book.current is None
    add(book, cut())
    assert book.current.name == "Plan"
    assert book.chosen == cut()
    assert state.undo_text == "Lay Cut 1"
    state.undo()
    assert book.plan.is_empty
    assert book.chosen is None
    assert state.redo_text == "Lay Cut 1"
    state.redo()
    assert book.plan.resections == (cut(),)
    assert book.chosen == cut()


def test_a_row_of_steps_of_one_field_is_undone_together(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    for margin in (11.0, 12.0, 13.0):
        book.apply(with_margin(book.plan, "Cut 1", margin), "Margin of Cut 1", merge=True)
    assert book.plan.resections[0].margin_mm == 13.0
    state.undo()
    assert book.plan.resections[0].margin_mm == 10.0
    assert state.undo_text == "Lay Cut 1"
    state.redo()
    assert book.plan.resections[0].margin_mm == 13.0


def test_undo_follows_the_order_of_what_was_done_whatever_plan_it_was_done_in(state: AppState, book: PlanBook) -> None:
    add(book, cut("A"))
    book.duplicate()
    add(book, cut("B", 5.0))
    first, second = book.drafts
    book.show(first.key)
    add(book, cut("C", 9.0))
    book.show(second.key)
    state.undo()
    assert book.current.key == first.key, "the plan whose edit is undone is put on the screen"
    assert [r.name for r in book.plan.resections] == ["A"]
    state.undo()
    assert book.current.key == second.key
    assert [r.name for r in book.plan.resections] == ["A"]
    state.undo()
    assert len(book.drafts) == 1
    for _ in range(3):
        state.redo()
    assert [[r.name for r in d.plan.resections] for d in book.drafts] == [["A", "C"], ["A", "B"]]


def test_other_edits_of_the_twin_share_the_one_undo(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    state.accept("liver", "AB")
    state.undo()
    assert not state.is_accepted("liver")
    assert book.plan.resections
    state.undo()
    assert book.plan.is_empty


def test_saved_plans_are_versions_in_the_twin_and_unchanged_ones_make_none(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    assert book.changed == book.drafts
    book.save()
    book.save()
    assert book.changed == ()
    assert [v.number for v in state.twin.plans[0].versions] == [1]
    assert state.twin.plans[0].latest.by == "AB"
    book.apply(with_margin(book.plan, "Cut 1", 6.0), "Margin of Cut 1")
    assert book.changed
    book.save()
    assert [v.number for v in state.twin.plans[0].versions] == [1, 2]
    assert plan_of(state.twin.plans[0].latest) == book.plan


def test_undo_back_to_what_is_kept_leaves_nothing_to_save(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    book.save()
    book.apply(with_margin(book.plan, "Cut 1", 6.0), "Margin of Cut 1")
    state.undo()
    assert book.changed == ()


def test_a_plan_is_renamed_kept_under_its_new_name_and_never_doubled(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    book.save()
    book.rename("Right hemihepatectomy")
    book.save()
    assert [p.name for p in state.twin.plans] == ["Right hemihepatectomy"]
    book.duplicate()
    assert book.current.name == "Right hemihepatectomy copy"
    with pytest.raises(PlanError, match="already"):
        book.rename("RIGHT hemihepatectomy")
    with pytest.raises(PlanError):
        book.rename("")
    state.undo()
    state.undo()
    assert book.current.name == "Plan"


def test_a_removed_plan_comes_back_by_undo_also_in_the_twin(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    book.save()
    book.remove()
    assert book.drafts == ()
    assert state.twin.plans == ()
    state.undo()
    assert [p.name for p in state.twin.plans] == ["Plan"]
    assert book.plan.resections == (cut(),)
    assert book.changed == ()


def test_an_edit_breaks_an_approval_and_says_by_what(state: AppState, book: PlanBook) -> None:
    middle = tuple(state.twin.mesh("liver").vertices_mm.mean(axis=0))
    placed = replace(cut(), surface=PlaneCut(middle, (-1.0, 0.0, 0.0)))
    add(book, placed)
    evaluation = evaluate_plan(TwinGeometry(state.twin), book.plan)
    book.approve(evaluation, despite="agreed")
    draft = book.current
    assert book.is_approved
    assert status_words(draft, book.status(draft)) == ("\u2713 Approved by AB", "safe")
    book.apply(with_margin(book.plan, "Cut 1", 6.0), "Margin of Cut 1")
    draft = book.current
    assert not book.is_approved
    words, role = status_words(draft, book.status(draft))
    assert words == "\u25b2 Approval by AB broken by: Margin of Cut 1"
    assert role == "violated"
    book.save()
    draft = book.current
    assert book.status(draft).state is PlanState.BROKEN
    assert "broken by edit" in status_words(draft, book.status(draft))[0]
    with pytest.raises(PlanError, match="not of the latest version"):
        book.approve(evaluation, despite="agreed")


def test_a_withdrawn_approval_leaves_a_draft(state: AppState, book: PlanBook) -> None:
    middle = tuple(state.twin.mesh("liver").vertices_mm.mean(axis=0))
    add(book, replace(cut(), surface=PlaneCut(middle, (-1.0, 0.0, 0.0))))
    book.approve(evaluate_plan(TwinGeometry(state.twin), book.plan), despite="agreed")
    book.withdraw()
    assert not book.is_approved
    assert status_words(book.current, book.status(book.current)) == ("Saved, not approved", "quiet")


def test_a_twin_that_cannot_be_changed_keeps_no_plan_but_one_can_be_made(twin: Twin, qapp: object) -> None:
    state = AppState()
    state.open_twin(twin, read_only=True)
    book = PlanBook(state, lambda: "AB")
    add(book, cut())
    book.save()
    assert state.twin.plans == ()
    assert book.changed


def test_unsaved_plans_stay_when_another_revision_of_the_same_patient_opens(
    state: AppState, book: PlanBook, make_other_twin: object
) -> None:
    add(book, cut())
    state.open_twin(replace(state.twin, revision=replace(state.twin.revision, number=2)))
    assert book.plan.resections == (cut(),)
    state.open_twin(replace(make_other_twin(), case_id="somebody-else"))
    assert book.drafts == ()


def test_what_is_kept_aside_is_found_again_exactly_and_gone_once_saved(state: AppState, book: PlanBook) -> None:
    add(book, cut("Cut 1", 0.1 + 0.2))
    keep_aside("case-1", book.changed)
    found = find_again("case-1")
    assert [(f.name, f.kept_name, f.plan) for f in found] == [("Plan", "", book.plan)]
    assert find_again("case-2") == ()
    keep_aside("case-1", ())
    assert find_again("case-1") == ()


def test_a_restored_plan_goes_onto_the_kept_one_it_belongs_to(state: AppState, book: PlanBook) -> None:
    add(book, cut())
    book.save()
    later = with_margin(book.plan, "Cut 1", 4.0)
    book.restore("Plan", "Plan", later)
    assert len(book.drafts) == 1
    assert book.plan == later
    assert state.undo_text == "Restore Plan"
    state.undo()
    assert book.changed == ()


@pytest.mark.parametrize(
    "damage", ["{", "[]", "7", '[{"kept_name": ""}]', '[{"plan": {"schema": 99}, "kept_name": ""}]']
)
def test_damaged_drafts_are_left_out(own_settings: Path, book: PlanBook, damage: str) -> None:
    add(book, cut())
    keep_aside("case-1", book.changed)
    (path,) = (own_settings / "unsaved-plans").glob("*.json")
    assert "case-1" not in path.name
    path.write_text(damage)
    assert find_again("case-1") == ()


def test_drafts_that_are_kept_aside_hold_nothing_of_the_patient(
    own_settings: Path, state: AppState, book: PlanBook
) -> None:
    add(book, cut())
    keep_aside(state.twin.case_id, book.changed)
    (path,) = (own_settings / "unsaved-plans").glob("*.json")
    text = json.dumps(json.loads(path.read_text()))
    assert state.twin.patient.name.split("^")[0] not in text
    assert state.twin.patient.patient_id not in text


def test_liver_and_its_tumours_are_proposed_and_skin_is_never_an_organ(twin: Twin) -> None:
    choice = first_choice(twin)
    assert (choice.organ, choice.targets, choice.margin_mm) == ("liver", ("liver tumour",), 10.0)
    assert "body" not in organs_of(twin)
    assert "liver tumour" not in organs_of(twin)
    assert organs_of(twin)[-1] == "bone"
    assert targets_of(twin, "liver") == ("liver tumour",)
    assert choice_for(twin, "spleen").targets == ()


def test_without_a_liver_the_first_organ_is_proposed_and_without_organs_none(make_other_twin: object) -> None:
    without = make_other_twin(without=("liver", "liver tumour", "portal vein"))
    assert first_choice(without).organ == organs_of(without)[0]
    empty = LabelMap(without.labels.grid, (np.zeros(without.labels.grid.shape, np.uint8),), ())
    bare = replace(without, labels=empty, meshes=(), findings=())
    assert first_choice(bare).organ == ""


def test_names_of_plans_are_free_whatever_their_case(book: PlanBook) -> None:
    book.add("Plan", Plan(), "New plan")
    book.add("plan", Plan(), "New plan")
    assert [d.name for d in book.drafts] == ["Plan", "plan 2"]
