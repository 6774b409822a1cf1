"""Attribute values as Python types; what is absent, empty or malformed comes as None or "" (PS3.5, 6.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import unpack_from

from .elements import Elements

_NO_TEXT = b"\0 \t\r\n"


def raw(elements: Elements, tag: int) -> bytes:
    """The bytes of an attribute that is no sequence; empty if absent."""
    value = elements.get(tag, b"")
    return value if isinstance(value, bytes) else b""


def items(elements: Elements, tag: int) -> Sequence[Elements]:
    """The items of a sequence; empty if absent."""
    value = elements.get(tag, ())
    return value if isinstance(value, list) else ()


def ascii_text(elements: Elements, tag: int) -> str:
    """A value of the default repertoire (CS, UI, DA, IS ...)."""
    return raw(elements, tag).strip(_NO_TEXT).decode("ascii", "replace")


def text(elements: Elements, tag: int, character_set: str) -> str:
    """A value in the file's own character set."""
    return decode(raw(elements, tag), character_set)


def decode(value: bytes, character_set: str) -> str:
    """`value` in the SpecificCharacterSet given (several with backslashes between), without control characters."""
    stripped = value.strip(_NO_TEXT)
    if stripped.isascii() and b"\x1b" not in stripped:
        found = stripped.decode("ascii")
    else:
        from .character_set import decode_text

        found = decode_text(stripped, character_set)
    return "".join(c for c in found if c.isprintable()).strip()


def numbers(elements: Elements, tag: int, count: int | None = None) -> tuple[float, ...] | None:
    """The finite numbers of a DS or IS value; None if absent, malformed or not `count` of them."""
    value = raw(elements, tag)
    if not value:
        return None
    try:
        found = tuple(float(part) for part in value.strip(_NO_TEXT).split(b"\\"))
    except ValueError:
        return None
    if (count is not None and len(found) != count) or not all(map(math.isfinite, found)):
        return None
    return found


def number(elements: Elements, tag: int) -> float | None:
    """The first number of a DS or IS value."""
    found = numbers(elements, tag)
    return found[0] if found else None


def integer(elements: Elements, tag: int) -> int | None:
    """The first number of an IS value, if whole."""
    found = number(elements, tag)
    return int(found) if found is not None and found == int(found) else None


def ushort(elements: Elements, tag: int, is_big_endian: bool, *, is_signed: bool = False) -> int | None:
    """The first number of a US or SS value."""
    value = raw(elements, tag)
    if len(value) < 2:
        return None
    code = (">" if is_big_endian else "<") + ("h" if is_signed else "H")
    return int(unpack_from(code, value)[0])


def double(elements: Elements, tag: int, is_big_endian: bool) -> float | None:
    """The first number of an FD value, if finite."""
    value = raw(elements, tag)
    if len(value) < 8:
        return None
    found = float(unpack_from(">d" if is_big_endian else "<d", value)[0])
    return found if math.isfinite(found) else None
