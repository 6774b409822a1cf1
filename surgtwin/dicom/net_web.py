"""DICOMweb (PS3.18): series found by QIDO-RS, fetched by WADO-RS, objects stored by STOW-RS, answers bounded."""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

from ..errors import SourceError
from ..progress import Progress
from .net_archive import MAX_ROWS, Query, SeriesRow, Take, count_of

MIB = 2**20
MAX_JSON_BYTES, MAX_OBJECT_BYTES = 64 * MIB, 1024 * MIB
_JSON = "application/dicom+json"
_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_MODALITY, _SERIES_DESCRIPTION, _NUMBER, _COUNT = "00080060", "0008103E", "00200011", "00201209"
_STUDY_DATE, _STUDY_DESCRIPTION = "00080020", "00081030"
_FAILED, _FAILURE, _STORED = "00081198", "00081197", "00081199"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An archive that sends us elsewhere would be given what was meant for it alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class WebArchive:
    """An archive at a base address such as https://host/dicom-web.

    Parameters
    ----------
    authorization
        Value of the Authorization header ("Bearer ..."); never sent unencrypted to another machine.
    timeout_s
        For connecting, and for every piece of an answer.
    """

    def __init__(
        self, url: str, *, authorization: str = "", tls: ssl.SSLContext | None = None, timeout_s: float = 30.0
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise SourceError(f"'{url}' is no address of an archive, like https://host/dicom-web.")
        if authorization and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise SourceError("The archive's address is not https: the authorization would be sent in the open.")
        self._url, self._timeout_s = url.rstrip("/"), timeout_s
        self._headers = {"Authorization": authorization} if authorization else {}
        handlers = [urllib.request.HTTPSHandler(context=tls)] if tls is not None else []
        self._opener = urllib.request.build_opener(_NoRedirect(), urllib.request.ProxyHandler({}), *handlers)

    def find_series(self, query: Query) -> list[SeriesRow]:
        wanted = {
            "PatientID": query.patient_id,
            "StudyDate": query.study_date,
            "AccessionNumber": query.accession,
            "Modality": query.modality,
            "StudyInstanceUID": query.study_uid,
            "SeriesInstanceUID": query.series_uid,
        }
        fields = [("includefield", f) for f in (_SERIES_DESCRIPTION, _COUNT, _STUDY_DATE, _STUDY_DESCRIPTION)]
        rows = self._rows("series", [*((k, v) for k, v in wanted.items() if v), *fields])
        return [_series_row(row) for row in rows]

    def find_instances(self, row: SeriesRow) -> list[str]:
        return [_text(found, _INSTANCE) for found in self._rows(f"{_path(row)}/instances", [])]

    def retrieve(self, row: SeriesRow, wanted: Sequence[str], take: Take, progress: Progress) -> None:
        for uid in wanted:
            progress.check()
            body, kind = self._get(f"{_path(row)}/instances/{uid}", {"Accept": _DICOM}, MAX_OBJECT_BYTES)
            take(uid, (_only_part(body, kind),))

    def store(self, data: bytes) -> str:
        """Give the archive one DICOM file; answers why it refused it, empty if it took it."""
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode("ascii")
        body = b"".join((head, data, f"\r\n--{boundary}--\r\n".encode("ascii")))
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        headers = {"Content-Type": kind, "Accept": _JSON}
        answer, _ = self._get("studies", headers, MAX_JSON_BYTES, body=body, also_read=(409,))
        return _failure(answer)

    def echo(self) -> None:
        """Ask for nothing in particular. Raises SourceError if the archive does not answer as one."""
        self._rows("studies", [("limit", "1")])

    def _rows(self, path: str, fields: Sequence[tuple[str, str]]) -> list[Mapping[str, Any]]:
        query = f"?{urllib.parse.urlencode(fields)}" if fields else ""
        body, _ = self._get(f"{path}{query}", {"Accept": _JSON}, MAX_JSON_BYTES)
        try:
            rows = json.loads(body or b"[]")
        except ValueError as error:
            raise SourceError(f"The archive at {self._url} answered no DICOM JSON.") from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise SourceError(f"The archive at {self._url} answered no list of DICOM objects.")
        if len(rows) > MAX_ROWS:
            raise SourceError(f"More than {MAX_ROWS} objects match. Ask for fewer, by patient, date or study.")
        return rows

    def _get(
        self, path: str, headers: dict[str, str], most: int, *, body: bytes | None = None, also_read: Sequence[int] = ()
    ) -> tuple[bytes, str]:
        """Body and content type of an answer. Raises SourceError."""
        request = urllib.request.Request(f"{self._url}/{path}", body, {**self._headers, **headers})
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return _read(answer, most), str(answer.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in also_read:
                    return _read(error, most), ""
            raise SourceError(f"The archive at {self._url} answered {error.code} {error.reason}.") from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise SourceError(f"The archive at {self._url} can't be reached: {reason}.") from error


def _read(answer: Any, most: int) -> bytes:
    """The whole body: one that ends before its stated length is an error of the connection, not an answer."""
    stated = count_of(answer.headers.get("Content-Length") or "")
    if stated is not None and stated > most:
        raise SourceError(f"The archive's answer has {stated // MIB} MiB; at most {most // MIB} are taken.")
    body: bytes = answer.read(most + 1)
    if len(body) > most:
        raise SourceError(f"The archive's answer is larger than {most // MIB} MiB.")
    if stated is not None and len(body) < stated:
        raise SourceError(f"The archive's answer was cut short: {len(body)} of {stated} bytes came.")
    return body


def _path(row: SeriesRow) -> str:
    return f"studies/{row.study_uid}/series/{row.series_uid}"


def _only_part(body: bytes, kind: str) -> memoryview:
    """The one DICOM file of a multipart answer (RFC 2387); some archives send it bare."""
    if kind.split(";")[0].strip().lower() == "application/dicom":
        return memoryview(body)
    fields = [f.strip() for f in kind.split(";")]
    boundary = next((f.partition("=")[2].strip('"') for f in fields if f.lower().startswith("boundary=")), "")
    mark = b"--" + boundary.encode("latin-1", "replace")
    start = body.find(b"\r\n\r\n", max(body.find(mark), 0))
    end = body.rfind(b"\r\n" + mark)
    if not boundary or not body.lstrip().startswith(mark) or start < 0 or end < start:
        raise SourceError("The archive answered something else than a DICOM object.")
    return memoryview(body)[start + 4 : end]


def _series_row(row: Mapping[str, Any]) -> SeriesRow:
    return SeriesRow(
        _text(row, _STUDY),
        _text(row, _SERIES),
        _text(row, _MODALITY),
        _text(row, _SERIES_DESCRIPTION),
        _text(row, _STUDY_DATE),
        _text(row, _STUDY_DESCRIPTION),
        _text(row, _NUMBER),
        count_of(_text(row, _COUNT)),
    )


def _text(row: Mapping[str, Any], tag: str) -> str:
    """The first value of an attribute in DICOM JSON (PS3.18, F.2), printable; empty if absent."""
    attribute = row.get(tag)
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    if not isinstance(values, list) or not values or not isinstance(values[0], (str, int, float)):
        return ""
    return "".join(c for c in str(values[0]) if c.isprintable()).strip()


def _failure(answer: bytes) -> str:
    try:
        told = json.loads(answer or b"{}")
    except ValueError:
        return "the archive's answer can't be understood, so nothing is known of the object"
    failed = told.get(_FAILED, {}).get("Value") if isinstance(told, dict) else None
    if failed:
        reason = _text(failed[0], _FAILURE)
        return f"the archive refused it (reason {int(reason):04X})" if reason.isdigit() else "the archive refused it"
    taken = told.get(_STORED, {}).get("Value") if isinstance(told, dict) else None
    return "" if taken else "the archive did not say that it stored it"
