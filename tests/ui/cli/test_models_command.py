"""`surgtwin models` as a script calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
