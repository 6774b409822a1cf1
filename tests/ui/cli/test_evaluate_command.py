"""`surgtwin evaluate` as a script calls it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ui.cli.main import main


def test_a_label_map_agrees_with_itself(case, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    labels, table, page = str(case.labels), tmp_path / "out.csv", tmp_path / "out.html"
    argv = ["evaluate", labels, labels, "--names", str(case.names), "--csv", str(table), "--html", str(page), "--json"]
    assert main(argv) == 0
    document = json.loads(capsys.readouterr().out)
    figures = document["cases"][0]["structures"]["liver"]
    assert figures["dice"] == 1.0 and figures["hausdorff_mm"] == 0.0
    assert figures["volume_ml"] == pytest.approx(case.liver_ml)
    assert {r["structure"] for r in csv.DictReader(table.read_text().splitlines())} == set(document["structures"])
    assert page.read_text().startswith("<!doctype html>")
    assert main(argv) == 3, "reports are not replaced unasked"


def test_folders_print_a_table_and_name_what_failed(case, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for folder in ("found", "reference"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            (tmp_path / folder / f"{name}.nii.gz").write_bytes(case.labels.read_bytes())
    (tmp_path / "found" / "b.nii.gz").unlink()
    argv = ["evaluate", str(tmp_path / "found"), str(tmp_path / "reference"), "--names", str(case.names)]
    assert main([*argv, "--lesions", "liver tumour"]) == 4
    said = capsys.readouterr()
    assert "liver tumour: 1 of 1 pieces found, 0 false" in said.out and "not compared: b" in said.err


def test_another_tolerance_must_be_a_length() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "a", "b", "--tolerance", "-1"])


@pytest.mark.parametrize(
    ("arguments", "exit_code", "kind", "said"),
    [
        (["only-one"], 2, "UsageError", "REF"),
        (["a", "b", "--tolerance", "-1"], 2, "UsageError", "not a length above 0 mm"),
        (["a", "b", "--lesion-diameter", "x"], 2, "UsageError", "not a length above 0 mm"),
        (["nowhere", "either"], 3, "InputError", "no file or folder"),
    ],
)
def test_a_wrong_call_is_said_as_json_too(
    arguments: list[str], exit_code: int, kind: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["evaluate", *arguments, "--json"])
    except SystemExit as stop:
        code = stop.code
    error = json.loads(capsys.readouterr().out)["error"]
    assert (code, error["exit_code"], error["type"]) == (exit_code, exit_code, kind)
    assert said in error["message"]


def test_without_json_a_wrong_call_leaves_stdout_empty(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", "only-one"])
    heard = capsys.readouterr()
    assert not heard.out and heard.err.startswith("usage: surgtwin evaluate")


def test_a_misspelt_structure_is_a_bad_input(case, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["evaluate", str(case.labels), str(case.labels), "--names", str(case.names)]
    assert main([*argv, "--structures", "livre"]) == 3
    assert "no structure livre; there are: " in capsys.readouterr().err
    assert main([*argv, "--lesions", "livre"]) == 3
