"""`surgtwin plan simulate`: the library's figures, a timeline, a moving picture, and errors that name the field."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from surgtwin.domain.plan import Plan, ToolPath
from surgtwin.domain.tool import NeedleTool, ToolPose
from surgtwin.domain.trajectory import Ablation, Avoid
from surgtwin.planning.plan_json import plan_as_json
from surgtwin.planning.tool_path import evaluate_tool_path
from surgtwin.planning.twin_geometry import TwinGeometry
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.planning.shapes import OBLIQUE, ball, make_twin, tube
from ui.cli.main import main


def path(name: str = "P", y: float = 0.0) -> ToolPath:
    poses = []
    for time, z in ((0.0, 25.0), (2.0, -5.0)):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = OBLIQUE.turn, OBLIQUE.point(0, y, z)
        poses.append(ToolPose(time, matrix))
    return ToolPath(name, NeedleTool(2.0, 40.0), tuple(poses), avoid=(Avoid("portal vein", 1.0),))


PLAN = Plan(
    ablations=(Ablation("Z", "portal vein", OBLIQUE.point(0, 0, 0), (1, 0, 0), (9, 9, 9)),),
    tool_paths=(path(), path("Q", 12.0)),
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    shapes = {"liver": ball((0, 0, -10), 18), "portal vein": tube((-15, 0, 0), (15, 0, 0), 4)}
    folder = tmp_path_factory.mktemp("simulate")
    save_twin(make_twin(shapes, OBLIQUE, 34), folder / "case.twin")
    (folder / "plan.json").write_text(json.dumps(plan_as_json(PLAN)))
    return folder


def simulate(saved, *more: str) -> int:
    return main(["plan", "simulate", str(saved / "case.twin"), str(saved / "plan.json"), *more])


def test_json_has_the_library_figures_and_a_timeline(saved, capsys):
    assert simulate(saved, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    truth = evaluate_tool_path(TwinGeometry(load_twin(saved / "case.twin")), path())
    entry = answer["tool_paths"][0]
    assert [p["name"] for p in answer["tool_paths"]] == ["P", "Q"]
    assert entry["swept_ml"] == truth.swept_ml and entry["verdict"] == "violated"
    near = {c["structure"]: c["min_mm"] for c in entry["min_clearance"]}
    assert near == {p.structure: p.min_mm for p in truth.nearest}
    line = entry["timeline"]
    assert len(line["time_s"]) == len(line["lps_from_tool"]) == entry["poses"]
    assert min(line["clearance_mm"]["portal vein"]) == near["portal vein"]
    assert any(f["code"] == "path-violated" for f in answer["findings"])


def test_a_person_reads_contacts_with_times_and_places(saved, capsys):
    assert simulate(saved, "--path", "P") == 0
    said = capsys.readouterr().out
    assert "tool path P: violated: portal vein" in said and "tool path Q" not in said
    assert "contact" in said and "sweeps" in said and "research use only" in said


def test_evaluate_tells_of_paths_and_zones_too(saved, capsys):
    assert main(["plan", "evaluate", str(saved / "case.twin"), str(saved / "plan.json")]) == 0
    said = capsys.readouterr().out
    assert "tool path Q" in said and "vessel cooling is not modelled" in said


@pytest.mark.parametrize("ending", ["webp", "gif", "png"])
def test_a_video_moves(saved, tmp_path, capsys, monkeypatch, ending):
    monkeypatch.setattr("ui.report.path_video.FRAMES_PER_S", 1)
    out = tmp_path / f"path.{ending}"
    assert simulate(saved, "--path", "P", "--video", str(out), "--json") == 0
    with Image.open(out) as video:
        assert video.n_frames == 3
        video.seek(0)
        first = np.asarray(video.convert("RGB")).astype(int)
        video.seek(2)
        assert np.abs(np.asarray(video.convert("RGB")).astype(int) - first).max() > 60
    assert simulate(saved, "--video", str(out)) == 3
    assert "exists" in capsys.readouterr().err


def test_an_mp4_without_ffmpeg_is_refused_before_anything_is_simulated(saved, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert simulate(saved, "--video", str(tmp_path / "a.mp4")) == 5
    assert "ffmpeg" in capsys.readouterr().err


def test_a_plan_without_paths_and_a_path_that_is_not_there_are_told(saved, tmp_path, capsys):
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"schema": 1}))
    assert main(["plan", "simulate", str(saved / "case.twin"), str(empty)]) == 3
    assert "no tool path" in capsys.readouterr().err
    assert simulate(saved, "--path", "R") == 3
    assert "there are: P, Q" in capsys.readouterr().err
