"""OpenIGTLink messages that say where things are: TRANSFORM, POSITION, TDATA, QTDATA.

Matrices are as sent: where they are of the patient, that is RAS, and `igtl_fields.lps` is where it is turned.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..domain.geometry import MAX_ROTATION_ERROR, FloatArray
from ..errors import SourceError
from .igtl_fields import checked_pose, entries, padded, read_matrix, read_padded, require_length


@dataclass(frozen=True, eq=False)
class Transform:
    """TRANSFORM: (4, 4) from the device's frame to RAS (or to the frame its name says)."""

    KIND: ClassVar[str] = "TRANSFORM"
    matrix: FloatArray

    def pack(self) -> bytes:
        return np.asarray(self.matrix, dtype=np.float64)[:3, :].T.astype(">f4").tobytes()

    @classmethod
    def unpack(cls, data: memoryview) -> Transform:
        require_length(data, 48, cls.KIND)
        return cls(checked_pose(read_matrix(np.frombuffer(data, ">f4")), cls.KIND))


@dataclass(frozen=True, eq=False)
class Position:
    """POSITION or QTRANS: a place and a turn as a quaternion (x, y, z, w)."""

    KIND: ClassVar[str] = "POSITION"
    position_mm: FloatArray
    quaternion: FloatArray

    def pack(self) -> bytes:
        return np.concatenate([self.position_mm, self.quaternion]).astype(">f4").tobytes()

    @classmethod
    def unpack(cls, data: memoryview) -> Position:
        """With the whole quaternion (28 bytes), its first three numbers (24), or none (12)."""
        if len(data) not in (12, 24, 28):
            raise SourceError(f"A {cls.KIND} message of {len(data)} bytes has none of the lengths 12, 24, 28.")
        values = np.frombuffer(data, ">f4").astype(np.float64)
        if not np.all(np.isfinite(values)):
            raise SourceError(f"A {cls.KIND} message holds numbers that are not finite.")
        turn = values[3:]
        if len(turn) == 3:
            turn = np.append(turn, np.sqrt(max(0.0, 1.0 - float(turn @ turn))))
        turn = np.array([0.0, 0.0, 0.0, 1.0]) if len(turn) == 0 else turn
        if abs(float(np.linalg.norm(turn)) - 1.0) > MAX_ROTATION_ERROR:
            raise SourceError(f"A {cls.KIND} message's quaternion has not the length 1.")
        return cls(values[:3], turn / np.linalg.norm(turn))

    @property
    def matrix(self) -> FloatArray:
        from scipy.spatial.transform import Rotation

        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(self.quaternion).as_matrix()
        matrix[:3, 3] = self.position_mm
        return matrix


@dataclass(frozen=True, eq=False)
class TrackedTool:
    """One tool of a TDATA or QTDATA message.

    `kind` is 1 for a tracker, 2, 3, 4 for a tool with six, three, five degrees of freedom.
    """

    name: str
    matrix: FloatArray
    kind: int = 2


@dataclass(frozen=True, eq=False)
class TrackingData:
    """TDATA: all tools of a tracker at one time, as matrices."""

    KIND: ClassVar[str] = "TDATA"
    tools: tuple[TrackedTool, ...]

    def pack(self) -> bytes:
        return b"".join(
            struct.pack(">20sBB", padded(t.name, 20), t.kind, 0) + Transform(t.matrix).pack() for t in self.tools
        )

    @classmethod
    def unpack(cls, data: memoryview) -> TrackingData:
        return cls(tuple(cls._tool(part) for part in entries(data, 70, cls.KIND)))

    @staticmethod
    def _tool(part: bytes) -> TrackedTool:
        name, kind, _ = struct.unpack_from(">20sBB", part)
        return TrackedTool(read_padded(name), Transform.unpack(memoryview(part)[22:]).matrix, kind)


@dataclass(frozen=True, eq=False)
class QuaternionTrackingData:
    """QTDATA: all tools of a tracker at one time, as places and quaternions."""

    KIND: ClassVar[str] = "QTDATA"
    tools: tuple[TrackedTool, ...]

    def pack(self) -> bytes:
        return b"".join(self._packed(t) for t in self.tools)

    @staticmethod
    def _packed(tool: TrackedTool) -> bytes:
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_matrix(tool.matrix[:3, :3]).as_quat()
        return struct.pack(">20sBB", padded(tool.name, 20), tool.kind, 0) + Position(tool.matrix[:3, 3], turn).pack()

    @classmethod
    def unpack(cls, data: memoryview) -> QuaternionTrackingData:
        return cls(tuple(cls._tool(part) for part in entries(data, 50, cls.KIND)))

    @staticmethod
    def _tool(part: bytes) -> TrackedTool:
        name, kind, _ = struct.unpack_from(">20sBB", part)
        return TrackedTool(read_padded(name), Position.unpack(memoryview(part)[22:]).matrix, kind)
