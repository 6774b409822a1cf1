"""A plan that is kept and read again is the same plan, whatever it holds; an approval rests on what was judged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.cut import BezierCut, Combination, CombinedCut, PlaneCut, ShellCut, TerritoryCut, TerritoryMethod
from surgtwin.domain.plan import Parenchyma, PatientFigures, Plan, Resection, ToolPath
from surgtwin.domain.saved_plan import PlanState, PlanVersion
from surgtwin.domain.tool import Capsule, CapsuleTool, MeshTool, NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Avoid, StayInside, Trajectory
from surgtwin.domain.verdict import Verdict
from surgtwin.errors import PlanError
from surgtwin.planning.approval import approval_of, approve_plan
from surgtwin.planning.bezier import flat_patch
from surgtwin.planning.evaluate import evaluate_plan
from surgtwin.planning.plan_file import parse_plan
from surgtwin.planning.plan_json import plan_as_json
from surgtwin.planning.plan_versions import check_parts, holds, plan_of, plan_text, save_plan, with_plan
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from tests.conftest import rotation
from tests.planning.shapes import OBLIQUE, ball, make_twin


def some_plan(seed: int) -> Plan:
    """A plan of every kind of entry, its numbers as crooked as numbers get."""
    rng = np.random.default_rng(seed)

    def point():
        return tuple(rng.normal(scale=100.0, size=3))

    plane = PlaneCut(point(), point())
    patch = BezierCut(rng.normal(scale=60.0, size=(4, 4, 3)) + flat_patch((0, 0, 0), (0, 90, 0), (0, 0, 90)), True)
    cuts = (
        plane,
        patch,
        ShellCut(("tumour", "cyst é"), float(rng.uniform(0, 20))),
        TerritoryCut("portal vein", ("right anterior", "2"), TerritoryMethod.GEODESIC),
        CombinedCut(Combination.DIFFERENCE, (plane, CombinedCut(Combination.UNION, (patch, plane)))),
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation(tuple(rng.uniform(-180, 180, 3))), point()
    tools = (
        CapsuleTool((Capsule((0, 0, 0), point(), 1.0 / 3.0),)),
        MeshTool(rng.normal(size=(4, 3)), [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]),
        NeedleTool(0.1, 100 / 3),
    )
    needle = Trajectory(
        "T", point(), point(), NeedleTool(0.7, 150.1), (Avoid("vein", 0.0),), ("skull",), (StayInside("L3", 2.1),),
        45.5, None, 1e-3
    )  # fmt: skip
    return Plan(
        PatientFigures(170.1, None, Parenchyma.CIRRHOSIS),
        tuple(Resection(f"R{n}", "liver", c, ("vein",), ("tumour",), 10 / 3) for n, c in enumerate(cuts)),
        (needle,),
        (Ablation("Z", "tumour", point(), point(), (9.1, 8.2, 8.2)),),
        tuple(
            ToolPath(f"P{n}", t, (ToolPose(0.0, pose), ToolPose(0.1, pose)), point() if n else None)
            for n, t in enumerate(tools)
        ),
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_that_is_written_and_read_is_the_same_plan(seed):
    plan = some_plan(seed)
    text = plan_text(plan)
    again = plan_of(PlanVersion(1, text, "", "", None, 1))
    assert plan_text(again) == text
    through_file = parse_plan(json.loads(json.dumps(plan_as_json(again, "name"), indent=2)))
    assert plan_text(through_file) == text


def without_keys(text: str, *keys: str) -> str:
    """The text as a program wrote it that did not know these fields of a plan yet."""
    content = {k: v for k, v in json.loads(text).items() if k not in keys}
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def test_a_plan_that_an_older_program_wrote_is_the_same_plan(twin, folder):
    old = without_keys(plan_text(cut_at(2)), "vessels", "ablations", "patient")
    version = PlanVersion(1, old, "", "", None, 1)
    assert plan_text(plan_of(version)) == plan_text(cut_at(2)) and holds(version, cut_at(2))
    assert not holds(version, cut_at(3))
    with TwinWriter(folder) as writer:
        writer.change_plans(lambda s: s.with_saved("A", old, by="x", utc=version.utc, twin_revision=1))
        assert save_plan(writer, cut_at(2), "A", by="Dr. A").latest.text == old
        judged = evaluate_plan(TwinGeometry(writer.twin), cut_at(2))
        approve_plan(writer, writer.twin, "A", judged, by="Dr. B")
        assert writer.twin.plan_status(writer.twin.plans[0]).state is PlanState.APPROVED


def test_a_plan_of_a_newer_program_is_refused_not_read_in_part(folder):
    for newer in ({"schema": 2}, {"implants": []}, {"patient": {"age": 50}}):
        text = json.dumps(json.loads(plan_text(cut_at(2))) | newer)
        version = PlanVersion(1, text, "", "", None, 1)
        with pytest.raises(PlanError):
            plan_of(version)
        assert not holds(version, cut_at(2))


def test_a_text_of_todays_is_read_without_the_slow_check(monkeypatch):
    def refused() -> None:
        raise AssertionError("the schema was asked")

    text = plan_text(some_plan(77))
    monkeypatch.setattr("surgtwin.planning.plan_file.schema_validator", refused)
    assert plan_text(plan_of(PlanVersion(1, text, "", "", None, 1))) == text
    with pytest.raises(AssertionError, match="the schema was asked"):
        plan_of(PlanVersion(1, without_keys(text, "vessels"), "", "", None, 1))


def test_plans_that_differ_in_the_last_bit_have_other_texts():
    plan = some_plan(1)
    surface = plan.resections[0].surface
    x, y, z = surface.point_mm
    moved = replace(surface, point_mm=(float(np.nextafter(x, 1e9)), y, z))
    changed = replace(plan, resections=(replace(plan.resections[0], surface=moved), *plan.resections[1:]))
    assert plan_text(changed) != plan_text(plan)


def test_the_layout_of_a_file_does_not_count():
    plan = some_plan(2)
    content = plan_as_json(plan, "named")
    shuffled = dict(reversed(content.items()))
    assert plan_text(parse_plan(shuffled)) == plan_text(plan)


def test_structures_that_the_twin_lacks_are_named_with_the_path_of_their_field():
    twin = make_twin({"liver": ball((0, 0, 0), 20), "tumour": ball((5, 0, 0), 5)}, OBLIQUE, 26, with_meshes=False)
    paths = [e.field for e in check_parts(some_plan(1), twin)]
    assert "resections[0].includes[0]" in paths and "trajectories[0].avoid[0].structure" in paths
    assert "trajectories[0].through[0]" in paths and "trajectories[0].inside[0].structure" in paths
    assert "resections[0].organ" not in paths and "resections[0].targets[0]" not in paths
    assert check_parts(Plan(), twin) == []


def test_structures_that_only_a_cuts_surface_names_are_looked_for_too():
    twin = make_twin({"liver": ball((0, 0, 0), 20), "tumour": ball((5, 0, 0), 5)}, OBLIQUE, 26, with_meshes=False)
    shell, sector = ShellCut(("tumour", "ghost"), 5.0), TerritoryCut("portal vein", ("2",))
    inner = CombinedCut(Combination.UNION, (PlaneCut((0, 0, 0), (1, 0, 0)), sector))
    plan = Plan(
        resections=(
            Resection("A", "liver", shell),
            Resection("B", "liver", CombinedCut(Combination.DIFFERENCE, (ShellCut(("tumour",), 5.0), inner))),
        )
    )
    assert [e.field for e in check_parts(plan, twin)] == [
        "resections[0].surface.targets[1]",
        "resections[1].surface.parts[1].parts[1].vessel",
    ]


@pytest.fixture(scope="module")
def twin():
    return make_twin({"liver": ball((0, 0, 0), 30), "tumour": ball((18, 0, 0), 6)}, OBLIQUE, 36)


def cut_at(x):
    surface = PlaneCut(OBLIQUE.point(x, 0, 0), OBLIQUE.direction(1, 0, 0))
    return Plan(resections=(Resection("cut", "liver", surface, targets=("tumour",), margin_mm=3.0),))


@pytest.fixture
def folder(twin, tmp_path):
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    return path


def test_a_twin_in_memory_keeps_plans_and_takes_them_to_disk(twin, tmp_path):
    kept = with_plan(with_plan(twin, cut_at(2), "A", by="Dr. A"), cut_at(3), "A", by="Dr. A")
    assert [v.number for v in kept.plans[0].versions] == [1, 2]
    save_twin(kept, tmp_path / "new.twin")
    assert load_twin(tmp_path / "new.twin").shelf == kept.shelf


def test_an_approval_holds_the_verdicts_of_the_very_plan_that_was_judged(twin, folder):
    with TwinWriter(folder) as writer:
        saved = save_plan(writer, cut_at(2), "A", by="Dr. A")
        assert save_plan(writer, cut_at(2), "A", by="Dr. A") == saved
        judged = evaluate_plan(TwinGeometry(writer.twin), plan_of(saved.latest))
        given = approve_plan(writer, writer.twin, "A", judged, by=" Dr. B ", note="seen")
        assert (given.by, given.note, given.twin_revision, given.despite) == ("Dr. B", "seen", 1, "")
        assert given.plan_sha256 == saved.latest.sha256
        assert dict(given.verdicts)["resection cut, margins tumour"] is Verdict.SAFE
        assert writer.twin.plan_status(writer.twin.plans[0]).state is PlanState.APPROVED
    assert load_twin(folder).plans[0].approvals == (given,)


def test_what_was_not_judged_is_not_approved(folder):
    with TwinWriter(folder) as writer:
        save_plan(writer, cut_at(2), "A", by="Dr. A")
        twin = writer.twin
        other = evaluate_plan(TwinGeometry(twin), cut_at(3))
        with pytest.raises(PlanError, match="not of the latest version"):
            approve_plan(writer, twin, "A", other, by="Dr. B")
        judged = evaluate_plan(TwinGeometry(twin), cut_at(2))
        writer.append(twin, "another scan")
        with pytest.raises(PlanError, match=r"judged on revision 1; the twin is at 2"):
            approve_plan(writer, twin, "A", judged, by="Dr. B")
        save_plan(writer, Plan(), "empty", by="Dr. A")
        nothing = evaluate_plan(TwinGeometry(twin), Plan())
        with pytest.raises(PlanError, match="holds nothing"):
            approval_of(writer.twin.shelf, writer.twin, "empty", nothing, by="Dr. B")
        assert all(not p.approvals for p in writer.twin.plans)


def test_a_cut_through_the_tumour_is_approved_only_with_a_reason(folder):
    with TwinWriter(folder) as writer:
        save_plan(writer, cut_at(18), "A", by="Dr. A")
        judged = evaluate_plan(TwinGeometry(writer.twin), cut_at(18))
        with pytest.raises(PlanError, match=r"margins tumour is violated; 'cut' cuts through"):
            approve_plan(writer, writer.twin, "A", judged, by="Dr. B")
        given = approve_plan(writer, writer.twin, "A", judged, by="Dr. B", despite="palliative")
        assert len(given.obstacles) == 2 and given.despite == "palliative"
