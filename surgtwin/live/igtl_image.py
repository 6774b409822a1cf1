"""OpenIGTLink's IMAGE message, which says itself whether it lies in RAS or LPS, by the place of its middle."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..errors import SourceError
from .igtl_fields import lps

LARGEST_IMAGE_BYTES = 1 << 30
SCALARS: dict[int, str] = {2: "i1", 3: "u1", 4: "i2", 5: "u2", 6: "i4", 7: "u4", 10: "f4", 11: "f8"}
BIG_ENDIAN, LITTLE_ENDIAN = 1, 2
RAS, LPS = 1, 2


@dataclass(frozen=True, eq=False)
class Image:
    """IMAGE: values on a grid.

    Parameters
    ----------
    values
        [k, j, i] or [k, j, i, component].
    lps_from_ijk
        (4, 4) LPS mm of voxel centres.
    offset_ijk, whole_ijk
        Where these values begin in the whole image, and its size, if only a part was sent.
    """

    KIND: ClassVar[str] = "IMAGE"
    values: NDArray[Any]
    lps_from_ijk: FloatArray
    offset_ijk: tuple[int, int, int] = (0, 0, 0)
    whole_ijk: tuple[int, int, int] | None = None

    def pack(self) -> bytes:
        values = self.values
        components = values.shape[3] if values.ndim == 4 else 1
        code = next((c for c, kind in SCALARS.items() if np.dtype(kind) == values.dtype.newbyteorder("=")), None)
        if code is None or values.ndim not in (3, 4):
            raise SourceError(f"An IMAGE message can't carry {values.dtype} values of {values.ndim} axes.")
        part = values.shape[2::-1]
        whole = part if self.whole_ijk is None else self.whole_ijk
        middle = self.lps_from_ijk @ [*((np.asarray(whole) - 1) / 2), 1.0]
        numbers = np.concatenate([self.lps_from_ijk[:3, :3].T.ravel(), middle[:3]])
        head = struct.pack(">HBBBB3H", 1, components, code, LITTLE_ENDIAN, LPS, *whole)
        tail = struct.pack(">6H", *self.offset_ijk, *part)
        return head + numbers.astype(">f4").tobytes() + tail + values.astype(values.dtype.newbyteorder("<")).tobytes()

    @classmethod
    def unpack(cls, data: memoryview) -> Image:
        if len(data) < 72:
            raise SourceError(f"An IMAGE message of {len(data)} bytes is shorter than its header of 72.")
        _, components, code, endian, frame, *whole = struct.unpack_from(">HBBBB3H", data)
        offset, part = struct.unpack_from(">3H", data, 60), struct.unpack_from(">3H", data, 66)
        numbers = np.frombuffer(data, ">f4", 12, 12).astype(np.float64)
        if code not in SCALARS or endian not in (BIG_ENDIAN, LITTLE_ENDIAN) or frame not in (RAS, LPS):
            raise SourceError(f"An IMAGE message of scalar type {code}, byte order {endian}, frame {frame} is unknown.")
        if components < 1 or min(part) < 1 or any(o + p > w for o, p, w in zip(offset, part, whole, strict=True)):
            raise SourceError(f"An IMAGE message's part {part} at {offset} does not lie in an image of {tuple(whole)}.")
        kind = np.dtype((">" if endian == BIG_ENDIAN else "<") + SCALARS[code])
        needed = int(np.prod(part)) * components * kind.itemsize
        if needed > LARGEST_IMAGE_BYTES or len(data) != 72 + needed:
            raise SourceError(f"An IMAGE message of {len(data)} bytes should hold {72 + needed}.")
        values = np.frombuffer(data, kind, offset=72).astype(kind.newbyteorder("="), copy=False)
        shape = (part[2], part[1], part[0], components) if components > 1 else (part[2], part[1], part[0])
        matrix = _image_matrix(numbers, np.asarray(whole))
        o, w = tuple(int(n) for n in offset), tuple(int(n) for n in whole)
        is_whole = w == tuple(part)
        return cls(
            values.reshape(shape),
            lps(matrix) if frame == RAS else matrix,
            (o[0], o[1], o[2]),
            None if is_whole else (w[0], w[1], w[2]),
        )


def _image_matrix(numbers: FloatArray, size: NDArray[np.int_]) -> FloatArray:
    """Index to world (4, 4) from three axes and the image's middle."""
    matrix = np.eye(4)
    matrix[:3, :3] = numbers[:9].reshape(3, 3).T
    matrix[:3, 3] = numbers[9:] - matrix[:3, :3] @ ((size - 1) / 2)
    if not np.all(np.isfinite(matrix)) or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise SourceError("An IMAGE message's axes are not finite, or lie in one plane.")
    return matrix
