"""NRRD files (.nrrd, .nhdr, .seg.nrrd): one 3-D image, or a segmentation with a list of layers."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..atomic_file import write_atomically
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid, frozen
from ..errors import FormatError
from .byte_stream import decompressed, read_values
from .data_file import open_beside
from .nrrd_header import (
    ENCODINGS,
    TYPES,
    NrrdHeader,
    escaped,
    format_vector,
    parse_numbers,
    parse_vectors,
    read_nrrd_header,
)
from .raw_image import RawImage, check_size, checked_grid

COMPRESSION_LEVEL = 6
MAX_LAYERS = 1024
_MM_PER_UNIT = {"mm": 1.0, "m": 1000.0, "cm": 10.0, "um": 0.001, "": 1.0}
_SIDES = {"left": (0, 1.0), "right": (0, -1.0), "posterior": (1, 1.0), "anterior": (1, -1.0), "superior": (2, 1.0),
          "inferior": (2, -1.0)}  # fmt: skip
_SHORT_SPACES = {"ras": "right-anterior-superior", "las": "left-anterior-superior", "lps": "left-posterior-superior"}
_LIST_KINDS = {"list"}
_DOMAIN_KINDS = {"domain", "space", "???", "none", ""}
_NAMES = {np.dtype(np.uint8): "unsigned char", np.dtype(np.uint16): "unsigned short"}


@dataclass(frozen=True, eq=False)
class _Axes:
    """Sizes of the file's axes, fastest first, and which of them is the list of layers (or None)."""

    sizes: tuple[int, ...]
    list_axis: int | None
    kinds: tuple[str, ...]


def read_nrrd(path: Path) -> RawImage:
    """The image, or the layers of the segmentation, of a NRRD file. Raises FormatError."""
    with path.open("rb") as stream:
        header = read_nrrd_header(stream, path)
        axes = _axes(header, path)
        dtype = _dtype(header, path)
        check_size(path, axes.sizes, max(dtype.itemsize, 4))
        spatial = tuple(n for a, n in enumerate(axes.sizes) if a != axes.list_axis)
        lps_from_ijk, findings = _place(header, axes, path)
        grid = checked_grid(path, (spatial[2], spatial[1], spatial[0]), lps_from_ijk)
        values = _read_data(stream, header, path, dtype, axes.sizes[::-1])
    native = values.astype(dtype.newbyteorder("="), copy=False)
    if axes.list_axis is None:
        layers: tuple[NDArray[Any], ...] = (native.reshape(grid.shape),)
    else:
        moved = np.moveaxis(native, native.ndim - 1 - axes.list_axis, 0)
        layers = tuple(np.ascontiguousarray(layer) for layer in moved)
    return RawImage("nrrd", grid, layers, findings, header.pairs)


def write_nrrd(path: Path, grid: Grid, layers: Sequence[NDArray[Any]], pairs: dict[str, str] | None = None) -> None:
    """Write label layers [k, j, i] (uint8 or uint16), several as a list axis, with key-value pairs.

    The same input gives the same bytes.
    """
    several = len(layers) > 1
    dtype = np.result_type(*layers)
    axes = [format_vector(grid.lps_from_ijk[:3, a]) for a in range(3)]
    sizes = [*([len(layers)] if several else []), *grid.size_ijk]
    lines = [
        "NRRD0004",
        f"type: {_NAMES[dtype]}",
        f"dimension: {len(sizes)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {' '.join([*(['none'] if several else []), *axes])}",
        f"kinds: {' '.join([*(['list'] if several else []), 'domain', 'domain', 'domain'])}",
        "endian: little",
        "encoding: gzip",
        f"space origin: {format_vector(grid.origin)}",
        *(f"{key}:={escaped(value)}" for key, value in (pairs or {}).items()),
    ]
    header = ("\n".join(lines) + "\n\n").encode("utf-8")
    body = np.stack(layers, axis=-1) if several else layers[0]
    data = np.ascontiguousarray(body, dtype=dtype.newbyteorder("<"))

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as raw:
            raw.write(header)
            with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as packed:
                packed.write(data.data.cast("B"))

    write_atomically(path, fill)


def _axes(header: NrrdHeader, path: Path) -> _Axes:
    numbers = parse_numbers(header.fields.get("sizes", ""), path, "sizes")
    sizes = tuple(int(n) for n in numbers)
    kinds = tuple(header.fields.get("kinds", "").lower().split()) or ("domain",) * len(sizes)
    if str(len(sizes)) != header.fields.get("dimension", "").strip() or len(kinds) != len(sizes) or min(sizes) < 1:
        raise FormatError(f"'{path.name}' has a broken header: dimension, sizes and kinds do not fit together.")
    extra = [a for a, kind in enumerate(kinds) if kind not in _DOMAIN_KINDS]
    if len(sizes) == 3 and not extra:
        return _Axes(sizes, None, kinds)
    if len(sizes) == 4 and len(extra) == 1 and kinds[extra[0]] in _LIST_KINDS and sizes[extra[0]] <= MAX_LAYERS:
        return _Axes(sizes, extra[0], kinds)
    what = kinds[extra[0]] if extra else f"{len(sizes)} dimensions"
    raise FormatError(
        f"'{path.name}' is not one 3-D image with one number in each voxel: it has {what} "
        f"(sizes {' x '.join(map(str, sizes))}). Extract the volume that is wanted."
    )


def _dtype(header: NrrdHeader, path: Path) -> np.dtype[Any]:
    name = " ".join(header.fields.get("type", "").lower().split())
    if name not in TYPES:
        raise FormatError(f"'{path.name}' has values of type '{name}', which are no numbers we can read.")
    dtype = np.dtype(TYPES[name])
    endian = header.fields.get("endian", "").lower()
    if dtype.itemsize > 1 and _encoding(header, path) != "ascii" and endian not in ("little", "big"):
        raise FormatError(f"'{path.name}' does not state its byte order ('endian').")
    return dtype.newbyteorder(">" if endian == "big" else "<")


def _encoding(header: NrrdHeader, path: Path) -> str:
    stated = header.fields.get("encoding", "").lower()
    if stated not in ENCODINGS:
        raise FormatError(f"'{path.name}' has the encoding '{stated}'; known are raw, gzip, bzip2 and ascii.")
    return ENCODINGS[stated]


def _read_data(
    stream: BinaryIO, header: NrrdHeader, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    encoding = _encoding(header, path)
    detached = header.fields.get("data file", header.fields.get("datafile"))
    source = open_beside(path, detached) if detached is not None else stream
    try:
        stored = path.stat().st_size if detached is None else source.seek(0, 2)
        if detached is not None:
            source.seek(0)
        _skip(source, header, path, encoding, dtype, shape, stored)
        if encoding == "ascii":
            return _read_ascii(source, path, dtype, shape)
        return read_values(decompressed(source, encoding), path, dtype, shape, stored)
    finally:
        if detached is not None:
            source.close()


def _skip(
    source: BinaryIO, header: NrrdHeader, path: Path, encoding: str, dtype: np.dtype[Any], shape: tuple[int, ...],
    stored: int,
) -> None:  # fmt: skip
    """Past the lines and bytes that the header says to leave out (-1: the values are at the end of the file)."""
    lines = int(parse_numbers(header.fields.get("line skip", header.fields.get("lineskip", "0")), path, "line skip")[0])
    count = int(parse_numbers(header.fields.get("byte skip", header.fields.get("byteskip", "0")), path, "byte skip")[0])
    if lines < 0 or count < -1 or (count and encoding not in ("raw", "ascii")):
        raise FormatError(f"'{path.name}' has a line skip or byte skip that we cannot follow.")
    for _ in range(min(lines, stored)):
        source.readline(1 << 20)
    if count == -1:
        source.seek(max(0, stored - int(np.prod(shape, dtype=object)) * dtype.itemsize))
    elif count > 0:
        source.seek(count, 1)


def _read_ascii(source: BinaryIO, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    count = int(np.prod(shape, dtype=object))
    words = source.read().split()
    if len(words) < count:
        raise FormatError(f"'{path.name}' is truncated: {len(words)} of {count} values are there.")
    try:
        return np.array(words[:count], dtype=np.float64).astype(dtype).reshape(shape)
    except ValueError as error:
        raise FormatError(f"'{path.name}' holds values that are no numbers.") from error


def _place(header: NrrdHeader, axes: _Axes, path: Path) -> tuple[FloatArray, tuple[Finding, ...]]:
    """(4, 4) LPS mm from index of the spatial axes, and what the header leaves open."""
    findings: list[Finding] = []
    spatial = [a for a in range(len(axes.sizes)) if a != axes.list_axis]
    matrix = np.eye(4)
    if "space directions" in header.fields:
        vectors = parse_vectors(header.fields["space directions"], path, "space directions")
        if len(vectors) != len(axes.sizes):
            raise FormatError(f"'{path.name}' has a broken 'space directions': one vector is needed for each axis.")
        for column, a in enumerate(spatial):
            matrix[:3, column] = _vector(vectors[a], path, "space directions")
    elif "spacings" in header.fields:
        numbers = parse_numbers(header.fields["spacings"], path, "spacings")
        if len(numbers) != len(axes.sizes):
            raise FormatError(f"'{path.name}' has broken 'spacings': one number is needed for each axis.")
        matrix[:3, :3] = np.diag([abs(numbers[a]) for a in spatial])
        findings.append(_unknown_orientation("states spacings but no directions"))
    else:
        raise FormatError(f"'{path.name}' states neither 'space directions' nor 'spacings': its size is unknown.")
    if "space origin" in header.fields:
        origin = parse_vectors(header.fields["space origin"], path, "space origin")
        matrix[:3, 3] = _vector(origin[0] if origin else None, path, "space origin")
    matrix[:3] *= _millimetres(header, path)
    return np.asarray(_lps_from_space(header, findings) @ matrix), tuple(findings)


def _vector(vector: FloatArray | None, path: Path, what: str) -> FloatArray:
    if vector is None or vector.shape != (3,):
        raise FormatError(f"'{path.name}' has a broken '{what}': three numbers are needed.")
    return vector


def _lps_from_space(header: NrrdHeader, findings: list[Finding]) -> FloatArray:
    """(4, 4) from the header's 'space' to LPS; an unknown space is taken as LPS, and said."""
    stated = header.fields.get("space", "").lower().strip('"')
    words = _SHORT_SPACES.get(stated, stated).split("-")
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1.0
    if len(words) == 3 and all(w in _SIDES for w in words) and len({_SIDES[w][0] for w in words}) == 3:
        for column, word in enumerate(words):
            axis, sign = _SIDES[word]
            matrix[axis, column] = sign
        return matrix
    if not any(f.code == "orientation-unknown" for f in findings):
        findings.append(_unknown_orientation("names no anatomical space" if not stated else f"is in '{stated}'"))
    return np.asarray(frozen(np.eye(4)))


def _unknown_orientation(what: str) -> Finding:
    return Finding(
        "orientation-unknown", Severity.ERROR,
        f"The NRRD file {what}. It is taken as left, posterior, superior; left and right cannot be trusted.",
    )  # fmt: skip


def _millimetres(header: NrrdHeader, path: Path) -> float:
    units = {u.strip('"').lower() for u in header.fields.get("space units", "").replace('" "', '"|"').split("|")}
    unit = units.pop() if len(units) == 1 else "several units"
    if unit not in _MM_PER_UNIT:
        raise FormatError(f"'{path.name}' has lengths in '{unit}'; needed are millimetres.")
    return _MM_PER_UNIT[unit]
