"""Whose values are taken in, and that a carried plan is judged where it lies."""

from __future__ import annotations

import pytest

from surgtwin.clinical.received import Received
from surgtwin.domain.patient import Patient
from surgtwin.errors import PatientMismatchError, SourceError
from surgtwin.live.dicom_gate import Verdict
from surgtwin.pipeline.patient_intake import admit, read_patient_data, require_patient
from tests.clinical.messages import bundle, observation, obx, oru, patient

TWIN = Patient("SECRET-4711", "HOSPITAL", "Nobody^Knows", "19610203", "F")
WEIGHT = observation("29463-7", 70, "kg")


def of_fhir(**changes) -> Received:
    (received,) = read_patient_data(bundle(patient(**changes), WEIGHT))
    return received


def of_hl7(pid: str) -> Received:
    (received,) = read_patient_data(oru(obx("29463-7", "70", "kg"), pid=pid))
    return received


@pytest.mark.parametrize(
    ("received", "verdict"),
    [
        (of_fhir(), Verdict.ADMITTED),
        (of_fhir(identifier=[]), Verdict.HELD),
        (of_fhir(birthDate="1961"), Verdict.HELD),
        (of_fhir(name=[{"family": "Else"}]), Verdict.HELD),
        (of_fhir(gender="male"), Verdict.HELD),
        (of_fhir(birthDate="1962-02-03"), Verdict.CONFLICTING),
        (of_fhir(identifier=[{"system": "urn:x", "value": "1"}]), Verdict.CONFLICTING),
        (of_hl7("PID|1||77^^^INSURANCE^SB~SECRET-4711^^^HOSPITAL^MR||Nobody^Knows||19610203|F"), Verdict.ADMITTED),
        (of_hl7("PID|1||77^^^INSURANCE~SECRET-4711^^^HOSPITAL||Nobody^Knows||19610203|F"), Verdict.ADMITTED),
        (of_hl7("PID|1||SECRET-4711^^^ELSEWHERE~99^^^HOSPITAL||Nobody^Knows||19610203|F"), Verdict.CONFLICTING),
        (of_hl7("PID|1||SECRET-4711^^^ELSEWHERE||Nobody^Knows||19610203|F"), Verdict.HELD),
        (of_hl7("PV1|1"), Verdict.HELD),
    ],
)
def test_the_gate_matches_number_issuer_and_birth_date(received: Received, verdict: Verdict) -> None:
    assert admit(TWIN, received).verdict is verdict


def test_a_conflict_is_told_without_naming_anybody() -> None:
    with pytest.raises(PatientMismatchError) as caught:
        require_patient(TWIN, (of_fhir(birthDate="1962-02-03"),))
    assert not any(word in str(caught.value) for word in ("Nobody", "SECRET", "1962"))


def test_one_message_of_several_patients_spoils_a_batch() -> None:
    batch = oru(obx("29463-7", "70", "kg")) + oru(obx("29463-7", "70", "kg"), pid="PID|1||X^^^HOSPITAL^MR")
    with pytest.raises(PatientMismatchError):
        require_patient(TWIN, read_patient_data(batch))


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"FHS|^~\\&\rFTS|0", b"Patient weighs 70 kg"])
def test_files_that_are_neither_are_refused(data: bytes) -> None:
    with pytest.raises(SourceError):
        read_patient_data(data)
