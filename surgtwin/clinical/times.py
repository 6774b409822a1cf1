"""Times as FHIR and HL7 v2 write them, each placed in UTC or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..domain.patient_record import Moment
from ..errors import SourceError

_FHIR = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<time>\d\d:\d\d:\d\d)(?P<fraction>\.\d{1,9})?(?P<zone>Z|[+-]\d\d:\d\d))?)?)?"
)
_HL7 = re.compile(
    r"(?P<date>\d{4}(\d\d(\d\d)?)?)((?P<hour>\d\d)(?P<minute>\d\d)?(?P<second>\d\d)?(\.\d{1,4})?)?"
    r"(?P<zone>[+-]\d{4})?"
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
LARGEST_OFFSET = timedelta(hours=14)


def fhir_time(text: object) -> Moment:
    """A FHIR dateTime, instant or date. Raises SourceError if it is malformed, or not known to the day."""
    found = _FHIR.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise SourceError(f"'{_short(text)}' is not a time of FHIR, like 2026-03-01T08:15:00+01:00")
    if found["day"] is None:
        raise SourceError(f"its time '{text}' is not known to the day")
    try:
        if found["time"] is None:
            return Moment(datetime.fromisoformat(found[0]).replace(tzinfo=UTC), is_day=True)
        stated = datetime.fromisoformat(f"{found[0][:10]}T{found['time']}")
        zone = UTC if found["zone"] == "Z" else fixed_zone(found["zone"])
        return Moment(stated.replace(tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise SourceError(f"its time '{text}' is no date of the calendar") from error


def hl7_time(text: str, zone: tzinfo | None) -> Moment:
    """An HL7 v2 DTM.

    Parameters
    ----------
    zone
        Of times that state none: the message's own, or one that a person gave.

    Raises
    ------
    SourceError
        If it is malformed, not known to the day, or has a time of day and no zone is known.
    """
    found = _HL7.fullmatch(text)
    if found is None or len(found["date"]) < 8:
        raise SourceError(f"its time '{_short(text)}' is not one of HL7 known to the day, like 202603010815+0100")
    try:
        day = datetime.strptime(found["date"], "%Y%m%d").replace(tzinfo=UTC)
        if found["hour"] is None:
            return Moment(day, is_day=True)
        own = fixed_zone(found["zone"]) if found["zone"] else zone
        if own is None:
            raise SourceError(f"its time '{text}' has no zone, and the message has none. Give --time-zone")
        local = day.replace(
            hour=int(found["hour"]), minute=int(found["minute"] or 0), second=int(found["second"] or 0), tzinfo=None
        )
        return Moment(_placed(local, own, text))
    except (ValueError, OverflowError) as error:
        raise SourceError(f"its time '{text}' is no date of the calendar") from error


def hl7_zone(text: str) -> tzinfo | None:
    """The zone that an HL7 v2 time states; None if it states none."""
    found = _HL7.fullmatch(text)
    return fixed_zone(found["zone"]) if found is not None and found["zone"] else None


def zone_named(name: str) -> tzinfo:
    """A zone of "Europe/Vienna", "UTC" or "+01:00". Raises SourceError if there is none of that name."""
    if _OFFSET.fullmatch(name):
        return fixed_zone(name)
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SourceError(f"There is no time zone '{name}'; a name like Europe/Vienna or +01:00 was needed.") from error


def fixed_zone(text: str) -> tzinfo:
    """The zone of "+01:00" or "+0100". Raises SourceError if it is none that is in use."""
    found = _OFFSET.fullmatch(text)
    offset = None if found is None else timedelta(hours=int(found[2]), minutes=int(found[3]))
    if found is None or offset is None or offset > LARGEST_OFFSET or int(found[3]) > 59:
        raise SourceError(f"'{_short(text)}' is no time zone; -12:00 to +14:00 was expected")
    return timezone(-offset if found[1] == "-" else offset)


def _placed(local: datetime, zone: tzinfo, text: str) -> datetime:
    """The time in its zone. When clocks change, an hour does not exist and another comes twice: those are refused."""
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        raise SourceError(f"its time '{text}' does not exist, or comes twice, in its zone: clocks changed then")
    return first


def _short(text: object) -> str:
    return str(text)[:40]
