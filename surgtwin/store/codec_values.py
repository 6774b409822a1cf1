"""Single values in JSON: numbers that JSON lacks, points, matrices, and what a record must hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import Grid, Point3
from ..errors import SurgTwinError, TwinCorruptError, TwinError

Record = dict[str, Any]
_NUMBER = "$number"


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Name what could not be read when a record lacks a field or holds something impossible."""
    try:
        yield
    except TwinCorruptError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise TwinCorruptError(f"The log's record of {what} cannot be read: {type(error).__name__} {error}.") from error
    except SurgTwinError as error:
        raise TwinCorruptError(f"The log's record of {what} is not valid: {error}") from error


def plain(value: Any, where: str) -> Any:
    """`value` as JSON can hold it: tuples become lists, NumPy's numbers Python's, inf and nan are kept by name.

    Raises
    ------
    TwinError
        If it holds anything that is not text, number, truth value, list or dict with text keys.
    """
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, np.generic):
        return plain(value.item(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_NUMBER: repr(float(value))}
    if isinstance(value, (list, tuple)):
        return [plain(item, where) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {str(key): plain(item, f"{where}: {key}") for key, item in value.items()}
    raise TwinError(f"{where} holds a {type(value).__name__}, which a twin cannot keep; give text, numbers or lists.")


def unplain(value: Any) -> Any:
    """What `plain` was given, but for tuples, which come back as lists."""
    if isinstance(value, list):
        return [unplain(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {_NUMBER}:
            return float(value[_NUMBER])
        return {key: unplain(item) for key, item in value.items()}
    return value


def number(value: Any) -> float:
    """A float written by `plain`."""
    return float(unplain(value))


def optional_number(value: Any) -> float | None:
    return None if value is None else number(value)


def point(value: Any) -> Point3:
    x, y, z = value
    return (float(x), float(y), float(z))


def encode_matrix(matrix: NDArray[np.float64]) -> list[list[float]]:
    return [[float(v) for v in row] for row in matrix]


def decode_matrix(value: Any) -> NDArray[np.float64]:
    return np.array(value, dtype=np.float64)


def encode_grid(grid: Grid) -> Record:
    return {"shape_kji": list(grid.shape), "lps_from_ijk": encode_matrix(grid.lps_from_ijk)}


def decode_grid(record: Record) -> Grid:
    k, j, i = record["shape_kji"]
    return Grid((int(k), int(j), int(i)), decode_matrix(record["lps_from_ijk"]))
