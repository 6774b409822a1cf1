"""`surgtwin models` as a script calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from surgtwin.domain.geometry import Grid
from surgtwin.formats.nifti import write_nifti
from tests.segmentation.part_models import lively_volume, write_collection, write_part
from ui.cli.main import main

FIXTURE = Path(__file__).resolve().parents[2] / "segmentation" / "fixtures" / "regions"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SURGTWIN_MODELS", str(tmp_path / "library"))
    return tmp_path / "library"


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict]:
    code = main(["models", *argv, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_model_is_added_listed_verified_and_removed(capsys: pytest.CaptureFixture[str], library: Path) -> None:
    code, added = call(capsys, "add", str(FIXTURE), "--name", "mine")
    assert code == 0 and added["name"] == "mine" and len(added["sha256"]) == 64 and added["licence"] == "not stated"
    assert [n["given"] for n in added["labels"]] == ["whole", "core"]
    _, listed = call(capsys, "list")
    assert "mine" in [m["name"] for m in listed["models"]] and listed["folder"] == str(library)
    assert call(capsys, "info", "mine")[1]["sha256"] == added["sha256"]
    assert call(capsys, "verify", "mine")[0] == 0
    (library / "mine" / "model" / "dataset.json").write_text("{}")
    code, report = call(capsys, "verify", "mine")
    assert code == 3 and not report["ok"] and report["models"][0]["problems"]
    assert call(capsys, "list")[1]["unusable"][0]["name"] == "mine"
    assert call(capsys, "remove", "mine")[0] == 0
    assert call(capsys, "info", "mine")[0] == 3


def test_people_read_licence_and_structures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "add", str(FIXTURE), "--name", "mine"]) == 0
    said = capsys.readouterr().out
    for words in ("licence", "not stated", "whole", "not in the structure table", "--model mine"):
        assert words in said
    assert main(["models", "list"]) == 0 and main(["models", "verify", "mine"]) == 0
    assert main(["models", "remove", "mine"]) == 0


def test_what_is_no_model_is_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = call(capsys, "add", str(tmp_path), "--name", "mine")
    assert code == 3 and said["error"]["type"] == "ModelError"


def _collection(root: Path) -> Path:
    for part, names in (("organs", ["liver", "spleen"]), ("others", ["aorta", "gizmo"])):
        write_part(root / part, names, len(part))
    return write_collection(
        root, [{"folder": "organs"}, {"folder": "others"}], modality="CT", licence="CC0", version="2"
    )


def test_a_collection_is_added_shown_verified_and_removed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = _collection(tmp_path / "set")
    code, added = call(capsys, "add", str(source), "--name", "body")
    assert code == 0 and added["licence"] == "CC0" and added["modality"] == "CT"
    assert [p["name"] for p in added["parts"]] == ["organs", "others"]
    assert [(n["value"], n["name"], n["is_known"]) for n in added["labels"]] == [
        (1, "liver", True), (2, "spleen", True), (3, "aorta", True), (4, "gizmo", False),
    ]  # fmt: skip
    assert main(["models", "info", "body"]) == 0
    said = capsys.readouterr().out
    assert "organs" in said and "priority" in said and "(not in the structure table)" in said and "CC0" in said
    assert main(["models", "list"]) == 0 and "2 parts" in capsys.readouterr().out
    assert call(capsys, "verify", "body")[0] == 0 and call(capsys, "remove", "body")[0] == 0


def test_segmenting_with_some_structures_of_a_collection(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = _collection(tmp_path / "set")
    image, output = tmp_path / "image.nii.gz", tmp_path / "labels.nii.gz"
    volume = lively_volume()
    write_nifti(image, volume.grid, volume.values)
    arguments = ["segment", str(image), "-o", str(output), "--modality", "CT", "--model", str(source), "--json"]
    assert main([*arguments, "--structures", "Liver,AORTA"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(s["name"], s["label"]) for s in told["structures"]] == [("liver", 1), ("aorta", 3)]
    assert [p["name"] for p in told["model"]["parts"]] == ["organs", "others"]
    assert main([*arguments, "--force", "--structures", "tail"]) == 3
    said = json.loads(capsys.readouterr().out)["error"]
    assert said["type"] == "LabelError" and "liver, spleen, aorta, gizmo" in said["message"]
    assert main([*arguments, "--force", "--channel", f"T2={image}"]) == 3
    assert "needs one image (CT); 2 given" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_second_channel_is_given_by_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = FIXTURE.with_name("masked")
    case = np.load(folder / "case.npz")
    k, j, i = (float(s) for s in case["spacing"])
    grid = Grid.from_axes(case["image"].shape[1:], (5.0, -7.0, 100.0), np.eye(3), (i, j, k))
    for name, values in zip(("t1", "t2"), case["image"], strict=True):
        write_nifti(tmp_path / f"{name}.nii.gz", grid, np.ascontiguousarray(values))
    model = next(folder.glob("*/plans.json")).parent
    output = tmp_path / "labels.nii.gz"
    arguments = ["segment", str(tmp_path / "t1.nii.gz"), "-o", str(output), "--modality", "MR", "--model", str(model)]
    assert main([*arguments, "--json"]) == 3
    assert "needs 2 images (T1, T2)" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert main([*arguments, "--channel", f"T2={tmp_path / 't2.nii.gz'}", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["model"]["channels"]) == 2
    with pytest.raises(SystemExit):
        main([*arguments, "--channel", "T2"])
