"""Arrays as bytes: NumPy's .npy format, little endian, C order; label layers as gzipped .npy.

Both are read by `numpy.load` and by a few lines in any language. Nothing is ever pickled.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MemoryLimitError, TwinCorruptError

CHUNK_BYTES = 8 * 2**20
GZIP_LEVEL = 3
"""A label map of 100 MB becomes about 0.8 MB in 0.2 s; level 6 makes half of that, in twice the time."""
_HEADER_ROOM = 4096


def npy_chunks(array: NDArray[Any]) -> Iterator[memoryview]:
    """The .npy file of an array, piece by piece, without a second copy of it."""
    dtype = array.dtype.newbyteorder("<")
    header = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(header, description)
    yield memoryview(header.getvalue())
    if array.ndim == 0 or array.size == 0:
        yield memoryview(np.ascontiguousarray(array, dtype=dtype).tobytes())
        return
    rows = max(1, CHUNK_BYTES // max(1, array.nbytes // len(array)))
    for start in range(0, len(array), rows):
        slab = np.ascontiguousarray(array[start : start + rows], dtype=dtype)
        yield slab.data.cast("B")


def gzipped_npy(array: NDArray[Any]) -> bytes:
    """The .npy file of an array, gzipped; the same array gives the same bytes (no time stamp)."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=GZIP_LEVEL, mtime=0, filename="") as stream:
        for chunk in npy_chunks(array):
            stream.write(chunk)
    return packed.getvalue()


def array_from_npy(data: NDArray[np.uint8], what: str) -> NDArray[Any]:
    """The array in the bytes of a .npy file, (n,) uint8; shares their memory. Raises TwinCorruptError."""
    stream = io.BytesIO(data[:_HEADER_ROOM].tobytes())
    shape, dtype = _read_header(stream, what)
    count = int(np.prod(shape, dtype=object))
    body = data[stream.tell() :]
    if body.nbytes != count * dtype.itemsize:
        raise TwinCorruptError(f"{what} has {body.nbytes} bytes of values where {count * dtype.itemsize} belong.")
    return body.view(dtype).reshape(shape)


def array_from_gzipped_npy(data: NDArray[np.uint8], what: str) -> NDArray[Any]:
    """The array in the bytes of a gzipped .npy file, read-only. Raises TwinCorruptError."""
    try:
        unpacked = gzip.decompress(data.data)
    except (EOFError, OSError, zlib.error) as error:
        raise TwinCorruptError(f"{what} cannot be unpacked: {error}.") from error
    except MemoryError as error:
        raise MemoryLimitError(f"{what} does not fit into memory when unpacked.") from error
    return array_from_npy(np.frombuffer(unpacked, np.uint8), what)


def _read_header(stream: Any, what: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise TwinCorruptError(f"{what} is of .npy version {version}; only (1, 0) is written here.")
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except ValueError as error:
        raise TwinCorruptError(f"{what} is not an array in .npy format: {error}.") from error
    if dtype.hasobject or dtype.kind not in "biuf" or is_fortran:
        raise TwinCorruptError(f"{what} holds {dtype}, not plain numbers in C order.")
    return shape, dtype
