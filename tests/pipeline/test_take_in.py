"""A revision from an arrived image, on disk: proposed, accepted, rejected, gone back from; plans go along."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.plan import Plan, Resection
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.twin import RevisionState
from surgtwin.errors import TwinError
from surgtwin.live.gates import GateSettings
from surgtwin.live.update import UpdateSettings
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.patient_intake import read_patient_data, rejudge_with, take_received
from surgtwin.pipeline.ports import Segmentation
from surgtwin.pipeline.revision_labels import labels_on_new_image
from surgtwin.pipeline.take_in import accept_revision, go_back, take_in
from surgtwin.pipeline.timeline import read_timeline
from surgtwin.planning.plan_versions import plan_of, save_plan
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.verify import verify_twin
from surgtwin.store.writer import TwinWriter
from tests.clinical.messages import bundle, observation
from tests.registration.bodies import MIDDLE, back_of, body_grid, bulge, image_of, places
from ui.cli.main import main

SETTINGS = UpdateSettings()
STRICT = UpdateSettings(gates=GateSettings(most_motion_mm=1.0))


@pytest.fixture(scope="module")
def twin():
    grid = body_grid()
    layer = np.zeros(grid.shape, dtype=np.uint8)
    layer[np.linalg.norm((places(grid) - MIDDLE) / (44, 34, 36), axis=-1) < 1] = 6
    layer[np.linalg.norm(places(grid) - MIDDLE - np.array([14, 0, 0]), axis=-1) < 12] = 14
    names = {6: "liver", 14: "tumour"}
    labels = LabelMap(grid, (layer,), tuple(structure_for(label, name) for label, name in names.items()))
    built = build_twin(image_of(grid, noise=8, seed=1), lambda v, p: Segmentation(labels))
    point = tuple(float(v) for v in MIDDLE - np.array([12, 0, 0]))
    plan = Plan(resections=(Resection("A", "liver", PlaneCut(point, (1, 0, 0)), targets=("tumour",), margin_mm=5.0),))
    return built, plan


@pytest.fixture(scope="module")
def arrived():
    return image_of(body_grid(), back_of(bulge(9.0)), noise=8, seed=2)


@pytest.fixture
def case(tmp_path, twin):
    built, plan = twin
    path = tmp_path / "case.twin"
    save_twin(built, path)
    with TwinWriter(path) as writer:
        save_plan(writer, plan, "P", by="surgeon")
    return path


def test_a_proposed_revision_waits_and_changes_nothing(case, arrived) -> None:
    with TwinWriter(case) as writer:
        taken = take_in(writer, arrived, SETTINGS)
        assert taken.state is RevisionState.PROPOSED
        assert writer.twin.revision.number == 1
    assert load_twin(case).registration is None
    assert [row.revision.state for row in read_timeline(case)] == [RevisionState.ACCEPTED, RevisionState.PROPOSED]
    with TwinWriter(case) as writer:
        twin = accept_revision(writer, load_twin(case, revision=2), by="surgeon")
    assert twin.revision.number == 2


def test_an_accepted_revision_carries_the_plan_and_keeps_the_drawn_one(case, arrived, twin) -> None:
    with TwinWriter(case) as writer:
        taken = take_in(writer, arrived, SETTINGS, accept=True, by="surgeon")
    assert taken.state is RevisionState.ACCEPTED
    loaded = load_twin(case)
    kept = loaded.shelf.plan("P")
    assert [v.twin_revision for v in kept.versions] == [1, 2]
    assert plan_of(kept.versions[0]) == twin[1]
    surface = plan_of(kept.latest).resections[0].surface
    assert surface.point_mm == pytest.approx(loaded.registration.field.moved(twin[1].resections[0].surface.point_mm))
    assert not verify_twin(case).problems


def test_what_is_loaded_is_what_was_proposed(case, arrived) -> None:
    with TwinWriter(case) as writer:
        taken = take_in(writer, arrived, SETTINGS, accept=True)
    before, after = taken.twin.registration, load_twin(case).registration
    assert np.array_equal(before.field.vectors_mm, after.field.vectors_mm)
    assert before.field.grid.is_same_space(after.field.grid)
    assert (before.motions, before.gates, before.method) == (after.motions, after.gates, after.method)


def test_a_yes_overrides_no_gate(case, arrived) -> None:
    with TwinWriter(case) as writer:
        taken = take_in(writer, arrived, STRICT, accept=True)
        assert taken.state is RevisionState.REJECTED
        assert any("moves most" in reason for reason in taken.reasons)
        assert writer.twin.revision.number == 1
    assert len(load_twin(case).shelf.plan("P").versions) == 1


def test_a_proposal_with_a_failed_gate_cannot_be_accepted_later(case, arrived) -> None:
    with TwinWriter(case) as writer:
        take_in(writer, arrived, STRICT)
        with pytest.raises(TwinError, match="can't be accepted"):
            accept_revision(writer, load_twin(case, revision=2))


def test_a_proposal_carried_from_an_older_revision_cannot_be_accepted(case, arrived) -> None:
    with TwinWriter(case) as writer:
        take_in(writer, arrived, SETTINGS)
        take_in(writer, arrived, SETTINGS, accept=True)
        with pytest.raises(TwinError, match="current one is 3"):
            accept_revision(writer, load_twin(case, revision=2))


def test_going_back_brings_the_plan_back_as_drawn(case, arrived, twin) -> None:
    with TwinWriter(case) as writer:
        take_in(writer, arrived, SETTINGS, accept=True)
        go_back(writer, 1, by="surgeon")
    deeds = [[(deed.word, deed.by) for deed in row.deeds] for row in read_timeline(case)]
    assert deeds[0] == [("added", ""), ("gone back to", "surgeon")]
    assert [word for word, _ in deeds[1]] == ["added", "accepted"]
    loaded = load_twin(case)
    assert loaded.revision.number == 1
    assert plan_of(loaded.shelf.plan("P").latest) == twin[1]
    assert len(loaded.shelf.plan("P").versions) == 3


def test_verdicts_are_judged_with_the_error_of_the_registration(case, arrived) -> None:
    with TwinWriter(case) as writer:
        taken = take_in(writer, arrived, SETTINGS, accept=True)
    (plan,) = taken.plans
    before, after = (e.resections[0].margins[0].terms.registration_mm for e in (plan.before, plan.after))
    assert before == 0
    assert after == taken.twin.registration.error_mm("tumour") > 0
    row = read_timeline(case)[1]
    assert "resection A, margins tumour" in row.plan_verdicts["P"]
    assert row.largest_motion_mm > 3


def test_labels_on_the_new_image_lie_on_its_grid(case) -> None:
    grid = body_grid(spacing=(2.6, 3.0, 4.4), angles=(-4.0, 8.0, -3.0))
    with TwinWriter(case) as writer:
        take_in(writer, image_of(grid, back_of(bulge(9.0)), noise=8, seed=2), SETTINGS, accept=True)
    loaded = load_twin(case)
    labels, volume = labels_on_new_image(case, loaded)
    assert volume.grid.is_same_space(grid)
    liver = [m.volume_ml(m.structure("liver")) for m in (loaded.labels, labels)]
    assert liver[0] == pytest.approx(liver[1], rel=0.02)


def test_the_first_revision_has_the_base_grid_only(case) -> None:
    with pytest.raises(TwinError, match="base grid only"):
        labels_on_new_image(case, load_twin(case))


def test_the_command_line_answers_as_promised(case, arrived, tmp_path, capsys) -> None:
    import nibabel as nib

    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ arrived.grid.lps_from_ijk
    nib.save(nib.Nifti1Image(np.asarray(arrived.values).transpose(2, 1, 0), ras), tmp_path / "new.nii.gz")
    assert main(["live", "update", str(case), str(tmp_path / "new.nii.gz"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "proposed" and answer["revision"] == 2
    assert answer["displacement_mm"]["tumour"]["mean"] > 3
    assert answer["registration"]["is_passed"]
    assert isinstance(answer["findings_changed"], list)
    assert main(["live", "judge", str(case), "2", "--accept", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"] == 2
    assert main(["export-labels", str(case), "-o", str(tmp_path / "l.nii.gz"), "--grid", "new"]) == 0
    assert main(["timeline", str(case), "--json"]) == 0
    assert [r["state"] for r in json.loads(capsys.readouterr().out.split("\n", 1)[1])["revisions"]][1] == "accepted"
    assert main(["revert", str(case), "1"]) == 0
    assert main(["timeline", str(case)]) == 0
    assert "1 *" in capsys.readouterr().out


def test_values_that_arrive_on_a_carried_revision_judge_its_plans_where_they_lie(case, arrived) -> None:
    data = bundle(observation("8302-2", 172, "cm"), observation("29463-7", 70, "kg"))
    with TwinWriter(case) as writer:
        take_in(writer, arrived, SETTINGS, accept=True, by="surgeon")
    with TwinWriter(case) as writer:
        before = writer.twin
        (received,) = read_patient_data(data)
        take_received(writer, received, by="nurse")
        (judged,) = rejudge_with(writer, before)
        drawn = plan_of(writer.twin.shelf.plan("P").latest)
    assert judged.plan.carried == judged.plan.drawn == drawn
    assert judged.plan.changed == ()
    assert {f.label for f in judged.figures} >= {"liver remnant to body weight"}
    assert len(load_twin(case).shelf.plan("P").versions) == 2
