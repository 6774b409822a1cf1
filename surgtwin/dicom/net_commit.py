"""Storage commitment: an archive's word that it keeps what it was sent (PS3.4, annex J).

It answers when it has looked, on the association of the request or on one of its own to us.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt

from ..errors import SourceError
from .net_dimse import DimseArchive, Peer

COMMITMENT, WELL_KNOWN = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
REQUEST = 1
SUCCESS, CANNOT_PROCESS = 0x0000, 0x0110

Reference = tuple[str, str]
"""SOPClassUID and SOPInstanceUID of an object."""


class _Answer:
    """The archive's report on one transaction, whichever way it comes."""

    def __init__(self, transaction: str) -> None:
        self._transaction = transaction
        self.kept: set[str] = set()
        self.reasons: dict[str, str] = {}
        self.came = threading.Event()

    def on_report(self, event: Any) -> tuple[int, None]:
        report = event.event_information
        if str(report.get("TransactionUID", "")) != self._transaction:
            return CANNOT_PROCESS, None
        self.kept = {
            str(item.get("ReferencedSOPInstanceUID", "")) for item in report.get("ReferencedSOPSequence") or ()
        }
        for item in report.get("FailedSOPSequence") or ():
            reason = int(item.get("FailureReason") or 0)
            self.reasons[str(item.get("ReferencedSOPInstanceUID", ""))] = f"reason {reason:04X}"
        self.came.set()
        return SUCCESS, None


def confirm_storage(
    peer: Peer, objects: Sequence[Reference], *, host: str, port: int, patience_s: float
) -> dict[str, str]:
    """SOPInstanceUID -> why the archive does not vouch for it, empty if it does.

    Parameters
    ----------
    host, port
        Where we listen for the answer; the archive must know our AE title there.

    Raises
    ------
    SourceError
        If the archive does not offer this, or does not answer within `patience_s`.
    """
    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = [_reference(*one) for one in objects]
    answer = _Answer(str(request.TransactionUID))
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, answer.on_report)]
    server = _listen(peer.calling, host, port, handlers)
    try:
        archive = DimseArchive(peer)
        with archive.association([COMMITMENT], handlers=handlers) as association:
            status, _ = association.send_n_action(request, REQUEST, COMMITMENT, WELL_KNOWN)
            archive.require(status, "the storage commitment")
            answer.came.wait(patience_s)
    finally:
        server.shutdown()
    if not answer.came.is_set():
        raise SourceError(
            f"{peer.name} did not say within {patience_s:g} s whether it keeps the objects. It must know "
            f"'{peer.calling}' at this computer's port {port}."
        )
    return {uid: "" if uid in answer.kept else _why(answer.reasons.get(uid)) for _, uid in objects}


def _listen(title: str, host: str, port: int, handlers: list[Any]) -> Any:
    entity = AE(ae_title=title)
    entity.require_called_aet = True
    entity.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
    try:
        return entity.start_server((host, port), block=False, evt_handlers=handlers)
    except OSError as error:
        raise SourceError(f"Port {port} can't be listened on: {error.strerror}. Choose another.") from error


def _reference(sop_class: str, instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    return item


def _why(reason: str | None) -> str:
    return f"it was sent, but the archive does not vouch for keeping it ({reason or 'it does not name it'})"
