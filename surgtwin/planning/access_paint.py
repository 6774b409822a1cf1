"""The access map laid on the skin: what is known about entering at each of its places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray
from .access import Access, AccessMap

NOT_REACHED = 255
"""Places of the skin that no way of the map comes out at."""
SAME_SKIN_MM = 10.0


@dataclass(frozen=True, eq=False)
class SkinAccess:
    """What is known about entering at places of the skin, one row a place; NaN where it is not known.

    Parameters
    ----------
    row
        (N,) the map's nearest way, -1 where there is none.
    access
        (N,) of `Access`, or NOT_REACHED.
    is_proven
        (N,) allowed by more than the errors of the distances.
    """

    row: NDArray[np.int64]
    access: NDArray[np.uint8]
    is_proven: NDArray[np.bool_]
    length_mm: FloatArray
    clearance_mm: FloatArray
    risk: FloatArray


def paint_access(access: AccessMap, skin_mm: FloatArray) -> SkinAccess:
    """What the map says about places (N, 3) of the skin, LPS mm: that of the way which comes out nearest.

    A place that lies behind the skin as seen from the target, such as an arm's far side, is not reached.
    """
    target = np.asarray(access.request.target_mm)
    offset = np.asarray(skin_mm, dtype=np.float64) - target
    away = np.linalg.norm(offset, axis=1)
    # Neighbouring ways differ in length where the skin is met at a slant: by their distance apart, several times.
    apart = 2.0 * np.sqrt(np.pi / len(access.directions)) * away
    longest = float(np.nanmax(access.length_mm, initial=0.0))
    row, near = np.zeros(len(offset), dtype=np.int64), away - 2.0 * apart - SAME_SKIN_MM <= longest
    unit = offset[near] / np.maximum(away[near], 1e-9)[:, None]
    row[near] = cKDTree(access.directions).query(unit, workers=-1)[1]
    length = np.where(near, access.length_mm[row], np.nan)
    reached = np.isfinite(length) & (np.abs(away - length) <= SAME_SKIN_MM + 2.0 * apart)
    return SkinAccess(
        row=np.where(reached, row, -1).astype(np.int64),
        access=np.where(reached, access.access[row], NOT_REACHED).astype(np.uint8),
        is_proven=np.asarray(reached & access.proven[row]),
        length_mm=np.where(reached, length, np.nan),
        clearance_mm=np.where(reached & (access.access[row] == Access.ALLOWED), access.clearance_mm[row], np.nan),
        risk=np.where(reached & (access.access[row] == Access.ALLOWED), access.risk[row], np.nan),
    )
