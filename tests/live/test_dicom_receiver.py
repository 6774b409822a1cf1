"""A receiver in its own process against pynetdicom's senders: what is acknowledged is kept, what is doubted is held."""

from __future__ import annotations

import socket
import threading
import warnings
from pathlib import Path

import pydicom
import pytest

from surgtwin.errors import SourceError
from surgtwin.live.dicom_inbox_view import series_in
from tests.live.dicom_peers import PATIENT, Running, calling, files_in, instances, random_pixels, receiving, send


def test_a_series_that_was_sent_lies_in_the_inbox_as_it_was(tmp_path) -> None:
    series = instances(5)
    with receiving(tmp_path / "inbox") as running:
        with calling(running.port) as association:
            assert association.send_c_echo().Status == 0
        assert send(running.port, series) == [0] * 5
        done = running.wait_for("disconnected", since=4)
    assert done["counts"] == {"stored": 5}
    (found,) = series_in(tmp_path / "inbox")
    assert (found.series_uid, found.instances, found.is_held) == (series[0].SeriesInstanceUID, 5, False)
    for ds in series:
        read = pydicom.dcmread(found.folder / f"{ds.SOPInstanceUID}.dcm")
        assert read.PixelData == ds.PixelData
        assert read.ImagePositionPatient == ds.ImagePositionPatient


def test_sending_twice_changes_nothing(tmp_path) -> None:
    series = instances(3)
    with receiving(tmp_path) as running:
        send(running.port, series)
        before = {f: f.stat().st_mtime_ns for f in files_in(tmp_path)}
        assert send(running.port, series) == [0] * 3
        assert {f: f.stat().st_mtime_ns for f in files_in(tmp_path)} == before


def test_other_contents_under_a_known_uid_are_held_beside_the_first(tmp_path) -> None:
    (first,) = instances(1)
    with receiving(tmp_path) as running:
        send(running.port, [first])
        kept = files_in(tmp_path)[0].read_bytes()
        random_pixels(first, 3)
        assert send(running.port, [first]) == [0]
        assert "other contents" in running.wait_for("quarantined")["reason"]
        assert send(running.port, [first]) == [0], "what is held already is known too"
    regular, held = series_in(tmp_path)
    assert (regular.instances, held.instances, held.is_held) == (1, 1, True)
    assert files_in(regular.folder)[0].read_bytes() == kept


@pytest.mark.parametrize(
    ("keyword", "value", "is_conflicting"),
    [("PatientID", "OTHER", True), ("PatientBirthDate", "19500102", True), ("PatientID", "", False)],
)
def test_who_is_not_surely_the_patient_is_held_and_acknowledged(tmp_path, keyword, value, is_conflicting) -> None:
    series = instances(2, lambda ds, k: setattr(ds, keyword, value))
    with receiving(tmp_path) as running:
        assert send(running.port, series) == [0, 0]
        event = running.wait_for("quarantined")
    (held,) = series_in(tmp_path)
    assert (held.is_held, held.instances, held.record.is_conflicting) == (True, 2, is_conflicting)
    assert event["reason"] in held.record.reasons
    names = [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] + [str(running.seen)]
    assert not any(secret in name for name in names for secret in ("OTHER", "SECRET", "Secret", "19500102"))


def test_objects_that_lie_about_themselves_are_refused(tmp_path) -> None:
    def blank_series(ds, k):
        ds.SeriesInstanceUID = ""

    with receiving(tmp_path) as running:
        assert send(running.port, instances(1, blank_series)) == [0xC000]
        assert "SeriesInstanceUID" in running.wait_for("refused")["reason"]
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("uid", ["../../escape", "..", "1.2.3/4", "1.2\\3"])
def test_uids_cannot_lead_out_of_the_inbox(tmp_path, uid) -> None:
    def change(ds, k):
        ds.SeriesInstanceUID = uid

    inbox = tmp_path / "a" / "inbox"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says that this is no UID
        series = instances(1, change)
    with receiving(inbox) as running:
        send(running.port, series)
    assert [f for f in files_in(tmp_path) if not f.resolve().is_relative_to(inbox.resolve())] == []


def test_only_allowed_titles_and_addresses_get_in(tmp_path) -> None:
    with receiving(tmp_path, callers=("CT1",)) as running:
        with calling(running.port) as association:
            assert association.is_established
        for wrong in ({"calling_aet": "OTHER"}, {"called": "SOMEONE"}):
            with calling(running.port, **wrong) as association:
                assert association.is_rejected
        assert running.wait_for("turned away")["aet"] == "OTHER"
    with receiving(tmp_path, networks=("10.9.8.0/24",)) as running:
        with calling(running.port) as association:
            assert not association.is_established
        assert "not allowed" in running.wait_for("turned away")["reason"]


def test_a_port_in_use_is_told(tmp_path) -> None:
    with receiving(tmp_path / "a") as running, pytest.raises(SourceError, match="Choose another port"):
        Running(tmp_path / "b", port=running.port)


def test_many_senders_at_once_all_arrive(tmp_path) -> None:
    series = [instances(12) for _ in range(4)]
    statuses: list[list[int]] = [[] for _ in series]
    with receiving(tmp_path) as running:
        threads = [
            threading.Thread(target=lambda n=n: statuses[n].extend(send(running.port, series[n]))) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [[0] * 12] * 4
    assert sorted(s.instances for s in series_in(tmp_path)) == [12] * 4


def test_more_associations_than_allowed_are_turned_away(tmp_path) -> None:
    with receiving(tmp_path, associations=1) as running, calling(running.port) as first:
        assert first.is_established
        with calling(running.port) as second:
            assert second.is_rejected
        assert first.send_c_echo().Status == 0


def test_a_receiver_that_dies_is_started_again(tmp_path) -> None:
    import psutil

    series = instances(4)
    with receiving(tmp_path) as running:
        send(running.port, series[:2])
        psutil.Process(running.process.pid).kill()
        running.wait_for("died")
        port = running.wait_for("listening", since=len(running.seen))["port"]
        assert send(int(port), series) == [0] * 4
    assert len(files_in(tmp_path)) == 4


def test_the_receiver_ends_when_its_parent_does(tmp_path) -> None:
    running = Running(tmp_path)
    running.process.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=10.0)


def test_the_reason_of_a_refusal_reaches_the_sender(tmp_path) -> None:
    def blank_series(ds, k):
        ds.SeriesInstanceUID = ""

    with receiving(tmp_path) as running, calling(running.port) as association:
        answer = association.send_c_store(instances(1, blank_series)[0])
    assert "SeriesInstanceUID" in answer.ErrorComment


def test_the_patient_of_the_settings_is_the_one_let_in(tmp_path: Path) -> None:
    with receiving(tmp_path, PATIENT) as running:
        send(running.port, instances(1))
    assert not series_in(tmp_path)[0].is_held
