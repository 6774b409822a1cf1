"""The head of one DICOM file: its wanted attributes, its transfer syntax, and where its pixel data lie (PS3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from ..errors import DicomError
from .elements import UNDEFINED, VRS, Elements, ElementWalk, Encoding, HeaderBytes, PixelPlace
from .file_ref import inflating
from .limits import MAX_HEADER_BYTES

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE_SYNTAXES = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG})

_PREAMBLE = 132
_TRANSFER_SYNTAX = 0x00020010
_GROUP_LENGTH = 0x00020000
_MEDIA_SOP_CLASS = 0x00020002
_MEDIA_SOP_INSTANCE = 0x00020003
_META = frozenset({_TRANSFER_SYNTAX, _GROUP_LENGTH, _MEDIA_SOP_CLASS, _MEDIA_SOP_INSTANCE})
_FIRST_GROUPS = frozenset({0x0002, 0x0008})


class NotDicomError(DicomError):
    """The bytes are of something else."""


class NotAnImageError(DicomError):
    """A sound DICOM file without pixels: a report, a plan, an index."""


@dataclass(frozen=True)
class Header:
    """What a file says before its pixel data.

    Parameters
    ----------
    syntax
        Transfer syntax UID; assumed from the bytes where the file states none.
    data_start
        Byte at which the data set begins in the file.
    pixels
        Place of the pixel data, counted from the start of the file; in a deflated file from the start of the
        inflated data set. None if there are none.
    """

    elements: Elements
    syntax: str
    encoding: Encoding
    data_start: int
    pixels: PixelPlace | None
    media_sop_class: str = ""
    media_sop_instance: str = ""

    @property
    def is_deflated(self) -> bool:
        return self.syntax == DEFLATED_LITTLE


def read_header(stream: BinaryIO, *, only_group: int | None = None, limit: int = MAX_HEADER_BYTES) -> Header:
    """Read the head of the file that `stream` begins with, and no more than that.

    Parameters
    ----------
    only_group
        The one group of the data set to read, if it is its first; without it everything before the pixel data.
    limit
        Bytes after which the header is called absurd.

    Raises
    ------
    NotDicomError
        If it is no DICOM file.
    DicomError
        If it is one, but damaged, cut short or absurd. The message is the bare reason ("it is cut short: ...").
    """
    head = HeaderBytes(stream, limit)
    if not head.reach(8):
        raise NotDicomError("it is not a DICOM file" if head.data else "it is empty")
    start = _start_of_elements(head)
    meta = ElementWalk(head, start, Encoding(is_explicit=True), wanted=_META, sequences=(), only_group=0x0002)
    if head.data[start : start + 2] == b"\x02\x00":
        meta.run()
    stated = _uid(meta.elements.get(_TRANSFER_SYNTAX))
    media = _uid(meta.elements.get(_MEDIA_SOP_CLASS))
    syntax = stated or _guess_syntax(head, meta.position)
    data_start = meta.position
    encoding = _encoding(syntax, head, data_start)
    if syntax == DEFLATED_LITTLE:
        rest = _Rejoined(head.data[data_start:], stream)
        inflated = HeaderBytes(inflating(rest), limit)  # type: ignore[arg-type]
        walk = ElementWalk(inflated, 0, encoding, only_group=only_group).run()
    else:
        walk = ElementWalk(head, data_start, encoding, only_group=only_group).run()
    instance = _uid(meta.elements.get(_MEDIA_SOP_INSTANCE))
    return Header(walk.elements, syntax, encoding, data_start, walk.pixels, media, instance)


def _encoding(syntax: str, head: HeaderBytes, position: int) -> Encoding:
    """The encoding that the transfer syntax demands; some writers of compressed files use implicit all the same."""
    if syntax == EXPLICIT_BIG:
        return Encoding(is_explicit=True, is_big_endian=True)
    if syntax in (IMPLICIT_LITTLE, DEFLATED_LITTLE):
        return Encoding(is_explicit=syntax == DEFLATED_LITTLE)
    return Encoding(is_explicit=_guess_syntax(head, position) == EXPLICIT_LITTLE)


class _Rejoined:
    """Bytes already taken from a stream, and then the rest of it."""

    def __init__(self, taken: bytes, stream: BinaryIO) -> None:
        self._taken = taken
        self._stream = stream

    def read(self, size: int) -> bytes:
        if self._taken:
            part, self._taken = self._taken[:size], self._taken[size:]
            return part
        return self._stream.read(size)


def _start_of_elements(head: HeaderBytes) -> int:
    """Behind the preamble; or 0 where a file begins with its elements at once, as some archives store them."""
    if head.reach(_PREAMBLE) and head.data[128:_PREAMBLE] == b"DICM":
        return _PREAMBLE
    group = int.from_bytes(head.data[:2], "little")
    element = int.from_bytes(head.data[2:4], "little")
    is_plausible = group in _FIRST_GROUPS and element <= 0x0020 and _is_plausible_length(head.data)
    if not is_plausible:
        raise NotDicomError("it is not a DICOM file")
    return 0


def _is_plausible_length(data: bytes) -> bool:
    if data[4:6] in VRS:
        return True
    length = int.from_bytes(data[4:8], "little")
    return length == UNDEFINED or length <= len(data)


def _guess_syntax(head: HeaderBytes, position: int) -> str:
    """Explicit or implicit, from the first element, for a file that does not state its transfer syntax."""
    head.reach(position + 8)
    return EXPLICIT_LITTLE if head.data[position + 4 : position + 6] in VRS else IMPLICIT_LITTLE


def _uid(value: object) -> str:
    return value.rstrip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""
