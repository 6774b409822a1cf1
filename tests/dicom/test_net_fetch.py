"""Fetching whole series or none: archives that cut off, lie, lack, stop; resumption; the web's hostile answers."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from surgtwin.dicom.net_archive import Query, SeriesRow, Take
from surgtwin.dicom.net_commit import COMMITMENT, WELL_KNOWN, confirm_storage
from surgtwin.dicom.net_dimse import FIND, GET, DimseArchive, Peer
from surgtwin.dicom.net_fetch import fetch_series
from surgtwin.dicom.net_web import WebArchive
from surgtwin.errors import Cancelled, SourceError
from surgtwin.progress import SILENT, Progress
from tests.live.dicom_peers import instances

COUNT = 6


def as_file(ds: Dataset) -> bytes:
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    return instances(COUNT)


@pytest.fixture
def row(series) -> SeriesRow:
    return SeriesRow(str(series[0].StudyInstanceUID), str(series[0].SeriesInstanceUID), "CT", instances=COUNT)


class Shelf:
    """An archive in memory that gives at most `most` objects a time."""

    def __init__(self, series: list[Dataset], most: int = 10**6) -> None:
        self.objects = {str(ds.SOPInstanceUID): as_file(ds) for ds in series}
        self.listed, self.most, self.asked = list(self.objects), most, 0

    def find_series(self, query: Query) -> list[SeriesRow]:
        return []

    def find_instances(self, row: SeriesRow) -> list[str]:
        return self.listed

    def retrieve(self, row: SeriesRow, wanted: Sequence[str], take: Take, progress: Progress) -> None:
        self.asked = len(wanted)
        for uid in list(wanted)[: self.most]:
            take(uid, (self.objects[uid],))


def test_a_series_that_came_in_part_is_refused_and_continued(series, row, tmp_path) -> None:
    with pytest.raises(SourceError, match="4 of 6 instances came"):
        fetch_series(Shelf(series, most=4), row, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f"{row.series_uid}.partial"]
    shelf = Shelf(series)
    fetched = fetch_series(shelf, row, tmp_path)
    assert (shelf.asked, fetched.new, fetched.instances) == (2, 2, 6)
    assert [p.name for p in tmp_path.iterdir()] == [row.series_uid]
    for ds in series:
        assert dcmread(fetched.folder / f"{ds.SOPInstanceUID}.dcm").PixelData == ds.PixelData
    assert fetch_series(shelf, row, tmp_path).new == 0


def test_a_list_shorter_than_the_archive_says_is_refused(series, row, tmp_path) -> None:
    shelf = Shelf(series)
    shelf.listed = shelf.listed[:5]
    with pytest.raises(SourceError, match="has 6 instances, but lists 5"):
        fetch_series(shelf, row, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_series_that_grew_is_completed(series, row, tmp_path) -> None:
    fetch_series(Shelf(series[:4]), replace(row, instances=4), tmp_path)
    assert fetch_series(Shelf(series), row, tmp_path).new == 2
    assert [p.name for p in tmp_path.iterdir()] == [row.series_uid]


def test_something_else_under_an_asked_uid_is_not_kept(series, row, tmp_path) -> None:
    shelf = Shelf(series)
    first = shelf.listed[0]
    for wrong in (as_file(instances(1)[0]), b"<html>sign in</html>", b""):
        shelf.objects[first] = wrong
        with pytest.raises(SourceError, match="something else"):
            fetch_series(shelf, row, tmp_path)
    assert list(tmp_path.rglob("*.dcm")) == []


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2/3", "", "1" * 65, "1.2\n3"])
def test_uids_that_are_none_are_refused(series, row, uid, tmp_path) -> None:
    shelf = Shelf(series)
    shelf.listed = [*shelf.listed, uid]
    for archive, asked in ((shelf, row), (Shelf(series), replace(row, series_uid=uid))):
        with pytest.raises(SourceError, match="no UID"):
            fetch_series(archive, asked, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_cancelling_keeps_what_came(series, row, tmp_path) -> None:
    progress = Progress(is_cancelled=lambda: len(list(tmp_path.rglob("*.dcm"))) >= 2)
    with pytest.raises(Cancelled):
        fetch_series(Shelf(series), row, tmp_path, progress)
    assert fetch_series(Shelf(series), row, tmp_path).new == COUNT - 2


# --- by DICOM's own protocol ---


class DicomArchive:
    """pynetdicom as an archive; `give` is how many objects a retrieval gets."""

    def __init__(self, series: list[Dataset]) -> None:
        self.series, self.give, self.status = series, len(series), 0xFF00
        entity = AE(ae_title="ARCHIVE")
        entity.require_calling_aet = ["SURGTWIN"]
        for uid in (FIND, GET, "1.2.840.10008.1.1"):
            entity.add_supported_context(uid)
        entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get), (evt.EVT_C_STORE, lambda e: 0xA900)]
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self.server.server_address[1]

    def _find(self, event: Any) -> Iterator[tuple[int, Any]]:
        first = event.identifier
        if self.status != 0xFF00:
            yield self.status, None
            return
        for ds in self.series if first.QueryRetrieveLevel == "IMAGE" else self.series[:1]:
            found = Dataset()
            found.QueryRetrieveLevel = first.QueryRetrieveLevel
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality"):
                setattr(found, keyword, getattr(ds, keyword))
            found.NumberOfSeriesRelatedInstances = len(self.series)
            yield 0xFF00, found

    def _get(self, event: Any) -> Iterator[Any]:
        uids = event.identifier.SOPInstanceUID
        wanted = [uids] if isinstance(uids, str) else list(uids)
        found = [ds for ds in self.series if ds.SOPInstanceUID in wanted][: self.give]
        yield len(found)
        for ds in found:
            yield 0xFF00, ds


@pytest.fixture
def archive(series) -> Iterator[DicomArchive]:
    found = DicomArchive(series)
    yield found
    found.server.shutdown()


def peer(archive: DicomArchive, **changes: Any) -> DimseArchive:
    return DimseArchive(Peer("127.0.0.1", archive.port, **{"called": "ARCHIVE", "timeout_s": 30.0, **changes}))


def test_a_series_is_found_and_got(archive, tmp_path) -> None:
    client = peer(archive)
    client.echo()
    (row,) = client.find_series(Query(modality="CT"))
    assert (row.instances, row.modality) == (COUNT, "CT")
    archive.give = 4
    with pytest.raises(SourceError, match="4 of 6"):
        fetch_series(client, row, tmp_path)
    archive.give = COUNT
    assert fetch_series(client, row, tmp_path).new == 2


def test_an_archive_that_fails_or_refuses_says_so(archive, tmp_path) -> None:
    archive.status = 0xA700
    with pytest.raises(SourceError, match="A700"):
        peer(archive).find_series(Query(modality="CT"))
    with pytest.raises(SourceError, match="refused the association"):
        peer(archive, calling="STRANGER").echo()


def test_an_object_that_the_archive_does_not_take_is_told(archive, series, tmp_path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(as_file(series[0]))
    assert "A900" in peer(archive).store(path)
    other = instances(1)[0]
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    other.file_meta.MediaStorageSOPClassUID = other.SOPClassUID
    path.write_bytes(as_file(other))
    with pytest.raises(SourceError, match="none of what was asked"):
        peer(archive).store(path)


def committing(answers: Callable[[Any, Any], Any] | None) -> tuple[Any, int]:
    """An archive that is asked to vouch, and reports on the association that asked."""
    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context(COMMITMENT)

    def on_action(event: Any) -> tuple[int, None]:
        request = event.action_information
        if answers is not None:
            report = answers(request, Dataset())
            threading.Thread(target=event.assoc.send_n_event_report, args=(report, 2, COMMITMENT, WELL_KNOWN)).start()
        return 0, None

    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_ACTION, on_action)])
    assert server is not None
    return server, server.server_address[1]


def test_an_object_that_the_archive_does_not_vouch_for_is_told() -> None:
    def one_failed(request: Dataset, report: Dataset) -> Dataset:
        report.TransactionUID = request.TransactionUID
        report.ReferencedSOPSequence = request.ReferencedSOPSequence[:1]
        failed = Dataset()
        failed.ReferencedSOPClassUID, failed.ReferencedSOPInstanceUID = CTImageStorage, "1.2.2"
        failed.FailureReason = 0x0112
        report.FailedSOPSequence = [failed]
        return report

    server, port = committing(one_failed)
    objects = [(str(CTImageStorage), uid) for uid in ("1.2.1", "1.2.2", "1.2.3")]
    try:
        asked = Peer("127.0.0.1", port, "ARCHIVE")
        found = confirm_storage(asked, objects, host="127.0.0.1", port=0, patience_s=60.0)
    finally:
        server.shutdown()
    assert found["1.2.1"] == ""
    assert "0112" in found["1.2.2"] and "does not name it" in found["1.2.3"]


def test_an_archive_that_never_vouches_is_told() -> None:
    server, port = committing(None)
    try:
        with pytest.raises(SourceError, match="did not say"):
            asked = Peer("127.0.0.1", port, "ARCHIVE")
            confirm_storage(asked, [(str(CTImageStorage), "1.2")], host="127.0.0.1", port=0, patience_s=0.2)
    finally:
        server.shutdown()


# --- over the web ---

Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(body: bytes, kind: str = "application/dicom+json", code: int = 200, length: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class WebServer:
    """Answers each path by the first entry whose key it contains."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                next(a for key, a in outer.answers.items() if key in self.path)(self)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/dicom-web"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    found = WebServer()
    yield found
    found.close()


def multipart(data: bytes) -> tuple[bytes, str]:
    body = b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--xyz--\r\n"
    return body, 'multipart/related; type="application/dicom"; boundary=xyz'


def serve(web: WebServer, series: list[Dataset]) -> None:
    for ds in series:
        web.answers[f"instances/{ds.SOPInstanceUID}"] = reply(*multipart(as_file(ds)))
    listed = [{"00080018": {"vr": "UI", "Value": [str(ds.SOPInstanceUID)]}} for ds in series]
    web.answers["instances"] = reply(json.dumps(listed).encode())
    uid, study = str(series[0].SeriesInstanceUID), str(series[0].StudyInstanceUID)
    values = {"0020000D": study, "0020000E": uid, "00080060": "CT", "00201209": len(series)}
    found = {tag: {"Value": [value]} for tag, value in values.items()}
    web.answers["series?"] = reply(json.dumps([found]).encode())


def test_a_series_is_found_and_fetched_over_the_web(web, series, tmp_path) -> None:
    serve(web, series)
    archive = WebArchive(web.url)
    (row,) = archive.find_series(Query(patient_id="A&B=C", modality="CT"))
    assert "PatientID=A%26B%3DC" in web.asked[0]
    assert row.instances == COUNT
    assert fetch_series(archive, row, tmp_path).new == COUNT


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (reply(b"gone", code=404), "404"),
        (reply(b"", code=302), "302"),
        (reply(b"<html>", "text/html"), "something else"),
        (reply(b"", 'multipart/related; boundary=""'), "something else"),
        (reply(b"--xyz no end", "multipart/related; boundary=xyz"), "something else"),
        (reply(b"x" * 50, "application/dicom", length=9000), "reached|cut short"),
        (reply(b"x", "application/dicom", length=2**40), "at most"),
        (lambda handler: handler.connection.close(), "reached"),
    ],
)
def test_answers_that_are_no_objects_are_refused(web, series, row, answer, word, tmp_path) -> None:
    serve(web, series)
    web.answers = {f"instances/{series[3].SOPInstanceUID}": answer, **web.answers}
    web.answers[f"instances/{series[3].SOPInstanceUID}"] = answer
    with pytest.raises(SourceError, match=word):
        fetch_series(WebArchive(web.url, timeout_s=20.0), row, tmp_path)
    assert not (tmp_path / row.series_uid).exists()
    serve(web, series)
    assert fetch_series(WebArchive(web.url), row, tmp_path, SILENT).instances == COUNT


@pytest.mark.parametrize("body", [b"{", b"{}", b'["x"]', b"\xff\xfe"])
def test_searches_answered_with_nonsense_are_refused(web, body) -> None:
    web.answers["series"] = reply(body)
    with pytest.raises(SourceError, match="DICOM"):
        WebArchive(web.url).find_series(Query(modality="CT"))


def test_what_the_archive_did_not_store_is_told(web, series) -> None:
    data = as_file(series[0])
    stored = {"00081199": {"Value": [{"00081155": {"Value": ["1.2"]}}]}}
    failed = {"00081198": {"Value": [{"00081197": {"vr": "US", "Value": [272]}}]}}
    for body, code, word in ((stored, 200, ""), (failed, 409, "0110"), ({}, 200, "did not say"), (failed, 202, "0110")):
        web.answers["studies"] = reply(json.dumps(body).encode(), code=code)
        assert word in WebArchive(web.url).store(data)
        assert bool(word) == bool(WebArchive(web.url).store(data))


@pytest.mark.parametrize("url", ["ftp://x/y", "https://", "https://a:b@host/x", "nothing"])
def test_addresses_that_are_none_are_refused(url) -> None:
    with pytest.raises(SourceError, match="no address"):
        WebArchive(url)


def test_a_secret_is_never_sent_in_the_open() -> None:
    with pytest.raises(SourceError, match="not https"):
        WebArchive("http://archive.example/dicom-web", authorization="Bearer x")


def test_files_stay_out_of_the_way_of_what_is_there(series, row, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    fetch_series(Shelf(series), row, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
