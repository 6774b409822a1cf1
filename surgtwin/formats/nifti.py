"""NIfTI-1 and NIfTI-2 files (.nii, .nii.gz): read with either transform, written with both.

Clauses are those of nifti1.h (Cox et al. 2004, https://nifti.nimh.nih.gov/nifti-1). NIfTI's world is RAS.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..atomic_file import write_atomically
from ..domain.finding import Finding, Severity
from ..domain.geometry import SAME_POSITION_MM, FloatArray, Grid
from ..errors import FormatError
from .byte_stream import open_maybe_gzip, read_exactly, read_values
from .frame import Frame
from .quaternion import quaternion_from_rotation, rotation_from_quaternion
from .raw_image import RawImage, check_size, checked_grid

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
REFUSED_TYPES = {1: "bits", 32: "complex numbers", 128: "RGB colours", 1536: "128-bit floats", 1792: "complex numbers",
                 2048: "complex numbers", 2304: "RGBA colours"}  # fmt: skip
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
COMPRESSION_LEVEL = 6
_CODE_OF = {np.dtype(np.uint8): 2, np.dtype(np.uint16): 512, np.dtype(np.int16): 4, np.dtype(np.float32): 16}
_DATA_OFFSET = 352
_SCANNER = 1
_UNIT_MM = 2
_FROM_LPS = Frame.RAS.from_lps


@dataclass(frozen=True)
class _Header:
    order: str
    dim: tuple[int, ...]
    datatype: int
    pixdim: tuple[float, ...]
    offset: int
    slope: float
    intercept: float
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    shift: tuple[float, ...]
    srow: FloatArray
    unit: int


def read_nifti(path: Path) -> RawImage:
    """The image of a NIfTI file, scaled by its slope and intercept. Raises FormatError."""
    with open_maybe_gzip(path) as stream:
        header = _read_header(stream, path)
        shape = _shape(path, header)
        dtype = np.dtype(header.order + TYPES[header.datatype])
        check_size(path, shape, max(dtype.itemsize, 4))
        lps_from_ijk, findings = _place(header, path, shape)
        grid = checked_grid(path, shape, lps_from_ijk)
        values = read_values(stream, path, dtype, shape, path.stat().st_size)
    native = values.astype(dtype.newbyteorder("="), copy=False)
    return RawImage("nifti", grid, (_scaled(native, header),), findings)


def write_nifti(path: Path, grid: Grid, values: NDArray[Any]) -> None:
    """Write values [k, j, i] (uint8, uint16, int16 or float32), gzipped if the name ends in .gz.

    The same input gives the same bytes.
    """
    header = _encode_header(grid, values)
    body = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as packed:
                    packed.write(header)
                    packed.write(body.data.cast("B"))
            else:
                raw.write(header)
                raw.write(body.data.cast("B"))

    write_atomically(path, fill)


def _read_header(stream: BinaryIO, path: Path) -> _Header:
    start = read_exactly(stream, path, 4, "header")
    for order in "<>":
        size = struct.unpack(order + "i", start)[0]
        if size == 348:
            return _parse_nifti1(order, start + read_exactly(stream, path, 344, "header"), stream, path)
        if size == 540:
            return _parse_nifti2(order, start + read_exactly(stream, path, 536, "header"), stream, path)
    raise FormatError(f"'{path.name}' is not a NIfTI file: it does not begin with a NIfTI header.")


def _parse_nifti1(order: str, raw: bytes, stream: BinaryIO, path: Path) -> _Header:
    if raw[344:348] == b"ni1\0":
        raise FormatError(f"'{path.name}' is half of a .hdr/.img pair. Save it as one .nii or .nii.gz file.")
    if raw[344:348] != b"n+1\0":
        raise FormatError(f"'{path.name}' is not a NIfTI file (Analyze 7.5 perhaps): its magic number is missing.")
    pick = _picker(order, raw)
    header = _Header(
        order, pick("8h", 40), pick("h", 70)[0], pick("8f", 76), int(_finite(pick("f", 108)[0])), pick("f", 112)[0],
        pick("f", 116)[0], pick("h", 252)[0], pick("h", 254)[0], pick("3f", 256), pick("3f", 268),
        np.reshape(pick("12f", 280), (3, 4)).astype(np.float64), raw[123] & 7,
    )  # fmt: skip
    _skip_to(stream, path, 348, header.offset)
    return header


def _parse_nifti2(order: str, raw: bytes, stream: BinaryIO, path: Path) -> _Header:
    if raw[4:8] != b"n+2\0":
        raise FormatError(f"'{path.name}' is not a NIfTI-2 file in one part: its magic number is missing.")
    pick = _picker(order, raw)
    header = _Header(
        order, pick("8q", 16), pick("h", 12)[0], pick("8d", 104), pick("q", 168)[0], pick("d", 176)[0],
        pick("d", 184)[0], pick("i", 344)[0], pick("i", 348)[0], pick("3d", 352), pick("3d", 376),
        np.reshape(pick("12d", 400), (3, 4)).astype(np.float64), pick("i", 500)[0] & 7,
    )  # fmt: skip
    _skip_to(stream, path, 540, header.offset)
    return header


def _picker(order: str, raw: bytes) -> Any:
    return lambda kind, at: struct.unpack_from(order + kind, raw, at)


def _finite(value: float) -> float:
    return value if np.isfinite(value) else -1.0


def _skip_to(stream: BinaryIO, path: Path, at: int, offset: int) -> None:
    """Past the extensions, to where the values begin (0: right after the header)."""
    offset = offset or at
    if not at <= offset <= 1 << 28:
        raise FormatError(f"'{path.name}' states that its values begin at byte {offset}, which is not plausible.")
    read_exactly(stream, path, offset - at, "header extension")


def _shape(path: Path, header: _Header) -> tuple[int, int, int]:
    """(k, j, i). Refuses what is not one scalar 3-D image."""
    if header.datatype in REFUSED_TYPES:
        raise FormatError(f"'{path.name}' holds {REFUSED_TYPES[header.datatype]}; needed is one number in each voxel.")
    if header.datatype not in TYPES:
        raise FormatError(f"'{path.name}' states the unknown data type {header.datatype}.")
    count = header.dim[0]
    if not 1 <= count <= 7:
        raise FormatError(f"'{path.name}' states {count} dimensions, which is not plausible.")
    if count < 3:
        raise FormatError(f"'{path.name}' has {count} dimensions; needed is a 3-D image.")
    more = [n for n in header.dim[4 : count + 1] if n != 1]
    if more:
        sizes = " x ".join(str(n) for n in header.dim[1 : count + 1])
        raise FormatError(f"'{path.name}' is not one 3-D image: its size is {sizes}. Extract the one volume wanted.")
    return (header.dim[3], header.dim[2], header.dim[1])


def _place(header: _Header, path: Path, shape: tuple[int, int, int]) -> tuple[FloatArray, tuple[Finding, ...]]:
    """(4, 4) LPS mm from index, by the sform if there is one, else the qform; and what is odd about it."""
    scale = MM_PER_UNIT.get(header.unit, 1.0)
    findings: list[Finding] = []
    sform = np.vstack([header.srow, [0, 0, 0, 1]]) if header.sform_code > 0 else None
    qform = _qform(header, path) if header.qform_code > 0 else None
    if sform is not None and qform is not None:
        findings += _disagreement(sform, qform, shape, scale)
    ras = sform if sform is not None else qform
    if ras is None:
        ras = np.diag([*(abs(p) or 1.0 for p in header.pixdim[1:4]), 1.0])
        findings.append(Finding(
            "orientation-unknown", Severity.ERROR,
            "The NIfTI file states no orientation (qform and sform are unset). Its axes are taken as right, anterior, "
            "superior; left and right cannot be trusted.",
        ))  # fmt: skip
    if scale != 1.0:
        unit = "metres" if scale > 1 else "micrometres"
        message = f"The NIfTI file states its lengths in {unit}; they were turned into millimetres."
        findings.append(Finding("unit-converted", Severity.INFO, message))
    ras = np.array(ras, dtype=np.float64)
    ras[:3] *= scale
    return np.asarray(_FROM_LPS @ ras), tuple(findings)


def _qform(header: _Header, path: Path) -> FloatArray:
    """Method 2 of nifti1.h."""
    rotation = rotation_from_quaternion(header.quaternion)
    if rotation is None:
        raise FormatError(f"'{path.name}' has a broken qform: its quaternion is no rotation.")
    handed = -1.0 if header.pixdim[0] < 0 else 1.0
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * (np.array(header.pixdim[1:4], dtype=np.float64) * [1.0, 1.0, handed])
    matrix[:3, 3] = header.shift
    return matrix


def _disagreement(sform: FloatArray, qform: FloatArray, shape: tuple[int, int, int], scale: float) -> list[Finding]:
    ends = np.array([[i, j, k, 1] for i in (0, shape[2] - 1) for j in (0, shape[1] - 1) for k in (0, shape[0] - 1)])
    apart = float(np.linalg.norm(ends @ (sform - qform).T, axis=1).max()) * scale
    if not np.isfinite(apart) or apart <= 10 * SAME_POSITION_MM:
        return []
    return [Finding(
        "transforms-disagree", Severity.WARNING,
        f"The two transforms of the NIfTI file (sform, qform) place the image up to {apart:.2f} mm apart. "
        "The sform was used. Check left and right against the source.",
        numbers={"apart_mm": apart},
    )]  # fmt: skip


def _scaled(values: NDArray[Any], header: _Header) -> NDArray[Any]:
    """slope * value + intercept; a slope of 0 (or not finite) means none."""
    slope, intercept = header.slope, header.intercept
    if slope == 0 or not np.isfinite(slope) or not np.isfinite(intercept) or (slope == 1 and intercept == 0):
        return values
    scaled = values.astype(np.float32)
    scaled *= np.float32(slope)
    scaled += np.float32(intercept)
    return scaled


def _encode_header(grid: Grid, values: NDArray[Any]) -> bytes:
    """348 bytes of NIfTI-1 header and the empty extension mark, both transforms set."""
    raw = bytearray(_DATA_OFFSET)

    def put(kind: str, at: int, *what: Any) -> None:
        struct.pack_into("<" + kind, raw, at, *what)

    ras = np.asarray(_FROM_LPS @ grid.lps_from_ijk)
    handed = 1.0 if np.linalg.det(ras[:3, :3]) > 0 else -1.0
    rotation = ras[:3, :3] / np.asarray(grid.spacing) * [1.0, 1.0, handed]
    ni, nj, nk = grid.size_ijk
    put("i", 0, 348)
    put("8h", 40, 3, ni, nj, nk, 1, 1, 1, 1)
    put("2h", 70, _CODE_OF[values.dtype], values.dtype.itemsize * 8)
    put("8f", 76, handed, *grid.spacing, 1, 1, 1, 1)
    put("3f", 108, _DATA_OFFSET, 1.0, 0.0)
    put("B", 123, _UNIT_MM)
    put("2h", 252, _SCANNER, _SCANNER)
    put("3f", 256, *quaternion_from_rotation(rotation))
    put("3f", 268, *ras[:3, 3])
    put("12f", 280, *ras[:3].ravel())
    put("4s", 344, b"n+1\0")
    return bytes(raw)
