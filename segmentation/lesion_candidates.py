"""From the network's lesion probability to a numbered list of lesions: where, how long, how large, how sure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from surgtwin.domain.geometry import Grid, Point3

from .lesions import CONNECTIVITY

CANDIDATE_LEVEL = 0.15
"""A candidate is a connected place of at least this probability."""
EXTENT_SHARE = 0.5
"""Those of its voxels belong to the lesion whose probability is at least this share of its surest part's."""
LEAST_SHARE_OF_LARGEST = 0.25
"""A candidate that falls apart keeps the pieces of at least this share of its largest one."""
LEAST_DIAMETER_MM = 4.0
"""Anything smaller than a ball of this diameter is noise at the network's resolution."""
LEAST_THICKNESS_SHARE = 0.2
"""A candidate thinner than this share of its length is a sheet or a tube (fissure, gallbladder's wall), no lesion."""
CORE_SHARE = 0.25
"""The confidence is the mean probability of this share of a candidate's voxels, the surest ones."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FoundLesion:
    """One lesion.

    Parameters
    ----------
    number
        From 1, the largest first: its value in the layer of lesions.
    centre_mm
        Its voxel nearest to the centre of its volume, in LPS mm: always inside.
    diameter_mm
        The longest distance across it, in any direction, voxel edges included on average.
    confidence
        The network's own probability of its surest part, 0 to 1; not calibrated.
    """

    number: int
    centre_mm: Point3
    diameter_mm: float
    volume_ml: float
    confidence: float

    @property
    def name(self) -> str:
        """What the structure is called."""
        return f"liver lesion {self.number}"


def find_candidates(
    probability: npt.NDArray[np.float32], region: Mask, grid: Grid, least_confidence: float = 0.0
) -> tuple[npt.NDArray[Any], tuple[FoundLesion, ...]]:
    """Return a label array with the lesions' numbers, and the lesions, the largest first.

    Parameters
    ----------
    probability, region
        ``[k, j, i]`` on ``grid``; nothing outside the region is a lesion.
    least_confidence
        Candidates below it are left out.
    """
    kept = []
    for box, candidate in _pieces((probability >= CANDIDATE_LEVEL) & region):
        values = probability[box]
        extent = candidate & (values >= EXTENT_SHARE * core_mean(values[candidate]))
        for inner, mask in _main_pieces(extent):
            confidence = core_mean(values[inner][mask])
            volume_ml = float(np.count_nonzero(mask)) * grid.voxel_volume_ml
            if volume_ml >= ball_ml(LEAST_DIAMETER_MM) and confidence >= least_confidence and not is_thin(mask, grid):
                kept.append((volume_ml, confidence, _inside(box, inner), mask))
    kept.sort(key=lambda row: -row[0])
    labels = np.zeros(grid.shape, dtype=np.uint8 if len(kept) < 256 else np.uint16)
    lesions = []
    for number, (volume_ml, confidence, box, mask) in enumerate(kept, start=1):
        labels[box][mask] = number
        first = np.array([s.start for s in box])
        centre, diameter = measure_piece(mask, first, grid)
        lesions.append(FoundLesion(number, centre, diameter, volume_ml, confidence))
    return labels, tuple(lesions)


def _pieces(mask: Mask) -> Iterator[tuple[tuple[slice, ...], Mask]]:
    """Each connected piece of a mask, as its box and its own mask there."""
    import cc3d

    pieces = cc3d.connected_components(mask, connectivity=CONNECTIVITY)
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        yield box, pieces[box] == number


def _main_pieces(mask: Mask) -> list[tuple[tuple[slice, ...], Mask]]:
    """The pieces of a candidate that are lesions of their own: crumbs beside a much larger one are dropped."""
    pieces = list(_pieces(mask))
    sizes = [int(np.count_nonzero(piece)) for _, piece in pieces]
    return [piece for piece, size in zip(pieces, sizes, strict=True) if size >= LEAST_SHARE_OF_LARGEST * max(sizes)]


def _inside(outer: tuple[slice, ...], inner: tuple[slice, ...]) -> tuple[slice, ...]:
    """The box that is ``inner`` counted from the start of ``outer``."""
    return tuple(slice(o.start + i.start, o.start + i.stop) for o, i in zip(outer, inner, strict=True))


def is_thin(mask: Mask, grid: Grid) -> bool:
    """Whether a piece is a sheet or a tube rather than a lump: its thickest place against its longest diameter."""
    import edt

    i, j, k = grid.spacing
    # Distances run to the centres of the voxels outside: half a voxel is taken off on either side.
    depth = float(edt.edt(np.pad(mask, 1), anisotropy=(k, j, i)).max())
    thickness = 2 * depth - min(grid.spacing)
    return thickness < LEAST_THICKNESS_SHARE * measure_piece(mask, np.zeros(3, dtype=np.int64), grid)[1]


def core_mean(values: npt.NDArray[np.float32]) -> float:
    """Return the mean of the largest quarter of some probabilities."""
    count = max(1, round(CORE_SHARE * len(values)))
    return float(np.partition(values, len(values) - count)[-count:].mean())


def ball_ml(diameter_mm: float) -> float:
    """Return the volume of a ball."""
    return float(np.pi / 6 * diameter_mm**3 / 1000)


def measure_piece(mask: Mask, first: npt.NDArray[np.int64], grid: Grid) -> tuple[Point3, float]:
    """Return the place (LPS mm) of a piece and its longest diameter in mm.

    Parameters
    ----------
    mask
        ``[k, j, i]``, not empty.
    first
        Voxel [k, j, i] of the grid where the mask begins.
    """
    voxels = np.argwhere(mask) + first
    points = grid.to_lps(voxels[:, ::-1])
    centre = points[int(np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1)))]
    # Half a voxel beyond the centres at either end.
    reach = float(np.cbrt(grid.voxel_volume_mm3))
    return (float(centre[0]), float(centre[1]), float(centre[2])), longest_distance(points) + reach


def longest_distance(points: npt.NDArray[np.float64]) -> float:
    """Return the largest distance between any two of some points ``[n, 3]``."""
    if len(points) < 2:
        return 0.0
    try:
        corners = points[ConvexHull(points).vertices] if len(points) > 4 else points
    except QhullError:
        # All in one plane or line: there is no hull with a volume, and few points.
        corners = points
    return float(pdist(corners).max())
