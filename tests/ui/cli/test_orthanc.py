"""A common archive sends and serves a series, and stores what the program exports; in a network of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.ui.cli.conftest import Case
from ui.cli.main import main

TRIAL = Path(__file__).with_name("orthanc_trial.py")
ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/lib/orthanc/libOrthancDicomWeb.so")
COUNT = 30


@pytest.fixture(scope="module")
def told(case: Case, tmp_path_factory) -> tuple[dict[str, Any], Path]:
    """What each command said, and the folder they wrote to."""
    if shutil.which("Orthanc") is None:
        pytest.skip("Orthanc is not installed (Debian packages orthanc, orthanc-dicomweb)")
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here, and Orthanc listens on every address")
    folder = tmp_path_factory.mktemp("orthanc")
    series = folder / "series"
    shutil.copytree(case.dicom, series)
    assert main(["export-labels", str(case.twin), "-o", str(series / "seg.dcm")]) == 0
    assert main(["export-labels", str(case.twin), "--rtstruct", "-o", str(series / "rtstruct.dcm")]) == 0
    plugin = next((p for p in PLUGINS if Path(p).exists()), "")
    done = subprocess.run(
        [unshare, "--net", sys.executable, str(TRIAL), str(folder), str(series), str(case.dicom), plugin],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), folder


def same_images(folder: Path, case: Case) -> bool:
    found = {str(ds.SOPInstanceUID): ds.PixelData for ds in map(pydicom.dcmread, folder.rglob("*.dcm"))}
    return found == {str(ds.SOPInstanceUID): ds.PixelData for ds in map(pydicom.dcmread, case.dicom.iterdir())}


def test_the_archive_answers_and_one_that_is_not_there_does_not(told) -> None:
    answers, _ = told
    assert answers["echo"] == {"code": 0, "said": {"echo": True}}
    assert answers["wrong port"]["code"] == 3


def test_images_segmentation_and_contours_are_stored(told) -> None:
    answers, _ = told
    assert (answers["send"]["code"], answers["send"]["said"]["sent"]) == (0, COUNT + 2)
    assert {f["kind"] for f in answers["send"]["said"]["files"]} == {"CT Image", "Segmentation", "RT Structure Set"}


def test_the_archive_vouches_for_what_it_was_sent(told) -> None:
    answers, _ = told
    assert answers["commit"]["code"] == 0
    assert [f["is_committed"] for f in answers["commit"]["said"]["files"]] == [True] * COUNT


@pytest.mark.parametrize("way", ["get", "move", "web"])
def test_a_series_comes_back_whole(told, case, way) -> None:
    answers, folder = told
    if way not in answers:
        pytest.skip("Orthanc's DICOMweb plugin is not installed (Debian package orthanc-dicomweb)")
    assert answers[way]["code"] == 0
    assert answers[way]["said"]["series"][0]["instances"] == COUNT
    assert same_images(folder / way, case)


def test_fetching_again_fetches_nothing(told) -> None:
    answers, _ = told
    assert answers["again"]["said"]["series"][0]["new"] == 0


def test_a_series_that_is_not_there_is_told(told) -> None:
    answers, folder = told
    assert answers["nothing"]["code"] == 3
    assert not (folder / "none").exists()


def test_objects_are_stored_over_the_web_too(told) -> None:
    answers, _ = told
    if "stow" not in answers:
        pytest.skip("Orthanc's DICOMweb plugin is not installed (Debian package orthanc-dicomweb)")
    assert (answers["stow"]["code"], answers["stow"]["said"]["sent"]) == (0, COUNT + 2)
