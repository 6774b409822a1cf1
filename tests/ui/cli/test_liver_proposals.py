"""`--liver-lesions`: a numbered list of proposals beside the organs, shown as what they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from segmentation import lesion_finder
from segmentation.lesion_finder import LESION_MODEL, LesionFinder
from ui.cli.main import main

pytestmark = pytest.mark.skipif(not LESION_MODEL.is_dir(), reason="the lesion model is not in the box")


@pytest.fixture
def dark_is_lesion(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the network's answer: everything between fat and liver."""

    def in_box(self, values, spacing, progress):
        return np.where((values > 20) & (values < 90), np.float32(0.9), np.float32(0.0))

    monkeypatch.setattr(LesionFinder, "_in_box", in_box)
    monkeypatch.setattr(lesion_finder, "LEAST_LIVER_DIAMETER_MM", 5.0)


def build(case, output: Path, *more: str) -> int:
    argv = ["build", case.dicom, "-o", output, "--labels", case.labels, "--names", case.names, "--device", "cpu"]
    return main([*map(str, argv), "--liver-lesions", *more])


def test_build_adds_proposals_that_are_listed_and_not_accepted(case, dark_is_lesion, tmp_path, capsys):
    twin = tmp_path / "with.twin"
    assert build(case, twin) == 0
    said = capsys.readouterr()
    assert "each to be confirmed by a person" in said.out and "liver lesion 1" in said.out
    assert "proposed (network)" in said.out
    assert "warning: Proposed, to be confirmed by a person: liver lesion 1" in said.err
    assert main(["info", str(twin), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    lesion = next(s for s in told["structures"] if s["name"] == "liver lesion 1")
    assert lesion["layer"] == 1 and lesion["part_of"] == "liver" and lesion["accepted"] is False
    assert lesion["code_meaning"] == "Lesion" and lesion["mesh"]["watertight"]
    facts = told["provenance"]["model"]["liver_lesions"]["lesions"][0]
    tumour = next(s for s in told["structures"] if s["name"] == "liver tumour")
    assert facts["volume_ml"] == pytest.approx(lesion["volume_ml"]) == pytest.approx(tumour["volume_ml"], rel=0.3)
    assert main(["verify", str(twin)]) == 0


def test_without_the_option_nothing_is_proposed(case, tmp_path, capsys):
    argv = ["build", case.dicom, "-o", tmp_path / "t.twin", "--labels", case.labels, "--names", case.names, "--json"]
    assert main([str(a) for a in argv]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "liver_lesions" not in told["provenance"]["model"]
    assert all(s["layer"] == 0 for s in told["structures"])


def test_a_liver_too_small_to_be_one_is_refused_before_anything_is_saved(case, tmp_path, capsys):
    assert build(case, tmp_path / "t.twin", "--json") == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["type"] == "ModelError" and "No liver was found" in captured.err
    assert not (tmp_path / "t.twin").exists()
