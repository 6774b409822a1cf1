"""Checks that every part of a plan makes of the numbers and names it is given."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from ..errors import PlanError
from .geometry import MIN_LENGTH_MM, FloatArray, Point3

MAX_COORDINATE_MM = 1e5
"""A hundred metres from the frame's origin: no operating room is that large."""
UNIT_ROUNDING = 8.0 * np.finfo(np.float64).eps
"""A vector that was scaled to length 1 misses it by rounding, less than this."""


def checked_point(value: ArrayLike, field: str) -> Point3:
    """Three finite LPS coordinates in mm. Raises PlanError naming the field."""
    p = _finite(value, (3,), field)
    return (float(p[0]), float(p[1]), float(p[2]))


def checked_points(value: ArrayLike, shape: tuple[int, ...], field: str) -> FloatArray:
    """Read-only finite coordinates of a shape. Raises PlanError naming the field."""
    array = _finite(value, shape, field)
    array.flags.writeable = False
    return array


def checked_direction(value: ArrayLike, field: str) -> Point3:
    """A direction, scaled to length 1. Raises PlanError if it has none.

    One that has length 1 already is kept bit for bit, so that a plan that is written and read again is the same plan.
    """
    v = np.asarray(checked_point(value, field))
    length = float(np.linalg.norm(v))
    if length < MIN_LENGTH_MM:
        raise PlanError("a direction needs a length; found three zeros.", field)
    if abs(length - 1.0) <= UNIT_ROUNDING:
        length = 1.0
    return (float(v[0] / length), float(v[1] / length), float(v[2] / length))


def checked_length(value: float, field: str, least: float = 0.0, is_open: bool = True) -> float:
    """A finite length in mm, more than `least` (or at least, if not `is_open`). Raises PlanError naming the field."""
    try:
        length = float(value)
    except (TypeError, ValueError) as error:
        raise PlanError(f"a number of mm is needed; found {value!r}.", field) from error
    if not np.isfinite(length) or length > MAX_COORDINATE_MM or length < least or (is_open and length == least):
        needed = f"more than {least:g}" if is_open else f"{least:g} or more"
        raise PlanError(f"a length of {needed} mm is needed; found {length:g}.", field)
    return length


def checked_name(value: str, field: str = "name") -> str:
    """A name with something in it. Raises PlanError naming the field."""
    if not isinstance(value, str) or not value.strip():
        raise PlanError("a name is needed; found an empty one.", field)
    return value


def refuse_repeats(names: Iterable[str], what: str, field: str) -> None:
    """Raises PlanError if two of the names are the same."""
    listed = list(names)
    repeated = sorted({n for n in listed if listed.count(n) > 1})
    if repeated:
        raise PlanError(f"two {what} share the name {', '.join(repr(n) for n in repeated)}; give each its own.", field)


def _finite(value: ArrayLike, shape: tuple[int, ...], field: str) -> FloatArray:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PlanError(f"numbers of shape {shape} are needed; found {value!r}.", field) from error
    if array.shape != shape:
        raise PlanError(f"numbers of shape {shape} are needed; found shape {array.shape}.", field)
    if not np.all(np.isfinite(array)) or np.abs(array).max() > MAX_COORDINATE_MM:
        raise PlanError("a coordinate is not a finite number of mm within 100 m.", field)
    return array
