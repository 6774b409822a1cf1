"""What is known of the patient beside images, in JSON."""

from __future__ import annotations

from datetime import datetime

from ..domain.patient_record import (
    Allergy,
    Codes,
    Condition,
    Entry,
    EntryStatus,
    Measured,
    Medication,
    Moment,
    Origin,
    Quarantined,
    Withdrawn,
)
from .codec_values import Record


def encode_entry(entry: Entry) -> Record:
    """One entry; its "type" says of which kind."""
    record: Record = {"type": type(entry).__name__.lower(), "origin": _encode_origin(entry.origin)}
    if isinstance(entry, Measured):
        return record | {
            "quantity": entry.quantity,
            "value": entry.value,
            "unit": entry.unit,
            "at": _encode_moment(entry.at),
            "stated": entry.stated,
            "comparator": entry.comparator,
        }
    record |= {"name": entry.name}
    if isinstance(entry, Withdrawn):
        return record
    record |= {"codes": [list(pair) for pair in entry.codes]}
    if isinstance(entry, Medication):
        times = {"start": _encode_moment(entry.start), "end": _encode_moment(entry.end)}
        return record | times | {"is_active": entry.is_active}
    if isinstance(entry, Allergy):
        return record | {"criticality": entry.criticality}
    return record | {"is_present": entry.is_present, "severity": entry.severity, "at": _encode_moment(entry.at)}


def encode_quarantined(q: Quarantined) -> Record:
    return {"source": q.source, "what": q.what, "reason": q.reason}


def decode_quarantined(r: Record) -> Quarantined:
    return Quarantined(str(r["source"]), str(r["what"]), str(r["reason"]))


def decode_entry(r: Record) -> Entry:
    """The entry of a record. Raises KeyError, TypeError or ValueError if it does not make sense."""
    origin = _decode_origin(r["origin"])
    kind = r["type"]
    if kind == "measured":
        at = _moment(r["at"])
        return Measured(origin, r["quantity"], float(r["value"]), r["unit"], at, r["stated"], r["comparator"])
    if kind == "withdrawn":
        return Withdrawn(origin, r["name"])
    codes: Codes = tuple((str(system), str(code)) for system, code in r["codes"])
    if kind == "medication":
        start, end = _optional_moment(r["start"]), _optional_moment(r["end"])
        return Medication(origin, r["name"], codes, bool(r["is_active"]), start, end)
    if kind == "allergy":
        return Allergy(origin, r["name"], codes, r["criticality"])
    if kind == "condition":
        return Condition(origin, r["name"], codes, bool(r["is_present"]), r["severity"], _optional_moment(r["at"]))
    raise ValueError(f"'{kind}' is no kind of entry")


def _encode_origin(o: Origin) -> Record:
    return {
        "key": o.key,
        "source": o.source,
        "status": o.status.value,
        "version": None if o.version is None else o.version.isoformat(),
        "device": o.device,
        "is_identified": o.is_identified,
    }


def _decode_origin(r: Record) -> Origin:
    version = None if r["version"] is None else datetime.fromisoformat(r["version"])
    return Origin(r["key"], r["source"], EntryStatus(r["status"]), version, r["device"], bool(r["is_identified"]))


def _encode_moment(m: Moment | None) -> Record | None:
    return None if m is None else {"utc": m.utc.isoformat(), "is_day": m.is_day}


def _moment(r: Record) -> Moment:
    return Moment(datetime.fromisoformat(r["utc"]), bool(r["is_day"]))


def _optional_moment(r: Record | None) -> Moment | None:
    return None if r is None else _moment(r)
