"""A DICOM storage receiver in a process of its own: C-STORE and C-ECHO, durable before success is answered.

    python -m surgtwin.live.dicom_receiver      started by `live receive`; configuration and events as JSON lines

A flood, a crash or a hostile object ends this process at most, and nothing that it acknowledged is lost then.
"""

from __future__ import annotations

import errno
import io
import ipaddress
import logging
import ssl
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.dsutils import encode_file_meta

from ..dicom.net_contexts import IMAGE_CLASSES, READABLE_SYNTAXES, VERIFICATION, class_name
from ..domain.patient import Patient
from ..errors import DicomError, DiskError, SourceError
from .dicom_arrival import read_arrival
from .dicom_child import limit_memory, read_configuration, tell, when_parent_is_gone
from .dicom_gate import judge_identity
from .dicom_guard import MIB, GuardedServer, GuardedSocket, PeerLimits
from .dicom_inbox import Inbox, InboxLimits, Kept
from .dicom_receiver_settings import ReceiverSettings, settings_from

SUCCESS, OUT_OF_RESOURCES, DOES_NOT_MATCH, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xA900, 0xC000
MAX_COMMENT = 64
MOST_NAMED = 4
BIND_PATIENCE_S = 5.0
PROCESS_MEMORY = 6 * 1024 * MIB


class Receiver:
    """Keeps what arrives in an inbox; `handlers` are what pynetdicom calls."""

    def __init__(self, inbox: Inbox, twin: Patient) -> None:
        self._inbox, self._twin = inbox, twin
        self._counts: dict[Any, Counter[str]] = {}
        self._told: set[tuple[str, str]] = set()
        self.handlers: list[Any] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_ECHO, self._on_echo),
            (evt.EVT_ACCEPTED, self._on_accepted),
            (evt.EVT_REJECTED, self._on_rejected),
            (evt.EVT_RELEASED, self._on_end, ["released"]),
            (evt.EVT_ABORTED, self._on_end, ["aborted"]),
            (evt.EVT_CONN_CLOSE, self._on_end, ["closed"]),
        ]

    def _on_store(self, event: Any) -> Any:
        """Keep one instance; the answer's status says what became of it."""
        request = event.request
        size = 0
        try:
            with cast(io.BytesIO, request.DataSet).getbuffer() as data:
                size = len(data)
                kept = self._keep(event, data)
        except DicomError as error:
            return self._refused(event, CANNOT_UNDERSTAND, str(error))
        except SourceError as error:
            return self._refused(event, DOES_NOT_MATCH, str(error))
        except DiskError as error:
            return self._refused(event, OUT_OF_RESOURCES, str(error))
        finally:
            cast(GuardedSocket, event.assoc.dul.socket).served(size)
        self._count(event, kept.value)
        return SUCCESS

    def _keep(self, event: Any, data: memoryview) -> Kept:
        head = b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta)
        arrival = read_arrival(cast(BinaryIO, _Joined(head, data)), len(head) + len(data))
        if arrival.sop_instance_uid != str(event.request.AffectedSOPInstanceUID):
            raise SourceError("the object's SOPInstanceUID is not the one announced")
        if arrival.sop_class_uid != str(event.request.AffectedSOPClassUID):
            raise SourceError("the object's SOP class is not the one announced")
        admission = judge_identity(self._twin, arrival.patient)
        kept = self._inbox.put((head, data), arrival, admission)
        if kept is Kept.QUARANTINED:
            reason = admission.reason or "an instance of the same UID and other contents is there already"
            if (arrival.series_uid, reason) not in self._told:
                self._told.add((arrival.series_uid, reason))
                tell("quarantined", series=arrival.series_uid, reason=reason, **_peer(event.assoc))
        return kept

    def _refused(self, event: Any, status: int, reason: str) -> Dataset:
        self._count(event, "refused")
        tell("refused", status=f"{status:04X}", reason=reason, **_peer(event.assoc))
        answer = Dataset()
        answer.Status = status
        answer.ErrorComment = reason[:MAX_COMMENT]
        return answer

    def _on_echo(self, event: Any) -> int:
        tell("echo", **_peer(event.assoc))
        return SUCCESS

    def _on_accepted(self, event: Any) -> None:
        self._counts[event.assoc] = Counter()
        turned_down = sorted({class_name(str(c.abstract_syntax)) for c in event.assoc.rejected_contexts})
        more = [f"and {len(turned_down) - MOST_NAMED} more kinds"] if len(turned_down) > MOST_NAMED else []
        tell("connected", not_taken=[*turned_down[:MOST_NAMED], *more], **_peer(event.assoc))

    def _on_rejected(self, event: Any) -> None:
        tell("turned away", reason="the AE titles are not allowed here, or too many call", **_peer(event.assoc))

    def _on_end(self, event: Any, how: str) -> None:
        counts = self._counts.pop(event.assoc, None)
        if counts is not None:
            tell("disconnected", how=how, counts=dict(counts), **_peer(event.assoc))

    def _count(self, event: Any, what: str) -> None:
        self._counts.setdefault(event.assoc, Counter())[what] += 1


class _Joined(io.RawIOBase):
    """Two pieces of memory as one stream, without a copy of either."""

    def __init__(self, head: bytes, data: memoryview) -> None:
        self._parts, self._at = [memoryview(head), data], 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        while self._parts and self._at >= len(self._parts[0]):
            self._parts.pop(0)
            self._at = 0
        if not self._parts:
            return 0
        piece = self._parts[0][self._at : self._at + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def start_server(settings: ReceiverSettings, receiver: Receiver) -> GuardedServer:
    """A server that listens; `serve_forever` is not called yet.

    Raises
    ------
    SourceError
        If the address can't be listened on, or a file of the TLS options can't be used.
    """
    entity = AE(ae_title=settings.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.callers)
    entity.maximum_associations = settings.associations
    entity.maximum_pdu_size = 128 * 1024
    entity.acse_timeout = entity.network_timeout = entity.dimse_timeout = settings.stall_s
    entity.add_supported_context(VERIFICATION)
    for uid in IMAGE_CLASSES:
        entity.add_supported_context(uid, list(READABLE_SYNTAXES))
    limits = PeerLimits(
        networks=tuple(ipaddress.ip_network(n, strict=False) for n in settings.networks),
        connections=settings.associations + 8,
        object_bytes=settings.object_bytes,
        total_bytes=2 * settings.object_bytes,
        pdu_s=settings.stall_s,
    )
    context = None if settings.tls is None else _tls_context(*settings.tls)
    end = time.monotonic() + BIND_PATIENCE_S
    while True:
        try:
            return cast(
                GuardedServer,
                entity.make_server(
                    (settings.host, settings.port),
                    evt_handlers=receiver.handlers,
                    server_class=GuardedServer,
                    limits=limits,
                    tls=context,
                    told=lambda host, reason: tell("turned away", host=host, reason=reason),
                ),
            )
        except OSError as error:
            # The process of a receiver that was killed just now may not have ended yet.
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise SourceError(_no_port(settings, error)) from error
            time.sleep(0.1)


def _no_port(settings: ReceiverSettings, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"{settings.host}:{settings.port} can't be listened on ({reason}). Choose another port or address."


def _tls_context(certificate: str, key: str, authority: str) -> ssl.SSLContext:
    """Both sides show a certificate that `authority` signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(f"The files of --tls can't be used: {error}. They have to be PEM.") from error
    return context


def _peer(association: Any) -> dict[str, str]:
    requestor = association.requestor
    return {"host": str(requestor.address), "aet": str(requestor.ae_title)}


def be_quiet() -> None:
    """pynetdicom logs what arrives, names of patients among it."""
    _config.LOG_HANDLER_LEVEL = "none"
    for name in ("pynetdicom", "pydicom"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


def main() -> int:
    """Receive until the parent is gone or wants no more."""
    be_quiet()
    limit_memory(PROCESS_MEMORY)
    wanted = read_configuration()
    stop = threading.Event()
    when_parent_is_gone(stop)
    try:
        settings = settings_from(wanted["receiver"])
        inbox = Inbox(Path(wanted["inbox"]), InboxLimits(settings.most_bytes, settings.spare_bytes))
        server = start_server(settings, Receiver(inbox, Patient(**wanted["patient"])))
    except (SourceError, DiskError) as error:
        tell("failed", reason=str(error))
        return error.exit_code
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    tell("listening", host=server.server_address[0], port=server.server_address[1], aet=settings.ae_title)
    stop.wait()
    server.server_close()
    for association in server.active_associations:
        association.abort()
    return 0


if __name__ == "__main__":
    sys.exit(main())
