"""`surgtwin fetch`: what series an archive has, and one of them on disk, whole or not at all."""

from __future__ import annotations

import argparse
from typing import Any

from surgtwin.dicom.net_archive import Query, SeriesRow
from surgtwin.dicom.net_fetch import fetch_series
from surgtwin.errors import InputError

from .archive_choice import open_archive
from .console import ProgressBar, note, say, table, write_json
from .usage import UsageError


def run(options: argparse.Namespace) -> int:
    """List what matches; with -o fetch it."""
    query = Query(
        options.patient_id, options.study_date, options.accession, options.modality, options.study, options.series
    )
    if query.is_empty:
        raise UsageError(
            "Say what is wanted: --patient-id, --study-date, --accession, --modality, --study or --series."
        )
    archive = open_archive(options)
    rows = archive.find_series(query)
    if options.output is None:
        _list(rows, as_json=options.json)
        return 0
    if not rows:
        raise InputError("No series of the archive matches.")
    if len(rows) > 1 and not options.all:
        _list(rows, as_json=False)
        raise InputError(f"{len(rows)} series match. Choose one with --series UID, or give --all.")
    told = []
    bar = ProgressBar()
    try:
        for n, row in enumerate(rows):
            part = bar.progress().part(n / len(rows), (n + 1) / len(rows))
            fetched = fetch_series(archive, row, options.output, part)
            about = {"folder": str(fetched.folder), "instances": fetched.instances, "new": fetched.new}
            told.append({**_as_json(row), **about})
    finally:
        bar.close()
    if options.json:
        write_json({"series": told})
    else:
        for one in told:
            say(f"{one['folder']}  {one['instances']} instances, {one['new']} of them new")
    return 0


def _list(rows: list[SeriesRow], *, as_json: bool) -> None:
    if as_json:
        write_json({"series": [_as_json(row) for row in rows]})
        return
    if not rows:
        say("No series of the archive matches.")
        return
    header = ("series", "modality", "date", "no.", "instances", "description")
    cells = [
        [
            row.series_uid,
            row.modality,
            row.study_date,
            row.number,
            "" if row.instances is None else str(row.instances),
            row.description or row.study_description,
        ]
        for row in sorted(rows, key=lambda r: (r.study_date, r.study_uid, r.number.zfill(6)))
    ]
    say(table(cells, header, right=(3, 4)))
    note("Fetch one with --series UID -o FOLDER.")


def _as_json(row: SeriesRow) -> dict[str, Any]:
    return {
        "study_uid": row.study_uid,
        "series_uid": row.series_uid,
        "modality": row.modality,
        "description": row.description,
        "study_date": row.study_date,
        "study_description": row.study_description,
        "number": row.number,
        "instances": row.instances,
    }
