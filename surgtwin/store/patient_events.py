"""What arrives of the patient beside images, as events, and what those events make of the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..domain.patient_record import Entry, PatientRecord, Quarantined
from . import event as kinds
from .codec_patient import decode_entry, decode_quarantined, encode_entry, encode_quarantined
from .codec_values import Record
from .event import EventDraft


@dataclass(frozen=True)
class PatientState:
    """What the log says of the patient.

    Parameters
    ----------
    entries
        Key -> the latest version. Decoded here, once: a stream of vital signs would else be decoded again and again.
    judged
        What each arrival changed in the plans, oldest first.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    quarantined: tuple[Quarantined, ...] = ()
    messages: frozenset[str] = frozenset()
    judged: tuple[Record, ...] = ()


def received_event(
    source: str,
    fingerprints: Iterable[str],
    entries: Sequence[Entry],
    quarantined: Sequence[Quarantined],
    transport: str = "",
) -> EventDraft:
    """One arrival; `transport` says which way it came ("file", "MLLP 10.1.2.3")."""
    payload: Record = {
        "source": source,
        "transport": transport,
        "messages": sorted(fingerprints),
        "entries": [encode_entry(entry) for entry in entries],
        "quarantined": [encode_quarantined(q) for q in quarantined],
    }
    return EventDraft(kinds.PATIENT_RECEIVED, payload)


def judged_event(plans: Sequence[Record], utc: str) -> EventDraft:
    """What arrivals changed in the plans: plain records, one for each plan."""
    return EventDraft(kinds.PATIENT_JUDGED, {"utc": utc, "plans": list(plans)})


def kept_record(record: PatientRecord) -> list[EventDraft]:
    """The events of a record that is saved with a new twin."""
    if not (record.entries or record.quarantined or record.messages):
        return []
    return [received_event("", record.messages, record.entries, record.quarantined)]


def received(state: PatientState, payload: Record) -> PatientState:
    return replace(
        state,
        entries={**state.entries, **{e.origin.key: e for e in map(decode_entry, payload["entries"])}},
        quarantined=(*state.quarantined, *map(decode_quarantined, payload["quarantined"])),
        messages=state.messages | frozenset(payload["messages"]),
    )


def record_of(state: PatientState) -> PatientRecord:
    """The record of a log's state."""
    return PatientRecord(tuple(state.entries.values()), state.quarantined, state.messages)


def judged(state: PatientState, payload: Record) -> PatientState:
    return replace(state, judged=(*state.judged, payload))
