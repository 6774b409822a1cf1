"""Images of a twin in the twin's own frame."""

from __future__ import annotations

from dataclasses import replace

from ..domain.geometry import Grid
from ..domain.twin import TwinImage
from ..domain.volume import Volume


def image_in_twin(image: TwinImage) -> Volume:
    """An image of the twin with its grid in the twin's frame; no voxel is interpolated."""
    grid = image.volume.grid
    return replace(image.volume, grid=Grid(grid.shape, image.twin_from_image @ grid.lps_from_ijk))
