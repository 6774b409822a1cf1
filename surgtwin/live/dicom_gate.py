"""Whether an image that arrived by itself is of the twin's patient: admitted, held for a person, or another's."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from ..domain.patient import Patient


class Verdict(StrEnum):
    """What the gate says of an image."""

    ADMITTED = "admitted"
    HELD = "held"
    """Nothing speaks against it, but too little for it: a person may admit it."""
    CONFLICTING = "conflicting"
    """It states another patient; nobody can admit it to this twin."""


@dataclass(frozen=True)
class Admission:
    """The gate's answer; `reason` is empty where it is admitted, and never quotes what identifies a person."""

    verdict: Verdict
    reason: str = ""


def judge_identity(twin: Patient, arrived: Patient) -> Admission:
    """Compare patient id with issuer, and birth date, as both state them; name and sex must not speak against it.

    An id alone is not enough where a birth date could confirm it: typing errors in ids are common, and two hospitals
    give the same number to two people.
    """
    if twin.contradicts(arrived):
        return Admission(Verdict.CONFLICTING, _conflict(twin, arrived))
    if not twin.patient_id:
        return _held("the twin states no patient id, so nothing can be matched with it")
    if not arrived.patient_id:
        return _held("it states no patient id")
    if arrived.patient_id != twin.patient_id:
        # Not a contradiction in itself: two issuers number the same person differently.
        return _held("its patient id differs, and was issued by another institution than the twin's")
    if bool(twin.issuer) and bool(arrived.issuer) and twin.issuer != arrived.issuer:
        return _held("its patient id was issued by another institution than the twin's")
    if twin.birth_date != arrived.birth_date:
        return _held("only one of it and the twin states a birth date")
    if twin.sex and arrived.sex and twin.sex != arrived.sex:
        return _held("id and birth date agree, but the sex does not")
    if twin.name and arrived.name and _plain_name(twin.name) != _plain_name(arrived.name):
        return _held("id and birth date agree, but the name does not")
    return Admission(Verdict.ADMITTED)


def _held(reason: str) -> Admission:
    return Admission(Verdict.HELD, reason)


def _conflict(twin: Patient, arrived: Patient) -> str:
    births_differ = twin.birth_date and arrived.birth_date and twin.birth_date != arrived.birth_date
    ids_differ = twin.patient_id and arrived.patient_id and twin.patient_id != arrived.patient_id
    which = [word for word, differs in (("patient id", ids_differ), ("birth date", births_differ)) if differs]
    return f"its {' and '.join(which)} {'is' if len(which) == 1 else 'are'} another patient's"


def _plain_name(name: str) -> str:
    """A person's name as scanners of several makers would agree on it: no case, accents, padding or prefix."""
    alphabetic = name.split("=")[0]
    parts = alphabetic.split("^")[:2]
    letters = unicodedata.normalize("NFKD", " ".join(parts)).casefold()
    return "".join(c for c in letters if c.isalnum())
