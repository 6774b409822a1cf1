"""What an archive is asked, and what it answers, whichever protocol it speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import SourceError
from ..progress import Progress

MAX_ROWS = 10_000
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID = 64

Take = Callable[[str, Sequence[bytes | memoryview]], None]
"""Keeps one object: its SOPInstanceUID, and the pieces of a DICOM file."""


@dataclass(frozen=True)
class Query:
    """Which series are wanted; empty fields match all. Wildcards and date ranges as in PS3.4, C.2.2.2."""

    patient_id: str = ""
    study_date: str = ""
    accession: str = ""
    modality: str = ""
    study_uid: str = ""
    series_uid: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Query()


@dataclass(frozen=True)
class SeriesRow:
    """One series of an archive.

    Parameters
    ----------
    instances
        How many the archive says there are; None if it does not.
    """

    study_uid: str
    series_uid: str
    modality: str = ""
    description: str = ""
    study_date: str = ""
    study_description: str = ""
    number: str = ""
    instances: int | None = None


class Archive(Protocol):
    """Something that can be asked for series. Every method raises SourceError saying what went wrong."""

    def find_series(self, query: Query) -> list[SeriesRow]:
        """The series that match."""

    def find_instances(self, row: SeriesRow) -> list[str]:
        """SOPInstanceUIDs of a series."""

    def retrieve(self, row: SeriesRow, wanted: Sequence[str], take: Take, progress: Progress) -> None:
        """Give these instances to `take`; what does not come is not told here, so count."""


def require_uid(value: str, what: str) -> str:
    """The UID, if it is one: it becomes part of addresses and file names. Raises SourceError."""
    if len(value) > MAX_UID or not _UID.fullmatch(value):
        raise SourceError(f"The archive names a {what} that is no UID. It can't be fetched safely.")
    return value


def count_of(text: str) -> int | None:
    """A number that an archive states; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
