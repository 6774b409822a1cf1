"""What lies in an inbox, and what a person may do about it: admit a series from quarantine, or discard it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..domain.patient import Patient
from ..errors import DicomError, DiskError, InputError, PatientMismatchError
from ..store.durable import remove_quietly, sync_folder
from .dicom_arrival import Arrival, file_name_of, read_arrival
from .dicom_gate import Verdict, judge_identity
from .dicom_inbox import QUARANTINE, SERIES
from .dicom_series_record import SeriesRecord, SeriesState, read_record, write_record


@dataclass(frozen=True)
class InboxSeries:
    """A series of the inbox; one that is partly held back stands in it twice.

    Parameters
    ----------
    changed_ns
        When its folder last changed, ns of the file system's clock: differs as soon as an instance arrives.
    """

    name: str
    folder: Path
    is_held: bool
    instances: int
    changed_ns: int
    record: SeriesRecord

    @property
    def series_uid(self) -> str:
        return self.record.series_uid or self.name


def series_in(inbox: Path) -> tuple[InboxSeries, ...]:
    """Everything there, by name, held series last; empty where there is no inbox."""
    return (*_series_of(inbox / SERIES, is_held=False), *_series_of(inbox / QUARANTINE, is_held=True))


def _series_of(folder: Path, *, is_held: bool) -> tuple[InboxSeries, ...]:
    try:
        found = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return ()
    rows = []
    for entry in found:
        changed = entry.stat().st_mtime_ns
        count = sum(1 for _ in entry.glob("*.dcm"))
        if count:
            rows.append(InboxSeries(entry.name, entry, is_held, count, changed, read_record(folder, entry.name)))
    return tuple(rows)


def first_arrival(series: InboxSeries) -> Arrival:
    """What its first readable instance says. Raises DicomError if none can be read."""
    for arrival in _arrivals(series.folder):
        return arrival
    raise DicomError(f"No instance of series {series.series_uid} can be read.")


def admit(inbox: Path, uid: str, twin: Patient, by: str) -> int:
    """Let a held series out of quarantine; answers how many instances.

    Raises
    ------
    PatientMismatchError
        If any of them states another patient than the twin's: that nobody can admit.
    InputError
        If no such series is held, or an instance of it lies in the inbox with other contents.
    DiskError
        If the folders can't be written.
    """
    held = _held(inbox, uid)
    arrivals = list(_arrivals(held.folder))
    if held.record.is_conflicting or any(
        judge_identity(twin, a.patient).verdict is Verdict.CONFLICTING for a in arrivals
    ):
        raise PatientMismatchError(f"Series {uid} states another patient than the twin. It can be discarded only.")
    target = inbox / SERIES / held.name
    files = sorted(held.folder.glob("*.dcm"))
    twice = [f for f in files if (target / f.name).exists()]
    if twice or len({a.sop_instance_uid for a in arrivals}) != len(files):
        raise InputError(
            f"{max(len(twice), 1)} instances of series {uid} are there twice, with different contents. Discard what is "
            "held, or send the whole series again under new UIDs."
        )
    try:
        record = read_record(inbox / SERIES, held.name)
        write_record(inbox / SERIES, held.name, _admitted(record, held.record, by))
        target.mkdir(exist_ok=True)
        for file in files:
            file.rename(target / file.name)
        sync_folder(target)
        _forget(held)
    except OSError as error:
        raise DiskError(f"The series could not be admitted: {error.strerror}. Check the disk.") from error
    return len(files)


def discard(inbox: Path, uid: str) -> int:
    """Delete what is held of a series; answers how many instances. Raises InputError if none is held, DiskError."""
    held = _held(inbox, uid)
    try:
        shutil.rmtree(held.folder)
        _forget(held)
    except OSError as error:
        raise DiskError(f"The series could not be discarded: {error.strerror}. Check the folder.") from error
    return held.instances


def discard_taken_in(inbox: Path) -> int:
    """Delete the files of series that are in the twin already; their records stay. Answers how many files."""
    removed = 0
    for series in series_in(inbox):
        if not series.is_held and series.record.state is SeriesState.TAKEN_IN:
            try:
                shutil.rmtree(series.folder)
            except OSError as error:
                raise DiskError(f"The series could not be removed: {error.strerror}. Check the folder.") from error
            removed += series.instances
    return removed


def _held(inbox: Path, uid: str) -> InboxSeries:
    rows = [s for s in series_in(inbox) if s.is_held]
    found = [s for s in rows if uid in (s.series_uid, s.name) or s.name == file_name_of(uid)]
    if not found:
        there = ", ".join(s.series_uid for s in rows) or "none"
        raise InputError(f"No series {uid} is held in '{inbox.name}'. Held are: {there}.")
    return found[0]


def _arrivals(folder: Path) -> Iterator[Arrival]:
    for file in sorted(folder.glob("*.dcm")):
        try:
            with file.open("rb") as stream:
                yield read_arrival(stream, file.stat().st_size)
        except DicomError:
            continue


def _admitted(record: SeriesRecord, held: SeriesRecord, by: str) -> SeriesRecord:
    named = record if record.series_uid else replace(record, series_uid=held.series_uid)
    return replace(
        named, admitted_by=by, modality=held.modality, description=held.description, state=SeriesState.RECEIVING
    )


def _forget(held: InboxSeries) -> None:
    parent = held.folder.parent
    remove_quietly(parent / f"{held.name}.json")
    if held.folder.exists():
        held.folder.rmdir()
    sync_folder(parent)
