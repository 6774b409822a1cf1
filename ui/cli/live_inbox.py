"""`surgtwin live inbox`: what arrived for a twin, and an operator's answer to what the patient gate holds."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.errors import DicomError
from surgtwin.live.dicom_inbox_view import InboxSeries, admit, discard, discard_taken_in, first_arrival, series_in
from surgtwin.live.dicom_intake import patient_of

from .author import author
from .console import say, table, write_json
from .live_intake import inbox_folder


def run(options: argparse.Namespace) -> int:
    """List, admit, discard or tidy."""
    inbox = inbox_folder(options)
    if options.inbox_action == "list":
        return _list(options)
    told: dict[str, Any] = {"action": options.inbox_action}
    if options.inbox_action == "admit":
        count = admit(inbox, options.series, patient_of(options.twin), author(options.by))
        sentence = f"{count} instances admitted; `live receive` or `live watch` offers the series to the twin."
    elif options.inbox_action == "discard":
        count = discard(inbox, options.series)
        sentence = f"{count} instances discarded."
    else:
        count = discard_taken_in(inbox)
        sentence = f"{count} files removed of series that the twin has taken in."
    if options.json:
        write_json({**told, "instances": count})
    else:
        say(sentence)
    return 0


def _list(options: argparse.Namespace) -> int:
    inbox = inbox_folder(options)
    found = series_in(inbox)
    if options.json:
        rows = [_as_json(series, with_identity=options.with_identity) for series in found]
        write_json({"inbox": str(inbox), "series": rows})
        return 0
    if not found:
        say("Nothing has arrived.")
        return 0
    say(table([_row(s) for s in found], ("series", "instances", "state", "revision", "why"), right=(1, 3)))
    for series in found:
        if series.is_held and options.with_identity:
            patient = _patient(series)
            say(f"{series.series_uid}  states: {', '.join(f'{k} {v}' for k, v in patient.items() if v) or 'nobody'}")
    return 0


def _row(series: InboxSeries) -> list[str]:
    record = series.record
    revision = "" if record.revision is None else str(record.revision)
    state = "held" if series.is_held else (record.outcome or record.state.value)
    return [series.series_uid, str(series.instances), state, revision, "; ".join(record.reasons)]


def _as_json(series: InboxSeries, *, with_identity: bool) -> dict[str, Any]:
    record = series.record
    row = {
        "series": series.series_uid,
        "instances": series.instances,
        "state": "held" if series.is_held else record.state.value,
        "outcome": record.outcome or None,
        "revision": record.revision,
        "reasons": list(record.reasons),
        "can_be_admitted": series.is_held and not record.is_conflicting,
        "admitted_by": record.admitted_by or None,
        "modality": record.modality or None,
        "description": record.description or None,
        "folder": str(series.folder),
    }
    return {**row, "patient": _patient(series)} if with_identity and series.is_held else row


def _patient(series: InboxSeries) -> dict[str, str]:
    try:
        p = first_arrival(series).patient
    except DicomError:
        return {}
    return {"id": p.patient_id, "issuer": p.issuer, "name": p.name, "birth date": p.birth_date, "sex": p.sex}
