"""What OpenIGTLink messages carry: one type a kind of message, and how it lies in bytes (big endian throughout).

Layouts by the protocol's specification, versions 1 to 3 (github.com/openigtlink/OpenIGTLink, Documents/Protocol).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..errors import SourceError
from .igtl_fields import entries, padded, read_padded, utf8
from .igtl_image import Image
from .igtl_poses import Position, QuaternionTrackingData, TrackingData, Transform


@dataclass(frozen=True)
class Status:
    """STATUS: 1 is OK; everything else is what the device complains of."""

    KIND: ClassVar[str] = "STATUS"
    code: int
    subcode: int = 0
    error_name: str = ""
    message: str = ""

    def pack(self) -> bytes:
        return struct.pack(">HQ20s", self.code, self.subcode, padded(self.error_name, 20)) + utf8(self.message) + b"\0"

    @classmethod
    def unpack(cls, data: memoryview) -> Status:
        if len(data) < 30:
            raise SourceError(f"A STATUS message of {len(data)} bytes is shorter than 30.")
        code, subcode, name = struct.unpack_from(">HQ20s", data)
        return cls(code, subcode, read_padded(name), bytes(data[30:]).split(b"\0")[0].decode("utf-8", "replace"))


@dataclass(frozen=True)
class String:
    """STRING: a text, sent as UTF-8 (MIBenum 106)."""

    KIND: ClassVar[str] = "STRING"
    text: str

    def pack(self) -> bytes:
        encoded = utf8(self.text)
        return struct.pack(">HH", 106, len(encoded)) + encoded

    @classmethod
    def unpack(cls, data: memoryview) -> String:
        if len(data) < 4:
            raise SourceError(f"A STRING message of {len(data)} bytes is shorter than 4.")
        encoding, length = struct.unpack_from(">HH", data)
        if len(data) < 4 + length:
            raise SourceError(f"A STRING message says {length} bytes and holds {len(data) - 4}.")
        codec = "ascii" if encoding == 3 else "utf-8"
        return cls(bytes(data[4 : 4 + length]).decode(codec, "replace"))


@dataclass(frozen=True)
class Capability:
    """CAPABILITY: the kinds of messages a peer understands."""

    KIND: ClassVar[str] = "CAPABILITY"
    kinds: tuple[str, ...]

    def pack(self) -> bytes:
        return b"".join(struct.pack(">12s", padded(kind, 12)) for kind in self.kinds)

    @classmethod
    def unpack(cls, data: memoryview) -> Capability:
        return cls(tuple(read_padded(part) for part in entries(data, 12, cls.KIND)))


@dataclass(frozen=True, eq=False)
class Point:
    """One point of a POINT message; `position_mm` as sent, RAS where it is of the patient."""

    name: str
    position_mm: FloatArray
    group: str = ""
    rgba: tuple[int, int, int, int] = (255, 255, 0, 255)
    diameter_mm: float = 0.0
    owner: str = ""


@dataclass(frozen=True, eq=False)
class Points:
    """POINT: named places."""

    KIND: ClassVar[str] = "POINT"
    points: tuple[Point, ...]

    def pack(self) -> bytes:
        return b"".join(
            struct.pack(
                ">64s32s4B4f20s",
                padded(p.name, 64),
                padded(p.group, 32),
                *p.rgba,
                *(float(v) for v in p.position_mm),
                p.diameter_mm,
                padded(p.owner, 20),
            )
            for p in self.points
        )

    @classmethod
    def unpack(cls, data: memoryview) -> Points:
        return cls(tuple(cls._point(part) for part in entries(data, 136, cls.KIND)))

    @staticmethod
    def _point(part: bytes) -> Point:
        name, group, r, g, b, a, x, y, z, diameter, owner = struct.unpack(">64s32s4B4f20s", part)
        place = np.array([x, y, z])
        if not np.all(np.isfinite(place)):
            raise SourceError("A POINT message holds a place that is not finite.")
        return Point(read_padded(name), place, read_padded(group), (r, g, b, a), diameter, read_padded(owner))


@dataclass(frozen=True, eq=False)
class PolyData:
    """POLYDATA: a surface of triangles; points (N, 3) as sent, RAS where they are of the patient."""

    KIND: ClassVar[str] = "POLYDATA"
    points_mm: FloatArray
    triangles: NDArray[np.int32]

    def pack(self) -> bytes:
        rows = np.column_stack([np.full(len(self.triangles), 3), self.triangles]).astype(">u4").tobytes()
        head = struct.pack(">10I", len(self.points_mm), 0, 0, 0, 0, len(self.triangles), len(rows), 0, 0, 0)
        return head + np.asarray(self.points_mm).astype(">f4").tobytes() + rows

    @classmethod
    def unpack(cls, data: memoryview) -> PolyData:
        """Polygons of more corners become fans of triangles; vertices, lines, strips and attributes are left out."""
        if len(data) < 40:
            raise SourceError(f"A POLYDATA message of {len(data)} bytes is shorter than its header of 40.")
        points, _, vertex_bytes, _, line_bytes, _, polygon_bytes, _, strip_bytes, _ = struct.unpack_from(">10I", data)
        first = 40 + 12 * points
        begin = first + vertex_bytes + line_bytes
        if len(data) < begin + polygon_bytes + strip_bytes or polygon_bytes % 4:
            raise SourceError(f"A POLYDATA message of {len(data)} bytes is shorter than what it says it holds.")
        places = np.frombuffer(data, ">f4", 3 * points, 40).astype(np.float64).reshape(-1, 3)
        if not np.all(np.isfinite(places)):
            raise SourceError("A POLYDATA message holds points that are not finite.")
        return cls(places, _fans(np.frombuffer(data, ">u4", polygon_bytes // 4, begin), points))


def _fans(cells: NDArray[Any], points: int) -> NDArray[np.int32]:
    rows = cells.reshape(-1, 4) if len(cells) % 4 == 0 and len(cells) else np.empty((0, 4))
    if len(rows) and bool(np.all(rows[:, 0] == 3)):
        triangles = rows[:, 1:].astype(np.int64)
    else:
        found, at = [], 0
        while at < len(cells):
            count = int(cells[at])
            corners = cells[at + 1 : at + 1 + count]
            if count < 3 or len(corners) != count:
                raise SourceError(
                    "A POLYDATA message holds a polygon that is cut off, or has fewer than three corners."
                )
            found += [(int(corners[0]), int(corners[n]), int(corners[n + 1])) for n in range(1, count - 1)]
            at += 1 + count
        triangles = np.array(found, dtype=np.int64).reshape(-1, 3)
    if triangles.size and triangles.max() >= points:
        raise SourceError("A POLYDATA message's polygon refers to a point that does not exist.")
    return triangles.astype(np.int32)


Content = (
    Transform
    | Position
    | Image
    | Status
    | String
    | Capability
    | Points
    | TrackingData
    | QuaternionTrackingData
    | PolyData
)
UNPACK: dict[str, Callable[[memoryview], Content]] = {
    "TRANSFORM": Transform.unpack,
    "POSITION": Position.unpack,
    "QTRANS": Position.unpack,
    "IMAGE": Image.unpack,
    "STATUS": Status.unpack,
    "STRING": String.unpack,
    "CAPABILITY": Capability.unpack,
    "POINT": Points.unpack,
    "TDATA": TrackingData.unpack,
    "QTDATA": QuaternionTrackingData.unpack,
    "POLYDATA": PolyData.unpack,
}
"""Kind of message -> how its content is read."""
