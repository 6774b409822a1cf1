"""From a volume and a segmenter to a twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.errors import Cancelled, LabelError
from surgtwin.mesh.extract import MeshSettings
from surgtwin.pipeline.build_twin import BuildSettings, build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.pipeline.summary import twin_summary
from surgtwin.progress import SILENT, Progress
from tests.conftest import make_oblique_grid


def make_volume(grid: Grid) -> Volume:
    patient = Patient("SECRET", "", "Some^One", "19600101", "M")
    return Volume(grid, np.zeros(grid.shape, np.int16), Modality.CT, SourceInfo("synthetic", "abc"), patient)


def find_a_box(volume: Volume, progress: Progress) -> Segmentation:
    progress.update(1.0)
    layer = np.zeros(volume.grid.shape, np.uint8)
    layer[4:14, 5:15, 6:16] = 6
    labels = LabelMap(volume.grid, (layer,), (structure_for(6, "liver"), structure_for(1, "spleen")))
    return Segmentation(labels, {"liver": "a box"}, {"name": "box", "version": "1"})


def test_a_built_twin_says_how_it_came_about():
    volume = make_volume(make_oblique_grid())
    settings = BuildSettings(MeshSettings(decimate=0.5), regularise=True)
    twin = build_twin(volume, find_a_box, settings=settings)
    assert [m.name for m in twin.meshes] == ["liver"]
    assert twin.meshes[0].quality.is_watertight
    assert twin.provenance.inputs == {"image-1": "abc"}
    assert twin.provenance.methods == {"liver": "a box"}
    assert twin.provenance.model["name"] == "box"
    assert twin.provenance.settings["mesh"]["decimate"] == 0.5
    assert twin.provenance.settings["regularise"] is True
    assert twin.provenance.software["numpy"] == np.__version__
    assert [(f.code, f.structure) for f in twin.findings] == [("structure-absent", "spleen")]


def test_the_case_id_and_the_summary_do_not_come_from_the_patient():
    volume = make_volume(make_oblique_grid())
    first, second = build_twin(volume, find_a_box), build_twin(volume, find_a_box)
    assert first.case_id != second.case_id
    assert "SECRET" not in str(twin_summary(first)) and "Some" not in str(twin_summary(first))


def test_labels_of_another_grid_are_refused():
    def elsewhere(volume: Volume, progress: Progress) -> Segmentation:
        moved = volume.grid.lps_from_ijk.copy()
        moved[0, 3] += 5.0
        found = find_a_box(volume, progress).labels
        return Segmentation(LabelMap(Grid(volume.grid.shape, moved), found.layers, found.structures))

    with pytest.raises(LabelError, match="grid"):
        build_twin(make_volume(make_oblique_grid()), elsewhere)


def test_progress_never_runs_backwards_and_ends_at_one():
    seen: list[float] = []
    build_twin(make_volume(make_oblique_grid()), find_a_box, progress=Progress(lambda f, _stage: seen.append(f)))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_building_can_be_cancelled_while_meshing():
    stages: list[str] = []
    progress = Progress(lambda _f, stage: stages.append(stage), lambda: any("urface" in s for s in stages))
    with pytest.raises(Cancelled):
        build_twin(make_volume(make_oblique_grid()), find_a_box, progress=progress)


def test_findings_of_the_image_and_of_the_segmentation_are_kept():
    volume = make_volume(make_oblique_grid())
    noticed = Finding("tilted", Severity.WARNING, "The image was tilted.")
    found = Finding("cut-off", Severity.WARNING, "The liver is cut off.")
    twin = build_twin(
        replace(volume, findings=(noticed,)), lambda v, p: replace(find_a_box(v, p), findings=(found,)), progress=SILENT
    )
    assert [f.code for f in twin.findings[:2]] == ["tilted", "cut-off"]


def test_many_absent_structures_are_one_remark_and_what_was_said_of_one_stays():
    said = Finding("structure-absent", Severity.WARNING, "No spleen was found.", structure="spleen")
    names = ("pancreas", "stomach", "aorta")

    def find(volume: Volume, progress: Progress) -> Segmentation:
        found = find_a_box(volume, progress)
        more = tuple(structure_for(100 + n, name) for n, name in enumerate(names))
        labels = replace(found.labels, structures=(*found.labels.structures, *more))
        return replace(found, labels=labels, findings=(said,), methods={s.name: "x" for s in labels.structures})

    absent = [f for f in build_twin(make_volume(make_oblique_grid()), find).findings if f.code == "structure-absent"]
    assert said in absent and len(absent) == 2
    (rest,) = (f for f in absent if f is not said)
    assert rest.severity is Severity.INFO and rest.structure == "" and "pancreas, stomach, aorta" in rest.message


def test_what_two_steps_notice_is_said_once():
    absent = Finding("structure-absent", Severity.WARNING, "No spleen was found.", structure="spleen")
    twin = build_twin(
        make_volume(make_oblique_grid()), lambda v, p: replace(find_a_box(v, p), findings=(absent, absent))
    )
    assert twin.findings == (absent,)
