"""Identity: when two statements are of two people, and that it does not leak."""

from __future__ import annotations

import pytest

from surgtwin.domain.patient import Patient

JANE = Patient("17", "HOSPITAL", "Doe^Jane", "19700101", "F")


@pytest.mark.parametrize(
    ("other", "contradicts"),
    [
        (JANE, False),
        (Patient(), False),
        (Patient("17", "", "DOE^JANE", ""), False),
        (Patient("18", "HOSPITAL"), True),
        (Patient("18", ""), True),
        (Patient("99", "ELSEWHERE"), False),
        (Patient("17", "HOSPITAL", "", "19700102"), True),
    ],
)
def test_patients_contradict_when_both_state_something_and_it_differs(other, contradicts):
    assert JANE.contradicts(other) is contradicts
    assert other.contradicts(JANE) is contradicts


def test_the_name_is_not_in_the_repr():
    assert "Doe" not in repr(JANE)
    assert "17" not in f"{JANE!s}"
