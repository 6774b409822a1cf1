"""The data elements of a DICOM file, walked without recursion and within bounds (PS3.5, section 7).

pydicom is not used for headers of unknown origin: it inflates without limit, recurses into nested sequences and builds
an object for everything. This walk keeps only the attributes asked for and leaves the rest unread.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO

from ..errors import DicomError
from .limits import MAX_DEPTH, MAX_ELEMENTS, MAX_HEADER_BYTES, MAX_VALUE_BYTES
from .tags import PIXEL_TAGS, SEQUENCES, WANTED

Elements = dict[int, "bytes | list[Elements]"]
"""Tag -> raw value, or the items of a sequence."""

UNDEFINED = 0xFFFFFFFF
FIRST_READ = 16 * 1024
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US"}
)  # fmt: skip
VRS = _LONG_VRS | _SHORT_VRS
_PLAIN_LONG_VRS = _LONG_VRS - {b"SQ", b"UN"}
_LAST_PLAIN_GROUP = 0x7FDF
"""Below the pixel data and the marks of items."""


@dataclass(frozen=True)
class Encoding:
    """How elements are written: value representations spelt out or not, and the byte order."""

    is_explicit: bool
    is_big_endian: bool = False


class HeaderBytes:
    """The start of a stream, read on as the walk needs it.

    Parameters
    ----------
    stream
        Anything with `read`; a zip member or an inflating reader is read no further than needed.
    limit
        Bytes after which the header is called absurd.
    """

    def __init__(self, stream: BinaryIO, limit: int = MAX_HEADER_BYTES) -> None:
        self._stream = stream
        self._limit = limit
        self.data = b""

    def reach(self, size: int) -> bool:
        """Read on until at least `size` bytes are there; False if the stream ends before."""
        if size > self._limit + FIRST_READ:
            raise DicomError(f"its header is larger than {self._limit // 2**20} MiB or damaged")
        have = len(self.data)
        if have >= size:
            return True
        parts = [self.data]
        want = max(size, 2 * have, FIRST_READ) - have
        while want > 0:
            part = self._stream.read(want)
            if not part:
                break
            parts.append(part)
            want -= len(part)
        self.data = b"".join(parts)
        return len(self.data) >= size


@dataclass
class _Level:
    """One open sequence or item; `kept` is where its contents are recorded, or None if they are stepped over."""

    kind: str
    end: int | None
    encoding: Encoding
    kept: Elements | list[Elements] | None = None


@dataclass(frozen=True)
class PixelPlace:
    """Where the pixel data of a file lie: `length` is None for encapsulated (compressed) data."""

    tag: int
    vr: bytes
    offset: int
    length: int | None


class ElementWalk:
    """A walk over the elements of one data set from `position` on, into `elements`, up to the pixel data.

    After `run`, `position` is the end of what was read, and `pixels` where the pixel data start, if there are any.
    """

    def __init__(
        self,
        header: HeaderBytes,
        position: int,
        encoding: Encoding,
        *,
        wanted: Collection[int] = WANTED,
        sequences: Collection[int] = SEQUENCES,
        only_group: int | None = None,
    ) -> None:
        self.header = header
        self.position = position
        self.elements: Elements = {}
        self.pixels: PixelPlace | None = None
        self._wanted = wanted
        self._sequences = sequences
        self._only_group = only_group
        self._levels = [_Level("items", None, encoding, self.elements)]
        self._count = 0

    def run(self) -> ElementWalk:
        """Walk to the pixel data, the end of the file or of `only_group`.

        Raises
        ------
        DicomError
            If the structure is damaged, cut short or absurd.
        """
        while self._plain_elements() and self._step():
            self._count += 1
            if self._count > MAX_ELEMENTS:
                raise DicomError(f"it holds more than {MAX_ELEMENTS} data elements before its pixel data")
        return self

    def _plain_elements(self) -> bool:
        """Step over what most of a header is made of: plain elements of known length outside sequences. Always True.

        Does nothing that `_step` would not do; it is there because a folder holds thousands of headers.
        """
        level = self._levels[-1]
        if len(self._levels) > 1 or self._only_group or not level.encoding.is_explicit or level.encoding.is_big_endian:
            return True
        data, position, passed = self.header.data, self.position, 0
        size, wanted, sequences, kept = len(data), self._wanted, self._sequences, self.elements
        while position + 12 <= size:
            group, number, vr, length = _SHORT_HEAD.unpack_from(data, position)
            start = position + 8
            if vr not in _SHORT_VRS:
                if vr not in _PLAIN_LONG_VRS:
                    break
                length = _U32_LE.unpack_from(data, start)[0]
                start += 4
            tag = (group << 16) | number
            end = start + length
            if end > size or group > _LAST_PLAIN_GROUP or length > MAX_VALUE_BYTES or tag in sequences:
                break
            if tag in wanted:
                kept[tag] = data[start:end]
            position = end
            passed += 1
        self.position = position
        self._count += passed
        return True

    def _step(self) -> bool:
        level = self._levels[-1]
        if level.end is not None and self.position >= level.end:
            if self.position > level.end:
                raise DicomError(f"its header is damaged: an element at byte {self.position} overruns its sequence")
            self._levels.pop()
            return True
        if not self.header.reach(self.position + 8):
            return self._end_of_file()
        encoding = level.encoding
        data = self.header.data
        group, number = (_TAG_BE if encoding.is_big_endian else _TAG_LE).unpack_from(data, self.position)
        tag = (group << 16) | number
        if group == 0xFFFE:
            return self._delimiter(tag)
        if self._only_group not in (None, group) and len(self._levels) == 1:
            return False
        vr, length, start = self._vr_and_length(tag, encoding)
        if tag in PIXEL_TAGS and len(self._levels) == 1:
            self.pixels = PixelPlace(tag, vr, start, None if length == UNDEFINED else length)
            return False
        self._value(tag, vr, length, start, level)
        return True

    def _end_of_file(self) -> bool:
        if len(self._levels) > 1 or self.position != len(self.header.data):
            raise DicomError(f"it is cut short: its header ends at byte {len(self.header.data)}")
        return False

    def _vr_and_length(self, tag: int, encoding: Encoding) -> tuple[bytes, int, int]:
        """Value representation (empty when implicit), length and start of the value of the element at `position`."""
        data, at = self.header.data, self.position
        u32 = _U32_BE if encoding.is_big_endian else _U32_LE
        if not encoding.is_explicit:
            return b"", u32.unpack_from(data, at + 4)[0], at + 8
        vr = data[at + 4 : at + 6]
        if vr in _SHORT_VRS:
            u16 = _U16_BE if encoding.is_big_endian else _U16_LE
            return vr, u16.unpack_from(data, at + 6)[0], at + 8
        if vr not in _LONG_VRS:
            raise DicomError(f"its header is damaged at byte {at}: element {tag:08X} has no value representation")
        if not self.header.reach(at + 12):
            raise DicomError(f"it is cut short: its header ends at byte {len(self.header.data)}")
        return vr, u32.unpack_from(self.header.data, at + 8)[0], at + 12

    def _value(self, tag: int, vr: bytes, length: int, start: int, level: _Level) -> None:
        kept = level.kept if isinstance(level.kept, dict) and tag in self._wanted else None
        if length == UNDEFINED:
            self._open(tag, vr, start, None, level.encoding, kept)
        elif vr == b"SQ" or (vr in (b"", b"UN") and tag in self._sequences):
            if tag in self._sequences:
                self._open(tag, vr, start, start + length, level.encoding, kept)
            else:
                self._skip(start + length)
        else:
            self._skip(start + length)
            if kept is not None and tag not in self._sequences:
                if length > MAX_VALUE_BYTES:
                    raise DicomError(f"its header is damaged: element {tag:08X} is {length} bytes long")
                kept[tag] = self.header.data[start : start + length]

    def _skip(self, end: int) -> None:
        if not self.header.reach(end):
            raise DicomError(f"it is cut short: its header ends at byte {len(self.header.data)}, {end} are announced")
        self.position = end

    def _open(
        self, tag: int, vr: bytes, start: int, end: int | None, encoding: Encoding, kept: Elements | None
    ) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:
            raise DicomError(f"its sequences are nested deeper than {MAX_DEPTH}")
        items: list[Elements] | None = None
        if kept is not None:
            items = []
            kept[tag] = items
        # A sequence of unknown representation is written implicitly (PS3.5, 6.2.2 note 2).
        inner = Encoding(is_explicit=False) if vr == b"UN" else encoding
        kind = "fragments" if vr in (b"OB", b"OW") else "sequence"
        self._levels.append(_Level(kind, end, inner, items))
        self.position = start

    def _delimiter(self, tag: int) -> bool:
        level = self._levels[-1]
        u32 = _U32_BE if level.encoding.is_big_endian else _U32_LE
        length = u32.unpack_from(self.header.data, self.position + 4)[0]
        start = self.position + 8
        if tag == _ITEM and level.kind == "fragments":
            self._skip(start + length)
        elif tag == _ITEM and level.kind == "sequence":
            self._open_item(start, length, level)
        elif (tag == _ITEM_END and level.kind == "item") or (tag == _SEQUENCE_END and level.kind != "item"):
            if len(self._levels) == 1:
                raise DicomError(f"its header is damaged at byte {self.position}: a sequence ends that never began")
            self._levels.pop()
            self.position = start
        else:
            raise DicomError(f"its header is damaged at byte {self.position}: an item where none can be")
        return True

    def _open_item(self, start: int, length: int, level: _Level) -> None:
        end = None if length == UNDEFINED else start + length
        if end is not None and level.end is not None and end > level.end:
            raise DicomError(f"its header is damaged: the item at byte {start} overruns its sequence")
        item: Elements | None = None
        if isinstance(level.kept, list):
            item = {}
            level.kept.append(item)
        self._levels.append(_Level("item", end, level.encoding, item))
        self.position = start


_SHORT_HEAD = Struct("<HH2sH")
_TAG_LE, _TAG_BE = Struct("<HH"), Struct(">HH")
_U16_LE, _U16_BE = Struct("<H"), Struct(">H")
_U32_LE, _U32_BE = Struct("<I"), Struct(">I")
