"""`surgtwin vessels` and `--liver-vessels`: branches are proposed, in a layer of their own, and never twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from surgtwin.dicom.write import write_series
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.volume import Modality
from surgtwin.formats.registry import write_labels
from tests.segmentation.vessel_liver import make_liver
from ui.cli.main import main

PATIENT = Patient("1", "HOSPITAL", "A^B", "19610203", "F")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Image and labels of a small liver with both trees, and the labels without its portal vein."""
    folder = tmp_path_factory.mktemp("vessels")
    volume, labels, _, _ = make_liver()
    paths = {name: folder / f"{name}.nii.gz" for name in ("labels", "no_portal")}
    for name, modality in (("ct", Modality.CT), ("mr", Modality.MR)):
        paths[name] = folder / name
        write_series(replace(volume, modality=modality, patient=PATIENT), paths[name], description="Liver")
    write_labels(labels, paths["labels"])
    without = np.where(labels.layers[0] == 10, 0, labels.layers[0])
    write_labels(LabelMap(labels.grid, (without,), labels.structures), paths["no_portal"])
    names = folder / "names.json"
    names.write_text(json.dumps({"6": "liver", "9": "inferior vena cava", "10": "portal and splenic vein"}))
    return {**paths, "names": names}


def build(files: dict[str, Path], twin: Path, *more: str, image: str = "ct", labels: str = "labels") -> int:
    argv = ["build", files[image], "-o", twin, "--labels", files[labels], "--names", files["names"]]
    return main([*map(str, argv), *more])


def told_by(capsys, *argv: str) -> dict:
    capsys.readouterr()
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_branches_are_proposed_once_however_often_they_are_asked_for(files, tmp_path, capsys) -> None:
    twin = tmp_path / "v.twin"
    assert build(files, twin) == 0
    first = told_by(capsys, "vessels", str(twin))
    names = [s["name"] for s in first["structures"]]
    assert names[:2] == ["portal vein branches", "hepatic vein"] and first["revision"] == 2
    assert first["lengths_mm"]["portal vein branches"] > 40 and first["lengths_mm"]["hepatic vein"] > 30
    assert all(s["layer"] == 1 and s["part_of"] == "liver" and not s["accepted"] for s in first["structures"])
    assert {f["structure"] for f in first["findings"] if f["code"] == "proposal"} == set(names)
    again = told_by(capsys, "vessels", str(twin))
    assert again["structures"] == first["structures"] and again["findings"] == first["findings"]
    told = told_by(capsys, "info", str(twin))
    assert [s["name"] for s in told["structures"]].count("hepatic vein") == 1
    assert main(["verify", str(twin)]) == 0


def test_building_with_the_option_proposes_the_same(files, tmp_path, capsys) -> None:
    twin = tmp_path / "w.twin"
    assert build(files, twin, "--liver-vessels") == 0
    said = capsys.readouterr().out
    assert "proposed liver vessels, to be confirmed by a person" in said and "hepatic vein" in said
    told = told_by(capsys, "info", str(twin))
    assert {"portal vein branches", "hepatic vein"} <= {s["name"] for s in told["structures"] if s["layer"] == 1}


def test_without_a_portal_vein_or_in_mr_it_is_refused_and_the_twin_stays(files, tmp_path, capsys) -> None:
    for name, more, reason in (
        ("a", {"labels": "no_portal"}, "there is no portal vein in this twin"),
        ("b", {"image": "mr"}, "this one is MR"),
    ):
        twin = tmp_path / f"{name}.twin"
        assert build(files, twin, **more) == 0
        capsys.readouterr()
        assert main(["vessels", str(twin)]) == 3
        assert reason in capsys.readouterr().err
        assert told_by(capsys, "info", str(twin))["revision"] == 1
