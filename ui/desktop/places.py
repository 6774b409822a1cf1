"""Where a structure is: a place that lies inside it."""

from __future__ import annotations

import numpy as np

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.labels import LabelMap

MANY_VOXELS = 200_000
"""A large structure is thinned to about this many voxels: its middle moves by less than one."""


def place_inside(labels: LabelMap, name: str) -> FloatArray | None:
    """(3,) LPS mm of the label map's frame: the voxel of a structure nearest to its middle; None if it has none.

    The middle itself can lie outside: between two kidneys, in the hollow of a bent vessel.
    """
    found = np.argwhere(labels.mask(name))
    if not len(found):
        return None
    places = labels.grid.to_lps(found[:: max(1, len(found) // MANY_VOXELS), ::-1])
    return np.asarray(places[np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1))])
