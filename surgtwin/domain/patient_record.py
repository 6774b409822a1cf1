"""What hospital systems and devices say of the patient beside images: values, drugs, allergies, conditions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from ..errors import SourceError

SECONDS_A_DAY = 86400.0


class EntryStatus(StrEnum):
    """How final a source calls what it says."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class Moment:
    """A time as a source states it.

    Parameters
    ----------
    utc
        Aware, in UTC. Where only the day is known: midnight UTC of that day.
    """

    utc: datetime
    is_day: bool = False

    def __post_init__(self) -> None:
        if self.utc.tzinfo is None:
            raise SourceError("A time without a zone can't be placed; state the zone.")
        object.__setattr__(self, "utc", self.utc.astimezone(UTC))

    def age_days(self, now: datetime) -> float:
        """Days from then to `now`; whole ones where only the day is known."""
        if self.is_day:
            return float((now.astimezone(UTC).date() - self.utc.date()).days)
        return (now - self.utc).total_seconds() / SECONDS_A_DAY

    @property
    def text(self) -> str:
        return self.utc.strftime("%Y-%m-%d" if self.is_day else "%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True)
class Origin:
    """Where an entry comes from.

    Parameters
    ----------
    key
        The same for every message about the same thing: a correction replaces what it corrects.
    source
        The sending system, e.g. "HL7 v2 LAB at CITY"; names no patient.
    version
        When the source stated this version; None if it does not say.
    device
        What measured it, where that is said: a scale, a monitor, a watch.
    is_identified
        False if a person vouched for the identity because the source did not state enough of it.
    """

    key: str
    source: str
    status: EntryStatus = EntryStatus.FINAL
    version: datetime | None = None
    device: str = ""
    is_identified: bool = True


Codes = tuple[tuple[str, str], ...]
"""(system, code) pairs as the source states them."""


@dataclass(frozen=True)
class Measured:
    """A value of a known quantity.

    Parameters
    ----------
    quantity
        Key of the quantity, e.g. "weight"; its unit is `unit`, whatever the source used.
    stated
        As the source wrote it, e.g. "154 [lb_av]".
    comparator
        "<" or ">" where the source gives a bound, not a value.
    """

    origin: Origin
    quantity: str
    value: float
    unit: str
    at: Moment
    stated: str
    comparator: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise SourceError(f"A value of {self.quantity} is not finite.")


@dataclass(frozen=True)
class Medication:
    """A drug that is or was taken, or ordered.

    Parameters
    ----------
    end
        When it was stopped; None while it is taken, or if nobody says.
    is_active
        Whether it is still taken, as far as the source knows.
    """

    origin: Origin
    name: str
    codes: Codes
    is_active: bool
    start: Moment | None = None
    end: Moment | None = None


@dataclass(frozen=True)
class Allergy:
    """A substance that the patient does not tolerate; `criticality` is "high", "low" or empty."""

    origin: Origin
    name: str
    codes: Codes
    criticality: str = ""


@dataclass(frozen=True)
class Condition:
    """A diagnosis or finding; `is_present` is False where the source states that it was ruled out or is over."""

    origin: Origin
    name: str
    codes: Codes
    is_present: bool = True
    severity: str = ""
    at: Moment | None = None


@dataclass(frozen=True)
class Withdrawn:
    """Something that its source took back: entered in error, cancelled, deleted."""

    origin: Origin
    name: str


Entry = Measured | Medication | Allergy | Condition | Withdrawn


@dataclass(frozen=True)
class Quarantined:
    """Something that arrived and is not used, and why; a person may look at it."""

    source: str
    what: str
    reason: str


@dataclass(frozen=True)
class PatientRecord:
    """The latest version of everything that was taken in, in the order of first arrival.

    Parameters
    ----------
    messages
        Fingerprints of the messages and files that are in it: one that comes again changes nothing.
    """

    entries: tuple[Entry, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    messages: frozenset[str] = frozenset()

    @cached_property
    def by_key(self) -> dict[str, Entry]:
        return {entry.origin.key: entry for entry in self.entries}

    def series(self, quantity: str) -> tuple[Measured, ...]:
        """The values of a quantity, oldest first; of values of one time the last that arrived is last."""
        found = [e for e in self.entries if isinstance(e, Measured) and e.quantity == quantity]
        return tuple(sorted(found, key=lambda e: e.at.utc))

    def latest(self, quantity: str) -> Measured | None:
        """The newest value that is one: a bound like "<3" is none."""
        exact = [e for e in self.series(quantity) if not e.comparator]
        return exact[-1] if exact else None

    @property
    def quantities(self) -> tuple[str, ...]:
        """Keys of the quantities that have a value, in the order of first arrival."""
        return tuple(dict.fromkeys(e.quantity for e in self.entries if isinstance(e, Measured)))

    @property
    def medications(self) -> tuple[Medication, ...]:
        return tuple(e for e in self.entries if isinstance(e, Medication))

    @property
    def allergies(self) -> tuple[Allergy, ...]:
        return tuple(e for e in self.entries if isinstance(e, Allergy))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(e for e in self.entries if isinstance(e, Condition))
