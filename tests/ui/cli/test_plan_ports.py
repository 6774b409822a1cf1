"""`surgtwin plan reach` and `surgtwin plan zones` on a saved twin, and what they refuse."""

from __future__ import annotations

import json

import pytest

from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin
from ui.cli.main import main

SKIN = 45.0


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    path = tmp_path_factory.mktemp("ports") / "case.twin"
    shapes = {"body": ball((0, 0, 0), SKIN), "liver": ball((0, 0, 0), 30), "tumour": ball((5, 0, 0), 10)}
    save_twin(make_twin(shapes, OBLIQUE, 48), path)
    return path


def at(*own: float) -> str:
    return "--trocar=" + ",".join(f"{c:.3f}" for c in OBLIQUE.point(*own))


def test_reach_gives_ports_and_pairs_as_json(twin, capsys):
    assert main(["plan", "reach", str(twin), "--target", "tumour", at(0, SKIN, 0), at(0, 0, SKIN), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["case_id"] == "case-1" and answer["target"] == "tumour"
    assert [p["reached_percent"] for p in answer["ports"]] == [100.0, 100.0]
    assert answer["pairs"][0]["angle_deg"] == pytest.approx(90.0, abs=3.0)
    assert answer["pairs"][0]["is_recommended"] is False


def test_reach_says_the_same_in_words(twin, capsys):
    assert (
        main(["plan", "reach", str(twin), "--target", "tumour", at(0, SKIN, 0), at(20, 40, 0), "--length", "30"]) == 0
    )
    said = capsys.readouterr().out
    assert "deeper than the instrument is long" in said and "1 and 2" in said and "Hanna" in said


def test_zones_are_written_as_a_plan_that_evaluate_reads_with_the_same_figures(twin, tmp_path, capsys):
    plan = tmp_path / "zones.json"
    given = ["plan", "zones", str(twin), "--target", "tumour", "--radii", "12,12,12", "--margin", "4"]
    assert main([*given, "-o", str(plan), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["zones"]) > 1
    assert answer["ablations_combined"][0]["coverage_percent"] == pytest.approx(100.0)
    assert answer["ablations_combined"][0]["min_margin_mm"] >= 4.0
    assert main(["plan", "evaluate", str(twin), str(plan), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["ablations_combined"] == answer["ablations_combined"]


def test_zones_are_said_in_words_and_a_written_plan_is_not_replaced(twin, tmp_path, capsys):
    plan = tmp_path / "zones.json"
    given = ["plan", "zones", str(twin), "--target", "tumour", "--radii", "20,20,20", "-o", str(plan)]
    assert main(given) == 0
    said = capsys.readouterr().out
    assert "tumour 1" in said and "written:" in said
    assert main(given) != 0
    assert "zones.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--target", "tumour", "--radii", "12,12,12", "--needles", "1"), "--needles allows 1"),
        (("--target", "cyst", "--radii", "12,12,12"), "there is no structure 'cyst'"),
        (("--target", "tumour", "--radii", "2,2,2"), "take larger ones"),
        (("--target", "tumour", "--radii", "12,10,8"), "axis_b"),
    ],
)
def test_zones_that_cannot_be_are_named(twin, capsys, more, words):
    assert main(["plan", "zones", str(twin), *more]) != 0
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["reach", "--target", "tumour", "--trocar", "liver"], "not x,y,z"),
        (["reach", "--target", "tumour"], "--trocar"),
        (["zones", "--target", "tumour", "--radii", "12,0,12"], "above 0"),
        (["zones", "--target", "tumour", "--radii", "12,12,12", "--margin", "nan"], "0 or more"),
        (["zones", "--target", "tumour", "--radii", "12,12,12", "--needles", "0"], "1 or more"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(twin, capsys, more, words):
    with pytest.raises(SystemExit):
        main(["plan", more[0], str(twin), *more[1:]])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("action", ["reach", "zones"])
def test_help_shows_an_example(capsys, action):
    with pytest.raises(SystemExit):
        main(["plan", action, "--help"])
    assert f"example: surgtwin plan {action}" in " ".join(capsys.readouterr().out.split())
