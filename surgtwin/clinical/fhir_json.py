"""FHIR R4 in JSON, as bytes to plain data, with bounds on what it may hold; and the plain shapes inside it.

XML is refused: JSON alone is read, so there are no entities and no external references to follow.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ..domain.patient_record import Codes
from ..errors import SourceError
from .code_systems import UCUM, system_named

Json = dict[str, Any]
LARGEST_BYTES = 64 * 1024 * 1024
DEEPEST = 60
MOST_RESOURCES = 100_000


def parse_fhir(data: bytes) -> Json:
    """The one resource that a file holds.

    Raises
    ------
    SourceError
        If it is too large, XML, no valid UTF-8 or JSON, nested too deeply, holds a key twice or a number that is not
        finite, or is no FHIR resource.
    """
    if len(data) > LARGEST_BYTES:
        raise SourceError(f"It holds {len(data) / 1e6:.0f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB are read.")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise SourceError("It is XML. FHIR is read as JSON only; ask for application/fhir+json.")
    try:
        content = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_no_repeats, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise SourceError(f"It is not UTF-8 (byte {error.start}); FHIR's JSON has to be.") from error
    except json.JSONDecodeError as error:
        raise SourceError(f"It is not valid JSON: {error.msg} in line {error.lineno}. Export it again.") from error
    except RecursionError as error:
        raise SourceError(f"It is nested deeper than {DEEPEST} levels; no FHIR resource is.") from error
    except ValueError as error:
        raise SourceError(f"It holds a number that is none: {error}.") from error
    if _depth(content) > DEEPEST:
        raise SourceError(f"It is nested deeper than {DEEPEST} levels; no FHIR resource is.")
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise SourceError("It is JSON, but no FHIR resource: it has no resourceType.")
    return content


def _no_repeats(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SourceError(f"It states '{twice[:40]}' twice in one object; which one counts can't be known.")
    return found


def _no_constant(text: str) -> float:
    raise SourceError(f"It holds {text}, which is no number of JSON.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise SourceError("It holds a number that is too large.")
    return value


def _depth(content: Any) -> int:
    level, layer = 0, [content]
    while layer and level <= DEEPEST:
        level += 1
        layer = [v for c in layer for v in (c.values() if isinstance(c, dict) else c if isinstance(c, list) else ())]
    return level


def text_at(holder: object, *path: str | int) -> str:
    """The text at a path of keys and positions; empty if there is none."""
    found = at(holder, *path)
    return found if isinstance(found, str) else ""


def at(holder: object, *path: str | int) -> Any:
    """What lies at a path of keys and positions; None if there is nothing."""
    for step in path:
        if isinstance(step, str) and isinstance(holder, dict):
            holder = holder.get(step)
        elif isinstance(step, int) and isinstance(holder, list) and step < len(holder):
            holder = holder[step]
        else:
            return None
    return holder


def objects_at(holder: object, *path: str | int) -> list[Json]:
    """The objects in the list at a path."""
    found = at(holder, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def codes_of(concept: object) -> Codes:
    """(system, code) of every coding of a CodeableConcept."""
    pairs = [(text_at(c, "system"), text_at(c, "code")) for c in objects_at(concept, "coding")]
    return tuple((system, code) for system, code in pairs if code)


def words_of(concept: object) -> str:
    """A CodeableConcept for a person: its text, else what its codings display."""
    displays = [text_at(c, "display") for c in objects_at(concept, "coding")]
    codes = [code for _, code in codes_of(concept)]
    return text_at(concept, "text") or next((d for d in displays if d), "") or next(iter(codes), "")


def quantity_at(holder: Json, key: str) -> tuple[float, str, str]:
    """Value, UCUM code and comparator of a Quantity. Raises SourceError if any of it can't be relied on."""
    quantity = holder.get(key)
    if not isinstance(quantity, dict):
        raise SourceError("its value is no quantity with a unit")
    value, comparator = quantity.get("value"), text_at(quantity, "comparator")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e15:
        raise SourceError("its value is no number")
    if comparator not in ("", "<", "<=", ">", ">="):
        raise SourceError(f"its comparator '{comparator[:10]}' is none of FHIR R4")
    code, system = text_at(quantity, "code"), text_at(quantity, "system")
    if not code:
        unit = text_at(quantity, "unit")
        raise SourceError(f"its unit is words only ('{unit[:20]}'), no UCUM code" if unit else "it has no unit")
    if system_named(system) != UCUM:
        raise SourceError(f"its unit '{code[:20]}' is not of UCUM but of '{system[:60]}'")
    return float(value), code, comparator
