"""`surgtwin plan evaluate` on a saved twin, with the same figures as the library."""

from __future__ import annotations

import json
import math

import pytest

from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin
from ui.cli.main import main

TERRITORY = {"type": "territory", "vessel": "v", "branches": ["b"]}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    twin = make_twin({"liver": ball((0, 0, 0), 40), "tumour": ball((25, 0, 0), 8)}, OBLIQUE, 46)
    path = tmp_path_factory.mktemp("plan") / "case.twin"
    save_twin(twin, path)
    return path


def plan_file(tmp_path, **changes):
    plane = {"type": "plane", "point_mm": OBLIQUE.point(5, 0, 0), "normal": OBLIQUE.direction(1, 0, 0)}
    resection = {"name": "A", "organ": "liver", "targets": ["tumour"], "margin_mm": 10, "surface": plane}
    plan = {"schema": 1, "patient": {"height_cm": 170, "weight_kg": 70}, "resections": [resection]} | changes
    path = tmp_path / "wedge.json"
    path.write_text(json.dumps(plan))
    return path


def test_json_has_the_figures_of_the_closed_form(saved, tmp_path, capsys):
    assert main(["plan", "evaluate", str(saved), str(plan_file(tmp_path)), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    cut = answer["resections"][0]
    assert cut["resected_ml"] == pytest.approx(math.pi * 35**2 * 85 / 3 / 1000, rel=5e-3)
    assert cut["resected_ml"] + cut["remnant_ml"] == pytest.approx(cut["organ_ml"], abs=1e-9)
    assert cut["margins"][0]["min_mm"] == pytest.approx(12.0, abs=0.5)
    assert cut["margins"][0]["verdict"] == "unproven"
    assert answer["plan"] == "wedge"


def test_a_person_reads_a_table_with_error_bars_and_verdicts(saved, tmp_path, capsys):
    assert main(["plan", "evaluate", str(saved), str(plan_file(tmp_path))]) == 0
    said = capsys.readouterr()
    assert "±" in said.out and "unproven" in said.out and "research use only" in said.out
    assert "second look at the contour" in said.err + said.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resections": [{"name": "A", "organ": "liver"}]}, "resections[0]"),
        ({"trajectories": [{"name": "T", "entry_mm": [0, 0, 0], "target_mm": [0, 0, 9],
                            "tool": {"type": "needle", "radius_mm": 1, "length_mm": 9},
                            "avoid": [{"structure": "aorta", "clearance_mm": 5}]}]}, "trajectories[0].avoid[0]"),
        ({"resections": [{"name": "A", "organ": "liver", "surface": TERRITORY}]}, "resections[0].surface"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_judged_names_the_field(saved, tmp_path, capsys, changes, words):
    assert main(["plan", "evaluate", str(saved), str(plan_file(tmp_path, **changes)), "--json"]) == 3
    said = capsys.readouterr()
    assert words in json.loads(said.out)["error"]["message"]
