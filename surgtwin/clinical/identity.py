"""Who a message is about, as both formats state it."""

from __future__ import annotations

import re

from ..domain.patient import Patient

_DATE = re.compile(r"(\d{4})-?(\d\d)?-?(\d\d)?.*")
_SEX = {"male": "M", "female": "F", "m": "M", "f": "F"}


def birth_date(text: str) -> str:
    """YYYYMMDD; empty unless the whole date is stated."""
    found = _DATE.fullmatch(text)
    return "".join(found.groups()) if found is not None and all(found.groups()) else ""


def sex(text: str) -> str:
    """DICOM's M or F; empty for anything else: other systems count differently there."""
    return _SEX.get(text.lower(), "")


def identities(ids: list[tuple[str, str]], name: str, born: str, gender: str) -> tuple[Patient, ...]:
    """One identity for each (id, issuer); one without an id if there is none but something else is stated."""
    stated = list(dict.fromkeys((value.strip(), issuer.strip()) for value, issuer in ids if value.strip()))
    about = (name, birth_date(born), sex(gender))
    if not stated and any(about):
        stated = [("", "")]
    return tuple(Patient(value, issuer, *about) for value, issuer in stated)


def names_patient(text: str, patients: tuple[Patient, ...]) -> bool:
    """Whether a text holds a part of a patient's name: people call their watches after themselves."""
    parts = {part.casefold() for p in patients for part in re.split(r"[\^\s=,.-]+", p.name) if len(part) > 2}
    words = {word.casefold() for word in re.split(r"[^\w]+", text)}
    bare = {word.removesuffix("s") for word in words}
    return bool(parts & (words | bare))
