"""`surgtwin train` as a person and a script call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segmentation.training_config import Budget, read_config
from segmentation.training_plan import config_text
from tests.segmentation.conftest import make_config
from tests.segmentation.training_cases import write_cases
from ui.cli.main import main

NAMES = {"1": "spleen", "2": "liver"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder, its names, and the configuration of a tiny training."""
    write_cases(tmp_path / "data" / "cases")
    (tmp_path / "names.json").write_text(json.dumps(NAMES))
    (tmp_path / "config.json").write_text(config_text(make_config()))
    return tmp_path


def train_arguments(folder: Path, *more: str) -> list[str]:
    return ["train", str(folder / "config.json"), "--data", str(folder / "data"), "-o", str(folder / "run"), *more]


def test_a_trained_model_segments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(train_arguments(folder, "--package", str(folder / "model"), "--licence", "CC0")) == 0
    said = capsys.readouterr()
    assert f"written: {folder / 'model'}" in said.out and "2 cases, 1 held out" in said.err and "Dice" in said.err
    assert main(["models", "info", str(folder / "model"), "--json"]) == 0
    model = json.loads(capsys.readouterr().out)
    assert model["licence"] == "CC0" and [label["name"] for label in model["labels"]] == ["spleen", "liver", "aorta"]
    image = folder / "data" / "cases" / "c1_image.nii.gz"
    argv = ["segment", str(image), "--modality", "CT", "--model", str(folder / "model"), "-o", str(folder / "l.nii.gz")]
    assert main(argv) == 0 and (folder / "l.nii.gz").exists()
    assert main(train_arguments(folder, "--resume", "--package", str(folder / "model"))) == 3, "not replaced unasked"


def test_json_is_one_document_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(train_arguments(folder, "--json")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["start", "validation", "done", "written"]
    assert lines[1]["mean_dice"].keys() <= {"spleen", "liver", "aorta"}
    assert main(train_arguments(folder, "--json")) == 3
    said = capsys.readouterr()
    assert "holds a training" in json.loads(said.out)["error"]["message"] and "--resume" in said.err


def test_a_plan_is_written_and_trains(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, cases = folder / "plan.json", folder / "data" / "cases"
    argv = ["train", "--plan", str(cases), "-o", str(plan), "--modality", "CT", "--names", str(folder / "names.json")]
    assert main([*argv, "--memory", "1", "--hours", "2"]) == 0
    assert "cases       3" in capsys.readouterr().out
    config = read_config(plan)
    assert config.labels == {"background": 0, "spleen": 1, "liver": 2} and config.budget == Budget(minutes=120)
    assert config.spacing_mm == (4.0, 2.0, 2.0) and len(config.validation) == 1
    assert main(argv) == 3, "a configuration is not replaced unasked"
    shortened = json.loads(plan.read_text())
    plan.write_text(json.dumps({**shortened, "budget": {"iterations": 2}, "threads": 1}))
    assert main(["train", str(plan), "--data", str(cases), "-o", str(folder / "run")]) == 0


def test_a_data_set_that_does_not_say_what_it_is_is_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--plan", str(folder / "data" / "cases"), "-o", str(folder / "plan.json")]) == 3
    assert "--modality CT or MR" in capsys.readouterr().err and not (folder / "plan.json").exists()


@pytest.mark.parametrize("argv", [["train", "-o", "x"], ["train", "c.json", "-o", "x"], ["train", "c", "--plan", "d"]])
def test_what_makes_no_sense_is_usage(argv: list[str]) -> None:
    try:
        assert main([*argv, *(() if "-o" in argv else ("-o", "x"))]) == 2
    except SystemExit as stop:
        assert stop.code == 2


def test_unusable_configurations_are_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = folder / "config.json"
    content = json.loads(config.read_text())
    for text, message in (
        ("{", "no training configuration"),
        (json.dumps({k: v for k, v in content.items() if k != "patch"}), "patch"),
        (json.dumps({k: v for k, v in content.items() if k != "budget"}), "the key 'budget' is missing"),
        (json.dumps({**content, "mirror_swap": ["left-right"]}), "wrong side"),
        (json.dumps({**content, "labels": {"background": 0, "liver": 2}}), "without gaps"),
        (json.dumps({**content, "features": [4]}), "disagree in length"),
        (json.dumps({**content, "elastic_mm": 99}), "elastic_mm"),
    ):
        config.write_text(text)
        assert main(train_arguments(folder)) == 3
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_saves_and_answers_130(folder: Path) -> None:
    (folder / "config.json").write_text(config_text(make_config(budget=Budget(iterations=10**6), validation=())))
    command = [sys.executable, "-m", "ui.cli.main", *train_arguments(folder)]
    root = Path(__file__).parents[3]
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=root, env=variables, stderr=subprocess.PIPE, text=True)
    log, deadline = folder / "run" / "log.jsonl", time.monotonic() + 200
    while not (log.exists() and "loss" in log.read_text()) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130 and "--resume goes on" in said
    assert (folder / "run" / "checkpoint_latest.pth").exists()
