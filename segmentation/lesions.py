"""How many separate pieces of a structure (tumours, cysts) were found, and how many were found that are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evaluate import Mask

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


def score_lesions(found: Mask, reference: Mask) -> LesionScore:
    """Return the detection figures of two masks ``[k, j, i]`` of one shape."""
    import cc3d

    pieces, count = cc3d.connected_components(reference, connectivity=CONNECTIVITY, return_N=True)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    covered = np.bincount(pieces[found], minlength=count + 1)
    hit = int(np.count_nonzero(covered[1:] >= LEAST_COVER * sizes[1:]))
    others, other_count = cc3d.connected_components(found, connectivity=CONNECTIVITY, return_N=True)
    touching = np.unique(others[reference & found])
    return LesionScore(int(count), hit, int(other_count - np.count_nonzero(touching)))
