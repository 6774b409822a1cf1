"""When a series that arrives is complete: all that were told of have come, or nothing more came for a while."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DicomError
from .dicom_inbox import QUARANTINE, SERIES
from .dicom_inbox_view import InboxSeries, first_arrival
from .dicom_series_record import SeriesState, read_record

SHOWN_EVERY_S = 1.0


@dataclass(frozen=True)
class CompleteRule:
    """When a series is complete.

    Parameters
    ----------
    idle_s
        Nothing more came for so long.
    count
        So many instances are expected of each series; None: what the series itself says, if it does.
    """

    idle_s: float = 10.0
    count: int | None = None


@dataclass(frozen=True)
class SeriesNews:
    """What became known of a series: "receiving", "complete", or "held" with reasons."""

    kind: str
    series: InboxSeries
    expected: int | None = None


@dataclass
class _Seen:
    changed_ns: int
    instances: int
    since: float
    shown: float = -1e9
    told: int | None = None
    is_done: bool = False
    waits: bool = False
    """For a person's answer to the part of it that is held."""


class SeriesWatch:
    """Looks at an inbox again and again. What has been decided before, in an earlier run too, is not told again.

    Parameters
    ----------
    clock
        Monotonic seconds; the file system's clock is compared only with itself.
    """

    def __init__(self, inbox: Path, rule: CompleteRule, clock: Callable[[], float]) -> None:
        self._inbox, self._rule, self._clock = inbox, rule, clock
        self._seen: dict[tuple[str, str], _Seen] = {}

    def look(self) -> list[SeriesNews]:
        """What is new since the last look."""
        news = []
        for place in (SERIES, QUARANTINE):
            for entry in _folders(self._inbox / place):
                with contextlib.suppress(FileNotFoundError):  # discarded or admitted just now
                    news += self._look_at(place, entry)
        return news

    def retry(self, name: str) -> None:
        """Take a series for not decided yet."""
        self._seen[(SERIES, name)].is_done = False

    def _look_at(self, place: str, entry: os.DirEntry[str]) -> list[SeriesNews]:
        changed, now = entry.stat().st_mtime_ns, self._clock()
        seen = self._seen.get((place, entry.name))
        is_freed = seen is not None and seen.waits and not _has_files(self._inbox / QUARANTINE / entry.name)
        if seen is not None and seen.is_done and seen.changed_ns == changed and not is_freed:
            return []
        series = InboxSeries(
            entry.name,
            Path(entry.path),
            place == QUARANTINE,
            sum(1 for file in Path(entry.path).iterdir() if file.suffix == ".dcm"),
            changed,
            read_record(self._inbox / place, entry.name),
        )
        if not series.instances:
            return []
        if seen is None or seen.changed_ns != changed or seen.instances != series.instances:
            told = seen.told if seen is not None else self._told_count(series)
            shown = seen.shown if seen is not None else -1e9
            seen = _Seen(changed, series.instances, now, shown, told)
            self._seen[(place, entry.name)] = seen
        return self._judged(series, seen, now)

    def _judged(self, series: InboxSeries, seen: _Seen, now: float) -> list[SeriesNews]:
        expected = self._rule.count or seen.told
        is_idle = now - seen.since >= self._rule.idle_s
        if series.is_held:
            seen.is_done = is_idle
            return [SeriesNews("held", series)] if is_idle else []
        record = series.record
        if record.state in (SeriesState.TAKEN_IN, SeriesState.REFUSED) and record.instances == series.instances:
            seen.is_done = True
            return []
        if is_idle or (expected is not None and series.instances >= expected):
            seen.is_done = True
            partly_held = self._held_part(series)
            seen.waits = partly_held is not None
            if partly_held is not None:
                return [SeriesNews("held", partly_held)]
            return [SeriesNews("complete", series, expected)]
        if now - seen.shown >= SHOWN_EVERY_S and seen.since == now:
            seen.shown = now
            return [SeriesNews("receiving", series, expected)]
        return []

    def _held_part(self, series: InboxSeries) -> InboxSeries | None:
        """The part of a series that the gate holds back: what may lack slices is not offered."""
        folder = self._inbox / QUARANTINE
        if not _has_files(folder / series.name):
            return None
        reason = "part of the series is held, so all of it waits"
        record = replace(series.record, reasons=(*read_record(folder, series.name).reasons, reason))
        return replace(series, record=record)

    def _told_count(self, series: InboxSeries) -> int | None:
        try:
            return first_arrival(series).told_count
        except DicomError:
            return None


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if e.is_dir()), key=lambda e: e.name)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(file.suffix == ".dcm" for file in folder.iterdir())
