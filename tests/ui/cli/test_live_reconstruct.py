"""`surgtwin live reconstruct` on files, and the volume taken into a twin where the tracker says that it lies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.structure_table import structure_for
from surgtwin.formats.registry import read_volume
from surgtwin.pipeline.build_twin import build_twin
from surgtwin.pipeline.ports import Segmentation
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.live.recordings import write_mha
from tests.live.sweeps import MIDDLE, calibration, sweep
from tests.registration.bodies import image_of
from ui.cli.main import main


def run_json(capsys, *argv: object) -> dict:
    assert main([*(str(a) for a in argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A recording, its probe's calibration, and how the reference lies to the patient."""
    recording = sweep(count=31)
    fields = {}
    for n, frame in enumerate(recording.frames):
        for name, matrix in frame.matrices.items():
            is_lost = name == "ProbeToTracker" and n == 4
            fields[f"Seq_Frame{n:04d}_{name}Transform"] = " ".join(f"{v:.9g}" for v in matrix.ravel())
            fields[f"Seq_Frame{n:04d}_{name}TransformStatus"] = "INVALID" if is_lost else "OK"
        fields[f"Seq_Frame{n:04d}_Timestamp"] = f"{frame.time_s:.6f}"
        fields[f"Seq_Frame{n:04d}_ImageStatus"] = "OK"
    path = write_mha(tmp_path / "sweep.igs.mha", recording.images, fields, ElementSpacing="1 1 1", Offset="0 0 0")
    probe, way = tmp_path / "probe.json", tmp_path / "way.json"
    probe.write_text(json.dumps(calibration().transforms["Image", "Probe"].tolist()))
    way.write_text(json.dumps({"matrix": np.eye(4).tolist(), "tre_mm": 1.0}))
    return path, probe, way


def test_a_recording_becomes_a_file_that_another_program_reads_in_place(files, tmp_path, capsys) -> None:
    path, probe, way = files
    options = ["--calibration", probe, "--lps-from-tracker", way, "--spacing", 1]
    told = run_json(capsys, "live", "reconstruct", path, "-o", tmp_path / "v.nrrd", *options)
    assert told["frames"] == 30 and told["left_out"] == {"not seen": 1}
    assert told["reference"] == "Reference" and told["spacing_mm"] == 1.0
    assert sum(told["voxels"].values()) == np.prod(told["size_ijk"])
    assert [f["code"] for f in told["findings"]] == ["freehand-left-out"]
    image = sitk.ReadImage(str(tmp_path / "v.nrrd"))
    assert image.TransformPhysicalPointToIndex(MIDDLE) is not None
    assert image[image.TransformPhysicalPointToIndex(MIDDLE)] == pytest.approx(180, abs=12)
    for ending in ("mha", "nii.gz"):
        run_json(capsys, "live", "reconstruct", path, "-o", tmp_path / f"v.{ending}", *options)
        same = read_volume(tmp_path / f"v.{ending}")
        assert np.array_equal(same.values, sitk.GetArrayFromImage(image))
        assert same.grid.to_lps((3, 4, 5)) == pytest.approx(image.TransformIndexToPhysicalPoint((3, 4, 5)), abs=1e-3)


def test_what_is_there_is_not_replaced_unasked_and_faults_are_told(files, tmp_path, capsys) -> None:
    path, probe, _ = files
    there = tmp_path / "there.nrrd"
    there.write_bytes(b"x")
    command = ["live", "reconstruct", str(path), "--calibration", str(probe)]
    assert main([*command, "-o", str(there)]) == 3
    assert main([*command, "-o", str(tmp_path / "v.png")]) == 3
    assert main(["live", "reconstruct", str(path), "-o", str(tmp_path / "w.nrrd")]) == 3
    assert main([*command, "-o", str(tmp_path / "w.nrrd"), "--spacing", "0"]) == 3
    assert "calibration" in capsys.readouterr().err
    assert there.read_bytes() == b"x" and not (tmp_path / "w.nrrd").exists()


def a_twin(path: Path, middle: np.ndarray) -> None:
    grid = Grid.from_axes((40, 44, 48), middle - 60.0, np.eye(3), (2.6, 2.7, 3.0))
    layer = np.zeros(grid.shape, np.uint8)
    layer[12:28, 14:30, 14:34] = 1
    labels = LabelMap(grid, (layer,), (structure_for(1, "liver"),))
    save_twin(build_twin(image_of(grid, noise=8, seed=1), lambda v, p: Segmentation(labels)), path)


@pytest.mark.parametrize("is_here", [True, False])
def test_the_volume_is_taken_into_a_twin_where_the_tracker_says(files, tmp_path, capsys, is_here: bool) -> None:
    path, probe, way = files
    a_twin(tmp_path / "case.twin", MIDDLE if is_here else MIDDLE + 400.0)
    volume = tmp_path / "us.nrrd"
    options = ["--calibration", probe, "--lps-from-tracker", way, "--spacing", 1]
    run_json(capsys, "live", "reconstruct", path, "-o", volume, *options)
    told = run_json(capsys, "add", tmp_path / "case.twin", volume, "--role", "ultrasound", "--as-placed", "--accept")
    assert told["state"] == ("accepted" if is_here else "rejected")
    assert told["registration"]["similarity_after"] is None and told["registration"]["rest_mm"] is None
    assert "series-as-placed" in [f["code"] for f in told["findings"]]
    twin = load_twin(tmp_path / "case.twin")
    assert len(twin.images) == (2 if is_here else 1)
    if is_here:
        added = twin.images[1]
        assert added.role == "ultrasound" and added.volume.modality == "OTHER"
        assert np.array_equal(added.twin_from_image, np.eye(4))
        assert np.array_equal(added.volume.values, read_volume(volume).values)
