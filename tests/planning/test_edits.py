"""Edits leave the old plan as it was; undo and redo bring every state back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, PlaneCut, ShellCut
from surgtwin.domain.plan import PatientFigures, Plan, Resection
from surgtwin.domain.tool import NeedleTool
from surgtwin.domain.trajectory import Trajectory
from surgtwin.errors import PlanError
from surgtwin.planning import edits
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.history import DEEPEST, History

PLANE = PlaneCut((1, 2, 3), (0, 0, 1))
PATCH = BezierCut(flat_patch((0, 0, 0), (0, 80, 0), (0, 0, 80)))
CUT = Resection("A", "liver", PLANE)
NEEDLE = Trajectory("A", (0, 0, 0), (0, 0, 90), NeedleTool(1, 150))
PLAN = Plan(resections=(CUT,), trajectories=(NEEDLE,))


def test_entries_of_a_kind_are_added_replaced_renamed_and_removed_by_name():
    more = edits.with_entry(PLAN, replace(CUT, name="B"))
    assert [r.name for r in more.resections] == ["A", "B"] and len(PLAN.resections) == 1
    assert edits.with_entry(more, replace(CUT, margin_mm=3.0)).resections[0].margin_mm == 3.0
    assert edits.renamed(more, CUT, "C").resections[0].name == "C"
    assert edits.without_entry(more, CUT).trajectories == (NEEDLE,)
    assert edits.free_name(more, Resection, "A") == "A 2"
    assert edits.free_name(more, Trajectory, "Needle") == "Needle"
    assert len(edits.entries(more)) == 3


def test_a_name_that_is_taken_or_missing_is_refused():
    more = edits.with_entry(PLAN, replace(CUT, name="B"))
    with pytest.raises(PlanError, match="share the name 'B'"):
        edits.renamed(more, CUT, "B")
    with pytest.raises(PlanError, match="no 'Z'"):
        edits.without_entry(PLAN, replace(CUT, name="Z"))
    with pytest.raises(PlanError, match="no resection 'Z'"):
        edits.with_margin(PLAN, "Z", 5.0)


def test_figures_surfaces_and_margins_are_changed():
    assert edits.with_patient(PLAN, PatientFigures(170, 70)).patient.height_cm == 170
    assert edits.with_margin(PLAN, "A", 7.0).resections[0].margin_mm == 7.0
    assert edits.with_surface(PLAN, "A", PATCH).resections[0].surface is PATCH


def test_surfaces_move_and_flip():
    assert edits.moved(PLANE, (1, 1, 1)).point_mm == (2.0, 3.0, 4.0)
    np.testing.assert_allclose(
        edits.moved(PATCH, (1, 2, 3)).control_points_mm - PATCH.control_points_mm, [[[1, 2, 3]] * 4] * 4
    )
    both = edits.moved(CombinedCut(Combination.UNION, (PLANE, PATCH)), (1, 1, 1))
    assert both.parts[0].point_mm == (2.0, 3.0, 4.0)
    assert edits.flipped(PLANE).normal == (0.0, 0.0, -1.0)
    assert edits.flipped(edits.flipped(PATCH)).flip is False
    shell = ShellCut(("tumour",), 10)
    for edit in (lambda: edits.moved(shell, (1, 0, 0)), lambda: edits.flipped(shell)):
        with pytest.raises(PlanError):
            edit()


def test_a_handle_moves_alone_or_with_its_neighbours():
    alone = edits.drag_handle(PATCH, (1, 2), tuple(PATCH.control_points_mm[1, 2] + [9, 0, 0]))
    by = alone.control_points_mm - PATCH.control_points_mm
    assert by[1, 2, 0] == 9 and np.count_nonzero(by) == 1
    soft = edits.drag_handle(PATCH, (1, 2), tuple(PATCH.control_points_mm[1, 2] + [9, 0, 0]), falloff=1.0)
    by = soft.control_points_mm[..., 0] - PATCH.control_points_mm[..., 0]
    assert by[1, 2] == 9 and by[1, 1] == pytest.approx(9 * np.exp(-0.5)) and (by > 0).all()


def test_undo_and_redo_bring_every_state_back():
    history = History.of(PLAN)
    states = [PLAN]
    for mm in (1.0, 2.0, 3.0):
        states.append(edits.with_margin(PLAN, "A", mm))
        history = history.push(states[-1], f"Margin {mm:g} mm")
    assert history.undo_text == "Margin 3 mm"
    back = history.undo().undo()
    assert back.plan == states[1] and back.redo_text == "Margin 2 mm"
    assert back.redo().redo().redo().plan == states[3]
    assert history.undo().undo().undo().undo().plan == PLAN
    assert back.push(PLAN, "Other").redo_text == ""


def test_a_drag_is_one_step_and_no_change_is_none():
    history = History.of(PLAN)
    for mm in range(1, 30):
        history = history.push(edits.with_margin(PLAN, "A", float(mm)), "Drag", merge=True)
    assert len(history.done) == 2 and history.undo().plan == PLAN
    assert history.push(history.plan, "Nothing") is history


def test_the_first_state_is_never_lost():
    history = History.of(PLAN)
    for mm in range(1, 2 * DEEPEST):
        history = history.push(edits.with_margin(PLAN, "A", float(mm)), f"{mm}")
    assert len(history.done) == DEEPEST
    assert history.done[0].plan == PLAN and history.plan.resections[0].margin_mm == 2 * DEEPEST - 1


def test_a_numbered_name_is_counted_on_and_never_one_that_is_taken() -> None:
    plan = Plan()
    for n in range(1, 5):
        name = edits.free_name(plan, Resection, "Cut 1")
        assert name == f"Cut {n}"
        plan = edits.with_entry(plan, Resection(name, "liver", PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))))
    assert edits.free_name(plan, Resection, "Cut 3") == "Cut 5"
    assert edits.free_name(plan, Resection, "Wedge") == "Wedge"
    plan = edits.with_entry(plan, Resection("Wedge", "liver", PlaneCut((0.0, 0.0, 0.0), (0.0, 0.0, 1.0))))
    assert edits.free_name(plan, Resection, "Wedge") == "Wedge 2"
    assert len(plan.resections) == 5
