"""The text header of a NRRD file (https://teem.sourceforge.net/nrrd/format.html): parsed and written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..domain.geometry import FloatArray
from ..errors import FormatError

MAX_HEADER_BYTES = 16 << 20
TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1",
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2", "int16_t": "i2",
    "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2", "uint16_t": "u2",
    "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4",
    "uint": "u4", "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4",
    "longlong": "i8", "long long": "i8", "long long int": "i8", "signed long long": "i8",
    "signed long long int": "i8", "int64": "i8", "int64_t": "i8",
    "ulonglong": "u8", "unsigned long long": "u8", "unsigned long long int": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip
ENCODINGS = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2",
             "ascii": "ascii", "text": "ascii", "txt": "ascii"}  # fmt: skip


@dataclass(frozen=True)
class NrrdHeader:
    """Fields (names in lower case) and key-value pairs (escapes undone) of a header."""

    fields: dict[str, str]
    pairs: dict[str, str]


def read_nrrd_header(stream: BinaryIO, path: Path) -> NrrdHeader:
    """The header; the stream is left at the first byte after its blank line. Raises FormatError."""
    first = stream.readline(64)
    if not first.startswith(b"NRRD000"):
        raise FormatError(f"'{path.name}' is not a NRRD file: it does not begin with NRRD000.")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    total = 0
    while True:
        raw = stream.readline(MAX_HEADER_BYTES)
        total += len(raw)
        if total > MAX_HEADER_BYTES:
            raise FormatError(f"'{path.name}' has a header without an end.")
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        if not raw or not line:
            return NrrdHeader(fields, pairs)
        if line.startswith("#"):
            continue
        _store(line, fields, pairs, path)


def _store(line: str, fields: dict[str, str], pairs: dict[str, str], path: Path) -> None:
    colon = line.find(":")
    if colon > 0 and line[colon : colon + 2] == ":=":
        pairs[line[:colon]] = unescaped(line[colon + 2 :])
    elif colon > 0 and line[colon : colon + 2] == ": ":
        fields[line[:colon].strip().lower()] = line[colon + 2 :].strip()
    elif colon > 0 and colon == len(line) - 1:
        fields[line[:colon].strip().lower()] = ""
    else:
        raise FormatError(f"'{path.name}' has a broken header line: '{line[:40]}'.")


def escaped(value: str) -> str:
    """A value as it may stand in one line."""
    return value.replace("\\", "\\\\").replace("\r", " ").replace("\n", "\\n")


def unescaped(value: str) -> str:
    return value.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


def parse_numbers(text: str, path: Path, what: str) -> list[float]:
    """Numbers separated by blanks or commas. Raises FormatError naming the field."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise FormatError(f"'{path.name}' has a broken '{what}': '{text[:40]}'.") from error


def parse_vectors(text: str, path: Path, what: str) -> list[FloatArray | None]:
    """'none (1,0,0) (0,1,0)' as [None, array, array]. Raises FormatError naming the field."""
    vectors: list[FloatArray | None] = []
    rest = text.strip()
    while rest:
        if rest.lower().startswith("none"):
            vectors.append(None)
            rest = rest[4:].strip()
            continue
        close = rest.find(")")
        if not rest.startswith("(") or close < 0:
            raise FormatError(f"'{path.name}' has a broken '{what}': '{text[:40]}'.")
        vectors.append(np.array(parse_numbers(rest[1:close], path, what), dtype=np.float64))
        rest = rest[close + 1 :].strip()
    return vectors


def format_vector(values: FloatArray) -> str:
    """'(1.0,0.0,0.0)' with every digit that a double needs."""
    return "(" + ",".join(repr(float(v) + 0.0) for v in values) + ")"
