"""One line of the log, and the chain that ties it to the one before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import TwinCorruptError, TwinError

TWIN_CREATED = "twin.created"
IMAGE_ADDED = "image.added"
REVISION_ADDED = "revision.added"
REVISION_JUDGED = "revision.judged"
REVISION_REVERTED = "revision.reverted"
STRUCTURE_ACCEPTED = "structure.accepted"
STRUCTURE_UNACCEPTED = "structure.unaccepted"
SIDE_STATED = "side.stated"
MEASUREMENT_ADDED = "measurement.added"
MEASUREMENT_REMOVED = "measurement.removed"
PLAN_SAVED = "plan.saved"
PLAN_RENAMED = "plan.renamed"
PLAN_REMOVED = "plan.removed"
PLAN_RESTORED = "plan.restored"
PLAN_APPROVED = "plan.approved"
PLAN_APPROVAL_WITHDRAWN = "plan.approval_withdrawn"
STRUCTURE_REVIEWED = "structure.reviewed"
PATIENT_RECEIVED = "patient.received"
PATIENT_JUDGED = "patient.judged"
SCHEMA_MIGRATED = "schema.migrated"

GENESIS = "0" * 64
"""The hash before the first event."""


@dataclass(frozen=True)
class EventDraft:
    """An event before it has a place in the log."""

    kind: str
    payload: dict[str, Any]
    actor: str = ""
    more_blobs: tuple[str, ...] = ()
    """Blobs to be kept that the payload does not name."""

    @property
    def payload_text(self) -> str:
        return canonical_json(self.payload)

    @property
    def blobs(self) -> tuple[str, ...]:
        """sha256 of the blobs the event needs, sorted."""
        return tuple(sorted({*blob_names(self.payload), *self.more_blobs}))


@dataclass(frozen=True)
class Event:
    """One event of the log.

    Parameters
    ----------
    monotonic_ns
        The writing machine's monotonic clock: orders and spaces events of one run even if its wall clock is set.
    actor
        Who caused it, as the program was told; empty if nobody said.
    source
        The program or live source that wrote it.
    payload_text
        JSON, kept as it was written, because the hash is of these characters.
    """

    seq: int
    utc: str
    monotonic_ns: int
    actor: str
    source: str
    kind: str
    payload_text: str
    blobs: tuple[str, ...]
    previous_hash: str
    hash: str

    @cached_property
    def payload(self) -> dict[str, Any]:
        try:
            payload = json.loads(self.payload_text)
        except ValueError as error:
            raise TwinCorruptError(f"Event {self.seq} of the log is not valid JSON.") from error
        if not isinstance(payload, dict):
            raise TwinCorruptError(f"Event {self.seq} of the log is not a JSON object.")
        return payload

    def expected_hash(self) -> str:
        """sha256 of the fields in a fixed order, one a line, the payload last."""
        fields = (self.previous_hash, str(self.seq), self.utc, str(self.monotonic_ns), self.actor, self.source)
        text = "\n".join((*fields, self.kind, " ".join(self.blobs), self.payload_text))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no spaces, ASCII only: the same value gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def blob_names(payload: object) -> set[str]:
    """The sha256 of every blob that a payload refers to (objects with the key "blob")."""
    if isinstance(payload, dict):
        own = {payload["blob"]} if isinstance(payload.get("blob"), str) else set()
        return own.union(*(blob_names(value) for value in payload.values()))
    if isinstance(payload, list):
        return set().union(*(blob_names(value) for value in payload))
    return set()


def require_one_line(**fields: str) -> None:
    """Raise TwinError if a field of an event would break the line format of its hash."""
    for name, value in fields.items():
        if any(ord(letter) < 32 for letter in value):
            raise TwinError(f"The {name} of an event must be one line of text without control characters.")


def chain_break(events: tuple[Event, ...]) -> str:
    """What is wrong with the chain, or an empty string."""
    previous, seq = GENESIS, 1
    for event in events:
        if event.seq != seq:
            return f"Event {seq} is missing from the log; event {event.seq} follows event {seq - 1}."
        if event.previous_hash != previous:
            return f"Event {event.seq} ({event.kind}) does not follow the event before it: the hash chain is broken."
        if event.hash != event.expected_hash():
            return f"Event {event.seq} ({event.kind}) was changed after it was written: its hash does not match."
        previous, seq = event.hash, seq + 1
    return ""
