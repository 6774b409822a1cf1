"""One hash for one image: the same values at the same place give the same hash, whatever file they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import SAME_POSITION_MM, Grid

_INT16 = np.iinfo(np.int16)
_THREADS = 4


def content_sha256(grid: Grid, values: NDArray[Any]) -> str:
    """SHA-256 (hex) of an image's shape, place and values.

    Parameters
    ----------
    grid
        Its corners enter rounded to `SAME_POSITION_MM`, because NIfTI keeps geometry in single precision.
    values
        [k, j, i] of any real type. Needs the memory of a few slices.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return combine_digests(grid, pool.map(slice_digest, values))


def slice_digest(plane: NDArray[Any]) -> bytes:
    """Hash of one slice (j, i), for a reader that hashes slices while they are hot in the cache.

    The slice enters in a form that depends on its values alone: as int16 where all of them are whole and fit, else as
    float64.
    """
    mark, data = _normal_form(plane)
    digest = hashlib.sha256(mark)
    digest.update(np.ascontiguousarray(data).data)
    return digest.digest()


def combine_digests(grid: Grid, digests: Iterable[bytes]) -> str:
    """`content_sha256` from the digests of the slices, in the order of the k axis."""
    digest = hashlib.sha256()
    digest.update(np.asarray(grid.shape, dtype="<i8").tobytes())
    corners = np.round(grid.corners() / SAME_POSITION_MM).astype("<i8")
    digest.update(corners.tobytes())
    for of_slice in digests:
        digest.update(of_slice)
    return digest.hexdigest()


def _normal_form(plane: NDArray[Any]) -> tuple[bytes, NDArray[Any]]:
    """Type mark and little-endian values of one slice (j, i)."""
    if plane.dtype == np.int16:
        return b"i", plane.astype("<i2", copy=False)
    low, high = plane.min(), plane.max()
    if low >= _INT16.min and high <= _INT16.max:
        whole = plane.astype("<i2")
        if plane.dtype.kind in "iu" or np.array_equal(whole, plane):
            return b"i", whole
    return b"f", plane.astype("<f8") + 0.0
