"""Who is let through to the twin, who waits for a person, and who is another patient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surgtwin.domain.patient import Patient
from surgtwin.live.dicom_gate import Verdict, judge_identity

TWIN = Patient("4711", "HOSPITAL", "Müller^Anna^Maria", "19610203", "F")


def verdict(twin: Patient = TWIN, **changes: str) -> Verdict:
    return judge_identity(twin, replace(TWIN, **changes)).verdict


def test_the_same_patient_is_admitted() -> None:
    assert verdict() is Verdict.ADMITTED


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ""},
        {"name": "MULLER^ANNA"},
        {"name": "Müller^Anna^M.^Dr.=ミュラー"},
        {"name": ""},
        {"sex": ""},
    ],
)
def test_what_scanners_write_differently_is_the_same_patient_still(changes) -> None:
    assert verdict(**changes) is Verdict.ADMITTED


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"patient_id": ""}, "no patient id"),
        ({"birth_date": ""}, "birth date"),
        ({"issuer": "CLINIC"}, "institution"),
        ({"issuer": "CLINIC", "patient_id": "12"}, "institution"),
        ({"sex": "M"}, "sex"),
        ({"name": "Schmidt^Anna"}, "name"),
        ({"patient_id": "", "issuer": "", "name": "", "birth_date": "", "sex": ""}, "no patient id"),
    ],
)
def test_what_is_not_sure_is_held_and_says_why(changes, word) -> None:
    admission = judge_identity(TWIN, replace(TWIN, **changes))
    assert admission.verdict is Verdict.HELD
    assert word in admission.reason


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"patient_id": "4712"}, "patient id"),
        ({"patient_id": "4712", "issuer": ""}, "patient id"),
        ({"birth_date": "19610204"}, "birth date"),
        ({"patient_id": "9", "issuer": "CLINIC", "birth_date": "19991231"}, "birth date"),
    ],
)
def test_another_patient_is_conflicting(changes, word) -> None:
    admission = judge_identity(TWIN, replace(TWIN, **changes))
    assert admission.verdict is Verdict.CONFLICTING
    assert word in admission.reason


def test_a_twin_without_identity_takes_nothing_by_itself() -> None:
    assert judge_identity(Patient(), TWIN).verdict is Verdict.HELD
    assert judge_identity(Patient(), Patient()).verdict is Verdict.HELD


@pytest.mark.parametrize("changes", [{"patient_id": "77"}, {"birth_date": "20010101"}, {"sex": "M"}, {"name": "X^Y"}])
def test_no_reason_names_the_patient(changes) -> None:
    reason = judge_identity(TWIN, replace(TWIN, **changes)).reason
    stated = (*changes.values(), TWIN.patient_id, TWIN.name, TWIN.birth_date)
    assert not any(value in reason.split() for value in stated)


def test_an_anonymous_twin_with_an_id_takes_the_same_anonymous_id() -> None:
    nobody = Patient("ANON-1")
    assert judge_identity(nobody, nobody).verdict is Verdict.ADMITTED
