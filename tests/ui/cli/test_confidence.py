"""The error bars and the confidence of a twin, as `info` and `export-labels` give them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from surgtwin.domain.confidence import ConfidenceMap, VolumeInterval
from surgtwin.domain.geometry import Grid
from surgtwin.domain.twin import Twin
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from ui.cli.main import main


def sure_twin(twin: Twin) -> Twin:
    """The twin with a confidence on a coarser, shifted, oblique grid, one voxel marked, and an interval."""
    image = twin.labels.grid
    coarse = np.array(image.lps_from_ijk) @ np.diag([2.0, 1.5, 0.5, 1.0])
    coarse[:3, 3] += (1.25, -0.5, 2.0)
    grid = Grid((20, 12, 10), coarse)
    codes = np.full(grid.shape, 255, np.uint8)
    codes[13, 4, 7], codes[0, 0, 0] = 51, 0
    liver = twin.labels.volume_ml(twin.labels.structure("liver"))
    interval = VolumeInterval("liver", liver, 0.5 * liver, 2.0 * liver, 0.9)
    return replace(twin, confidence=ConfidenceMap(grid, codes, True, "test"), volume_intervals=(interval,))


@pytest.fixture
def sure(case, tmp_path: Path) -> Path:
    path = tmp_path / "sure.twin"
    save_twin(sure_twin(load_twin(case.twin)), path)
    return path


def test_info_shows_the_interval_beside_the_volume(sure, case, capsys) -> None:
    assert main(["info", str(sure)]) == 0
    shown = capsys.readouterr().out
    twin = load_twin(sure)
    interval = twin.volume_interval("liver")
    assert f"{case.liver_ml:.0f} ({interval.as_text()})" in shown and "90% interval" in shown
    assert main(["info", str(sure), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    by_name = {s["name"]: s["volume_interval"] for s in told["structures"]}
    expected = {"low_ml": interval.low_ml, "high_ml": interval.high_ml, "level": 0.9, "is_cut_by_edge": False}
    assert by_name["liver"] == expected and by_name["liver tumour"] is None
    assert told["confidence"]["is_calibrated"] and told["confidence"]["grid"]["shape_kji"] == [20, 12, 10]


def test_info_of_a_twin_without_intervals_shows_none(case, capsys) -> None:
    assert main(["info", str(case.twin)]) == 0
    assert "interval" not in capsys.readouterr().out
    assert main(["info", str(case.twin), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confidence"] is None


def test_exported_confidence_lies_where_it_belongs_in_nibabels_world(sure, tmp_path: Path) -> None:
    target = tmp_path / "sure.nii.gz"
    assert main(["export-labels", str(sure), "-o", str(tmp_path / "l.nii.gz"), "--confidence", str(target)]) == 0
    image = nibabel.load(target)
    values = np.asarray(image.dataobj)
    assert values.dtype == np.float32 and values.max() == 1.0 and values[0, 0, 0] == 0.0
    assert values[7, 4, 13] == pytest.approx(0.2)
    ras = image.affine @ [7, 4, 13, 1]
    lps = load_twin(sure).confidence.grid.to_lps((7, 4, 13))
    np.testing.assert_allclose(ras[:3] * [-1, -1, 1], lps, atol=1e-4)


def test_a_twin_without_confidence_writes_nothing_and_says_why(case, tmp_path: Path, capsys) -> None:
    labels, target = tmp_path / "l.nii.gz", tmp_path / "c.nii.gz"
    assert main(["export-labels", str(case.twin), "-o", str(labels), "--confidence", str(target)]) != 0
    assert "holds no confidence" in capsys.readouterr().err
    assert not labels.exists() and not target.exists()


@pytest.mark.parametrize("name", ["c.nrrd", "c.dcm"])
def test_confidence_is_written_as_nifti_only(sure, tmp_path: Path, capsys, name: str) -> None:
    labels = tmp_path / "l.nii.gz"
    assert main(["export-labels", str(sure), "-o", str(labels), "--confidence", str(tmp_path / name)]) != 0
    assert ".nii.gz" in capsys.readouterr().err and not labels.exists()


def test_a_file_that_is_there_is_kept(sure, tmp_path: Path) -> None:
    target = tmp_path / "c.nii.gz"
    target.write_bytes(b"mine")
    assert main(["export-labels", str(sure), "-o", str(tmp_path / "l.nii.gz"), "--confidence", str(target)]) != 0
    assert target.read_bytes() == b"mine"
