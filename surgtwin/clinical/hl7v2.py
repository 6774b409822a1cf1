"""HL7 v2 messages (ER7, "pipes and hats"): bytes to segments, and the answers to them. Chapter 2 of the standard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise

from ..errors import SourceError

LARGEST_BYTES = 1024 * 1024
MOST_SEGMENTS = 20_000
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_CHARSETS = {
    "": "ascii", "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "8859/1": "iso8859-1",
    "8859/2": "iso8859-2", "8859/3": "iso8859-3", "8859/4": "iso8859-4", "8859/5": "iso8859-5", "8859/7": "iso8859-7",
    "8859/9": "iso8859-9", "8859/15": "iso8859-15",
}  # fmt: skip
"""HL7 table 0211 -> Python's name."""
_ESCAPE = re.compile(r"\\(F|S|T|R|E|\.br|X(?:[0-9A-Fa-f]{2})+)\\")


class Answer(StrEnum):
    """MSA-1: taken, not taken because of its contents, or not even looked into."""

    ACCEPT, ERROR, REJECT = "AA", "AE", "AR"


class MessageError(SourceError):
    """A message that is not taken. `code` is of HL7 table 0357, `answer` what its sender is told."""

    def __init__(self, reason: str, code: int, answer: Answer = Answer.REJECT) -> None:
        super().__init__(reason)
        self.code, self.answer = code, answer


@dataclass(frozen=True)
class Segment:
    """One segment; fields count from 1 as in the standard."""

    name: str
    fields: tuple[str, ...]

    def field(self, n: int) -> str:
        return self.fields[n - 1] if 0 < n <= len(self.fields) else ""


@dataclass(frozen=True)
class Hl7Message:
    """A message's segments and the characters that part its fields' insides: component, repetition, escape, sub."""

    segments: tuple[Segment, ...]
    separators: str

    @property
    def header(self) -> Segment:
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        return [s for s in self.segments if s.name == name]

    def repetitions(self, field: str) -> list[str]:
        return field.split(self.separators[1]) if field else []

    def component(self, field: str, n: int = 1, sub: int = 1) -> str:
        """A component of a field's first repetition, unescaped; empty if there is none. '""' is HL7's empty."""
        parts = field.split(self.separators[1])[0].split(self.separators[0])
        inner = parts[n - 1].split(self.separators[3]) if n <= len(parts) else []
        text = inner[sub - 1].strip() if sub <= len(inner) else ""
        return "" if text == '""' else self._plain(text)

    def _plain(self, text: str) -> str:
        component, repetition, escape, sub = tuple(self.separators[:4])
        letters = {"F": "|", "S": component, "T": sub, "R": repetition, "E": escape, ".br": " "}
        if escape != "\\" or "\\" not in text:
            return text
        return _ESCAPE.sub(lambda m: letters.get(m[1]) or bytes.fromhex(m[1][1:]).decode("latin-1"), text)


def split_messages(data: bytes) -> list[bytes]:
    """The messages in a file: each begins with MSH; batch headers and MLLP's frame characters are left out."""
    text = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r").replace(b"\x0b", b"").replace(b"\x1c", b"")
    starts = [m.start() for m in re.finditer(rb"(?:(?<=\r)|\A)MSH", text)]
    pieces = [text[a:b] for a, b in pairwise([*starts, len(text)])]
    return [re.split(rb"\r(?:BTS|FTS|BHS|FHS)", piece)[0] for piece in pieces]


def parse_message(data: bytes) -> Hl7Message:
    """A message's segments.

    Raises
    ------
    MessageError
        If it is too large, does not begin with a header, is in an encoding that is unknown or is not kept, or holds
        a segment that is none.
    """
    if len(data) > LARGEST_BYTES:
        raise MessageError(f"The message holds {len(data)} bytes; at most {LARGEST_BYTES} are taken.", 207)
    raw = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r").strip(b"\r")
    if not raw.startswith(b"MSH") or len(raw) < 9 or b"\x00" in raw:
        raise MessageError("It does not begin with an MSH segment, so it is no HL7 v2 message.", 100)
    head = raw[:8].decode("latin-1")
    field, inner = head[3], head[4:8]
    if len(set(head[3:8])) != 5 or any(c.isalnum() or c.isspace() for c in head[3:8]):
        raise MessageError("Its separators (MSH-1, MSH-2) are not five different signs.", 102)
    lines = _decoded(raw, field).split("\r")
    if len(lines) > MOST_SEGMENTS:
        raise MessageError(f"It holds {len(lines)} segments; at most {MOST_SEGMENTS} are taken.", 207)
    segments = tuple(_segment(line, n, field) for n, line in enumerate(lines, 1) if line.strip())
    return Hl7Message(segments, inner)


def _decoded(raw: bytes, field: str) -> str:
    first = raw.split(b"\r")[0].decode("latin-1").split(field)
    stated = first[17].strip() if len(first) > 17 else ""
    codec = _CHARSETS.get(stated.upper())
    if codec is None:
        raise MessageError(f"Its character set '{stated[:30]}' (MSH-18) is not read; UNICODE UTF-8 is the best.", 103)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        named = stated or "ASCII, as no MSH-18 is stated"
        raise MessageError(f"Its byte {error.start} is not of its character set ({named}).", 102) from error


def _segment(line: str, n: int, field: str) -> Segment:
    name, _, rest = line.partition(field)
    if not _SEGMENT.fullmatch(name):
        raise MessageError(f"Line {n} is no segment: three capital letters and '{field}' were expected.", 100)
    fields = tuple(rest.split(field))
    # MSH-1 is the separator itself, so that the first text after it is MSH-2.
    return Segment(name, (field, *fields) if name == "MSH" else fields)


def answer_to(
    message: Hl7Message | None, answer: Answer, reason: str = "", code: int = 0, *, now: datetime | None = None
) -> bytes:
    """The acknowledgement (ACK) to a message; `message` is None if it could not even be read.

    In the enhanced mode (MSH-15 is stated) the answer is the commit's: CA, CE, CR. What was asked not to be answered
    gives no bytes.
    """
    header = None if message is None else message.header

    def said(n: int) -> str:
        return "" if header is None else header.field(n)

    wanted = said(15)
    is_good = answer is Answer.ACCEPT
    if wanted == "NE" or (wanted == "ER" and is_good) or (wanted == "SU" and not is_good):
        return b""
    told = f"C{answer.value[1]}" if wanted else answer.value
    utc = (now or datetime.now(UTC)).strftime("%Y%m%d%H%M%S+0000")
    event = "" if message is None else message.component(said(9), 2)
    kind = f"ACK^{event}^ACK" if event.isalnum() else "ACK"
    own = f"ACK{utc[:14]}{datetime.now(UTC).microsecond:06d}"
    lines = [
        f"MSH|^~\\&|{_field(said(5))}|{_field(said(6))}|{_field(said(3))}|{_field(said(4))}|{utc}||{kind}|{own}|"
        f"{_field(said(11)) or 'P'}|{_field(said(12)) or '2.5.1'}||||||UNICODE UTF-8",
        f"MSA|{told}|{_field(said(10))}",
    ]
    if reason:
        lines.append(f"ERR|||{code or 207}^^HL70357|{'W' if is_good else 'E'}||||{_escaped(reason)}")
    return "".join(f"{line}\r" for line in lines).encode("utf-8")


def _field(text: str) -> str:
    """A field of the sender's given back; one that would break the answer's own separators is left out."""
    return text if text.isprintable() and "|" not in text and len(text) <= 250 else ""


def _escaped(text: str) -> str:
    signs = {"\\": r"\E\\"[:3], "|": r"\F\\"[:3], "^": r"\S\\"[:3], "~": r"\R\\"[:3], "&": r"\T\\"[:3]}
    return "".join(signs.get(c, c if c.isprintable() else " ") for c in text)
