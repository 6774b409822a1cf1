"""`surgtwin batch` from its inputs to its manifest, with given labels: no case is lost, none harms another."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import trimesh

from surgtwin.dicom.write import write_series
from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.patient import Patient
from surgtwin.domain.structure_table import structure_for
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from surgtwin.formats.registry import write_labels
from tests.conftest import make_oblique_grid
from ui.cli.main import main

NAMES = ("SECRET", "Nobody", "19610203", "Ward-Seven", "HOSPITAL")
PROTOCOL = """
version: 1
series: {min_slices: 5}
labels: {from: "$", to: "_labels.nii.gz", names: names.json}
export: {surfaces: [stl], labels: [.nii.gz], picture: false}
"""


def make_study(folder: Path, number: int) -> None:
    """A series of a patient with a name: a liver at the right, a spleen at the left, sizes by number."""
    grid = make_oblique_grid((12, 24, 28))
    k, j, i = np.indices(grid.shape)
    lps = grid.to_lps(np.stack([i, j, k], axis=-1))
    aside = np.array([7.0, 0.0, 0.0])
    labels = np.zeros(grid.shape, np.uint8)
    labels[np.linalg.norm(lps - (grid.center() - aside), axis=-1) < 5.5 + 0.2 * number] = 6
    labels[np.linalg.norm(lps - (grid.center() + aside), axis=-1) < 4.5] = 1
    values = np.where(labels > 0, 100 + number, -80).astype(np.int16)
    values[0] = -1000
    patient = Patient(f"SECRET-{number}", "HOSPITAL", f"Nobody^Number{number}", "19610203", "F")
    volume = Volume(grid, values, Modality.CT, SourceInfo("synthetic", content_sha256(grid, values)), patient)
    write_series(volume, folder, description="Ward-Seven Nobody")
    structures = (structure_for(6, "liver"), structure_for(1, "spleen"))
    write_labels(LabelMap(grid, (labels,), structures), folder.with_name(f"{folder.name}_labels.nii.gz"))


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> Path:
    """Three studies, in folders with the patients' names."""
    folder = tmp_path_factory.mktemp("studies")
    for number in (1, 2, 3):
        make_study(folder / "in" / f"Nobody_Number{number}", number)
    (folder / "names.json").write_text(json.dumps({"6": "liver", "1": "spleen"}), encoding="utf-8")
    (folder / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    return folder


def batch(capsys, *argv) -> tuple[int, dict]:
    code = main(["batch", *(str(a) for a in argv), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out)


def manifest_of(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def hashes(out: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file but those that tell when and where the batch ran."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("run-log.jsonl", "key.json") and ".work" not in path.parts
    }


@pytest.fixture(scope="module")
def finished(studies, tmp_path_factory) -> Path:
    """An undisturbed batch of the three studies."""
    out = tmp_path_factory.mktemp("out") / "batch"
    argv = ["batch", str(studies / "in"), "-o", str(out), "--protocol", str(studies / "protocol.yaml")]
    assert main(argv) == 0
    return out


def test_every_case_is_made_and_the_manifest_is_true(finished):
    told = manifest_of(finished)
    assert told["counts"] == {"done": 3, "failed": 0, "left_out": 0}
    assert {f["path"] for f in told["files"]} == {p for p in hashes(finished) if p.startswith("cases/")}
    for entry in told["files"]:
        content = (finished / entry["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])
        assert entry["case"] in entry["path"]
    for case in told["cases"]:
        folder = finished / case["folder"]
        liver = trimesh.load_mesh(folder / "surfaces" / "liver.stl")
        assert liver.is_watertight and liver.volume / 1000 == pytest.approx(case["structures"]["liver"], rel=0.1)
    assert list((finished / ".work").glob("*-*")) == []


def test_no_output_but_the_key_names_a_patient(studies, tmp_path, capsys):
    text = PROTOCOL.replace("[.nii.gz], picture: false", "[.dcm, .seg.nrrd], reports: [html], twin: true")
    (studies / "full.yaml").write_text(text, encoding="utf-8")
    inputs = tmp_path / "one"
    shutil.copytree(studies / "in" / "Nobody_Number1", inputs / "Nobody_Number1")
    shutil.copy(studies / "in" / "Nobody_Number1_labels.nii.gz", inputs)
    shutil.copytree(studies / "in" / "Nobody_Number2", inputs / "Nobody_Number2")
    for path in (inputs / "Nobody_Number2").iterdir():
        path.write_bytes(path.read_bytes()[:700])
    out = tmp_path / "out"
    code, _ = batch(capsys, inputs, "-o", out, "--protocol", studies / "full.yaml")
    assert code == 4
    source = pydicom.dcmread(next((inputs / "Nobody_Number1").iterdir()))
    uids = (source.StudyInstanceUID, source.SeriesInstanceUID, source.SOPInstanceUID, source.FrameOfReferenceUID)
    paths = [p for p in out.rglob("*") if p.is_file()]
    assert {".dcm", ".html", ".nrrd", ".jpg", ".stl"} <= {p.suffix for p in paths}
    for path in paths:
        content = path.read_bytes() + str(path.relative_to(out)).encode()
        found = [name for name in (*NAMES, *uids) if name.encode() in content or name.encode("utf-16-le") in content]
        assert found == [] or path.name == "key.json", f"{path.relative_to(out)} holds {found}"
    key = (out / "key.json").read_text(encoding="utf-8")
    assert "Nobody_Number1" in key and ((out / "key.json").stat().st_mode & 0o077 == 0 or os.name == "nt")
    segmentation = pydicom.dcmread(next(out.rglob("labels.dcm")))
    assert segmentation.PatientID.startswith("case-") and len(segmentation.SegmentSequence) == 2


def test_the_same_batch_twice_gives_the_same_bytes(studies, finished, tmp_path, capsys):
    code, _ = batch(capsys, studies / "in", "-o", tmp_path / "b", "--protocol", studies / "protocol.yaml", "--jobs", 2)
    assert code == 0
    assert hashes(tmp_path / "b") == hashes(finished)


def test_surfaces_and_labels_are_those_of_build_and_export(studies, finished, tmp_path):
    series = studies / "in" / "Nobody_Number2"
    labels, names = series.with_name(f"{series.name}_labels.nii.gz"), studies / "names.json"
    twin = tmp_path / "c.twin"
    assert main(["build", str(series), "-o", str(twin), "--labels", str(labels), "--names", str(names)]) == 0
    assert main(["export", str(twin), "-o", str(tmp_path / "e")]) == 0
    assert main(["export-labels", str(twin), "-o", str(tmp_path / "l.nii.gz")]) == 0
    key = json.loads((finished / "key.json").read_text(encoding="utf-8"))
    case = next(case for case, places in key["cases"].items() if places[0]["path"] == str(series))
    made = finished / "cases" / case
    assert (made / "labels.nii.gz").read_bytes() == (tmp_path / "l.nii.gz").read_bytes()
    for name in ("liver.stl", "spleen.stl"):
        assert (made / "surfaces" / name).read_bytes() == (tmp_path / "e" / name).read_bytes()


def test_what_is_finished_is_not_made_again_and_what_is_damaged_is(studies, finished, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    before = hashes(out)
    argv = (studies / "in", "-o", out, "--protocol", studies / "protocol.yaml", "--resume")
    code, told = batch(capsys, *argv)
    assert code == 0 and told["made"] == [] and len(told["kept"]) == 3
    stl = next(out.rglob("liver.stl"))
    stl.write_bytes(stl.read_bytes()[:100])
    code, told = batch(capsys, *argv)
    assert code == 0 and told["made"] == [stl.parent.parent.name] and len(told["kept"]) == 2
    assert hashes(out) == before


def test_another_protocol_makes_the_cases_anew_in_their_place(studies, finished, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (studies / "thin.yaml").write_text(PROTOCOL + "mesh: {decimate: 0.5}\n", encoding="utf-8")
    code, told = batch(capsys, studies / "in", "-o", out, "--protocol", studies / "thin.yaml", "--resume")
    assert code == 0 and len(told["made"]) == 3
    assert {p.name for p in (out / "cases").iterdir()} == {p.name for p in (finished / "cases").iterdir()}
    sizes = [sum(p.stat().st_size for p in folder.rglob("liver.stl")) for folder in (out, finished)]
    assert sizes[0] < 0.7 * sizes[1]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_batch_that_is_killed_goes_on_where_it_was(studies, finished, tmp_path, capsys, how):
    out = tmp_path / "out"
    argv = ["batch", str(studies / "in"), "-o", str(out), "--protocol", str(studies / "protocol.yaml")]
    running = subprocess.Popen([sys.executable, "-m", "ui.cli.main", *argv], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list((out / "cases").glob("case-*")) and time.monotonic() < end:
        time.sleep(0.01)
    running.send_signal(how)
    code = running.wait(60)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    survivors = {p.name: (p / "case.json").stat().st_mtime_ns for p in (out / "cases").iterdir()}
    assert 1 <= len(survivors) < 3
    code, told = batch(capsys, *argv[1:], "--resume")
    assert code == 0 and set(told["kept"]) == set(survivors) and len(told["made"]) == 3 - len(survivors)
    assert all((out / "cases" / n / "case.json").stat().st_mtime_ns == at for n, at in survivors.items())
    assert hashes(out) == hashes(finished)
    events = [json.loads(line)["event"] for line in (out / "run-log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert events.count("case-finished") in (2, 3) and events[-1] == "batch-finished"


def test_a_twin_that_was_worked_on_is_no_damage_and_is_never_thrown_away(studies, tmp_path, capsys):
    text = PROTOCOL.replace("surfaces: [stl], labels: [.nii.gz]", "surfaces: [], labels: [], twin: true")
    (studies / "twins.yaml").write_text(text, encoding="utf-8")
    out, one = tmp_path / "out", studies / "in" / "Nobody_Number1"
    argv = (one, "-o", out, "--protocol", studies / "twins.yaml")
    case = batch(capsys, *argv)[1]["made"][0]
    database = out / "cases" / case / f"{case}.twin" / "twin.sqlite"
    with database.open("ab") as stream:
        stream.write(b"a person's work")
    edited = database.read_bytes()
    assert batch(capsys, *argv, "--resume")[1]["kept"] == [case]
    assert database.read_bytes() == edited
    (studies / "twins.yaml").write_text(text + "mesh: {decimate: 0.5}\n", encoding="utf-8")
    code, told = batch(capsys, *argv, "--resume")
    assert code == 0 and told["made"] == [case]
    (kept,) = (out / "replaced").rglob("twin.sqlite")
    assert kept.read_bytes() == edited and database.read_bytes() != edited


def test_the_key_keeps_the_cases_of_earlier_runs(studies, tmp_path, capsys):
    out = tmp_path / "out"
    for number in (1, 2):
        argv = (
            studies / "in" / f"Nobody_Number{number}",
            "-o",
            out,
            "--protocol",
            studies / "protocol.yaml",
            "--resume",
        )
        assert batch(capsys, *argv)[0] == 0
    key = json.loads((out / "key.json").read_text(encoding="utf-8"))
    assert set(key["cases"]) == {p.name for p in (out / "cases").iterdir()} and len(key["cases"]) == 2


def test_broken_inputs_are_named_and_the_sound_ones_done(studies, tmp_path, capsys):
    inputs = tmp_path / "in"
    shutil.copytree(studies / "in", inputs)
    (inputs / "text.dcm").write_text("not DICOM at all", encoding="utf-8")
    (inputs / "cut.nii.gz").write_bytes(b"\x1f\x8b\x08broken")
    (inputs / "empty").mkdir()
    twin_of_first = inputs / "again"
    shutil.copytree(inputs / "Nobody_Number1", twin_of_first)
    shutil.copy(inputs / "Nobody_Number1_labels.nii.gz", inputs / "again_labels.nii.gz")
    (inputs / "Nobody_Number3_labels.nii.gz").unlink()
    code, told = batch(capsys, inputs, "-o", tmp_path / "out", "--protocol", studies / "protocol.yaml")
    assert code == 4
    assert len(told["made"]) == 2, "two studies; the first, given twice, is one case"
    assert {f["case"] for f in told["failed"]} == {"input 1", "input 2", "input 5", "input 7"}
    assert {f["type"] for f in told["failed"]} == {"input"}
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.index("failed: input") < page.index("done</span>, "), "worst first"


def test_labels_of_one_patient_are_never_put_on_another_in_the_same_folder(studies, tmp_path, capsys):
    mixed = tmp_path / "in" / "mixed"
    for number in (1, 2):
        shutil.copytree(studies / "in" / f"Nobody_Number{number}", mixed / str(number))
    shutil.copy(studies / "in" / "Nobody_Number1_labels.nii.gz", tmp_path / "in" / "mixed_labels.nii.gz")
    text = PROTOCOL.replace('from: "$"', 'from: "^[12]$"').replace('to: "_labels', 'to: "../mixed_labels')
    (studies / "up.yaml").write_text(text, encoding="utf-8")
    code, told = batch(capsys, tmp_path / "in", "-o", tmp_path / "o1", "--protocol", studies / "up.yaml")
    assert code == 3 and told["made"] == []
    for number in (1, 2):
        for file in (mixed / str(number)).iterdir():
            file.rename(mixed / f"{number}-{file.name}")
        (mixed / str(number)).rmdir()
    code, told = batch(capsys, tmp_path / "in", "-o", tmp_path / "o2", "--protocol", studies / "protocol.yaml")
    assert code == 3 and told["made"] == []
    assert {f["message"][:14] for f in told["failed"]} == {"Several images"}


def test_nothing_usable_is_said_so_and_limits_are_kept(studies, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.dcm").write_text("no", encoding="utf-8")
    assert batch(capsys, tmp_path / "none", "-o", tmp_path / "o1")[0] == 3
    (studies / "small.yaml").write_text(PROTOCOL + "limits: {memory_gb: 0.02}\n", encoding="utf-8")
    one = studies / "in" / "Nobody_Number1"
    code, told = batch(capsys, one, "-o", tmp_path / "o2", "--protocol", studies / "small.yaml")
    assert code == 3 and told["failed"][0]["type"] == "memory"
    (studies / "quick.yaml").write_text(PROTOCOL + "limits: {minutes: 0.001}\n", encoding="utf-8")
    code, told = batch(capsys, one, "-o", tmp_path / "o3", "--protocol", studies / "quick.yaml")
    assert code == 3 and told["failed"][0]["type"] == "time"


def test_a_gate_fails_a_case_once_and_exports_nothing_of_it(studies, tmp_path, capsys):
    (studies / "gate.yaml").write_text(PROTOCOL + "gates: {require: [pancreas]}\n", encoding="utf-8")
    argv = (studies / "in" / "Nobody_Number1", "-o", tmp_path / "o", "--protocol", studies / "gate.yaml")
    code, told = batch(capsys, *argv)
    assert code == 3 and told["failed"][0]["type"] == "gate" and "pancreas" in told["failed"][0]["message"]
    assert list((tmp_path / "o").rglob("*.stl")) == []
    before = hashes(tmp_path / "o")
    assert batch(capsys, *argv, "--resume")[0] == 3
    assert hashes(tmp_path / "o") == before, "its own content fails it: it is not made again"


def test_a_dry_run_says_what_would_be_taken_and_writes_nothing(studies, tmp_path, capsys):
    argv = (studies / "in", "-o", tmp_path / "o", "--protocol", studies / "protocol.yaml", "--dry-run")
    code, told = batch(capsys, *argv)
    assert code == 0 and not (tmp_path / "o").exists()
    assert [len(u["cases"]) for u in told["inputs"]] == [1, 1, 1]
    assert all("CT" in u["images"][0]["why"] for u in told["inputs"])
    (studies / "other.yaml").write_text(PROTOCOL.replace("min_slices: 5", "min_slices: 50"), encoding="utf-8")
    argv = (studies / "in", "-o", tmp_path / "o", "--protocol", studies / "other.yaml", "--dry-run")
    assert main(["batch", *(str(a) for a in argv)]) == 3
    assert "it has 12 slices; the protocol needs 50" in capsys.readouterr().out


def test_a_folder_that_is_in_use_for_something_else_is_refused(studies, finished, tmp_path, capsys):
    code, told = batch(capsys, studies / "in", "-o", finished, "--protocol", studies / "protocol.yaml")
    assert code == 3 and "--resume" in told["error"]["message"]
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    code, told = batch(capsys, studies / "in", "-o", tmp_path, "--protocol", studies / "protocol.yaml")
    assert code == 3 and "other files" in told["error"]["message"]
    code, told = batch(capsys, studies / "in", "-o", tmp_path / "new", "--protocol", tmp_path / "none.yaml")
    assert code == 3 and "protocol" in told["error"]["message"]
