"""DICOM that arrives, from the command line: sent by another program, gated, complete, and offered to the twin."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from surgtwin.live.dicom_inbox_view import series_in
from surgtwin.live.dicom_series_record import SeriesState, write_record
from surgtwin.pipeline.timeline import read_timeline
from tests.live.dicom_peers import PATIENCE_S, calling
from tests.ui.cli.conftest import Case
from ui.cli.main import main


@pytest.fixture
def twin(case: Case, tmp_path) -> Path:
    copy = tmp_path / "case.twin"
    shutil.copytree(case.twin, copy)
    return copy


class Command:
    """A live command in its own process; its JSON lines as they come."""

    def __init__(self, *argv: object) -> None:
        command = [sys.executable, "-m", "ui.cli.main", "live", *map(str, argv), "--json", "--for", "280s"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with suppress(ValueError):  # an error is told in one document of several lines
                    self.events.append(json.loads(line))

    def wait_for(self, kind: str) -> dict[str, Any]:
        end = time.monotonic() + 4 * PATIENCE_S
        while time.monotonic() < end:
            for event in list(self.events):
                if event.get("event") == kind:
                    return event
            if not self._reader.is_alive():
                break
            time.sleep(0.02)
        raise AssertionError(f"no {kind} came; there came: {self.events}")

    def ended(self) -> int:
        self._reader.join(2 * PATIENCE_S)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(*argv: object) -> Iterator[Command]:
    command = Command(*argv)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
        command.ended()


def send_folder(port: int, folder: Path, **changes: str) -> None:
    with calling(port) as association:
        for path in sorted(folder.iterdir()):
            ds = pydicom.dcmread(path)
            for keyword, value in changes.items():
                setattr(ds, keyword, value)
            assert association.send_c_store(ds).Status == 0


def test_a_series_that_is_sent_becomes_a_proposed_revision(case, twin) -> None:
    with running("receive", twin, "--port", 0, "--idle", "1s", "--once") as command:
        send_folder(command.wait_for("listening")["port"], case.dicom)
        taken = command.wait_for("taken in")
        assert command.ended() == 0
    assert (taken["state"], taken["revision"], taken["instances"]) == ("proposed", 2, 30)
    assert taken["update"]["registration"]["base_revision"] == 1
    rows = read_timeline(twin)
    assert [row.revision.state.value for row in rows] == ["accepted", "proposed"]
    (series,) = series_in(twin.with_name("case.inbox"))
    assert (series.record.outcome, series.record.revision) == ("proposed", 2)
    with running("receive", twin, "--port", 0, "--idle", "200ms") as again:
        again.wait_for("listening")
        time.sleep(1.0)
        assert not [e for e in again.events if e["event"] == "complete"], "it is not offered again after a restart"


def test_what_the_twin_took_before_a_kill_is_not_taken_in_twice(case, twin) -> None:
    """A kill between the revision and the inbox's record of it leaves the series as offered."""
    with running("watch", twin, case.dicom, "--settle", "200ms", "--idle", "1s", "--once") as command:
        assert command.wait_for("taken in")["revision"] == 2
        assert command.ended() == 0
    inbox = twin.with_name("case.inbox")
    (series,) = series_in(inbox)
    offered = replace(series.record, state=SeriesState.OFFERED, revision=None, outcome="", instances=0)
    write_record(inbox / "series", series.name, offered)
    with running("receive", twin, "--port", 0, "--idle", "1s", "--once") as command:
        again = command.wait_for("taken in")
        assert command.ended() == 0
    assert (again["revision"], again["state"]) == (2, "proposed")
    assert len(read_timeline(twin)) == 2


def test_another_patients_series_never_reaches_the_twin(case, twin, capsys) -> None:
    with running("receive", twin, "--port", 0, "--idle", "500ms", "--once", "--accept") as command:
        send_folder(command.wait_for("listening")["port"], case.dicom, PatientID="SOMEONE-ELSE")
        held = command.wait_for("held")
        assert command.ended() == 3
    assert not held["can_be_admitted"]
    assert "SOMEONE-ELSE" not in json.dumps(command.events)
    assert len(read_timeline(twin)) == 1
    assert main(["live", "inbox", "admit", str(twin), held["series"]]) == 3
    assert "another patient" in capsys.readouterr().err
    assert main(["live", "inbox", "list", str(twin), "--json", "--with-identity"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["series"]
    assert (row["state"], row["patient"]["id"]) == ("held", "SOMEONE-ELSE")
    assert main(["live", "inbox", "discard", str(twin), held["series"]]) == 0
    assert series_in(twin.with_name("case.inbox")) == ()


def test_a_held_series_that_is_admitted_is_taken_in_by_the_running_receiver(case, twin) -> None:
    with running("receive", twin, "--port", 0, "--idle", "500ms") as command:
        send_folder(command.wait_for("listening")["port"], case.dicom, PatientBirthDate="")
        held = command.wait_for("held")
        assert held["can_be_admitted"]
        assert main(["live", "inbox", "admit", str(twin), held["series"], "--by", "radiologist"]) == 0
        assert command.wait_for("taken in")["state"] == "proposed"


def test_slices_that_are_missing_are_told_and_the_rest_mends_it(case, twin, tmp_path) -> None:
    part, rest = tmp_path / "part", tmp_path / "rest"
    for n, path in enumerate(sorted(case.dicom.iterdir(), key=lambda p: pydicom.dcmread(p).InstanceNumber)):
        target = rest if n == 12 else part
        target.mkdir(exist_ok=True)
        shutil.copy(path, target / path.name)
    with running("receive", twin, "--port", 0, "--idle", "500ms") as command:
        port = command.wait_for("listening")["port"]
        send_folder(port, part)
        refused = command.wait_for("not taken in")
        assert "slice" in " ".join(refused["reasons"])
        send_folder(port, rest)
        assert command.wait_for("taken in")["instances"] == 30


def test_a_watched_folder_gives_its_series_to_the_twin(case, twin, tmp_path) -> None:
    watched = tmp_path / "watched"
    shutil.copytree(case.dicom, watched / "study")
    (watched / "readme.txt").write_text("not DICOM")
    with running("watch", twin, watched, "--settle", "200ms", "--idle", "1s", "--once") as command:
        assert command.wait_for("taken in")["state"] == "proposed"
        assert command.ended() == 0
    assert command.wait_for("file")["name"] == "readme.txt"
    assert len(list((watched / "study").iterdir())) == 30, "the folder is left as it was"


def test_two_receivers_of_one_twin_are_refused(twin) -> None:
    with running("receive", twin, "--port", 0) as first:
        first.wait_for("listening")
        with running("receive", twin, "--port", 0) as second:
            assert second.ended() == 3


@pytest.mark.parametrize(
    ("argv", "code", "word"),
    [
        (["receive", "no.twin"], 3, "no twin"),
        (["receive", "{twin}", "--host", "0.0.0.0"], 2, "--allow-host"),
        (["receive", "{twin}", "--aet", "A TITLE THAT IS FAR TOO LONG"], 2, "AE title"),
        (["receive", "{twin}", "--allow-host", "10.1.2.300"], 2, "no address"),
        (["receive", "{twin}", "--port", "0", "--tls", "a", "b", "c"], 3, "--tls"),
        (["watch", "{twin}", "{twin}"], 3, "Watch another folder"),
        (["watch", "{twin}", "nowhere"], 3, "no folder"),
        (["inbox", "discard", "{twin}", "1.2.3"], 3, "Held are: none"),
    ],
)
def test_what_makes_no_sense_is_refused(twin, argv, code, word, capsys) -> None:
    try:
        found = main(["live", *[a.replace("{twin}", str(twin)) for a in argv]])
    except SystemExit as stop:
        found = int(stop.code or 0)
    assert found == code
    assert word in capsys.readouterr().err


def test_another_makers_program_sends_a_series(case, twin) -> None:
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed (Debian package dcmtk)")
    with running("receive", twin, "--port", 0, "--idle", "1s", "--once") as command:
        port = str(command.wait_for("listening")["port"])
        subprocess.run(["echoscu", "-aec", "SURGTWIN", "127.0.0.1", port], check=True, timeout=PATIENCE_S)
        subprocess.run(
            ["storescu", "-aec", "SURGTWIN", "+sd", "127.0.0.1", port, case.dicom], check=True, timeout=PATIENCE_S
        )
        assert command.wait_for("taken in")["instances"] == 30
        assert command.ended() == 0
