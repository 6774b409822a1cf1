"""Whether an image shows the region that a model knows at all: a network labels something in any image, a head too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid

from .sanity import EDGE_VOXELS, VOLUME_RANGE_ML

ANCHORS = ("liver", "right kidney", "left kidney")
"""An image of the abdomen shows at least one of them whole, or cut off by its edge. Spleen and stomach prove nothing:
their smallest sizes are those of a blob that a network finds in a head."""
FEWEST_JUDGED = 3
"""A model that knows fewer of them says nothing about the region."""
CUT_SHARE = 0.2
"""Of the smallest usual volume: what an organ cut by the edge must still measure."""

Labels = npt.NDArray[Any]


def wrong_region(grid: Grid, labels: Labels, values: Mapping[str, int]) -> Finding | None:
    """Return a finding if none of the large organs has a size that such an organ can have, else None.

    Parameters
    ----------
    labels
        ``[k, j, i]`` on ``grid``.
    values
        Standard name -> label.
    """
    judged = {name: value for name, value in values.items() if name in ANCHORS}
    if len(judged) < FEWEST_JUDGED:
        return None
    if any(_is_plausible(name, labels == value, grid) for name, value in judged.items()):
        return None
    found_ml = float(np.count_nonzero(labels)) * grid.voxel_volume_ml
    message = (
        f"None of {', '.join(judged)} has a size that such an organ can have, so this is hardly an adult's abdomen. "
        f"What the network found, {found_ml:.0f} mL in pieces, was left out."
    )
    return Finding("wrong-region", Severity.ERROR, message, numbers={"left_out_ml": found_ml})


def _is_plausible(name: str, mask: npt.NDArray[np.bool_], grid: Grid) -> bool:
    volume_ml = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
    smallest = VOLUME_RANGE_ML[name][0]
    return volume_ml >= smallest or (volume_ml >= CUT_SHARE * smallest and _is_cut(mask))


def _is_cut(mask: npt.NDArray[np.bool_]) -> bool:
    """Whether the mask reaches a face of the image, by more than some stray voxels."""
    faces = (np.take(mask, index, axis=axis) for axis in range(3) for index in (0, -1) if mask.shape[axis] > 1)
    return any(int(np.count_nonzero(face)) > EDGE_VOXELS for face in faces)
