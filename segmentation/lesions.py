"""How many separate pieces of a structure (tumours, cysts) were found, and how many were found that are none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .surface_points import Mask, Spacing

LEAST_COVER = 0.1
"""A piece counts as found if at least this share of it is covered: one touching voxel is chance."""
CONNECTIVITY = 26


@dataclass(frozen=True)
class LesionScore:
    """Pieces in the reference, those of them that were found, and found pieces that touch no reference piece."""

    reference: int
    found: int
    false: int

    @property
    def sensitivity(self) -> float | None:
        """Share of the reference pieces that was found; None without any."""
        return self.found / self.reference if self.reference else None


def score_lesions(found: Mask, reference: Mask, least_voxels: float = 1) -> LesionScore:
    """Return the detection figures of two masks ``[k, j, i]`` of one shape.

    Parameters
    ----------
    least_voxels
        Smaller pieces count on neither side: a small reference piece is neither found nor missed, a small found piece
        is not false. A found piece that touches a small reference piece is not false either.
    """
    pieces, sizes = _pieces(reference)
    covered = np.bincount(pieces[found], minlength=len(sizes))
    is_counted = sizes[1:] >= least_voxels
    hit = int(np.count_nonzero(is_counted & (covered[1:] >= LEAST_COVER * sizes[1:])))
    others, other_sizes = _pieces(found)
    is_false = other_sizes >= least_voxels
    is_false[0] = False
    is_false[np.unique(others[reference & found])] = False
    return LesionScore(int(np.count_nonzero(is_counted)), hit, int(np.count_nonzero(is_false)))


def voxels_of_ball(diameter_mm: float, spacing_mm: Spacing) -> float:
    """Return the number of voxels whose volume is that of a ball: the least size of a lesion of this diameter."""
    return math.pi / 6 * diameter_mm**3 / float(np.prod(spacing_mm))


def _pieces(mask: Mask) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Each voxel's piece, 0 outside, and the number of voxels of each."""
    import cc3d

    pieces, count = cc3d.connected_components(mask, connectivity=CONNECTIVITY, return_N=True)
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)
