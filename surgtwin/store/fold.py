"""The state of a twin, folded from its events: the same events always give the same state.

A new kind of event is one function here and one row in `_HANDLERS`. Kinds that a newer program added are kept in the
log and listed in `unknown_kinds`; they never change the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ..domain.twin import Revision, RevisionState, Side
from ..errors import TwinCorruptError, TwinError
from . import event as kinds
from . import patient_events, plan_events
from .codec_values import Record, decoding
from .event import GENESIS, Event
from .patient_events import PatientState
from .plan_events import Plans


@dataclass(frozen=True)
class RevisionRecord:
    """One revision as the log tells it.

    Parameters
    ----------
    body
        Images (with role and transform), labels, meshes, provenance, findings, as JSON records that refer to blobs.
    accepted
        Names of the structures a person has accepted in this revision.
    """

    revision: Revision
    body: Record
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TwinState:
    """Everything the log says, without the arrays.

    Parameters
    ----------
    images
        Content key -> record of an image. Revisions refer to images by this key.
    current
        Number of the revision that counts; 0 before there is one.
    measurements
        Measurement id -> record, in the order they were made.
    plans
        Plan id -> record, removed ones too, in the order they were made.
    reviews
        What readers said of structures, in the order they said it.
    patient
        What was taken in of the patient beside images, and what it changed in the plans.
    """

    case_id: str = ""
    images: dict[str, Record] = field(default_factory=dict)
    revisions: dict[int, RevisionRecord] = field(default_factory=dict)
    current: int = 0
    side: Side = Side.NOT_STATED
    measurements: dict[str, Record] = field(default_factory=dict)
    plans: Plans = field(default_factory=dict)
    reviews: tuple[Record, ...] = ()
    patient: PatientState = field(default_factory=PatientState)
    unknown_kinds: tuple[str, ...] = ()
    seq: int = 0
    head_hash: str = GENESIS

    def revision(self, number: int | None = None) -> RevisionRecord:
        """The revision of that number, or the current one. Raises TwinError naming those there are."""
        wanted = self.current if number is None else number
        if wanted in self.revisions:
            return self.revisions[wanted]
        if not self.revisions:
            raise TwinCorruptError("The log of the twin holds no revision.")
        there_are = ", ".join(str(n) for n in sorted(self.revisions))
        raise TwinError(f"There is no revision {wanted}; there are: {there_are}.")

    @property
    def next_number(self) -> int:
        return max(self.revisions, default=0) + 1


def fold(events: Iterable[Event], state: TwinState | None = None) -> TwinState:
    """The state after `events`, starting from `state` or from nothing.

    Raises
    ------
    TwinCorruptError
        If an event says something impossible (its hash matches, so a faulty program wrote it).
    """
    state = state if state is not None else TwinState()
    for event in events:
        state = _apply(state, event)
    return state


def _apply(state: TwinState, event: Event) -> TwinState:
    handler = _HANDLERS.get(event.kind)
    if handler is None:
        state = replace(state, unknown_kinds=tuple(sorted({*state.unknown_kinds, event.kind})))
    else:
        with decoding(f"event {event.seq} ({event.kind})"):
            state = handler(state, event.payload)
    return replace(state, seq=event.seq, head_hash=event.hash)


def _created(state: TwinState, payload: Record) -> TwinState:
    return replace(state, case_id=str(payload["case_id"]))


def _image_added(state: TwinState, payload: Record) -> TwinState:
    return replace(state, images={**state.images, payload["key"]: payload["image"]})


def _revision_added(state: TwinState, payload: Record) -> TwinState:
    r = payload["revision"]
    revision = Revision(r["number"], r["parent"], r["cause"], RevisionState(r["state"]), r["created_utc"])
    if revision.number in state.revisions:
        raise ValueError(f"revision {revision.number} is there already")
    record = RevisionRecord(revision, payload, frozenset(payload["accepted"]))
    is_first = not state.revisions
    state = replace(state, revisions={**state.revisions, revision.number: record})
    if is_first:
        return replace(state, current=revision.number)
    return _made_current(state, revision.number) if revision.state is RevisionState.ACCEPTED else state


def _revision_judged(state: TwinState, payload: Record) -> TwinState:
    number, verdict = payload["number"], RevisionState(payload["state"])
    if verdict is RevisionState.ACCEPTED:
        return _made_current(state, number)
    return _with_state(state, number, verdict)


def _revision_reverted(state: TwinState, payload: Record) -> TwinState:
    return _made_current(state, payload["to"])


def _made_current(state: TwinState, number: int) -> TwinState:
    """The revision counts from now on; the one that counted until now is superseded."""
    if state.current and state.current != number:
        state = _with_state(state, state.current, RevisionState.SUPERSEDED)
    return replace(_with_state(state, number, RevisionState.ACCEPTED), current=number)


def _with_state(state: TwinState, number: int, verdict: RevisionState) -> TwinState:
    record = state.revisions[number]
    changed = replace(record, revision=replace(record.revision, state=verdict))
    return replace(state, revisions={**state.revisions, number: changed})


def _structure_accepted(state: TwinState, payload: Record) -> TwinState:
    record = state.revisions[payload["revision"]]
    changed = replace(record, accepted=record.accepted | {payload["name"]})
    return replace(state, revisions={**state.revisions, payload["revision"]: changed})


def _structure_unaccepted(state: TwinState, payload: Record) -> TwinState:
    record = state.revisions[payload["revision"]]
    changed = replace(record, accepted=record.accepted - {payload["name"]})
    return replace(state, revisions={**state.revisions, payload["revision"]: changed})


def _side_stated(state: TwinState, payload: Record) -> TwinState:
    return replace(state, side=Side(payload["side"]))


def _measurement_added(state: TwinState, payload: Record) -> TwinState:
    m = payload["measurement"]
    return replace(state, measurements={**state.measurements, m["measurement_id"]: m})


def _measurement_removed(state: TwinState, payload: Record) -> TwinState:
    gone = payload["measurement_id"]
    return replace(state, measurements={key: m for key, m in state.measurements.items() if key != gone})


def _plans(change: Callable[[Plans, Record], Plans]) -> Callable[[TwinState, Record], TwinState]:
    return lambda state, payload: replace(state, plans=change(state.plans, payload))


def _structure_reviewed(state: TwinState, payload: Record) -> TwinState:
    return replace(state, reviews=(*state.reviews, payload["review"]))


def _patient(change: Callable[[PatientState, Record], PatientState]) -> Callable[[TwinState, Record], TwinState]:
    return lambda state, payload: replace(state, patient=change(state.patient, payload))


def _nothing(state: TwinState, payload: Record) -> TwinState:
    return state


_HANDLERS: dict[str, Callable[[TwinState, Record], TwinState]] = {
    kinds.TWIN_CREATED: _created,
    kinds.IMAGE_ADDED: _image_added,
    kinds.REVISION_ADDED: _revision_added,
    kinds.REVISION_JUDGED: _revision_judged,
    kinds.REVISION_REVERTED: _revision_reverted,
    kinds.STRUCTURE_ACCEPTED: _structure_accepted,
    kinds.STRUCTURE_UNACCEPTED: _structure_unaccepted,
    kinds.SIDE_STATED: _side_stated,
    kinds.MEASUREMENT_ADDED: _measurement_added,
    kinds.MEASUREMENT_REMOVED: _measurement_removed,
    kinds.PLAN_SAVED: _plans(plan_events.saved),
    kinds.PLAN_RENAMED: _plans(plan_events.renamed),
    kinds.PLAN_REMOVED: _plans(plan_events.removed),
    kinds.PLAN_RESTORED: _plans(plan_events.restored),
    kinds.PLAN_APPROVED: _plans(plan_events.approved),
    kinds.PLAN_APPROVAL_WITHDRAWN: _plans(plan_events.approval_withdrawn),
    kinds.STRUCTURE_REVIEWED: _structure_reviewed,
    kinds.PATIENT_RECEIVED: _patient(patient_events.received),
    kinds.PATIENT_JUDGED: _patient(patient_events.judged),
    kinds.SCHEMA_MIGRATED: _nothing,
}
KNOWN_KINDS = frozenset(_HANDLERS)
