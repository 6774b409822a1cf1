"""What of a message is new to the record: duplicates, corrections, and what came too late or contradicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..domain.patient_record import (
    Entry,
    EntryStatus,
    Measured,
    Origin,
    PatientRecord,
    Quarantined,
    Withdrawn,
)  # fmt: skip
from .received import Received, shown

CLOCK_TOLERANCE = timedelta(minutes=10)
"""How far the clock of a sender may be ahead."""


@dataclass(frozen=True)
class Merged:
    """What is to be added to a record.

    Parameters
    ----------
    entries
        New ones, and those that take the place of the one with the same key.
    counts
        "new", "corrected", "withdrawn", "duplicate", "late": what became of each entry.
    """

    entries: tuple[Entry, ...]
    quarantined: tuple[Quarantined, ...]
    counts: dict[str, int] = field(default_factory=dict)


def merge(record: PatientRecord, received: Received, now: datetime, *, is_identified: bool) -> Merged:
    """Compare what arrived with what is known; a message that was taken in before changes nothing."""
    if received.fingerprint in record.messages:
        return Merged((), (), {"duplicate": len(received.entries) + len(received.quarantined)})
    known = dict(record.by_key)
    taken: dict[str, Entry] = {}
    held, counts = [q for q in received.quarantined if q not in record.quarantined], Counter[str]()
    for arrived in received.entries:
        entry = replace(arrived, origin=replace(_with_key(arrived, known), is_identified=is_identified))
        before = known.get(entry.origin.key)
        outcome, reason = _judge(entry, before, now)
        counts[outcome] += 1
        if reason:
            held.append(Quarantined(entry.origin.source, shown(_name(entry)), reason))
        elif outcome not in ("duplicate", "late"):
            known[entry.origin.key] = taken[entry.origin.key] = entry
    return Merged(tuple(taken.values()), tuple(held), dict(counts))


def _judge(entry: Entry, before: Entry | None, now: datetime) -> tuple[str, str]:
    """What becomes of an entry, and why it is quarantined if it is."""
    if isinstance(entry, Measured) and _is_ahead(entry, now):
        return "quarantined", f"its time {entry.at.text} lies ahead"
    if before is None:
        return ("withdrawn" if isinstance(entry, Withdrawn) else "new"), ""
    if _content(entry) == _content(before):
        return "duplicate", ""
    if entry.origin.version and before.origin.version and entry.origin.version < before.origin.version:
        return "late", ""
    if isinstance(entry, Withdrawn):
        return "withdrawn", ""
    if isinstance(before, Withdrawn) and not _is_later(entry, before):
        return "late", ""
    is_step_back = entry.origin.status is EntryStatus.PRELIMINARY and before.origin.status is not entry.origin.status
    if is_step_back and not isinstance(before, Withdrawn):
        return "quarantined", "it is preliminary, but a final result of the same is there already"
    is_silent = entry.origin.status is EntryStatus.FINAL and before.origin.status is not EntryStatus.PRELIMINARY
    if isinstance(entry, Measured) and isinstance(before, Measured) and is_silent:
        return "quarantined", f"it differs from {before.stated}, which was final, and is not called a correction"
    return "corrected", ""


def _is_ahead(entry: Measured, now: datetime) -> bool:
    # A day without a zone may have begun elsewhere up to 14 hours earlier.
    slack = timedelta(hours=14) if entry.at.is_day else CLOCK_TOLERANCE
    return entry.at.utc > now + slack


def _is_later(entry: Entry, before: Entry) -> bool:
    return bool(entry.origin.version and before.origin.version and entry.origin.version > before.origin.version)


def _content(entry: Entry) -> Entry:
    """The entry without what may differ when the same is sent again."""
    return replace(entry, origin=replace(entry.origin, version=None, source="", is_identified=True))


def _with_key(entry: Entry, known: dict[str, Entry]) -> Origin:
    """A correction of HL7 v2 may restate the time: it means the one result of its order, code and sub-id."""
    origin = entry.origin
    if origin.key in known or not origin.key.startswith("hl7:"):
        return origin
    if origin.status is not EntryStatus.CORRECTED and not isinstance(entry, Withdrawn):
        return origin
    start = origin.key.rpartition("|")[0]
    same = [key for key in known if key.rpartition("|")[0] == start]
    return replace(origin, key=same[0]) if len(same) == 1 else origin


def _name(entry: Entry) -> str:
    return entry.quantity if isinstance(entry, Measured) else entry.name
