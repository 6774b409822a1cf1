"""When an image was acquired, as an ISO 8601 time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from . import tags
from .elements import Elements
from .values import ascii_text

_LENGTH = 14


def acquired_time(elements: Elements) -> str:
    """In UTC (ending in +00:00) if the time zone is stated, else local time without a zone; "" if unknown."""
    stated = ascii_text(elements, tags.ACQUISITION_DATE_TIME)
    zone = ascii_text(elements, tags.TIMEZONE_OFFSET)
    if not stated:
        date = ascii_text(elements, tags.ACQUISITION_DATE) or ascii_text(elements, tags.SERIES_DATE)
        time = ascii_text(elements, tags.ACQUISITION_TIME) or ascii_text(elements, tags.SERIES_TIME)
        stated = date + time
    elif stated[-5:-4] in "+-" and len(stated) > _LENGTH:
        stated, zone = stated[:-5], stated[-5:]
    digits = stated.split(".")[0]
    try:
        local = datetime.strptime(digits, "%Y%m%d%H%M%S")
        if not zone:
            return local.isoformat()
        sign = -1 if zone[0] == "-" else 1
        offset = sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        return (local - offset).replace(tzinfo=UTC).isoformat()
    except (ValueError, OverflowError):
        return ""
