"""When a series is complete, when it waits, what a person may admit, and what a watched folder gives."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from surgtwin.domain.patient import Patient
from surgtwin.errors import InputError, PatientMismatchError
from surgtwin.live.dicom_arrival import read_arrival
from surgtwin.live.dicom_complete import CompleteRule, SeriesWatch
from surgtwin.live.dicom_gate import judge_identity
from surgtwin.live.dicom_inbox import Inbox, InboxLimits, Kept
from surgtwin.live.dicom_inbox_view import admit, discard, discard_taken_in, first_arrival, series_in
from surgtwin.live.dicom_series_record import SeriesRecord, SeriesState, read_record, write_record
from surgtwin.live.dicom_watch import PATIENCE_S, FolderWatch
from tests.dicom.series_writer import write_file
from tests.live.dicom_peers import PATIENT, files_in, instances


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def inbox(tmp_path) -> Inbox:
    return Inbox(tmp_path / "inbox", InboxLimits(spare_bytes=0))


def put(inbox: Inbox, ds: Dataset, twin: Patient = PATIENT) -> Kept:
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    data = stream.getvalue()
    arrival = read_arrival(io.BytesIO(data), len(data))
    return inbox.put((data,), arrival, judge_identity(twin, arrival.patient))


def kinds(watch: SeriesWatch) -> list[str]:
    return [news.kind for news in watch.look()]


def test_a_series_is_complete_when_nothing_came_for_a_while(inbox) -> None:
    clock, (first, second) = Clock(), instances(2)
    watch = SeriesWatch(inbox.folder, CompleteRule(idle_s=10.0), clock)
    put(inbox, first)
    assert kinds(watch) == ["receiving"]
    clock.now += 9.0
    put(inbox, second)
    assert kinds(watch) == ["receiving"]
    clock.now += 9.0
    assert kinds(watch) == []
    clock.now += 1.0
    assert kinds(watch) == ["complete"]
    clock.now += 100.0
    assert kinds(watch) == []


def test_a_series_is_complete_at_once_when_all_that_were_told_of_came(inbox) -> None:
    series = instances(3, lambda ds, k: setattr(ds, "NumberOfSeriesRelatedInstances", 3))
    watch = SeriesWatch(inbox.folder, CompleteRule(idle_s=1e6), Clock())
    for ds in series[:2]:
        put(inbox, ds)
    assert kinds(watch) == ["receiving"]
    put(inbox, series[2])
    (news,) = watch.look()
    assert (news.kind, news.expected, news.series.instances) == ("complete", 3, 3)


def test_what_was_decided_before_a_restart_is_not_decided_again(inbox) -> None:
    clock, (first, second) = Clock(), instances(2)
    put(inbox, first)
    (series,) = series_in(inbox.folder)
    done = SeriesRecord(series.series_uid, SeriesState.TAKEN_IN, instances=1, revision=2, outcome="proposed")
    write_record(inbox.folder / "series", series.name, done)
    watch = SeriesWatch(inbox.folder, CompleteRule(idle_s=1.0), clock)
    clock.now += 5.0
    assert kinds(watch) == []
    put(inbox, second)
    assert kinds(watch) == ["receiving"], "a late slice opens it again"
    clock.now += 5.0
    assert kinds(watch) == ["complete"]


def test_a_series_that_is_partly_held_waits_until_a_person_decides(inbox) -> None:
    clock = Clock()
    series = instances(3, lambda ds, k: setattr(ds, "PatientBirthDate", "" if k == 1 else "19500101"))
    for ds in series:
        put(inbox, ds)
    watch = SeriesWatch(inbox.folder, CompleteRule(idle_s=1.0), clock)
    watch.look()
    clock.now += 2.0
    assert kinds(watch) == ["held", "held"]
    assert admit(inbox.folder, series[0].SeriesInstanceUID, PATIENT, "radiologist") == 1
    watch.look()
    clock.now += 2.0
    (news,) = watch.look()
    assert (news.kind, news.series.instances) == ("complete", 3)


def test_another_patient_is_never_admitted_and_can_be_discarded(inbox) -> None:
    (ds,) = instances(1, lambda ds, k: setattr(ds, "PatientID", "OTHER"))
    assert put(inbox, ds) is Kept.QUARANTINED
    uid = str(ds.SeriesInstanceUID)
    with pytest.raises(PatientMismatchError, match="another patient"):
        admit(inbox.folder, uid, PATIENT, "anyone")
    record = read_record(inbox.folder / "quarantine", uid)
    write_record(inbox.folder / "quarantine", uid, replace(record, is_conflicting=False))
    with pytest.raises(PatientMismatchError):
        admit(inbox.folder, uid, PATIENT, "who forges the record")
    assert discard(inbox.folder, uid) == 1
    assert files_in(inbox.folder) == [] and series_in(inbox.folder) == ()


def test_what_follows_an_admitted_series_needs_no_second_yes(inbox) -> None:
    first, second = instances(2, lambda ds, k: setattr(ds, "PatientBirthDate", ""))
    assert put(inbox, first) is Kept.QUARANTINED
    admit(inbox.folder, str(first.SeriesInstanceUID), PATIENT, "radiologist")
    assert put(inbox, second) is Kept.STORED
    assert put(inbox, first) is Kept.KNOWN
    (series,) = series_in(inbox.folder)
    assert (series.is_held, series.instances, series.record.admitted_by) == (False, 2, "radiologist")
    assert first_arrival(series).patient.patient_id == PATIENT.patient_id


def test_what_is_not_held_cannot_be_admitted_or_discarded(inbox) -> None:
    put(inbox, instances(1)[0])
    for action in (lambda: admit(inbox.folder, "1.2.3", PATIENT, "x"), lambda: discard(inbox.folder, "1.2.3")):
        with pytest.raises(InputError, match="Held are: none"):
            action()


def test_a_series_whose_uid_is_none_keeps_its_name(inbox) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says that this is no UID
        (ds,) = instances(1, lambda ds, k: setattr(ds, "SeriesInstanceUID", "anon.series/1"))
        assert put(inbox, ds) is Kept.STORED
    (series,) = series_in(inbox.folder)
    assert series.series_uid == "anon.series/1"
    assert series.folder.parent == inbox.folder / "series"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_others_cannot_look_into_the_inbox(inbox) -> None:
    assert inbox.folder.stat().st_mode & 0o077 == 0


def test_tidying_removes_only_what_the_twin_has(inbox) -> None:
    taken, waiting = instances(1)[0], instances(1)[0]
    for ds in (taken, waiting):
        put(inbox, ds)
    uid = str(taken.SeriesInstanceUID)
    write_record(inbox.folder / "series", uid, SeriesRecord(uid, SeriesState.TAKEN_IN, instances=1, revision=2))
    assert discard_taken_in(inbox.folder) == 1
    assert [s.series_uid for s in series_in(inbox.folder)] == [str(waiting.SeriesInstanceUID)]


class Watching:
    """A watched folder with its own clock."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.clock, self.taken, self.named = Clock(), [], []
        self.watch = FolderWatch(folder, 2.0, lambda d, a: self.taken.append(a), self._name, self.clock)

    def _name(self, name: str, reason: str) -> None:
        self.named.append((name, reason))

    def after(self, seconds: float) -> int:
        self.clock.now += seconds
        return self.watch.look()


def test_a_file_that_is_being_written_is_waited_for(tmp_path) -> None:
    (ds,) = instances(1)
    whole = write_file(ds, tmp_path / "whole.dcm").read_bytes()
    watching, path = Watching(tmp_path / "watched"), tmp_path / "watched" / "IM0001"
    path.write_bytes(whole[: len(whole) // 2])
    assert [watching.after(1.0) for _ in range(3)] == [0, 0, 0]
    assert "cut short" in watching.named[0][1] and "waiting" in watching.named[0][1]
    path.write_bytes(whole)
    assert [watching.after(1.0) for _ in range(3)] == [0, 0, 1]
    assert watching.after(50.0) == 0, "what was taken is not taken again"
    assert [a.sop_instance_uid for a in watching.taken] == [str(ds.SOPInstanceUID)]


def test_partial_and_foreign_files_are_named_once_and_stop_nothing(tmp_path) -> None:
    watching = Watching(tmp_path / "watched")
    folder = tmp_path / "watched"
    (ds,) = instances(1)
    whole = write_file(ds, folder / "deep" / "IM1").read_bytes()
    (folder / "notes.txt").write_text("a note")
    (folder / "scan.nii.gz").write_bytes(b"\x1f\x8b" + b"x" * 50)
    (folder / "IM2").write_bytes(whole[:-20])
    (folder / "empty").write_bytes(b"")
    for _ in range(4):
        watching.after(PATIENCE_S)
    assert len(watching.taken) == 1
    last = dict(watching.named)
    assert set(last) == {"notes.txt", "scan.nii.gz", "IM2", "empty"}
    assert "waiting" not in last["IM2"]
    before = list(watching.named)
    watching.after(PATIENCE_S)
    assert watching.named == before


def test_objects_that_are_no_images_of_a_volume_are_named(tmp_path) -> None:
    watching = Watching(tmp_path / "watched")
    (ds,) = instances(1, lambda ds, k: setattr(ds, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.1"))
    write_file(ds, tmp_path / "watched" / "xray.dcm")
    watching.after(1.0)
    watching.after(5.0)
    assert watching.taken == [] and "no image of a kind" in watching.named[0][1]
