"""How OpenIGTLink writes texts, poses and lists: what several kinds of messages share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import MAX_ROTATION_ERROR, FloatArray
from ..errors import SourceError

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def lps(matrix: FloatArray) -> FloatArray:
    """A matrix into RAS as one into LPS, mm."""
    return np.asarray(LPS_FROM_RAS @ matrix)


def checked_pose(matrix: FloatArray, kind: str) -> FloatArray:
    """The matrix, if it is a rigid motion. Raises SourceError."""
    turn = matrix[:3, :3]
    if not np.all(np.isfinite(matrix)):
        raise SourceError(f"A {kind} message holds numbers that are not finite.")
    if np.abs(turn.T @ turn - np.eye(3)).max() > MAX_ROTATION_ERROR or np.linalg.det(turn) <= 0:
        raise SourceError(f"A {kind} message's matrix is not rigid: it scales, shears or mirrors.")
    return matrix


def read_matrix(numbers: NDArray[Any]) -> FloatArray:
    """(4, 4) from twelve numbers: three axes and a place."""
    matrix = np.eye(4)
    matrix[:3, :] = numbers.astype(np.float64).reshape(4, 3).T
    return matrix


def require_length(data: memoryview, length: int, kind: str) -> None:
    """Raise SourceError if a message has another length."""
    if len(data) != length:
        raise SourceError(f"A {kind} message has {len(data)} bytes; {length} are needed.")


def entries(data: memoryview, size: int, kind: str) -> list[bytes]:
    """The parts of a list whose entries have one size. Raises SourceError."""
    if len(data) % size:
        raise SourceError(f"A {kind} message of {len(data)} bytes is no whole number of entries of {size}.")
    return [bytes(data[at : at + size]) for at in range(0, len(data), size)]


def utf8(text: str) -> bytes:
    """A text for a field of its own length."""
    return text.encode("utf-8")


def padded(text: str, size: int) -> bytes:
    """Text for a field of fixed length; letters beyond ASCII become "?"."""
    return text.encode("ascii", "replace")[:size]


def read_padded(field: bytes) -> str:
    """The text of a field that is filled up with zeros."""
    return field.split(b"\0")[0].decode("ascii", "replace")
