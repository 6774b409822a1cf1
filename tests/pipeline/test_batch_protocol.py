"""Protocols of a batch: what is wrong is named by its field, what is read is what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from surgtwin.errors import InputError
from surgtwin.pipeline.batch_protocol import LabelRules, Protocol, parse_protocol, read_protocol

ROOT = Path(__file__).resolve().parent.parent.parent
FULL = """
version: 1
series: {modalities: [CT], description: "portal|venous", min_slices: 20, take: all, regularise: true, files_are: CT}
find: {model: ct_abdomen, structures: [liver, spleen], mode: bf16, device: cpu}
gates: {fail_on: warning, require: [liver]}
mesh: {smoothing: true, iterations: 20, pass_band: 0.1, decimate: 0.5}
export: {surfaces: [stl, glb], labels: [.seg.nrrd], frame: RAS, reports: [pdf], picture: false, twin: true}
naming: {case: "{modality}-{case_id}"}
identity: keep
limits: {memory_gb: 4, minutes: 10}
"""


def test_the_published_schema_is_the_one_that_is_used():
    inside = ROOT / "surgtwin" / "pipeline" / "protocol-schema.json"
    assert (ROOT / "docs" / "protocol-schema.json").read_bytes() == inside.read_bytes()


def test_every_field_of_a_protocol_arrives(tmp_path):
    (tmp_path / "p.yaml").write_text(FULL, encoding="utf-8")
    found = read_protocol(tmp_path / "p.yaml")
    assert found.series.modalities == ("CT",) and found.series.min_slices == 20 and found.series.take == "all"
    assert found.network.structures == ("liver", "spleen") and found.network.mode == "bf16"
    assert found.gates.fail_on == "warning" and found.gates.require == ("liver",)
    assert found.mesh.iterations == 20 and found.mesh.decimate == 0.5
    assert found.export.surfaces == ("stl", "glb") and found.export.frame == "RAS" and found.export.twin
    assert found.case_name == "{modality}-{case_id}" and not found.is_pseudonymous
    assert found.limits.memory_gb == 4 and found.limits.minutes == 10


def test_a_protocol_survives_the_way_to_a_worker():
    found = parse_protocol(
        {"version": 1, "labels": {"from": "_image", "to": "_labels"}, "gates": {"require": ["liver"]}}
    )
    assert Protocol.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_what_is_left_out_is_as_without_a_protocol():
    assert parse_protocol({"version": 1}) == Protocol()


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "version"),
        ({"version": 2}, "version"),
        ({"version": 1, "serie": {}}, "serie"),
        ({"version": 1, "series": {"min_slices": 0}}, "series.min_slices"),
        ({"version": 1, "series": {"modalities": ["CT", "US"]}}, "series.modalities[1]"),
        ({"version": 1, "series": {"description": "("}}, "series.description"),
        ({"version": 1, "find": {"mode": "quick"}}, "find.mode"),
        ({"version": 1, "mesh": {"decimate": 1.0}}, "mesh.decimate"),
        ({"version": 1, "export": {"surfaces": ["step"]}}, "export.surfaces[0]"),
        ({"version": 1, "naming": {"case": "same"}}, "naming.case"),
        ({"version": 1, "naming": {"case": "../{case_id}"}}, "naming.case"),
        ({"version": 1, "naming": {"case": "{case_id}-{patient}"}}, "naming.case"),
        ({"version": 1, "limits": {"minutes": 0}}, "limits.minutes"),
        ({"version": 1, "labels": {"from": "_image"}}, "labels"),
        ({"version": 1, "labels": {"from": "[", "to": ""}}, "labels.from"),
        ({"version": 1, "labels": {"from": "a", "to": "\\3"}}, "labels.to"),
        ({"version": 1, "labels": {"from": "a", "to": "b", "names": "none.json"}}, "labels.names"),
        ({"version": 1, "labels": {"from": "a", "to": "b"}, "find": {"model": "m"}}, "labels"),
        ([], "protocol"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(content, field):
    with pytest.raises(InputError) as caught:
        parse_protocol(content)
    assert field in str(caught.value)


@pytest.mark.parametrize(
    "text", ["version: [", "a: &x 1\nb: *x", "version: 1\nversion: 1", "version: !!python/object:os.system {}", "\x00"]
)
def test_what_is_no_plain_yaml_is_refused(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"p\.yaml is not valid YAML"):
        read_protocol(tmp_path / "p.yaml")


def test_limits_and_choice_of_series_change_no_result_but_meshing_does():
    base = Protocol().sha256()
    assert parse_protocol({"version": 1, "limits": {"minutes": 3}, "series": {"take": "all"}}).sha256() == base
    assert parse_protocol({"version": 1, "mesh": {"decimate": 0.5}}).sha256() != base
    assert parse_protocol({"version": 1, "identity": "keep"}).sha256() != base


def test_labels_are_found_by_the_image_name_and_never_outside_its_folder():
    assert LabelRules("_image", "_labels").path_for(Path("/a/c1_image.nii.gz")) == Path("/a/c1_labels.nii.gz")
    assert LabelRules("_image", "_labels").path_for(Path("/a/c1.nii.gz")) is None
    assert LabelRules("c1", "../b").path_for(Path("/a/c1.nii.gz")) is None
