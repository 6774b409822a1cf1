"""`surgtwin plan vessels`: branches and territories of a saved twin, with a plan's names, and what it refuses."""

from __future__ import annotations

import json

import pytest

from surgtwin.domain.cut import TerritoryMethod
from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin
from tests.planning.vessels import fork
from ui.cli.main import main
from ui.cli.vessel_arguments import METHODS


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vessels")
    shapes = {"liver": ball((0, 0, 0), 30), "portal vein": fork(1.0, 0.6), "tumour": ball((12, 18, 0), 4)}
    save_twin(make_twin(shapes, OBLIQUE, 36), folder / "case.twin")
    places = {"P6": OBLIQUE.point(9, 9, 0), "P7": OBLIQUE.point(9, -9, 0)}
    branches = [{"name": name, "at_mm": at} for name, at in places.items()]
    plan = {"schema": 1, "vessels": [{"vessel": "portal vein", "branches": branches}]}
    (folder / "names.json").write_text(json.dumps(plan), encoding="utf-8")
    return folder


def ask(saved, *more) -> int:
    return main(["plan", "vessels", str(saved / "case.twin"), *more])


def test_territories_add_up_and_branches_have_a_place(saved, capsys):
    assert ask(saved, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["vessel"] == ["portal vein"] and answer["segments"] is None
    assert [t["name"] for t in answer["territories"]] == ["1.1", "1.2", "others"]
    assert sum(t["ml"] for t in answer["territories"]) == pytest.approx(answer["organ_ml"], abs=1e-9)
    assert answer["graph"]["roots_mm"][0] == pytest.approx(OBLIQUE.point(-31.8, 0, 0), abs=2.0)
    assert {e["branch"] for e in answer["graph"]["edges"]} == {"1", "1.1", "1.2"}


def test_a_plans_names_make_segments_and_place_the_tumour(saved, capsys):
    assert ask(saved, "--plan", str(saved / "names.json"), "--json") == 0
    segments = json.loads(capsys.readouterr().out)["segments"]
    assert segments["confirmed"] is False
    assert [s["name"] for s in segments["proposed"]] == ["VI", "VII", None]
    assert segments["tumours"] == [{"name": "tumour", "lies_in": "VI"}]


def test_the_same_is_said_in_words(saved, capsys):
    assert ask(saved, "--plan", str(saved / "names.json"), "--method", "geodesic") == 0
    said = capsys.readouterr().out
    assert "tumour lies in VI" in said and "for a person to confirm" in said and "geodesic" in said


def test_the_methods_offered_are_those_there_are():
    assert tuple(METHODS) == tuple(m.value for m in TerritoryMethod)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--organ", "spleen"), "there is no structure 'spleen'"),
        (("--organ", "tumour"), "no vessel of 'tumour' is known"),
        (("--vessel", "vein"), "there is no structure 'vein'"),
        (("--branch", "left"), "has no branch 'left'; there are"),
    ],
)
def test_mistakes_are_named(saved, capsys, more, words):
    assert ask(saved, *more) != 0
    assert words in capsys.readouterr().err
