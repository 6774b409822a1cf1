"""One hash for one image: the same values at the same place give the same hash, whatever file they came in."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import SAME_POSITION_MM, Grid

_INT16 = np.iinfo(np.int16)


def content_sha256(grid: Grid, values: NDArray[Any]) -> str:
    """SHA-256 (hex) of an image's shape, place and values.

    Parameters
    ----------
    grid
        Its corners enter rounded to `SAME_POSITION_MM`, because NIfTI keeps geometry in single precision.
    values
        [k, j, i] of any real type. Each slice enters in a form that depends on the values alone: as int16 where all
        of them are whole and fit, else as float64. Needs the memory of one slice.
    """
    digest = hashlib.sha256()
    digest.update(np.asarray(values.shape, dtype="<i8").tobytes())
    corners = np.round(grid.corners() / SAME_POSITION_MM).astype("<i8")
    digest.update(corners.tobytes())
    for plane in values:
        digest.update(_normal_form(plane))
    return digest.hexdigest()


def _normal_form(plane: NDArray[Any]) -> bytes:
    """Type mark and little-endian bytes of one slice (j, i)."""
    if plane.dtype == np.int16:
        return b"i" + plane.astype("<i2", copy=False).tobytes()
    low, high = plane.min(), plane.max()
    if low >= _INT16.min and high <= _INT16.max:
        whole = plane.astype("<i2")
        if plane.dtype.kind in "iu" or np.array_equal(whole, plane):
            return b"i" + whole.tobytes()
    return b"f" + (plane.astype("<f8") + 0.0).tobytes()
