"""The commands over a small DICOM series with known labels, as a script would call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import trimesh

from tests.ui.cli.conftest import PATIENT
from ui.cli.main import main

IDENTIFIERS = (PATIENT.patient_id, PATIENT.name, "Nobody", PATIENT.birth_date)


def run_json(capsys, *argv: str | Path) -> dict:
    """The document a command prints; fails unless it exits with 0."""
    assert main([str(a) for a in argv] + ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_scan_lists_the_series_with_its_geometry(case, capsys):
    found = run_json(capsys, "scan", case.dicom)
    assert len(found["series"]) == 1
    series = found["series"][0]
    assert series["is_loadable"] and series["modality"] == "CT" and series["description"] == "Two balls"
    assert series["shape_kji"] == [30, 40, 48]
    assert np.allclose(series["spacing_ijk_mm"], [0.9, 1.1, 2.5], atol=1e-6)
    assert series["reasons"]


def test_info_tells_what_was_built(case, capsys):
    told = run_json(capsys, "info", case.twin)
    liver, tumour, spleen = (
        next(s for s in told["structures"] if s["name"] == n) for n in ("liver", "liver tumour", "Spleen of X")
    )
    assert (liver["label"], tumour["label"], spleen["label"]) == (6, 20, 1)
    assert liver["code"] == "10200004"
    assert liver["volume_ml"] == pytest.approx(case.liver_ml, rel=1e-6)
    assert liver["with_parts_ml"] == pytest.approx(liver["volume_ml"] + tumour["volume_ml"])
    assert spleen["code"] is None and spleen["with_parts_ml"] == spleen["volume_ml"]
    assert all(s["mesh"]["watertight"] for s in told["structures"])
    assert told["revision"] == 1 and told["grid"]["is_oblique"]
    assert told["provenance"]["methods"]["liver"] == "given labels"
    assert not any(secret in json.dumps(told) for secret in IDENTIFIERS)


def test_verify_finds_a_fresh_twin_sound(case, capsys):
    assert run_json(capsys, "verify", case.twin)["ok"] is True


def test_export_writes_every_format_in_place_and_names_nobody(case, capsys, tmp_path):
    out = tmp_path / "meshes"
    told = run_json(capsys, "export", case.twin, "-o", out, "--format", "stl,obj,ply,glb,vtp,3mf")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert {Path(f).name for f in told["files"]} >= {"liver.stl", "liver_tumour.ply", "Spleen_of_X.obj", "scene.glb"}
    assert manifest["frame"] == "LPS"
    stl = trimesh.load_mesh(out / "liver.stl")
    info = run_json(capsys, "info", case.twin)
    liver = next(s for s in info["structures"] if s["name"] == "liver")
    assert stl.is_watertight and stl.volume / 1000 == pytest.approx(liver["mesh"]["volume_ml"], rel=1e-4)
    for file in out.iterdir():
        assert not any(secret.encode() in file.read_bytes() for secret in IDENTIFIERS), file.name


def test_export_in_ras_turns_the_surface_about_the_long_axis(case, capsys, tmp_path):
    for frame in ("LPS", "RAS"):
        run_json(capsys, "export", case.twin, "-o", tmp_path / frame, "--structures", "liver", "--frame", frame)
    lps, ras = (trimesh.load_mesh(tmp_path / f / "liver.stl") for f in ("LPS", "RAS"))
    assert np.allclose(lps.centroid * [-1, -1, 1], ras.centroid, atol=1e-3)
    assert ras.volume > 0


def test_decimated_export_stays_closed(case, capsys, tmp_path):
    run_json(capsys, "export", case.twin, "-o", tmp_path, "--structures", "liver", "--decimate", "70%")
    thin = trimesh.load_mesh(tmp_path / "liver.stl")
    assert thin.is_watertight
    assert len(thin.faces) < 0.5 * len(trimesh.load_mesh(_full(case, capsys, tmp_path)).faces)


def _full(case, capsys, tmp_path) -> Path:
    run_json(capsys, "export", case.twin, "-o", tmp_path / "full", "--structures", "liver")
    return tmp_path / "full" / "liver.stl"


@pytest.mark.parametrize("ending", [".nii.gz", ".seg.nrrd", ".nrrd", ".mha"])
def test_exported_labels_equal_the_given_ones(case, capsys, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    run_json(capsys, "export-labels", case.twin, "-o", path)
    ours, given = sitk.ReadImage(str(path)), sitk.ReadImage(str(case.labels))
    assert np.array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(given))
    assert np.allclose(ours.GetOrigin(), given.GetOrigin(), atol=1e-3)
    assert np.allclose(ours.GetDirection(), given.GetDirection(), atol=1e-5)


@pytest.mark.parametrize("options", [[], ["--rtstruct"]])
def test_labels_as_dicom_objects_build_the_same_twin_again(case, capsys, tmp_path, options):
    path = tmp_path / "labels.dcm"
    run_json(capsys, "export-labels", case.twin, "-o", path, *options)
    again = run_json(capsys, "build", case.dicom, "-o", tmp_path / "again.twin", "--labels", path)
    before = {s["name"]: s["volume_ml"] for s in run_json(capsys, "info", case.twin)["structures"]}
    after = {s["name"]: s["volume_ml"] for s in again["structures"]}
    assert after == pytest.approx(before, rel=0.03 if options else 1e-9)


def test_mesh_makes_surfaces_of_a_bare_label_map(case, capsys, tmp_path):
    told = run_json(capsys, "mesh", case.labels, "-o", tmp_path / "m", "--format", "ply", "--names", case.names)
    assert {s["name"] for s in told["structures"]} == {"liver", "liver tumour", "Spleen of X"}
    assert trimesh.load_mesh(tmp_path / "m" / "liver.ply").is_watertight
    unnamed = run_json(capsys, "mesh", case.labels, "-o", tmp_path / "n")
    assert {s["name"] for s in unnamed["structures"]} == {"label 1", "label 6", "label 20"}


def test_screenshot_writes_a_picture(case, capsys, tmp_path):
    run_json(capsys, "screenshot", case.twin, "-o", tmp_path / "a.png", "--size", "900x600")
    from PIL import Image

    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (900, 600)
        assert len(picture.convert("RGB").getcolors(900 * 600)) > 200


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["build", "{dicom}", "-o", "{twin}", "--labels", "{labels}"], "exists"),
        (["build", "{dicom}", "-o", "{tmp}/x.twin", "--labels", "{tmp}/none.nii.gz"], "none.nii.gz"),
        (["build", "{dicom}", "-o", "{tmp}/x.twin", "--series", "1.2.3", "--labels", "{labels}"], "1.2.3"),
        (["build", "{dicom}", "-o", "{tmp}/x.twin", "--model", "nothing"], "nothing"),
        (["export", "{twin}", "-o", "{tmp}/m", "--structures", "brain"], "brain"),
        (["info", "{dicom}"], "twin"),
        (["export-labels", "{twin}", "-o", "{labels}"], "exists"),
        (["mesh", "{names}", "-o", "{tmp}/m"], "names.json"),
        (["view", "{tmp}/nothing"], "nothing"),
    ],
)
def test_bad_requests_exit_with_3_and_say_why(case, capsys, tmp_path, argv, says):
    fields = {"dicom": case.dicom, "twin": case.twin, "labels": case.labels, "names": case.names, "tmp": tmp_path}
    assert main([a.format(**fields) for a in argv]) == 3
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error
    assert not list(tmp_path.glob("x.*")), "nothing half-made is left"


def test_names_without_labels_are_a_usage_error(case, capsys, tmp_path):
    assert main(["build", str(case.dicom), "-o", str(tmp_path / "x.twin"), "--names", str(case.names)]) == 2
    assert "--names" in capsys.readouterr().err


def test_force_replaces_a_twin(case, capsys, tmp_path):
    argv = ["build", case.dicom, "-o", tmp_path / "x.twin", "--labels", case.labels]
    first = run_json(capsys, *argv)
    second = run_json(capsys, *argv, "--force")
    assert first["case_id"] != second["case_id"]
    assert run_json(capsys, "info", tmp_path / "x.twin")["case_id"] == second["case_id"]


def test_json_stands_alone_on_stdout(case, tmp_path):
    argv = ["build", str(case.dicom), "-o", str(tmp_path / "x.twin"), "--labels", str(case.labels), "--json"]
    done = subprocess.run([sys.executable, "-m", "ui.cli.main", *argv], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["twin"].endswith("x.twin")
    assert "image: Two balls" in done.stderr


def test_without_a_display_view_says_what_to_use_instead(case, capsys, monkeypatch):
    monkeypatch.setattr("ui.cli.view.has_display", lambda: False)
    assert main(["view", str(case.twin)]) == 5
    assert "screenshot" in capsys.readouterr().err


def test_names_of_labels_that_are_not_there_are_said(case, capsys, tmp_path):
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"6": "liver", "99": "ghost"}), encoding="utf-8")
    told = run_json(capsys, "build", case.dicom, "-o", tmp_path / "t.twin", "--labels", case.labels, "--names", names)
    assert [f["numbers"] for f in told["findings"] if f["code"] == "names-unused"] == [{"labels": 1.0}]
    assert "ghost" not in {s["name"] for s in told["structures"]}
