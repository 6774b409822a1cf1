"""`surgtwin live patient` as a person uses it: files in, conflicts refused, values shown, messages listened for."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from surgtwin.domain.cut import PlaneCut
from surgtwin.domain.patient_record import PatientRecord
from surgtwin.domain.plan import Plan, Resection
from surgtwin.live.mllp import END, START
from surgtwin.planning.plan_versions import save_plan
from surgtwin.store.copy import copy_twin
from surgtwin.store.load import load_twin
from surgtwin.store.save import save_twin
from surgtwin.store.writer import TwinWriter
from tests.clinical.messages import bundle, medication, observation, obx, oru, patient
from tests.live.test_igtl_link import free_port
from tests.ui.cli.conftest import Case
from tests.ui.cli.test_live_commands import Running
from ui.cli.main import main

HEIGHT, WEIGHT = observation("8302-2", 172, "cm"), observation("29463-7", 70, "kg")


@pytest.fixture
def twin(case: Case, tmp_path: Path) -> Path:
    """A twin of its own, with one plan."""
    path = tmp_path / "own.twin"
    shutil.copytree(case.twin, path)
    with TwinWriter(path) as writer:
        middle = writer.twin.labels.grid.center()
        place = (float(middle[0]) - 12.0, float(middle[1]), float(middle[2]))
        save_plan(writer, Plan(resections=(Resection("A", "liver", PlaneCut(place, (0.0, 0.0, 1.0))),)), "half", by="t")
    return path


def take(twin: Path, data: bytes, *options: str, name: str = "in.json") -> tuple[int, Path]:
    path = twin.parent / name
    path.write_bytes(data)
    return main(["live", "patient", str(twin), str(path), *options, "--json"]), path


def answer_of(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_what_is_taken_in_changes_figures_and_says_why(twin: Path, capsys) -> None:
    assert take(twin, bundle(patient(), HEIGHT, WEIGHT, medication("Eliquis")))[0] == 0
    answer = answer_of(capsys)
    assert answer["files"][0]["counts"] == {"new": 3, "quarantined": 0}
    assert answer["files"][0]["identity"] == "matched"
    (plan,) = answer["plans"]
    labels = {f["label"]: f for f in plan["figures_changed"]}
    vauthey = labels["liver standardised remnant (Vauthey)"]
    assert vauthey["before"] is None and vauthey["after"] > 0
    new = {c["finding"]["code"] for c in plan["findings_changed"] if c["change"] == "new"}
    assert {"patient-size-from-record", "patient-anticoagulant"} <= new
    assert not [c for c in plan["findings_changed"] if c["change"] == "verdict"]
    with TwinWriter(twin) as writer:
        assert writer.state.patient.judged[0]["plans"][0]["name"] == "half"


def test_the_same_file_again_adds_nothing_to_the_log(twin: Path, capsys) -> None:
    data = bundle(patient(), HEIGHT, WEIGHT)
    take(twin, data)
    before = load_twin(twin).record
    capsys.readouterr()
    assert take(twin, data)[0] == 0
    assert answer_of(capsys)["files"][0]["counts"] == {"duplicate": 2, "quarantined": 0}
    assert load_twin(twin).record == before


@pytest.mark.parametrize(
    "who", [patient("OTHER-1"), patient("SECRET-4711", "1999-01-01"), patient("OTHER-1", "1961-02-03")]
)
def test_another_patients_values_are_refused_and_nothing_is_written(twin: Path, capsys, who) -> None:
    good = twin.parent / "good.json"
    good.write_bytes(bundle(patient(), HEIGHT))
    code, _ = take(twin, bundle(who, WEIGHT), str(good))
    assert code == 3
    answer = answer_of(capsys)
    assert answer["error"]["type"] == "PatientMismatchError"
    assert "Nobody" not in answer["error"]["message"] and "OTHER" not in answer["error"]["message"]
    assert load_twin(twin).record == PatientRecord()


def test_values_without_an_identity_are_admitted_by_hand_and_say_so(twin: Path, capsys) -> None:
    assert take(twin, bundle(HEIGHT, WEIGHT))[0] == 0
    answer = answer_of(capsys)
    assert answer["files"][0]["identity"] == "it states no patient"
    codes = [c["finding"]["code"] for c in answer["plans"][0]["findings_changed"] if "finding" in c]
    assert "patient-not-identified" in codes


def test_hl7_files_are_taken_and_what_is_doubtful_is_quarantined(twin: Path, capsys) -> None:
    data = oru(obx("29463-7", "70", "kg"), obx("8302-2", "172", "", 2), obx("1975-2", "1", "mg/dL", 3))
    assert take(twin, data, name="lab.hl7")[0] == 0
    (file,) = answer_of(capsys)["files"]
    assert file["counts"] == {"new": 2, "quarantined": 1}
    assert "no unit" in file["quarantined"][0]["reason"]
    assert main(["live", "patient", str(twin)]) == 0
    shown = capsys.readouterr().out
    assert "70.0 kg" in shown and "HL7 v2 LAB at CITY" in shown and "quarantined:" in shown


def test_values_are_shown_with_age_and_trend(twin: Path, capsys) -> None:
    older = observation("29463-7", 76, "kg", id="old", effectiveDateTime="2026-02-01")
    take(twin, bundle(patient(), older, WEIGHT))
    capsys.readouterr()
    assert main(["live", "patient", str(twin), "--json"]) == 0
    (row,) = answer_of(capsys)["values"]
    assert (row["quantity"], row["value"], row["trend"], row["change"]) == ("weight", 70.0, "falling", -6.0)
    assert row["age_days"] > 0 and len(row["history"]) == 2 and row["status"] == "final"


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"<a/>", "XML"), (b"hello", "neither FHIR"), (b"", "neither FHIR"), (b"MSH|^~\\&|", "in.json")],
)
def test_what_can_not_be_read_is_refused_with_the_files_name(twin: Path, capsys, data, told) -> None:
    assert take(twin, data)[0] == 3
    message = answer_of(capsys)["error"]["message"]
    assert told in message and "in.json" in message


def test_what_was_taken_in_survives_saving_and_copying(twin: Path, capsys, tmp_path: Path) -> None:
    lab = observation("1834-1", None, None, valueQuantity={"value": 3, "comparator": "<", "code": "ng/mL",
                                                           "system": "http://unitsofmeasure.org"})  # fmt: skip
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "Latex"}}
    condition = {"resourceType": "Condition", "id": "c", "code": {"text": "Cirrhosis"}, "recordedDate": "2026-01-01"}
    gone = observation("777-3", 100, "10*9/L", status="entered-in-error")
    take(twin, bundle(patient(), WEIGHT, lab, allergy, condition, gone, medication("Eliquis")))
    loaded = load_twin(twin)
    assert len(loaded.record.entries) == 6
    save_twin(loaded, tmp_path / "saved.twin")
    assert load_twin(tmp_path / "saved.twin").record == loaded.record
    copy_twin(twin, tmp_path / "copied.twin")
    assert load_twin(tmp_path / "copied.twin").record == loaded.record


def send(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        peer.sendall(START + data + END)
        answer = b""
        while not answer.endswith(END):
            more = peer.recv(4096)
            if not more:
                break
            answer += more
    return answer


def connected(port: int) -> None:
    """Return when somebody listens there."""
    from tests.live.test_igtl_link import wait_for

    def is_open() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return False
        return True

    wait_for(is_open)


def test_messages_are_durable_before_they_are_acknowledged(twin: Path, capsys) -> None:
    port = free_port()
    with Running("live", "patient", twin, "--mllp", f"127.0.0.1:{port}", "--for", "8s", "--json") as running:
        connected(port)
        good = send(port, oru(obx("29463-7", "70", "kg"), obx("8302-2", "172", "cm", 2)))
        kept = load_twin(twin).record
        again = send(port, oru(obx("29463-7", "70", "kg"), obx("8302-2", "172", "cm", 2)))
        stranger = send(port, oru(obx("29463-7", "99", "kg"), pid="PID|1||OTHER^^^HOSPITAL^MR||||19610203"))
        nobody = send(port, oru(obx("29463-7", "99", "kg"), pid="PV1|1"))
        junk = send(port, b"hello")
        test = send(port, oru(obx("29463-7", "99", "kg"), m11="T"))
    assert running.code == 0
    assert b"MSA|AA|MSG0001" in good and b"MSA|AA|" in again
    assert {m.quantity: m.value for q in ("weight", "height") for m in kept.series(q)} == {"weight": 70, "height": 172}
    assert b"MSA|AE|" in stranger and b"204" in stranger and b"MSA|AE|" in nobody
    assert b"MSA|AR|" in junk and b"MSA|AR|" in test
    assert load_twin(twin).record.entries == kept.entries
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"listening", "taken", "refused", "judged"} <= {line["event"] for line in lines}


def test_files_and_listening_do_not_go_together(twin: Path, capsys) -> None:
    code, _ = take(twin, b"{}", "--mllp", "127.0.0.1:2575")
    assert code == 3
    with pytest.raises(SystemExit) as stopped:
        main(["live", "patient", str(twin), "--allow", "nobody"])
    assert stopped.value.code == 2


def test_others_may_reach_the_listener_only_if_it_says_who(twin: Path, capsys) -> None:
    assert main(["live", "patient", str(twin), "--mllp", f"0.0.0.0:{free_port()}", "--for", "1s", "--json"]) == 3
    assert "--allow" in answer_of(capsys)["error"]["message"]
