"""NIfTI-1 and NIfTI-2 files (.nii, .nii.gz) by nibabel: read with either transform, written with both.

NIfTI's world is RAS. nibabel's own image loader is not used: it unpacks before it compares sizes, and logs to stderr.
"""

from __future__ import annotations

import gzip
from itertools import product
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
from .raw_image import RawImage, check_size, checked_grid

MM_PER_UNIT = {1: 1000.0, 3: 0.001}
"""Of the lengths that are not in millimetres: metres and micrometres."""
MAX_DATA_OFFSET = 1 << 28
MAX_QUATERNION_EXCESS = 1e-3
"""How far b2 + c2 + d2 may exceed 1 in the files of writers that round; nibabel allows only its own rounding."""
COMPRESSION_LEVEL = 6
_SCANNER = 1
_QUATERNION = ("quatern_b", "quatern_c", "quatern_d")
_FROM_LPS = Frame.RAS.from_lps


def read_nifti(path: Path) -> RawImage:
    """The image of a NIfTI file, scaled by its slope and intercept. Raises FormatError."""
    with open_maybe_gzip(path) as stream, np.errstate(all="ignore"):
        header = _read_header(stream, path)
        shape = _shape(path, header)
        dtype = _dtype(path, header)
        check_size(path, shape, max(dtype.itemsize, 4))
        lps_from_ijk, findings = _place(header, path, shape)
        grid = checked_grid(path, shape, lps_from_ijk)
        values = read_values(stream, path, dtype, shape, path.stat().st_size)
        native = values.astype(dtype.newbyteorder("="), copy=False)
        return RawImage("nifti", grid, (_scaled(native, header, path),), findings)


def write_nifti(path: Path, grid: Grid, values: NDArray[Any]) -> None:
    """Write values [k, j, i] (uint8, uint16, int16 or float32), gzipped if the name ends in .gz.

    The same input gives the same bytes.
    """
    from nibabel import Nifti1Image

    ras = np.asarray(_FROM_LPS @ grid.lps_from_ijk)
    image = Nifti1Image(values.T, ras)
    image.set_sform(ras, code=_SCANNER)
    image.set_qform(ras, code=_SCANNER)
    image.header.set_xyzt_units("mm")

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as packed:
                    image.to_stream(packed)
            else:
                image.to_stream(raw)

    write_atomically(path, fill)


def _read_header(stream: BinaryIO, path: Path) -> Any:
    """nibabel's header, unrepaired; the stream is left where the values begin."""
    from nibabel import Nifti1Header, Nifti2Header

    block = read_exactly(stream, path, Nifti1Header.sizeof_hdr, "header")
    for kind, order in product((Nifti1Header, Nifti2Header), ("little", "big")):
        if int.from_bytes(block[:4], order) == kind.sizeof_hdr:  # type: ignore[arg-type]
            block += read_exactly(stream, path, kind.sizeof_hdr - len(block), "header")
            header = kind(block, order, check=False)
            break
    else:
        raise FormatError(f"'{path.name}' is not a NIfTI file: it does not begin with a NIfTI header.")
    if header["magic"] == header.pair_magic:
        raise FormatError(f"'{path.name}' is half of a .hdr/.img pair. Save it as one .nii or .nii.gz file.")
    if header["magic"] != header.single_magic:
        raise FormatError(f"'{path.name}' is not a NIfTI file (Analyze 7.5 perhaps): its magic number is missing.")
    offset = float(header["vox_offset"]) or len(block)  # 0: right after the header
    if not len(block) <= offset <= MAX_DATA_OFFSET:
        raise FormatError(f"'{path.name}' states that its values begin at byte {offset:g}, which is not plausible.")
    read_exactly(stream, path, int(offset) - len(block), "header extension")
    return header


def _dtype(path: Path, header: Any) -> np.dtype[Any]:
    from nibabel.nifti1 import data_type_codes

    code = int(header["datatype"])
    if code not in data_type_codes.label:
        raise FormatError(f"'{path.name}' states the unknown data type {code}.")
    dtype: np.dtype[Any] = header.get_data_dtype()
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        label = data_type_codes.label[code]
        raise FormatError(f"'{path.name}' holds values of type {label}; needed is one number in each voxel.")
    return dtype


def _shape(path: Path, header: Any) -> tuple[int, int, int]:
    """(k, j, i). Refuses what is not one 3-D image."""
    count, *sizes = header["dim"].tolist()
    if not 1 <= count <= 7:
        raise FormatError(f"'{path.name}' states {count} dimensions, which is not plausible.")
    if count < 3:
        raise FormatError(f"'{path.name}' has {count} dimensions; needed is a 3-D image.")
    if any(n != 1 for n in sizes[3:count]):
        stated = " x ".join(map(str, sizes[:count]))
        raise FormatError(f"'{path.name}' is not one 3-D image: its size is {stated}. Extract the one volume wanted.")
    return (sizes[2], sizes[1], sizes[0])


def _place(header: Any, path: Path, shape: tuple[int, int, int]) -> tuple[FloatArray, tuple[Finding, ...]]:
    """(4, 4) LPS mm from index, by the sform if there is one, else the qform; and what is odd about it."""
    scale = MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    findings: list[Finding] = []
    sform = header.get_sform() if header["sform_code"] > 0 else None
    qform = _qform(header, path) if header["qform_code"] > 0 else None
    if sform is not None and qform is not None:
        findings += _disagreement(sform, qform, shape, scale)
    ras = sform if sform is not None else qform
    if ras is None:
        ras = np.diag([*(abs(p) or 1.0 for p in header["pixdim"][1:4].tolist()), 1.0])
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


def _qform(header: Any, path: Path) -> FloatArray:
    from nibabel.spatialimages import HeaderDataError

    square = sum(float(header[name]) ** 2 for name in _QUATERNION)
    if 1.0 < square <= 1.0 + MAX_QUATERNION_EXCESS:
        for name in _QUATERNION:
            header[name] = float(header[name]) / np.sqrt(square)
    header["pixdim"][0] = -1.0 if header["pixdim"][0] < 0 else 1.0  # nifti1.h: 0 counts as 1
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise FormatError(f"'{path.name}' has a broken qform: {error}.") from error


def _disagreement(sform: FloatArray, qform: FloatArray, shape: tuple[int, int, int], scale: float) -> list[Finding]:
    ends = np.array([[*ijk, 1] for ijk in product(*((0, n - 1) for n in shape[::-1]))])
    apart = float(np.linalg.norm(ends @ (sform - qform).T, axis=1).max()) * scale
    if not np.isfinite(apart) or apart <= 10 * SAME_POSITION_MM:
        return []
    return [Finding(
        "transforms-disagree", Severity.WARNING,
        f"The two transforms of the NIfTI file (sform, qform) place the image up to {apart:.2f} mm apart. "
        "The sform was used. Check left and right against the source.",
        numbers={"apart_mm": apart},
    )]  # fmt: skip


def _scaled(values: NDArray[Any], header: Any, path: Path) -> NDArray[Any]:
    """slope * value + intercept, in single precision: nibabel would make doubles of it."""
    from nibabel.spatialimages import HeaderDataError

    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise FormatError(f"'{path.name}' has a broken scale: {error}.") from error
    if slope is None or (slope, intercept) == (1.0, 0.0):
        return values
    scaled = values.astype(np.float32)
    scaled *= np.float32(slope)
    scaled += np.float32(intercept)
    return scaled
