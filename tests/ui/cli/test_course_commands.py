"""`surgtwin growth` and `surgtwin outcome` on a saved twin with a further scan, and the labels of that in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from surgtwin.formats.registry import write_labels
from surgtwin.store.save import save_twin
from tests.live.two_scans import MIDDLE, labels_on, scan_from_rest, twin_of, with_scan
from ui.cli.main import main

TUMOUR = ((-28.0, 0.0, 0.0), 9.0)


def run_json(capsys, *argv: object) -> dict:
    assert main([*(str(a) for a in argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def case(folder: Path, role: str, **labels: object) -> tuple[Path, Path]:
    """A twin with another scan, and that scan's labels."""
    twin, on = with_scan(twin_of([TUMOUR]), role, "2026-01-01T08:00:00")
    other = labels_on(on, labels.pop("balls", []), scan_from_rest(), **labels)  # type: ignore[arg-type]
    other = replace(other, structures=tuple(s for s in other.structures if other.voxels(s)))
    write_labels(other, folder / "other.seg.nrrd")
    save_twin(twin, folder / "case.twin")
    return folder / "case.twin", folder / "other.seg.nrrd"


def plan_file(folder: Path) -> Path:
    cut = {"type": "plane", "point_mm": (MIDDLE + np.array([-5.0, 0, 0])).tolist(), "normal": [-1, 0, 0]}
    resection = {"name": "right side", "organ": "liver", "surface": cut, "targets": ["liver tumour"], "margin_mm": 10}
    path = folder / "plan.json"
    path.write_text(json.dumps({"schema": 1, "resections": [resection]}))
    return path


def test_growth_is_told_for_scripts_and_for_people(tmp_path, capsys) -> None:
    twin, labels = case(tmp_path, "prior", balls=[((-28.0, 0.0, 0.0), 5.0)])
    options = ["growth", twin, "--image", "image-2", "--labels", labels, "--days", 90]
    told = run_json(capsys, *options)
    assert (told["earlier"], told["later"], told["days"]) == ("image-2", "image-1", 90.0)
    assert [c["course"] for c in told["lesions"]] == ["grown"]
    lesion = told["lesions"][0]
    assert lesion["before"]["diameter_mm"] < lesion["after"]["diameter_mm"]
    assert lesion["doubling_days"]["low"] < lesion["doubling_days"]["estimate"]
    assert told["remnant"] is None and told["findings"][0]["code"] == "lesion-grown"
    assert main([str(o) for o in options]) == 0
    out = capsys.readouterr().out
    assert "liver tumour" in out and "grown" in out and "days" in out


def test_the_remnant_is_told_where_it_is_asked_for(tmp_path, capsys) -> None:
    twin, labels = case(tmp_path, "prior")
    options = ["growth", twin, "--image", "image-2", "--labels", labels, "--remnant", "liver", "--days", 14]
    told = run_json(capsys, *options, "--height", 170, "--weight", 70)
    assert set(told["remnant"]["kinetic_growth_percent_a_week"]) >= {"measured", "Vauthey"}
    assert told["remnant"]["weeks"] == 2.0
    assert main([str(o) for o in options]) == 0
    assert "a week" in capsys.readouterr().out


def test_an_outcome_is_told_for_scripts_and_for_people(tmp_path, capsys) -> None:
    twin, labels = case(tmp_path, "post-op", keep=lambda rest: rest[..., 0] > -9.0)
    plan = plan_file(tmp_path)
    options = ["outcome", twin, "--image", "image-2", "--labels", labels, "--plan", plan]
    told = run_json(capsys, *options)
    assert told["cut"]["signed_mm"] == pytest.approx(4.0, abs=1.0)
    assert told["tumours"][0]["left_ml"] == 0.0
    assert told["volumes"]["achieved"]["ml"] < told["volumes"]["planned"]["ml"]
    assert main([str(o) for o in options]) == 0
    out = capsys.readouterr().out
    assert "short of" in out and "margin" in out


def test_faults_are_bad_input_and_told(tmp_path, capsys) -> None:
    twin, labels = case(tmp_path, "prior")
    base = ["growth", str(twin), "--labels", str(labels)]
    assert main([*base, "--image", "image-7"]) == 3
    assert main([*base, "--image", "image-1"]) == 3
    assert main([*base, "--image", "image-2", "--days", "-3"]) == 3
    assert main([*base, "--image", "image-2", "--lesions", "moon"]) == 3
    assert main([*base, "--image", "image-2", "--remnant", "moon"]) == 3
    assert main(["outcome", str(twin), "--labels", str(labels), "--image", "image-2", "--plan", "none"]) == 3
    assert "moon" in capsys.readouterr().err
