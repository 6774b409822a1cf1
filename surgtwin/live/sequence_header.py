"""The header of a sequence file, and the images behind it: MetaImage and NRRD, with every size checked first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..errors import FormatError
from ..formats.byte_stream import decompressed, read_values
from ..formats.data_file import open_beside
from ..formats.metaimage import TYPES
from ..formats.raw_image import check_size

MAX_HEADER_BYTES = 512 << 20
MAX_LINE_BYTES = 1 << 16
MAX_CHANNELS = 4
NRRD_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1", "uchar": "u1", "unsigned char": "u1", "uint8": "u1",
    "uint8_t": "u1", "short": "i2", "int16": "i2", "int16_t": "i2", "ushort": "u2", "unsigned short": "u2",
    "uint16": "u2", "uint16_t": "u2", "int": "i4", "int32": "i4", "int32_t": "i4", "uint": "u4", "unsigned int": "u4",
    "uint32": "u4", "uint32_t": "u4", "float": "f4", "double": "f8",
}  # fmt: skip
NRRD_PACKED = {"raw": "raw", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}


@dataclass(frozen=True, eq=False)
class SequenceHeader:
    """What the header says.

    Parameters
    ----------
    sizes
        (i, j, k, frames); i, j and k are 0 where there are no images.
    packing
        "raw", "zlib", "gzip" or "bzip2".
    data_file
        Where the images are, beside the header; "" behind it.
    """

    fields: dict[str, str]
    sizes: tuple[int, int, int, int]
    channels: int
    dtype: np.dtype[Any]
    packing: str
    data_file: str
    frame_from_ijk: FloatArray

    @property
    def has_images(self) -> bool:
        return min(self.sizes) > 0


def read_header(stream: BinaryIO, path: Path) -> SequenceHeader:
    """The header, MetaImage's or NRRD's by its first bytes; the stream is left behind it. Raises FormatError."""
    is_nrrd = stream.read(7) == b"NRRD000"
    stream.seek(0)
    return _read_nrrd(stream, path) if is_nrrd else _read_metaimage(stream, path)


def read_images(stream: BinaryIO, header: SequenceHeader, path: Path) -> NDArray[Any] | None:
    """All images, [frame, k, j, i] or with the component last; None if there are none.

    Raises
    ------
    FormatError
        If they are damaged or cut short.
    MemoryLimitError
        If they would not fit into memory.
    """
    if not header.has_images:
        return None
    shape = header.sizes[::-1] if header.channels == 1 else (*header.sizes[::-1], header.channels)
    check_size(path, shape, header.dtype.itemsize)
    if not header.data_file:
        values = read_values(decompressed(stream, header.packing), path, header.dtype, shape, path.stat().st_size)
    else:
        with open_beside(path, header.data_file) as source:
            stored = source.seek(0, 2)
            source.seek(0)
            values = read_values(decompressed(source, header.packing), path, header.dtype, shape, stored)
    return values.astype(header.dtype.newbyteorder("="), copy=False)


def _lines(stream: BinaryIO, path: Path, is_last: Callable[[str], bool], separators: tuple[str, ...]) -> dict[str, str]:
    """Fields up to the line that ends the header. Raises FormatError for a line without a separator, or a repeat."""
    fields: dict[str, str] = {}
    total = 0
    while True:
        raw = stream.readline(MAX_LINE_BYTES)
        total += len(raw)
        line = raw.decode("latin-1").strip()
        if not raw.endswith(b"\n") or total > MAX_HEADER_BYTES:
            raise FormatError(f"'{path.name}' has a header without an end, or with a line of {len(raw)} bytes.")
        if line.startswith(("NRRD000", "#")):
            continue
        separator = next((s for s in separators if s in line), None)
        if separator is not None:
            key, value = (part.strip() for part in line.split(separator, 1))
            if key in fields:
                raise FormatError(f"'{path.name}' states '{key[:60]}' twice.")
            fields[key] = value
        elif line or not is_last(line):
            raise FormatError(f"'{path.name}' is no recording that can be read: broken header line '{line[:40]}'.")
        if is_last(line):
            return fields


def _read_metaimage(stream: BinaryIO, path: Path) -> SequenceHeader:
    fields = _lines(stream, path, lambda line: line.startswith("ElementDataFile"), ("=",))
    if fields.get("ObjectType", "Image") != "Image" or fields.get("BinaryData", "True").lower() != "true":
        raise FormatError(f"'{path.name}' is not a MetaImage file of binary values.")
    dimensions = _whole(fields.get("NDims", ""), "NDims", path)[0]
    sizes = _sizes(_whole(fields.get("DimSize", ""), "DimSize", path), dimensions, path)
    name = fields.get("ElementType", "")
    if name not in TYPES:
        raise FormatError(f"'{path.name}' has images of type '{name[:40]}', which can't be read.")
    is_big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() == "true"
    packing = "zlib" if fields.get("CompressedData", "False").lower() == "true" else "raw"
    where = fields["ElementDataFile"]
    channels = _whole(fields.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", path)[0]
    return SequenceHeader(
        fields,
        sizes,
        _checked_channels(channels, path),
        np.dtype((">" if is_big else "<") + TYPES[name]),
        packing,
        "" if where.upper() == "LOCAL" else where,
        _metaimage_place(fields, dimensions - 1, path),
    )


def _metaimage_place(fields: dict[str, str], axes: int, path: Path) -> FloatArray:
    matrix = np.eye(4)
    spacing = _reals(fields.get("ElementSpacing", "1 1 1"), "ElementSpacing", path)
    offset = _reals(fields.get("Offset", "0 0 0"), "Offset", path)
    turn = _reals(fields.get("TransformMatrix", "1 0 0 0 1 0 0 0 1"), "TransformMatrix", path)
    side = math.isqrt(len(turn))
    if side * side != len(turn) or not axes <= min(side, len(spacing), len(offset)) <= 4:
        raise FormatError(f"'{path.name}' has a broken header: spacing, offset and directions do not fit NDims.")
    directions = turn.reshape(side, side).T
    matrix[:axes, :axes] = directions[:axes, :axes] * spacing[:axes]
    matrix[:axes, 3] = offset[:axes]
    if abs(float(np.linalg.det(matrix[:3, :3]))) < 1e-12:
        raise FormatError(f"'{path.name}' has images whose axes lie in one plane.")
    return matrix


def _read_nrrd(stream: BinaryIO, path: Path) -> SequenceHeader:
    fields = _lines(stream, path, lambda line: not line, (":=", ":"))
    encoding, name = fields.get("encoding", "").lower(), fields.get("type", "")
    if encoding not in NRRD_PACKED or name not in NRRD_TYPES:
        raise FormatError(f"'{path.name}' has images of type '{name[:40]}' in encoding '{encoding[:40]}': unknown.")
    kinds = fields.get("kinds", "").lower().split()
    numbers = _whole(fields.get("sizes", ""), "sizes", path)
    dimensions = _whole(fields.get("dimension", ""), "dimension", path)[0]
    if len(numbers) != dimensions or len(kinds) != dimensions or kinds[-1] != "list":
        raise FormatError(f"'{path.name}' is no recording: its last axis should be a list of frames.")
    has_channels = kinds[0] not in ("domain", "space")
    sizes = _sizes(numbers[has_channels:], dimensions - has_channels, path)
    is_big = fields.get("endian", "little").lower() == "big"
    return SequenceHeader(
        fields,
        sizes,
        _checked_channels(numbers[0] if has_channels else 1, path),
        np.dtype((">" if is_big else "<") + NRRD_TYPES[name]),
        NRRD_PACKED[encoding],
        fields.get("data file", fields.get("datafile", "")),
        np.eye(4),
    )


def _sizes(numbers: list[int], dimensions: int, path: Path) -> tuple[int, int, int, int]:
    if dimensions not in (3, 4) or len(numbers) != dimensions or numbers[-1] < 1:
        raise FormatError(f"'{path.name}' is no recording: it should have 2 or 3 axes and the frames.")
    depth = numbers[2] if dimensions == 4 else min(1, *numbers[:2])
    return (numbers[0], numbers[1], depth, numbers[-1])


def _checked_channels(channels: int, path: Path) -> int:
    if not 1 <= channels <= MAX_CHANNELS:
        raise FormatError(f"'{path.name}' has {channels} numbers in each pixel; 1 to {MAX_CHANNELS} are read.")
    return channels


def _whole(text: str, key: str, path: Path) -> list[int]:
    words = text.split()
    if not words or not all(w.isascii() and w.isdigit() and len(w) < 10 for w in words):
        raise FormatError(f"'{path.name}' has a broken '{key}': '{text[:40]}'; whole numbers are needed.")
    return [int(w) for w in words]


def _reals(text: str, key: str, path: Path) -> FloatArray:
    try:
        numbers = np.array(text.split(), dtype=np.float64)
    except ValueError:
        numbers = np.array([math.nan])
    if not len(numbers) or not np.all(np.isfinite(numbers)):
        raise FormatError(f"'{path.name}' has a broken '{key}': '{text[:40]}'; finite numbers are needed.")
    return numbers
