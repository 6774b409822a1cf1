"""`surgtwin live scan` and `live score`: a scan as files or over OpenIGTLink, taken in, judged by its truth."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from surgtwin.live.igtl_client import Arrival, IgtlClient
from surgtwin.live.igtl_image import Image
from surgtwin.live.scan_simulator import Contrast, ScanSettings, simulate_scan
from surgtwin.pipeline.images import open_image
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from tests.live.two_scans import twin_of
from ui.cli.main import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "case.twin"
    save_twin(twin_of([((-28, 0, 0), 9.0)]), path)
    return path


def run_json(capsys, *argv: object) -> dict:
    assert main([*(str(a) for a in argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_scan_arrives_as_dicom_is_taken_in_and_scored(saved, tmp_path, capsys) -> None:
    truth, series = tmp_path / "truth.json", tmp_path / "series"
    told = run_json(capsys, "live", "scan", saved, "-o", series, "--truth", truth, "--motion", "breathing:8")
    assert told["most_mm"] == pytest.approx(8.0, rel=0.05)
    assert len(list(series.glob("*.dcm"))) == told["size_ijk"][2]
    updated = run_json(capsys, "live", "update", saved, series, "--accept")
    assert updated["state"] == "accepted"
    scored = run_json(capsys, "live", "score", saved, truth)
    liver = next(s for s in scored["structures"] if s["structure"] == "liver")
    assert liver["mean_mm"] < 0.5 * liver["still_mean_mm"]
    assert scored["scanned"] == 1 and scored["revision"] == updated["revision"]
    assert main(["live", "score", str(saved), str(truth)]) == 0
    assert "liver" in capsys.readouterr().out
    assert main(["live", "score", str(saved), str(truth), "--revision", "1"]) == 3
    assert "was not carried" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii.gz"])
def test_a_scan_as_one_file_lies_where_it_was_made(saved, tmp_path, capsys, ending: str) -> None:
    path = tmp_path / f"scan.{ending}"
    options = ["--revision", 1, "--contrast", "mr", "--noise", 0, "--shift", "5,-4,3", "--motion", "none"]
    run_json(capsys, "live", "scan", saved, "-o", path, *options)
    found, _ = open_image(path)
    settings = ScanSettings("none", 7.0, shift_mm=(5.0, -4.0, 3.0), noise=0.0, contrast=Contrast.MR)
    wanted = simulate_scan(load_twin(saved, revision=1), settings).volume
    assert np.array_equal(found.values, wanted.values)
    assert found.grid.to_lps((3, 5, 7)) == pytest.approx(wanted.grid.to_lps((3, 5, 7)), abs=1e-3)


def test_a_scanner_sends_its_scan_to_whoever_joins(saved, capsys) -> None:
    got: list[Arrival] = []
    come, ended = threading.Event(), threading.Event()
    codes: list[int] = []
    command = [
        "live",
        "scan",
        str(saved),
        "--revision",
        "1",
        "--noise",
        "0",
        "--port",
        "0",
        "--for",
        "60s",
        "--once",
        "--json",
    ]

    def serve() -> None:
        codes.append(main(command))
        ended.set()

    def arrived(arrival: Arrival) -> None:
        got.append(arrival)
        come.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    out = ""
    while "listening" not in out and not ended.wait(0.05):
        out += capsys.readouterr().out
    port = json.loads(next(line for line in out.splitlines() if "listening" in line))["port"]
    with IgtlClient("127.0.0.1", port, arrived):
        assert come.wait(20)
    thread.join(60)
    assert codes == [0]
    message = got[0].message
    assert message.device == "Scan" and isinstance(message.content, Image)
    wanted = simulate_scan(load_twin(saved, revision=1), ScanSettings("breathing", 7.0, noise=0.0)).volume
    assert np.array_equal(message.content.values, wanted.values)
    assert message.content.lps_from_ijk == pytest.approx(wanted.grid.lps_from_ijk, abs=1e-3)


def test_faults_are_told_before_anything_is_written(saved, tmp_path, capsys) -> None:
    there = tmp_path / "there.nrrd"
    there.write_bytes(b"x")
    base = ["live", "scan", str(saved)]
    assert main([*base, "-o", str(there)]) == 3
    assert main([*base, "-o", str(tmp_path / "a.nrrd"), "--motion", "sneeze:3"]) == 3
    assert main([*base, "-o", str(tmp_path / "a.nrrd"), "--motion", "breathing:x"]) == 3
    assert main([*base, "-o", str(tmp_path / "a.nrrd"), "--noise", "-1"]) == 3
    assert there.read_bytes() == b"x" and not (tmp_path / "a.nrrd").exists()
    with pytest.raises(SystemExit) as usage:
        main([*base, "--shift", "1,2"])
    assert usage.value.code == 2
    assert "sneeze" in capsys.readouterr().err
