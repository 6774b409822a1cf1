"""Edits of needles, zones and paths; every one can be undone, and is named in a surgeon's words."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, PlaneCut, ShellCut
from surgtwin.domain.plan import Parenchyma, PatientFigures, Plan, Resection, ToolPath
from surgtwin.domain.tool import Capsule, CapsuleTool, NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Avoid, StayInside, Trajectory
from surgtwin.domain.vessel_names import BranchName, VesselNames
from surgtwin.errors import PlanError
from surgtwin.planning import edits, entry_edits
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.history import History
from surgtwin.planning.plan_changes import edit_name, plan_changes
from surgtwin.planning.plan_versions import plan_text
from surgtwin.planning.same_plan import is_same

NEEDLE = NeedleTool(1.0, 150.0)
T = Trajectory("T", (10, 20, 30), (10, 20, 130), NEEDLE, avoid=(Avoid("vein", 5.0),))
Z = Ablation("Z", "tumour", (0, 0, 0), (0, 0, 1), (12, 10, 10))
PROBE = CapsuleTool((Capsule((0, 0, 0), (0, 0, 300), 2.5),))


def pose_at(time_s, x=0.0):
    matrix = np.eye(4)
    matrix[0, 3] = x
    return ToolPose(time_s, matrix)


P = ToolPath("P", PROBE, (pose_at(0.0), pose_at(1.0, 5.0)))
PATCH = BezierCut(flat_patch((0, 0, 0), (0, 80, 0), (0, 0, 80)))
A = Resection("A", "liver", PlaneCut((1, 2, 3), (0, 0, 1)), targets=("tumour",))
B = Resection("B", "liver", PATCH)
C = Resection("C", "liver", ShellCut(("tumour",), 10.0))
PLAN = Plan(PatientFigures(170.0, 70.0), (A, B, C), (T,), (Z,), (P,))
BENT = edits.drag_handle(PATCH, (1, 1), tuple(PATCH.control_points_mm[1, 1] + (6.0, 0, 0)))
TURNED = PlaneCut((1, 2, 3), (0, np.sin(np.radians(30)), np.cos(np.radians(30))))

EDITS = [
    (lambda p: entry_edits.with_entry_at(p, "T", (10, 23, 34)), "Move entry of T", "entry of T moved 5.0 mm"),
    (lambda p: entry_edits.with_target_at(p, "T", (10, 20, 120)), "Move target of T", "target of T moved 10.0 mm"),
    (lambda p: entry_edits.shifted(p, "T", (3, 4, 0)), "Shift T", "T shifted 5.0 mm"),
    (lambda p: entry_edits.advanced(p, "T", -8), "Move target of T", "target of T moved 8.0 mm"),
    (
        lambda p: entry_edits.with_needle(p, "T", NeedleTool(0.7, 150)),
        "Change needle radius of T",
        "needle radius of T 1 mm to 0.7 mm",
    ),
    (
        lambda p: entry_edits.with_clearance(p, Trajectory, "T", Avoid("vein", 3)),
        "Change clearance of T to vein",
        "clearance of T to vein 5 mm to 3 mm",
    ),
    (
        lambda p: entry_edits.without_clearance(p, Trajectory, "T", "vein"),
        "Change clearance of T to vein",
        "clearance of T to vein 5 mm to not set",
    ),
    (
        lambda p: entry_edits.with_way(p, "T", ("skull",), (StayInside("L3", 2.0),)),
        "Change way of T",
        "what T must cross or stay inside of changed",
    ),
    (
        lambda p: edits.edited(p, Trajectory, "T", lambda t: replace(t, max_skin_angle_deg=60.0)),
        "Change limit of angle to the skin of T",
        "limit of angle to the skin of T not set to 60\N{DEGREE SIGN}",
    ),
    (lambda p: entry_edits.with_zone_at(p, "Z", (0, 3, 4)), "Move Z", "Z moved 5.0 mm"),
    (lambda p: entry_edits.with_zone_axes(p, "Z", (1, 0, 0)), "Turn Z", "Z turned"),
    (
        lambda p: entry_edits.with_zone_size(p, "Z", (15, 11, 11)),
        "Change size of Z",
        "semi-axes of Z 12 x 10 x 10 mm to 15 x 11 x 11 mm",
    ),
    (lambda p: entry_edits.with_zone_target(p, "Z", "cyst"), "Change target of Z", "target of Z: cyst, was tumour"),
    (lambda p: entry_edits.with_pose(p, "P", pose_at(0.5, 2.0)), "Add pose of P", "a pose added to P"),
    (lambda p: entry_edits.with_pose(p, "P", pose_at(1.0, 9.0)), "Move P", "1 of 2 poses of P moved"),
    (lambda p: entry_edits.without_pose(p, "P", 1.0), "Remove pose of P", "a pose removed from P"),
    (
        lambda p: entry_edits.with_poses(p, "P", tuple(pose_at(n / 10) for n in range(50))),
        "Record P",
        "P has 50 poses, had 2",
    ),
    (lambda p: entry_edits.stretched(p, "P", 2.0), "Move P", "1 of 2 poses of P moved"),
    (lambda p: entry_edits.with_trocar(p, "P", (1, 2, 3)), "Change trocar of P", "P through a trocar now"),
    (
        lambda p: entry_edits.with_instrument(p, "P", NEEDLE),
        "Change instrument of P",
        "instrument of P changed",
    ),
    (lambda p: entry_edits.with_cutting(p, "P", False), "Change P", "P no longer takes tissue away"),
    (
        lambda p: entry_edits.with_clearance(p, ToolPath, "P", Avoid("aorta", 2)),
        "Change clearance of P to aorta",
        "clearance of P to aorta not set to 2 mm",
    ),
    (lambda p: edits.with_margin(p, "A", 8.0), "Change margin of A", "margin of A 10 mm to 8 mm"),
    (lambda p: edits.with_targets(p, "A", ()), "Change targets of A", "targets of A: none, was tumour"),
    (
        lambda p: edits.with_includes(p, "A", ("vein",)),
        "Change included tissue of A",
        "included tissue of A: vein, was none",
    ),
    (
        lambda p: edits.with_surface(p, "A", edits.moved(A.surface, (0, 3, 4))),
        "Move A",
        "A moved 5.0 mm",
    ),
    (lambda p: edits.with_surface(p, "A", TURNED), "Turn A", "A turned 30.0\N{DEGREE SIGN}"),
    (lambda p: edits.with_surface(p, "A", edits.flipped(A.surface)), "Flip A", "A takes the other side"),
    (lambda p: edits.with_surface(p, "B", edits.flipped(PATCH)), "Flip B", "B takes the other side"),
    (lambda p: edits.with_surface(p, "B", BENT), "Bend B", "B bent 6.0 mm"),
    (
        lambda p: edits.with_surface(p, "C", ShellCut(("tumour",), 12)),
        "Change distance of C",
        "distance of C 10 mm to 12 mm",
    ),
    (lambda p: edits.with_surface(p, "A", PATCH), "Change kind of cut A", "A is a bent patch now, was a plane"),
    (
        lambda p: edits.with_patient(p, PatientFigures(171.5, 70.0)),
        "Change the patient's height",
        "height 170 cm to 171.5 cm",
    ),
    (
        lambda p: edits.with_patient(p, PatientFigures(170.0, 70.0, Parenchyma.CIRRHOSIS)),
        "Change the patient's liver tissue",
        "liver tissue normal to cirrhosis",
    ),
    (lambda p: edits.with_entry(p, replace(T, name="U")), "Add trajectory U", "trajectory U added"),
    (lambda p: edits.with_entry(p, replace(Z, name="Y")), "Add ablation Y", "ablation Y added"),
    (lambda p: edits.with_entry(p, replace(P, name="Q")), "Add tool path Q", "tool path Q added"),
    (lambda p: edits.without_entry(p, T), "Remove trajectory T", "trajectory T removed"),
    (lambda p: edits.without_entry(p, P), "Remove tool path P", "tool path P removed"),
    (lambda p: edits.renamed(p, Z, "Zone"), "Rename ablation Z", "ablation Z renamed to Zone"),
    (lambda p: edits.renamed(p, B, "Left"), "Rename resection B", "resection B renamed to Left"),
]


@pytest.mark.parametrize(("edit", "name", "text"), EDITS, ids=[text for _, _, text in EDITS])
def test_an_edit_of_any_kind_is_named_undone_and_redone(edit, name, text):
    before = plan_text(PLAN)
    after = edit(PLAN)
    assert [(c.edit, c.text) for c in plan_changes(PLAN, after)] == [(name, text)]
    history = History.of(PLAN).push(after)
    assert history.undo_text == name and history.undo().redo_text == name
    assert plan_text(history.undo().plan) == before == plan_text(PLAN)
    assert plan_text(history.undo().redo().plan) == plan_text(after) != before


def test_all_edits_in_a_row_are_undone_one_by_one():
    history, states = History.of(PLAN), [PLAN]
    for edit, _, _ in EDITS[:34]:
        states.append(edit(history.plan))
        history = history.push(states[-1])
    states = [s for n, s in enumerate(states) if n == 0 or not is_same(s, states[n - 1])]
    assert len(history.done) == len(states) > 25
    for state in reversed(states):
        assert is_same(history.plan, state)
        history = history.undo()
    assert history.undo_text == ""
    for state in states[1:]:
        history = history.redo()
        assert is_same(history.plan, state)


def test_several_changes_at_once_are_named_by_the_first():
    after = edits.with_margin(edits.with_patient(PLAN, PatientFigures(180.0, 80.0)), "A", 3.0)
    assert edit_name(PLAN, after) == "Change the patient's height and 2 more"
    assert edit_name(PLAN, PLAN) == "" and plan_changes(PLAN, PLAN) == ()


def test_a_plan_of_equal_values_in_new_objects_is_no_change():
    copied = Plan(
        PLAN.patient,
        (A, replace(B, surface=BezierCut(np.array(PATCH.control_points_mm))), C),
        (replace(T),),
        (Z,),
        (replace(P, poses=(pose_at(0.0), pose_at(1.0, 5.0))),),
    )
    assert copied != PLAN and is_same(copied, PLAN)
    history = History.of(PLAN)
    assert history.push(copied, "Nothing") is history


def test_every_part_of_a_plan_is_told_of_when_it_changes():
    names = (VesselNames("portal vein", (BranchName("right", (1.0, 2.0, 3.0)),)),)
    changed = {
        "patient": PatientFigures(150.0),
        "resections": (),
        "trajectories": (),
        "ablations": (),
        "tool_paths": (),
        "vessels": names,
    }
    assert set(changed) == {f.name for f in fields(Plan)}
    for field, value in changed.items():
        assert plan_changes(PLAN, replace(PLAN, **{field: value})), field
    named = replace(PLAN, vessels=names)
    assert edit_name(PLAN, named) == "Change branches of portal vein"
    assert History.of(PLAN).push(named).undo().plan is PLAN


def test_the_order_of_entries_is_a_change():
    turned = replace(PLAN, resections=(B, A, C))
    assert not is_same(turned, PLAN)
    assert [c.text for c in plan_changes(PLAN, turned)] == ["order of resection list changed"]


def test_the_smallest_step_of_a_number_is_a_change_that_is_told():
    nudged = entry_edits.with_entry_at(PLAN, "T", (10.0, 20.0, float(np.nextafter(30, 31))))
    assert [c.text for c in plan_changes(PLAN, nudged)] == ["entry of T moved a little"]


def test_a_needle_goes_deeper_on_its_own_line():
    oblique = edits.with_entry(PLAN, replace(T, target_mm=(13, 24, 30)))
    deeper = entry_edits.advanced(oblique, "T", 5.0).trajectories[0]
    assert deeper.target_mm == pytest.approx((16.0, 28.0, 30.0)) and deeper.entry_mm == T.entry_mm
    shifted = entry_edits.shifted(PLAN, "T", (1, 2, 3)).trajectories[0]
    assert shifted.length_mm == pytest.approx(T.length_mm)


def test_poses_stay_in_order_of_time():
    more = entry_edits.with_pose(entry_edits.with_pose(PLAN, "P", pose_at(0.5)), "P", pose_at(-1.0))
    assert [k.time_s for k in more.tool_paths[0].poses] == [-1.0, 0.0, 0.5, 1.0]
    slow = entry_edits.stretched(more, "P", 3.0)
    assert [k.time_s for k in slow.tool_paths[0].poses] == [-1.0, 2.0, 3.5, 5.0]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda: entry_edits.with_entry_at(PLAN, "Z", (0, 0, 0)), "no trajectory 'Z' in the plan"),
        (lambda: entry_edits.with_entry_at(PLAN, "T", T.target_mm), r"trajectories\[0\].target_mm: entry and target"),
        (lambda: entry_edits.with_entry_at(PLAN, "T", (0, 0, float("nan"))), r"trajectories\[0\].entry_mm"),
        (lambda: entry_edits.advanced(PLAN, "T", -100), r"trajectories\[0\].target_mm: pulled back 100 mm"),
        (lambda: entry_edits.without_clearance(PLAN, Trajectory, "T", "bone"), "'bone' is not among"),
        (lambda: entry_edits.with_zone_size(PLAN, "Z", (1, 2, 3)), r"ablations\[0\].axis_b"),
        (lambda: entry_edits.with_zone_at(PLAN, "T", (0, 0, 0)), "no ablation 'T'"),
        (lambda: entry_edits.without_pose(PLAN, "P", 7.0), "no key pose at 7 s"),
        (lambda: entry_edits.with_poses(PLAN, "P", ()), r"tool_paths\[0\].poses: a path needs"),
        (lambda: entry_edits.stretched(PLAN, "P", 0.0), "multiple above 0"),
        (lambda: edits.with_targets(PLAN, "B", ("x", "x")), r"resections\[1\].targets"),
        (lambda: edits.with_margin(PLAN, "C", -1.0), r"resections\[2\].margin_mm"),
    ],
)
def test_an_edit_that_cannot_be_names_the_field_and_leaves_the_plan(edit, words):
    before = plan_text(PLAN)
    with pytest.raises(PlanError, match=words):
        edit()
    assert plan_text(PLAN) == before
