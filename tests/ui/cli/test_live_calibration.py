"""A tip and a registration, found and written by commands, read back by those that follow tools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surgtwin.errors import FormatError, SourceError
from surgtwin.live.tool_tip import ToolTip, read_tool_tip, read_tracker_to_image, write_tool_tip
from tests.conftest import rotation
from tests.live.recordings import write_mha
from tests.registration.test_pivot import TIP, poses
from ui.cli.live_register import read_numbers
from ui.cli.main import main


def recording_of(tmp_path, matrices: np.ndarray, lost=()):
    fields = {}
    for n, matrix in enumerate(matrices):
        at = f"Seq_Frame{n:04d}_"
        fields[f"{at}StylusToTrackerTransform"] = " ".join(f"{v:.9g}" for v in matrix.ravel())
        fields[f"{at}StylusToTrackerTransformStatus"] = "INVALID" if n in lost else "OK"
        fields[f"{at}Timestamp"] = f"{0.02 * n:.4f}"
    return write_mha(tmp_path / "pivot.igs.mha", None, fields)


def run_json(capsys, *argv) -> dict:
    assert main([str(a) for a in argv] + ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_tip_is_found_in_a_recording_and_read_back(tmp_path, capsys) -> None:
    matrices = poses(80)
    matrices[3, :3, 3] += 500.0
    path, out = recording_of(tmp_path, matrices, lost=(3,)), tmp_path / "tool.json"
    told = run_json(capsys, "live", "tip", path, "--device", "StylusToTracker", "-o", out)
    assert told["tip_mm"] == pytest.approx(TIP.tolist(), abs=1e-3)
    assert (told["poses"], told["left_out"]) == (79, 0)
    tip = read_tool_tip(out)
    assert tip.tip_mm == pytest.approx(tuple(TIP), abs=1e-3)
    assert tip.shaft == pytest.approx(tuple(-TIP / np.linalg.norm(TIP)), abs=1e-5)


def test_a_device_that_is_not_there_is_told_with_those_that_are(tmp_path, capsys) -> None:
    path = recording_of(tmp_path, poses(12))
    assert main(["live", "tip", str(path), "--device", "Probe", "-o", str(tmp_path / "t.json")]) == 3
    assert "StylusToTracker" in capsys.readouterr().err
    assert not (tmp_path / "t.json").exists()


def test_pairs_give_the_registration_and_its_error_at_the_target(tmp_path, capsys) -> None:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation((20, -35, 100)), (30, -400, 77)
    tracker = np.array([[0, 0, 0], [80, 5, 0], [0, 70, 10], [20, 30, 60.0]])
    lps = tracker @ matrix[:3, :3].T + matrix[:3, 3] + 0.4 * np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1], [-1, 1, -1]])
    rows = [",".join(f"{v:.6f}" for v in (*t, *x)) for t, x in zip(tracker, lps, strict=True)]
    path, out = tmp_path / "pairs.csv", tmp_path / "tracker.json"
    path.write_text("tx,ty,tz,x,y,z\n" + "\n".join(rows) + "\n", encoding="utf-8")
    told = run_json(capsys, "live", "register", path, "-o", out, "--target", "300,-400,77")
    assert np.asarray(told["matrix"]) == pytest.approx(matrix, abs=1.5)
    assert 0 < told["fre_mm"] < told["tre_mm"]
    read = read_tracker_to_image(out, "tracker")
    assert read.transform.matrix == pytest.approx(np.asarray(told["matrix"]))
    assert read.tre_mm == pytest.approx(told["tre_mm"])
    assert main(["live", "register", str(path), "-o", str(out)]) == 3, "an existing file is not replaced"


def test_points_on_a_line_are_refused(tmp_path, capsys) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(f"{n},0,0,{n},5,5" for n in (0, 40, 80)), encoding="utf-8")
    assert main(["live", "register", str(path), "-o", str(tmp_path / "t.json")]) == 3
    assert "lie on a line" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "a,b,c\n", "1,2\n", "1,2,nan\n", "1,2,3\n4,x,6\n", "1,2,3,4,5\n"])
def test_tables_that_are_no_points_are_refused(tmp_path, text) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"p\.csv"):
        read_numbers(path, 3)


def test_headers_names_and_comments_are_read_over(tmp_path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("# felt\nname,x,y,z\nP1,1,2,3\nP2,4,5,-6\n", encoding="utf-8")
    assert read_numbers(path, 3).tolist() == [[1, 2, 3], [4, 5, -6]]


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"tip_mm": [1, 2]}', '{"tip_mm": [1, 2, 1e9]}', '{"tip_mm": [1,2,3], "shaft": [0,0,0]}', "no json",
     '{"tip_mm": [1,2,3], "error_mm": -1}'],
)  # fmt: skip
def test_tool_files_that_are_none_are_refused(tmp_path, content) -> None:
    path = tmp_path / "tool.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError):
        read_tool_tip(path)


def test_a_tool_file_comes_back_as_it_was_written(tmp_path) -> None:
    tip = ToolTip((1.25, -2.5, 140.0), (0.0, 0.6, -0.8), 0.31)
    write_tool_tip(tmp_path / "tool.json", tip)
    assert read_tool_tip(tmp_path / "tool.json") == tip


def test_felt_points_need_a_twin_and_an_organ(tmp_path, capsys) -> None:
    pairs, felt = tmp_path / "pairs.csv", tmp_path / "felt.csv"
    pairs.write_text("0,0,0,0,0,0\n80,0,0,80,0,0\n0,80,0,0,80,0\n", encoding="utf-8")
    felt.write_text("\n".join(f"{n},{n % 3},1" for n in range(20)), encoding="utf-8")
    argv = ["live", "register", str(pairs), "--surface", str(felt), "-o", str(tmp_path / "t.json")]
    assert main(argv) == 3
    assert "--twin and --organ" in capsys.readouterr().err


def test_a_ball_of_an_organ_cannot_tell_where_it_is_touched(case, tmp_path, capsys) -> None:
    from surgtwin.planning.twin_geometry import TwinGeometry
    from surgtwin.store.load import load_twin

    twin = load_twin(case.twin)
    mesh = TwinGeometry(twin).surface("liver").mesh
    outer = mesh.vertices_mm[np.linalg.norm(mesh.vertices_mm - mesh.vertices_mm.mean(axis=0), axis=1) > 6.0][::7]
    pairs, felt = tmp_path / "pairs.csv", tmp_path / "felt.csv"
    pairs.write_text("0,0,0,0,0,0\n80,0,0,80,0,0\n0,80,0,0,80,0\n", encoding="utf-8")
    felt.write_text("\n".join(",".join(map(str, row)) for row in outer), encoding="utf-8")
    argv = ["live", "register", str(pairs), "--surface", str(felt), "--twin", str(case.twin), "--organ", "liver"]
    code = main([*argv, "-o", str(tmp_path / "t.json")])
    assert code == 3
    assert "slide along the surface" in capsys.readouterr().err
