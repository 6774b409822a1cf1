"""MetaImage files (.mha, .mhd), world in LPS mm: written by SimpleITK, read here.

ITK (2.5.7 of SimpleITK) cannot read files from anywhere. Where compressed values are damaged or cut short, it prints
"Uncompress failed" to stderr and returns an image all the same; what the header lacks (spacing, directions) or breaks
(too few numbers, an unknown type) it fills in without a word; and it opens any file that the header names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..atomic_file import write_atomically
from ..domain.finding import Finding, Severity
from ..domain.geometry import FloatArray, Grid
from ..errors import DiskError, FormatError
from .byte_stream import decompressed, read_values
from .data_file import open_beside
from .raw_image import RawImage, check_size, checked_grid

COMPRESSION_LEVEL = 6
MAX_HEADER_BYTES = 1 << 20
TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
_MAX_LINE = 1 << 16


def read_metaimage(path: Path) -> RawImage:
    """The image of a MetaImage file. Raises FormatError."""
    with path.open("rb") as stream, np.errstate(all="ignore"):
        fields = _read_header(stream, path)
        shape = _shape(fields, path)
        dtype = _dtype(fields, path)
        check_size(path, shape, max(dtype.itemsize, 4))
        lps_from_ijk, findings = _place(fields, path)
        grid = checked_grid(path, shape, lps_from_ijk)
        values = _read_data(stream, fields, path, dtype, shape)
    return RawImage("metaimage", grid, (values.astype(dtype.newbyteorder("="), copy=False),), findings, fields)


def write_metaimage(path: Path, grid: Grid, values: NDArray[Any]) -> None:
    """Write labels [k, j, i] (uint8 or uint16) into one compressed .mha file. Same input, same bytes."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(values)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin.tolist())
    image.SetDirection(grid.direction.ravel().tolist())

    def fill(temporary: Path) -> None:
        temporary.touch()
        named = temporary.with_name(f"{temporary.name}.mha")  # ITK decides by the ending
        try:
            sitk.WriteImage(image, str(named), useCompression=True, compressionLevel=COMPRESSION_LEVEL)
            named.replace(temporary)
        except RuntimeError as error:
            raise DiskError(f"'{path.name}' cannot be written. Check the folder and the free space.") from error
        finally:
            named.unlink(missing_ok=True)

    write_atomically(path, fill)


def _read_header(stream: BinaryIO, path: Path) -> dict[str, str]:
    """Keys and values up to and with ElementDataFile, which ends the header."""
    fields: dict[str, str] = {}
    total = 0
    while "ElementDataFile" not in fields:
        raw = stream.readline(_MAX_LINE)
        total += len(raw)
        key, equals, value = raw.decode("latin-1").partition("=")
        if not raw or not equals or total > MAX_HEADER_BYTES:
            raise FormatError(f"'{path.name}' is not a MetaImage file: its header is broken or incomplete.")
        fields[key.strip()] = value.strip()
    if fields.get("ObjectType", "Image") != "Image":
        raise FormatError(f"'{path.name}' holds a MetaIO '{fields['ObjectType']}', not an image.")
    if any(key.startswith("Seq_Frame") for key in fields):
        raise FormatError(f"'{path.name}' is a tracked recording, a sequence of frames; needed is one 3-D image.")
    return fields


def _numbers(fields: dict[str, str], path: Path, keys: tuple[str, ...], count: int) -> list[float] | None:
    """`count` numbers under the first of the keys that is there, or None if none is. Raises FormatError."""
    for key in keys:
        if key in fields:
            try:
                numbers = [float(word) for word in fields[key].split()]
            except ValueError as error:
                raise FormatError(f"'{path.name}' has a broken '{key}': '{fields[key][:40]}'.") from error
            if len(numbers) != count:
                raise FormatError(f"'{path.name}' has a broken '{key}': {count} numbers are needed.")
            return numbers
    return None


def _shape(fields: dict[str, str], path: Path) -> tuple[int, int, int]:
    dimensions = fields.get("NDims", "")
    channels = fields.get("ElementNumberOfChannels", "1")
    if channels != "1":
        raise FormatError(f"'{path.name}' has {channels} numbers in each voxel (colour or vectors); needed is one.")
    sizes = fields.get("DimSize", "").split()
    while len(sizes) > 3 and sizes[-1] == "1":
        sizes.pop()
    if not dimensions.isdigit() or len(fields.get("DimSize", "").split()) != int(dimensions):
        raise FormatError(f"'{path.name}' has a broken header: NDims and DimSize do not fit together.")
    if dimensions != "3" or len(sizes) != 3 or not all(n.isdigit() for n in sizes):
        raise FormatError(f"'{path.name}' is not a 3-D image: its size is '{fields['DimSize']}'.")
    ni, nj, nk = (int(n) for n in sizes)
    return (nk, nj, ni)


def _dtype(fields: dict[str, str], path: Path) -> np.dtype[Any]:
    name = fields.get("ElementType", "")
    if name not in TYPES:
        raise FormatError(f"'{path.name}' has values of type '{name}', which are no single numbers.")
    if fields.get("BinaryData", "True").lower() != "true":
        raise FormatError(f"'{path.name}' keeps its values as text. Save it again as binary.")
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() == "true"
    return np.dtype((">" if big else "<") + TYPES[name])


def _place(fields: dict[str, str], path: Path) -> tuple[FloatArray, tuple[Finding, ...]]:
    """(4, 4) LPS mm from index: row a of TransformMatrix is the direction of axis a."""
    findings: list[Finding] = []
    spacing = _numbers(fields, path, ("ElementSpacing", "ElementSize"), 3)
    if spacing is None:
        raise FormatError(f"'{path.name}' states no ElementSpacing: the size of its voxels is unknown.")
    directions = _numbers(fields, path, ("TransformMatrix", "Rotation", "Orientation"), 9)
    origin = _numbers(fields, path, ("Offset", "Position", "Origin"), 3) or [0.0, 0.0, 0.0]
    if directions is None:
        directions = np.eye(3).ravel().tolist()
        findings.append(Finding(
            "orientation-unknown", Severity.ERROR,
            "The MetaImage file states no TransformMatrix. Its axes are taken as left, posterior, superior; left and "
            "right cannot be trusted.",
        ))  # fmt: skip
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(directions, (3, 3)).T * np.asarray(spacing)
    matrix[:3, 3] = origin
    return matrix, tuple(findings)


def _read_data(
    stream: BinaryIO, fields: dict[str, str], path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    encoding = "zlib" if fields.get("CompressedData", "False").lower() == "true" else "raw"
    where = fields["ElementDataFile"]
    if where.upper() == "LOCAL":
        return read_values(decompressed(stream, encoding), path, dtype, shape, path.stat().st_size)
    with open_beside(path, where) as source:
        stored = source.seek(0, 2)
        source.seek(_header_size(fields, path, stored, int(np.prod(shape, dtype=object)) * dtype.itemsize))
        return read_values(decompressed(source, encoding), path, dtype, shape, stored)


def _header_size(fields: dict[str, str], path: Path, stored: int, needed: int) -> int:
    """Bytes to leave out at the start of the data file; -1 means that the values are at its end."""
    numbers = _numbers(fields, path, ("HeaderSize",), 1)
    skip = int(numbers[0]) if numbers else 0
    return max(0, stored - needed) if skip == -1 else max(0, skip)
