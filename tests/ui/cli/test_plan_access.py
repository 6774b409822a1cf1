"""`surgtwin plan access`, and `plan evaluate` on what it writes: the same figures, and clear words where it can't."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin, tube
from ui.cli.access_arguments import clearances, target, weights
from ui.cli.main import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    shapes = {"body": ball((0, 0, 0), 45), "liver": ball((5, 0, 0), 28), "tumour": ball((10, 0, 0), 6)}
    shapes |= {"vein": tube((-6, -12, 0), (-6, 12, 0), 3), "bone": ball((-32, 0, 0), 6)}
    path = tmp_path_factory.mktemp("access") / "case.twin"
    save_twin(make_twin(shapes, OBLIQUE, 50), path)
    return path


def ask(saved, *more) -> int:
    return main(["plan", "access", str(saved), "--directions", "1500", *more])


def test_every_candidate_keeps_what_was_asked_for(saved, capsys):
    assert ask(saved, "--target", "tumour", "--avoid", "vein:5,bone:2", "--top", "3", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["target"]["name"] == "tumour"
    assert answer["target"]["point_mm"] == pytest.approx(OBLIQUE.point(10, 0, 0), abs=1.5)
    assert (answer["organ"], answer["lesion"]) == ("liver", "tumour")
    assert {"structure": "vein", "clearance_mm": 5.0} in answer["kept_clear"]
    assert answer["directions"] == 1500
    assert answer["allowed"] + sum(r["directions"] for r in answer["refused"]) == 1500
    assert {b["structure"] for b in answer["blocked_by"]} == {"vein", "bone"}
    assert len(answer["candidates"]) == 3
    for n, candidate in enumerate(answer["candidates"]):
        least = {c["structure"]: c["min_mm"] for c in candidate["clearances"]}
        assert least["vein"] >= 5 and least["bone"] >= 2 and candidate["verdict"] != "violated"
        assert candidate["rank"] == n + 1 and candidate["name"] == f"access {n + 1}"
        away = np.linalg.norm(np.subtract(candidate["entry_mm"], OBLIQUE.point(0, 0, 0)))
        assert away == pytest.approx(45, abs=1.2), "the entry lies on the skin"


def test_the_plan_it_writes_is_judged_alike_by_plan_evaluate(saved, tmp_path, capsys):
    plan = tmp_path / "ways.json"
    assert ask(saved, "--target", "tumour", "--top", "2", "-o", str(plan), "--json") == 0
    found = json.loads(capsys.readouterr().out)["candidates"]
    assert main(["plan", "evaluate", str(saved), str(plan), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    for a, b in zip(found, answer["trajectories"], strict=True):
        assert (a["name"], a["length_mm"], a["verdict"]) == (b["name"], b["length_mm"], b["verdict"])
        assert a["clearances"] == b["clearances"] and a["crossed"] == b["crossed"]
    assert answer["needle_pairs"][0]["names"] == ["access 1", "access 2"]
    assert main(["plan", "evaluate", str(saved), str(plan)]) == 0
    said = capsys.readouterr().out
    assert "access 2" in said and "tool-length" in said and "organ mL" not in said
    assert ask(saved, "--target", "tumour", "-o", str(plan)) == 3, "an existing file is not replaced unasked"
    assert "--force" in capsys.readouterr().err


def test_a_person_reads_the_ways_and_why_others_are_refused(saved, tmp_path, capsys):
    tool = tmp_path / "needle.json"
    tool.write_text('{"type": "needle", "radius_mm": 1.0, "length_mm": 60}')
    assert ask(saved, "--target", _text(OBLIQUE.point(10, 0, 0)), "--tool", str(tool)) == 0
    said = capsys.readouterr()
    assert "needle of 2 mm, 60 mm long" in said.out and "research use only" in said.out
    assert "too close to a structure (vein" in said.out and "access" not in said.err
    assert "nobody has segmented" in said.err


def _text(point) -> str:
    return ",".join(str(c) for c in point)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--target", "pancreas"), "no structure 'pancreas' in this twin; there are: body, liver, tumour, vein, bone"),
        (("--target", "tumour", "--avoid", "aorta:5"), "no structure 'aorta'"),
        (("--target", "900,0,0"), "outside the image, which covers LPS"),
        (("--target", "tumour", "--through", "skull"), "no structure 'skull'"),
        (("--target", "tumour", "--tool", "missing.json"), "no tool file missing.json"),
        (("--target", "tumour", "--top", "5000"), "1 to 100 candidates"),
    ],
)
def test_what_is_wrong_is_named(saved, capsys, more, words):
    assert ask(saved, *more, "--json") == 3
    assert words in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ('{"type": "needle", "radius_mm": -1, "length_mm": 60}', "tool.radius_mm"),
        ('{"type": "needle", "radius_mm": 1}', "length_mm"),
        ('{"type": "spoon", "radius_mm": 1, "length_mm": 60}', "tool.type"),
        ("[1, 2]", "tool"),
        ("{", "not valid JSON"),
    ],
)
def test_a_tool_file_that_is_no_needle_is_refused_by_its_field(saved, tmp_path, capsys, content, field):
    tool = tmp_path / "needle.json"
    tool.write_text(content)
    assert ask(saved, "--target", "tumour", "--tool", str(tool)) == 3
    assert field in capsys.readouterr().err


def test_arguments_are_read_and_slips_are_refused(saved, capsys):
    assert target("-12.5,3,4") == (-12.5, 3.0, 4.0)
    assert target("portal and splenic vein") == "portal and splenic vein"
    assert clearances("portal and splenic vein:5, bone") == (("portal and splenic vein", 5.0), ("bone", 0.0))
    assert weights("length:2") == (("length", 2.0),)
    slips = (("--avoid", "vein:x"), ("--avoid", "vein:1,vein:2"), ("--weights", "beauty:1"), ("--max-skin-angle", "0"))
    for option, value in (*slips, ("--top", "0"), ("--avoid", ":5"), ("--min-bridge", "-1")):
        with pytest.raises(SystemExit, match="2"):
            ask(saved, "--target", "tumour", option, value)
        assert option in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        ask(saved, "--target", "1,2")
