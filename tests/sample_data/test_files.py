"""A phantom on disk, read by other libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from sample_data.__main__ import main

SIZE = ["--shape", "24", "40", "44", "--spacing", "9", "8.5", "11"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom") / "out"
    assert main([str(out), *SIZE, "--oblique", "10", "-7", "14", "--seed", "4", "--reference-step", "6"]) == 0
    return out


def test_labels_and_image_lie_in_one_place_for_sitk(written: Path) -> None:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(written / "dicom")))
    image, labels = reader.Execute(), SimpleITK.ReadImage(str(written / "truth_labels.nii.gz"))
    assert image.GetSize() == labels.GetSize()
    for index in ((0, 0, 0), (43, 0, 0), (0, 39, 0), (0, 0, 23), (43, 39, 23)):
        places = [np.array(i.TransformIndexToPhysicalPoint(index)) for i in (image, labels)]
        assert np.linalg.norm(places[0] - places[1]) < 1e-3
    values, liver = SimpleITK.GetArrayFromImage(image), SimpleITK.GetArrayFromImage(labels) == 6
    assert 70 < np.median(values[liver]) < 150
    x = [labels.TransformIndexToPhysicalPoint(tuple(int(c) for c in kji[::-1]))[0] for kji in np.argwhere(liver)]
    assert np.mean(x) < -20


def test_truth_json_agrees_with_the_labels(written: Path) -> None:
    truth = json.loads((written / "truth.json").read_text())
    image = nibabel.load(written / "truth_labels.nii.gz")
    affine = np.diag([-1, -1, 1, 1]) @ image.affine
    assert np.allclose(affine, truth["grid"]["lps_from_ijk"], atol=1e-3)
    labels = np.asarray(image.dataobj)
    voxel_ml = abs(np.linalg.det(image.affine[:3, :3])) / 1000
    by_name = {s["name"]: s for s in truth["structures"]}
    for name in ("liver", "spleen", "aorta"):
        row = by_name[name]
        assert np.sum(labels == row["label"]) * voxel_ml == pytest.approx(row["voxels_ml"], rel=1e-4)
        assert row["true"]["method"] == "integrated"
    assert by_name["tumour 1"]["true"]["method"] == "sphere"
    assert by_name["tumour 1"]["part_of"] == "liver"


def test_the_same_command_writes_the_same_files(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert main([str(again), *SIZE, "--oblique", "10", "-7", "14", "--seed", "4", "--reference-step", "6"]) == 0
    first = {p.relative_to(written): p.read_bytes() for p in written.rglob("*") if p.is_file()}
    second = {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert first == second


def test_an_independent_validator_finds_no_error(written: Path) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    for path in (written / "dicom" / "IM00001.dcm", written / "dicom" / "IM00024.dcm"):
        report = subprocess.run([validator, str(path)], capture_output=True, text=True, timeout=30)
        assert "Error" not in report.stdout + report.stderr, report.stderr


def test_a_folder_with_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main([str(tmp_path), *SIZE, "--reference-step", "0"]) == 3
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
