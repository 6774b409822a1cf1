"""An archive that speaks DICOM's own protocol: C-ECHO, C-FIND, C-GET, C-MOVE to ourselves, C-STORE (PS3.4)."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_role, evt
from pynetdicom.dsutils import encode_file_meta

from ..errors import SourceError, SurgTwinError
from ..progress import Progress
from .net_archive import MAX_ROWS, Query, SeriesRow, Take, count_of
from .net_contexts import IMAGE_CLASSES, READABLE_SYNTAXES, VERIFICATION
from .pydicom_read import read_object
from .quiet import quiet_pydicom

FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
"""Study Root Query/Retrieve."""
SUCCESS, PENDING, OUT_OF_RESOURCES = 0x0000, (0xFF00, 0xFF01), 0xA700
AT_ONCE = 200
"""UIDs in one request; longer lists some archives cut off."""
PDU_BYTES = 128 * 1024


@dataclass(frozen=True)
class Peer:
    """Where an archive is, and who we are to it.

    Parameters
    ----------
    move_port
        Where C-MOVE sends to, if that is to be used in place of C-GET; the archive must know `calling` there.
    """

    host: str
    port: int
    called: str
    calling: str = "SURGTWIN"
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None
    move_port: int | None = None
    move_host: str = "127.0.0.1"

    @property
    def name(self) -> str:
        return f"{self.called} at {self.host}:{self.port}"


class DimseArchive:
    """One archive; every call makes an association of its own."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        _be_quiet()

    def echo(self) -> None:
        """Raises SourceError if the archive does not answer."""
        with self.association([VERIFICATION]) as association:
            self.require(association.send_c_echo(), "the echo")

    def find_series(self, query: Query) -> list[SeriesRow]:
        wanted = _identifier("SERIES", StudyInstanceUID=query.study_uid, SeriesInstanceUID=query.series_uid)
        wanted.PatientID, wanted.StudyDate, wanted.AccessionNumber = query.patient_id, query.study_date, query.accession
        wanted.Modality = query.modality
        for keyword in ("SeriesDescription", "StudyDescription", "SeriesNumber", "NumberOfSeriesRelatedInstances"):
            setattr(wanted, keyword, None)
        return [_series_row(found) for found in self._find(wanted)]

    def find_instances(self, row: SeriesRow) -> list[str]:
        wanted = _identifier("IMAGE", StudyInstanceUID=row.study_uid, SeriesInstanceUID=row.series_uid)
        wanted.SOPInstanceUID = None
        return [_text(found, "SOPInstanceUID") for found in self._find(wanted)]

    def retrieve(self, row: SeriesRow, wanted: Sequence[str], take: Take, progress: Progress) -> None:
        kept = _Keeping(take, progress)
        for start in range(0, len(wanted), AT_ONCE):
            asked = _identifier("IMAGE", StudyInstanceUID=row.study_uid, SeriesInstanceUID=row.series_uid)
            asked.SOPInstanceUID = list(wanted[start : start + AT_ONCE])
            if self._peer.move_port is None:
                self._get(asked, kept)
            else:
                self._move(asked, kept)
            if kept.error is not None:
                raise kept.error

    def store(self, path: Path) -> str:
        """Give the archive one DICOM file; answers why it refused it, empty if it took it. Raises DicomError."""
        ds = read_object(path, "object")
        syntax = str(ds.file_meta.TransferSyntaxUID)
        with self.association([str(ds.SOPClassUID)], [syntax]) as association:
            if not association.accepted_contexts:
                return "the archive takes no objects of this kind, or not in this encoding"
            with quiet_pydicom():
                answer = association.send_c_store(ds)
        status = answer.get("Status")
        if status is None:
            return "the connection broke before the archive answered"
        # Warnings (B000, B006, B007) say that it was stored and something of it changed.
        return "" if status == SUCCESS or status >> 12 == 0xB else f"the archive refused it (status {status:04X})"

    def _find(self, wanted: Dataset) -> list[Dataset]:
        found: list[Dataset] = []
        with self.association([FIND]) as association:
            last = Dataset()
            for status, identifier in association.send_c_find(wanted, FIND):
                last = status
                if status.get("Status") in PENDING and identifier is not None:
                    found.append(identifier)
                if len(found) > MAX_ROWS:
                    raise SourceError(f"More than {MAX_ROWS} objects match. Ask for fewer, by patient, date or study.")
            self.require(last, "the search")
        return found

    def _get(self, asked: Dataset, kept: _Keeping) -> None:
        classes = list(IMAGE_CLASSES)
        with self.association([GET, *classes], roles=classes, handlers=[(evt.EVT_C_STORE, kept.on_store)]) as found:
            last = Dataset()
            for status, _ in found.send_c_get(asked, GET):
                last = status
                if kept.error is not None:
                    return
            # Failed sub-operations are counted by who asked: what came stays.
            self.require(last, "the retrieval", also=(0xB000, 0xA702))

    def _move(self, asked: Dataset, kept: _Keeping) -> None:
        entity = AE(ae_title=self._peer.calling)
        entity.maximum_pdu_size = PDU_BYTES
        entity.require_called_aet = True
        for uid in IMAGE_CLASSES:
            entity.add_supported_context(uid, list(READABLE_SYNTAXES))
        address = (self._peer.move_host, cast(int, self._peer.move_port))
        try:
            server = entity.start_server(address, block=False, evt_handlers=[(evt.EVT_C_STORE, kept.on_store)])
        except OSError as error:
            raise SourceError(f"Port {address[1]} can't be listened on: {error.strerror}. Choose another.") from error
        try:
            with self.association([MOVE]) as association:
                last = Dataset()
                for status, _ in association.send_c_move(asked, self._peer.calling, MOVE):
                    last = status
                    if kept.error is not None:
                        return
                self.require(last, "the retrieval", also=(0xB000, 0xA702))
        finally:
            if server is not None:
                server.shutdown()

    @contextmanager
    def association(
        self,
        classes: Sequence[str],
        syntaxes: Sequence[str] | None = None,
        *,
        roles: Sequence[str] = (),
        handlers: Sequence[Any] = (),
    ) -> Iterator[Any]:
        """An association that is released at the end, and aborted on an error. Raises SourceError."""
        entity = AE(ae_title=self._peer.calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._peer.timeout_s
        entity.connection_timeout = self._peer.timeout_s
        for uid in classes:
            if uid in roles:
                entity.add_requested_context(uid, list(READABLE_SYNTAXES))
            elif syntaxes:
                entity.add_requested_context(uid, list(syntaxes))
            else:
                entity.add_requested_context(uid)
        association = entity.associate(
            self._peer.host,
            self._peer.port,
            ae_title=self._peer.called,
            max_pdu=PDU_BYTES,
            ext_neg=[build_role(uid, scp_role=True) for uid in roles],
            evt_handlers=list(handlers),
            tls_args=None if self._peer.tls is None else (self._peer.tls, self._peer.host),
        )
        if not association.is_established:
            raise SourceError(self._no_association(association))
        try:
            yield association
        except BaseException:
            association.abort()
            raise
        if association.is_established:
            association.release()

    def _no_association(self, association: Any) -> str:
        name = self._peer.name
        if association.is_rejected:
            return (
                f"{name} refused the association. Check both AE titles ('{self._peer.calling}' calls), "
                "and that the archive knows this computer."
            )
        if association.is_aborted and association.acceptor.primitive is not None:
            return f"{name} offers none of what was asked for."
        return f"{name} can't be reached, or offers none of what was asked for. Check host, port, TLS and AE title."

    def require(self, answer: Dataset, what: str, also: Sequence[int] = ()) -> None:
        """Raises SourceError unless an answer is success, or one of the statuses `also`."""
        status = answer.get("Status")
        if status is None:
            raise SourceError(f"{self._peer.called} broke off before it answered {what}, or took too long.")
        if status != SUCCESS and status not in also:
            raise SourceError(f"{self._peer.called} could not do {what} (status {status:04X}).")


class _Keeping:
    """Objects that an archive sends us, given on as files; the first error ends the retrieval."""

    def __init__(self, take: Take, progress: Progress) -> None:
        self._take, self._progress = take, progress
        self.error: SurgTwinError | None = None

    def on_store(self, event: Any) -> int:
        if self.error is not None:
            return OUT_OF_RESOURCES
        head = b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta)
        try:
            self._progress.check()
            with cast(BytesIO, event.request.DataSet).getbuffer() as data:
                self._take(str(event.request.AffectedSOPInstanceUID), (head, data))
        except SurgTwinError as error:
            # In pynetdicom's thread: who asked for the retrieval raises it.
            self.error = error
            return OUT_OF_RESOURCES
        return SUCCESS


def _identifier(level: str, **uids: str) -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = level
    for keyword, value in uids.items():
        setattr(found, keyword, value or None)
    return found


def _series_row(found: Dataset) -> SeriesRow:
    return SeriesRow(
        _text(found, "StudyInstanceUID"),
        _text(found, "SeriesInstanceUID"),
        _text(found, "Modality"),
        _text(found, "SeriesDescription"),
        _text(found, "StudyDate"),
        _text(found, "StudyDescription"),
        _text(found, "SeriesNumber"),
        count_of(_text(found, "NumberOfSeriesRelatedInstances")),
    )


def _text(found: Dataset, keyword: str) -> str:
    value = found.get(keyword)
    return "" if value is None else "".join(c for c in str(value) if c.isprintable()).strip()


def _be_quiet() -> None:
    """pynetdicom logs what it sends and receives, names of patients among it."""
    _config.LOG_HANDLER_LEVEL = "none"
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
