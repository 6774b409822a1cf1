"""What a container holds before it is known to be an image or a label map."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.finding import Finding
from ..domain.geometry import MAX_ROTATION_ERROR, MAX_VOXELS, FloatArray, Grid
from ..errors import FormatError, GeometryError, MemoryLimitError


@dataclass(frozen=True, eq=False)
class RawImage:
    """Values and place as a file states them, already in LPS mm.

    Parameters
    ----------
    kind
        'nifti', 'nrrd' or 'metaimage'.
    layers
        One array [k, j, i] for an image; several for a segmentation with overlapping layers.
    fields
        The container's own key-value pairs (a Slicer segmentation keeps its segments there).
    """

    kind: str
    grid: Grid
    layers: tuple[NDArray[Any], ...]
    findings: tuple[Finding, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


def checked_grid(path: Path, shape: tuple[int, int, int], lps_from_ijk: FloatArray) -> Grid:
    """The grid of a file's header. Raises FormatError if it is no place in space, or its axes are sheared."""
    try:
        grid = Grid(shape, lps_from_ijk)
    except GeometryError as error:
        raise FormatError(f"'{path.name}': {error}") from error
    cosines = grid.direction.T @ grid.direction - np.eye(3)
    worst = float(np.abs(cosines).max())
    if worst > MAX_ROTATION_ERROR:
        degrees = float(np.degrees(np.arcsin(min(worst, 1.0))))
        raise FormatError(
            f"'{path.name}': the axes of the image are sheared by {degrees:.2f} degrees; they must be perpendicular "
            "(a tilted gantry does this). Resample the image, or give the DICOM series instead."
        )
    return grid


def check_size(path: Path, sizes: tuple[int, ...], bytes_per_value: int) -> int:
    """Number of bytes that the values take, before anything is allocated.

    Raises
    ------
    FormatError
        If a size is not positive or the whole is absurd.
    MemoryLimitError
        If the values alone would not fit into the memory that is free.
    """
    import psutil

    count = 1
    for n in sizes:
        count *= n
    if min(sizes) < 1 or count > MAX_VOXELS:
        raise FormatError(f"'{path.name}' states the size {' x '.join(map(str, sizes))}, which is not plausible.")
    needed = count * bytes_per_value
    free = int(psutil.virtual_memory().available)
    if needed > free:
        raise MemoryLimitError(
            f"'{path.name}' needs {needed / 2**30:.1f} GiB of memory for its values; {free / 2**30:.1f} GiB are free. "
            "Crop or resample the image, or use a machine with more memory."
        )
    return needed
