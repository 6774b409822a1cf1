"""From instances to offers: what a receiver or a watched folder brings in is followed until its series are complete.

source process --> inbox --> gate --> complete --> offered to the twin, one series at a time
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..domain.patient import Patient
from ..errors import TwinCorruptError
from ..store.codec_image import decode_patient
from ..store.codec_values import decoding
from ..store.journal import read_state
from ..store.lock import WriterLock
from .dicom_complete import CompleteRule, SeriesNews, SeriesWatch
from .dicom_inbox import SERIES, make_private
from .dicom_inbox_view import InboxSeries
from .dicom_series_record import SeriesRecord, SeriesState, write_record
from .dicom_source_process import SourceProcess

RETRY_S = 5.0


@dataclass(frozen=True)
class Offered:
    """What came of offering a series to the twin.

    Parameters
    ----------
    is_busy
        The twin is open to write elsewhere: offer it again later.
    reasons
        Why it was not taken in, or why its revision can't be accepted.
    outcome
        State of the revision: proposed, accepted, rejected; empty if there is none.
    told
        All that is known of it, for scripts.
    """

    outcome: str = ""
    revision: int | None = None
    reasons: tuple[str, ...] = ()
    is_busy: bool = False
    told: dict[str, Any] = field(default_factory=dict)


Offer = Callable[[InboxSeries], Offered]


@dataclass(frozen=True)
class IntakeEvent:
    """Something an operator wants to know. `is_final` if a series has found its end: taken in, refused or held."""

    kind: str
    about: dict[str, Any]
    is_final: bool = False


class Intake:
    """Follows one inbox until it is closed. Only one program at a time may.

    Parameters
    ----------
    source
        The child process that fills the inbox.
    offer
        Takes one complete series into the twin; called in a thread of its own, one series after the other.
    """

    def __init__(self, inbox: Path, source: SourceProcess, rule: CompleteRule, offer: Offer) -> None:
        self._inbox, self._source, self._offer = inbox, source, offer
        self._watch = SeriesWatch(inbox, rule, time.monotonic)
        self._pool = ThreadPoolExecutor(1, "offer")
        self._offers: dict[str, tuple[InboxSeries, Future[Offered]]] = {}
        self._again: dict[str, float] = {}
        self._is_told: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a series is being taken in, or waits for it."""
        return bool(self._offers or self._again)

    def tick(self) -> list[IntakeEvent]:
        """What happened since the last call. Raises SourceError if the source can't work at all, DiskError."""
        events = [IntakeEvent(str(e.pop("event")), e) for e in self._source.events()]
        for name in [n for n, when in self._again.items() if time.monotonic() >= when]:
            del self._again[name]
            self._watch.retry(name)
        for news in self._watch.look():
            if news.series.name not in self._is_told or news.kind != "complete":
                events.append(_told(news))
            if news.kind == "complete":
                self._start(news.series)
        return events + self._finished()

    def close(self) -> None:
        """End the source; an offer that runs is waited for."""
        self._source.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, series: InboxSeries) -> None:
        if series.name in self._offers:
            self._again[series.name] = time.monotonic() + RETRY_S
            return
        if series.record.state is not SeriesState.OFFERED:
            self._note(series, replace(_named(series), state=SeriesState.OFFERED))
        self._offers[series.name] = (series, self._pool.submit(self._offer, series))

    def _finished(self) -> list[IntakeEvent]:
        done = [name for name, (_, future) in self._offers.items() if future.done()]
        return [event for name in done for event in self._finish(*self._offers.pop(name))]

    def _finish(self, series: InboxSeries, future: Future[Offered]) -> list[IntakeEvent]:
        offered = future.result()
        about: dict[str, Any] = {"series": series.series_uid, "instances": series.instances}
        if offered.is_busy:
            self._again[series.name] = time.monotonic() + RETRY_S
            is_first = series.name not in self._is_told
            self._is_told.add(series.name)
            return [IntakeEvent("waiting", {**about, "reasons": list(offered.reasons)})] if is_first else []
        self._is_told.discard(series.name)
        is_taken = bool(offered.outcome)
        record = replace(
            _named(series),
            state=SeriesState.TAKEN_IN if is_taken else SeriesState.REFUSED,
            reasons=offered.reasons,
            instances=series.instances,
            revision=offered.revision,
            outcome=offered.outcome,
        )
        self._note(series, record)
        about |= {"revision": offered.revision, "state": offered.outcome or None, "reasons": list(offered.reasons)}
        kind = "taken in" if is_taken else "not taken in"
        return [IntakeEvent(kind, {**about, "update": offered.told}, is_final=True)]

    def _note(self, series: InboxSeries, record: SeriesRecord) -> None:
        write_record(self._inbox / SERIES, series.name, record)


def patient_of(twin: Path) -> Patient:
    """Whose twin it is, without reading its arrays. Raises TwinError."""
    state = read_state(twin)
    images = state.revisions[state.current].body["images"]
    with decoding("the patient"):
        return decode_patient(state.images[images[0]["key"]]["patient"])
    raise TwinCorruptError(f"'{twin.name}' states no patient.")


def revision_with(twin: Path, series: InboxSeries) -> tuple[int, str] | None:
    """The newest revision, and its state, that an image of this series made; None where there is none.

    Asked after a kill in the middle of an offer: what the twin has already is not taken in twice.
    """
    state = read_state(twin)
    for number in sorted(state.revisions, reverse=True):
        record = state.revisions[number]
        image = state.images[record.body["images"][-1]["key"]]
        dicom = image["source"]["dicom"] or {}
        is_it = dicom.get("series_instance_uid") == series.series_uid
        if is_it and len(dicom["sop_instance_uids"]) == series.instances:
            return number, record.revision.state.value
    return None


def lock_inbox(inbox: Path) -> WriterLock:
    """Held by the program that follows the inbox. Raises TwinLockedError naming who holds it."""
    make_private(inbox)
    lock = WriterLock(inbox)
    lock.acquire()
    return lock


def _named(series: InboxSeries) -> SeriesRecord:
    return replace(series.record, series_uid=series.series_uid)


def _told(news: SeriesNews) -> IntakeEvent:
    series = news.series
    about: dict[str, Any] = {"series": series.series_uid, "instances": series.instances}
    if news.kind == "held":
        record = series.record
        return IntakeEvent(
            "held",
            {**about, "reasons": list(record.reasons), "can_be_admitted": not record.is_conflicting},
            is_final=True,
        )
    return IntakeEvent(news.kind, {**about, "expected": news.expected})
