"""NRRD files (.nrrd, .nhdr, .seg.nrrd) by pynrrd: one 3-D image, or a segmentation with a list of layers."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
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
from .raw_image import RawImage, check_size, checked_grid

COMPRESSION_LEVEL = 6
MAX_LAYERS = 1024
MAX_HEADER_BYTES = 4 << 20
MAX_LINE_SKIP = 10_000
MAX_DIGITS = 32
"""Bytes that one value takes in a text file, with what stands around it."""
_PACKED = {"gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_TEXT = ("ascii", "text", "txt")
_MM_PER_UNIT = {"mm": 1.0, "m": 1000.0, "cm": 10.0, "um": 0.001, "": 1.0}
_SIDES = {"left": (0, 1.0), "right": (0, -1.0), "posterior": (1, 1.0), "anterior": (1, -1.0), "superior": (2, 1.0),
          "inferior": (2, -1.0)}  # fmt: skip
_SHORT_SPACES = {"ras": "right-anterior-superior", "las": "left-anterior-superior", "lps": "left-posterior-superior"}
_DOMAIN_KINDS = {"domain", "space", "???", "none"}


@dataclass(frozen=True, eq=False)
class _Axes:
    """Sizes of the file's axes, fastest first, and which of them is the list of layers (or None)."""

    sizes: tuple[int, ...]
    list_axis: int | None


def read_nrrd(path: Path) -> RawImage:
    """The image, or the layers of the segmentation, of a NRRD file. Raises FormatError."""
    with path.open("rb") as stream, np.errstate(all="ignore"):
        header = _read_header(stream, path)
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
    pairs = {key: _unescaped(value) for key, value in header.items() if isinstance(value, str)}
    return RawImage("nrrd", grid, layers, findings, pairs)


def write_nrrd(path: Path, grid: Grid, layers: Sequence[NDArray[Any]], pairs: dict[str, str] | None = None) -> None:
    """Write label layers [k, j, i] (uint8 or uint16), several as a list axis, with key-value pairs.

    The same input gives the same bytes.
    """
    import nrrd

    several = len(layers) > 1
    directions = grid.lps_from_ijk[:3, :3].T + 0.0  # no negative zeros
    header = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.full((1, 3), np.nan), directions]) if several else directions,
        "kinds": [*(["list"] if several else []), "domain", "domain", "domain"],
        "encoding": "gzip",
        "space origin": grid.origin + 0.0,
    }
    buffer = io.BytesIO()
    values = np.stack(layers, axis=-1) if several else layers[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pynrrd's way to get the time
        nrrd.write(buffer, values, header, compression_level=COMPRESSION_LEVEL, index_order="C")
    # pynrrd puts the time of day into a comment, and knows neither the escapes of the format nor letters beyond ASCII.
    written = buffer.getbuffer()
    end = buffer.getvalue().index(b"\n\n") + 1
    fields = [line for line in bytes(written[:end]).splitlines(keepends=True) if not line.startswith(b"#")]
    keys = "".join(f"{key}:={_escaped(value)}\n" for key, value in (pairs or {}).items())

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as raw:
            raw.writelines([*fields, keys.encode("utf-8"), written[end:]])

    write_atomically(path, fill)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\r", " ").replace("\n", "\\n")


def _unescaped(value: str) -> str:
    return value.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


def _read_header(stream: BinaryIO, path: Path) -> dict[str, Any]:
    """pynrrd's header of a bounded number of lines; the stream is left at the first byte after the blank line."""
    lines: list[str] = []
    left = MAX_HEADER_BYTES
    while raw := stream.readline(left).rstrip():
        lines.append(raw.decode("utf-8", errors="replace"))
        left -= len(raw) + 1
        if not lines[0].startswith("NRRD000"):
            raise FormatError(f"'{path.name}' is not a NRRD file: it does not begin with NRRD000.")
        if left <= 0:
            raise FormatError(f"'{path.name}' has a header without an end.")
    if not lines:
        raise FormatError(f"'{path.name}' is not a NRRD file: it does not begin with NRRD000.")
    header = _parsed(lines)
    if header is not None:
        return header
    broken = next((line for line in lines[1:] if _parsed([lines[0], line]) is None), None)
    if broken is None:
        raise FormatError(f"'{path.name}' has a broken header: it states a field twice.")
    field, colon, value = broken.partition(":")
    if not colon:
        raise FormatError(f"'{path.name}' has a broken header line: '{broken[:40]}'.")
    needed = "; needed are three numbers for each axis" if field.startswith("space ") else ""
    raise FormatError(f"'{path.name}' has a broken '{field[:40]}': '{value.strip()[:40]}'{needed}.")


def _parsed(lines: list[str]) -> dict[str, Any] | None:
    """What pynrrd makes of the lines, None if it stumbles over them."""
    import nrrd

    try:
        with np.errstate(invalid="raise"):
            return dict(nrrd.read_header(lines))
    except (nrrd.NRRDError, ValueError, IndexError, ArithmeticError):
        return None


def _axes(header: dict[str, Any], path: Path) -> _Axes:
    sizes = tuple(int(n) for n in header.get("sizes", ()))
    kinds = [kind.lower() for kind in header.get("kinds", ["domain"] * len(sizes))]
    if not sizes or len(sizes) != header.get("dimension") or len(kinds) != len(sizes):
        raise FormatError(f"'{path.name}' has a broken header: dimension, sizes and kinds do not fit together.")
    extra = [a for a, kind in enumerate(kinds) if kind not in _DOMAIN_KINDS]
    if len(sizes) == 3 and not extra:
        return _Axes(sizes, None)
    if len(sizes) == 4 and len(extra) == 1 and kinds[extra[0]] == "list" and sizes[extra[0]] <= MAX_LAYERS:
        return _Axes(sizes, extra[0])
    what = kinds[extra[0]] if extra else f"{len(sizes)} dimensions"
    raise FormatError(
        f"'{path.name}' is not one 3-D image with one number in each voxel: it has {what} "
        f"(sizes {' x '.join(map(str, sizes))}). Extract the volume that is wanted."
    )


def _dtype(header: dict[str, Any], path: Path) -> np.dtype[Any]:
    """The type of the values, and the refusal of encodings that are not known."""
    from nrrd import NRRDError
    from nrrd.reader import _determine_datatype  # nothing public tells the type before the values are read

    encoding, name = header.get("encoding", ""), header.get("type", "")
    if encoding != "raw" and encoding not in (*_PACKED, *_TEXT):
        raise FormatError(f"'{path.name}' has the encoding '{encoding}'; known are raw, gzip, bzip2 and ascii.")
    try:
        dtype: np.dtype[Any] = _determine_datatype({**header, "type": name})
    except KeyError:
        dtype = np.dtype("V")
    except NRRDError as error:
        raise FormatError(f"'{path.name}' does not state its byte order ('endian').") from error
    if dtype.kind not in "iuf":
        raise FormatError(f"'{path.name}' has values of type '{name}', which are no numbers we can read.")
    return dtype


def _read_data(
    stream: BinaryIO, header: dict[str, Any], path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    detached = header.pop("data file", header.pop("datafile", None))
    with contextlib.ExitStack() as stack:
        source = stream if detached is None else stack.enter_context(open_beside(path, detached))
        stored = os.fstat(source.fileno()).st_size
        lines = header.get("line skip", header.get("lineskip", 0))
        count = header.get("byte skip", header.get("byteskip", 0))
        encoding = _PACKED.get(header["encoding"])
        if not 0 <= lines <= MAX_LINE_SKIP or count < -1 or (encoding and (lines or count)):
            raise FormatError(f"'{path.name}' has a line skip or byte skip that we cannot follow.")
        if encoding:
            # pynrrd unpacks all that there is, whatever the sizes say, and holds it twice.
            return read_values(decompressed(source, encoding), path, dtype, shape, stored)
        return _read_unpacked(source, header, path, dtype, shape, stored - source.tell())


def _read_unpacked(
    source: BinaryIO, header: dict[str, Any], path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], stored: int
) -> NDArray[Any]:
    """Raw values or text by pynrrd, which reads to the end of the file: that must not be far away."""
    import nrrd

    count = int(np.prod(shape, dtype=object))
    least, most = (count, count * MAX_DIGITS) if header["encoding"] in _TEXT else (count * dtype.itemsize,) * 2
    if stored < least:
        raise FormatError(f"'{path.name}' is truncated: its {count} values need {least} bytes, {stored} are there.")
    if stored > most + MAX_HEADER_BYTES:
        raise FormatError(f"'{path.name}' is damaged: {stored} bytes are there for {count} values.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy's about text that is no number
            return np.asarray(nrrd.read_data(header, source, index_order="C"))
    except (nrrd.NRRDError, ValueError, DeprecationWarning) as error:
        raise FormatError(f"'{path.name}' is truncated or damaged: it does not hold {count} numbers.") from error


def _place(header: dict[str, Any], axes: _Axes, path: Path) -> tuple[FloatArray, tuple[Finding, ...]]:
    """(4, 4) LPS mm from index of the spatial axes, and what the header leaves open."""
    findings: list[Finding] = []
    spatial = [a for a in range(len(axes.sizes)) if a != axes.list_axis]
    matrix = np.eye(4)
    if "space directions" in header:
        directions = np.asarray(header["space directions"])
        if directions.shape != (len(axes.sizes), 3):
            raise FormatError(f"'{path.name}' has a broken 'space directions': one vector is needed for each axis.")
        matrix[:3, :3] = directions[spatial].T
    elif "spacings" in header:
        if len(header["spacings"]) != len(axes.sizes):
            raise FormatError(f"'{path.name}' has broken 'spacings': one number is needed for each axis.")
        matrix[:3, :3] = np.diag(np.abs(header["spacings"][spatial]))
        findings.append(_unknown_orientation("states spacings but no directions"))
    else:
        raise FormatError(f"'{path.name}' states neither 'space directions' nor 'spacings': its size is unknown.")
    origin = header.get("space origin", np.zeros(3))
    if len(origin) != 3:
        raise FormatError(f"'{path.name}' has a broken 'space origin': three numbers are needed.")
    matrix[:3, 3] = origin
    matrix[:3] *= _millimetres(header, path)
    return np.asarray(_lps_from_space(header, findings) @ matrix), tuple(findings)


def _lps_from_space(header: dict[str, Any], findings: list[Finding]) -> FloatArray:
    """(4, 4) from the header's 'space' to LPS; an unknown space is taken as LPS, and said."""
    stated = header.get("space", "").lower().strip('"')
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


def _millimetres(header: dict[str, Any], path: Path) -> float:
    units = {unit.lower() for unit in header.get("space units", [""])}
    unit = units.pop() if len(units) == 1 else "several units"
    if unit not in _MM_PER_UNIT:
        raise FormatError(f"'{path.name}' has lengths in '{unit}'; needed are millimetres.")
    return _MM_PER_UNIT[unit]
