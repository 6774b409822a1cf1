"""What is known of a patient beside images, with age and trend: the same for JSON, the terminal and the desktop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ..clinical.drugs import drugs_of
from ..clinical.quantities import QUANTITIES, Quantity
from ..clinical.substances import ALLERGIES, CONDITIONS, kinds_of
from ..domain.patient_record import Measured, Moment, PatientRecord
from ..planning.patient_context import liver_scores
from ..planning.patient_json import score_as_json
from ..planning.patient_settings import DEFAULT_PATIENT, PatientSettings

Json = dict[str, Any]


class Trend(StrEnum):
    FIRST = "first value"
    STEADY = "steady"
    RISING = "rising"
    FALLING = "falling"


@dataclass(frozen=True)
class ValueRow:
    """One quantity: its values, oldest first, and how the last compares with the one before.

    Parameters
    ----------
    change
        Last minus the one before; None for the first.
    over_days
        Time between these two.
    """

    quantity: Quantity
    values: tuple[Measured, ...]
    age_days: float
    is_outdated: bool
    trend: Trend
    change: float | None = None
    over_days: float | None = None

    @property
    def last(self) -> Measured:
        return self.values[-1]

    @property
    def text(self) -> str:
        """The last value for a person, e.g. "<3 µg/L"."""
        return f"{self.last.comparator}{self.quantity.text(self.last.value)}"


def value_rows(
    record: PatientRecord, now: datetime, settings: PatientSettings = DEFAULT_PATIENT
) -> tuple[ValueRow, ...]:
    """A row for each quantity that has a value, in the table's order."""
    return tuple(_row(q, record.series(q.key), now, settings) for q in QUANTITIES.values() if record.series(q.key))


def _row(quantity: Quantity, values: tuple[Measured, ...], now: datetime, settings: PatientSettings) -> ValueRow:
    age = values[-1].at.age_days(now)
    is_outdated = age > settings.outdated_days.get(quantity.key, quantity.outdated_days)
    if len(values) < 2 or values[-1].comparator or values[-2].comparator:
        return ValueRow(quantity, values, age, is_outdated, Trend.FIRST if len(values) < 2 else Trend.STEADY)
    change = values[-1].value - values[-2].value
    over = (values[-1].at.utc - values[-2].at.utc).total_seconds() / 86400.0
    trend = Trend.STEADY if abs(change) < quantity.step else Trend.RISING if change > 0 else Trend.FALLING
    return ValueRow(quantity, values, age, is_outdated, trend, change, over)


def record_as_json(record: PatientRecord, now: datetime) -> Json:
    """Everything that is known, for scripts."""
    return {
        "values": [_row_json(row) for row in value_rows(record, now)],
        "scores": [score_as_json(score) for score in liver_scores(record)],
        "medications": [
            {
                "name": m.name,
                "matters_as": sorted({d.group.value for d in drugs_of(m.name, m.codes)}),
                "is_active": m.is_active,
                "start": _when(m.start),
                "end": _when(m.end),
                "source": m.origin.source,
            }
            for m in record.medications
        ],
        "allergies": [
            {
                "name": a.name,
                "matters_as": [k.key for k in kinds_of(ALLERGIES, a.name, a.codes)],
                "criticality": a.criticality or None,
                "source": a.origin.source,
            }
            for a in record.allergies
        ],
        "conditions": [
            {
                "name": c.name,
                "matters_as": [k.key for k in kinds_of(CONDITIONS, c.name, c.codes)],
                "is_present": c.is_present,
                "severity": c.severity or None,
                "source": c.origin.source,
            }
            for c in record.conditions
        ],
        "quarantined": [{"what": q.what, "reason": q.reason, "source": q.source} for q in record.quarantined],
    }


def _row_json(row: ValueRow) -> Json:
    return {
        "quantity": row.quantity.key,
        "name": row.quantity.name,
        **_value_json(row.last),
        "age_days": row.age_days,
        "is_outdated": row.is_outdated,
        "trend": row.trend.value,
        "change": row.change,
        "over_days": row.over_days,
        "history": [_value_json(m) for m in row.values],
    }


def _value_json(m: Measured) -> Json:
    return {
        "value": m.value,
        "comparator": m.comparator or None,
        "unit": m.unit,
        "stated": m.stated,
        "at_utc": m.at.utc.isoformat(),
        "is_day_only": m.at.is_day,
        "status": m.origin.status.value,
        "source": m.origin.source,
        "device": m.origin.device or None,
        "is_identified": m.origin.is_identified,
    }


def _when(moment: Moment | None) -> str | None:
    return None if moment is None else moment.utc.isoformat()
