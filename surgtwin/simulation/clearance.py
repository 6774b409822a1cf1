"""How far a whole instrument stays from a structure, at every pose of its motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..domain.geometry import FloatArray, Grid, Point3
from ..mesh.segment_distance import SegmentDistance, SegmentNearest
from .ellipsoid import as_point
from .instrument import Instrument
from .motion import Motion

EVERY = 8
"""Every so many poses the nearest place is sought afresh; between, the last one found tells where to look."""
DEPTH_STEP_MM = 1.0
"""Along a capsule's axis inside a structure, to find its deepest place; half the radius where that is less."""
MAX_DEPTH_VOXELS = 3_000_000


@dataclass(frozen=True, eq=False)
class Clearance:
    """The clearance of the whole instrument from one structure over time.

    Parameters
    ----------
    mm
        (P,) of each pose; negative: how deep the instrument's surface is under the structure's.
    axis_mm, surface_mm
        (P, 3) LPS, where it is least: on the axis of one of the instrument's capsules, and on the structure's surface.
    """

    structure: str
    mm: FloatArray
    axis_mm: FloatArray
    surface_mm: FloatArray

    @property
    def worst(self) -> int:
        """The pose of the least clearance."""
        return int(self.mm.argmin())

    @property
    def min_mm(self) -> float:
        return float(self.mm[self.worst])

    @property
    def at_mm(self) -> Point3:
        """On the instrument's axis."""
        return as_point(self.axis_mm[self.worst])


@dataclass(frozen=True, eq=False)
class Depths:
    """How deep places are under a structure's voxel surface: where along an instrument to look closely."""

    depth_mm: NDArray[np.float32]
    first_kji: NDArray[np.int64]
    stride_kji: NDArray[np.int64]
    grid: Grid

    def at(self, points_mm: FloatArray) -> FloatArray:
        """Depth (N,) of LPS points (N, 3), 0 outside."""
        index = (self.grid.to_ijk(points_mm)[:, ::-1] - self.first_kji) / self.stride_kji
        return np.asarray(ndimage.map_coordinates(self.depth_mm, index.T, order=1, mode="constant"))


def depths_of(mask: NDArray[np.bool_], grid: Grid) -> Depths:
    """Depths under the surface of a mask [k, j, i] that has voxels."""
    import edt

    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    size = np.array([s.stop - s.start for s in box])
    spacing = np.array(grid.spacing[::-1])
    stride = np.ones(3, dtype=np.int64)
    while np.prod(-(-size // stride)) > MAX_DEPTH_VOXELS:
        stride[int((spacing * stride).argmin())] *= 2
    sparse = np.pad(mask[box][tuple(slice(None, None, int(s)) for s in stride)], 1)
    depth = edt.edt(np.ascontiguousarray(sparse), anisotropy=tuple(float(v) for v in spacing * stride), parallel=0)
    first = np.array([s.start for s in box]) - stride
    return Depths(depth.astype(np.float32), first, stride, grid)


def clearance_over_time(
    structure: str, surface: SegmentDistance, depths: Callable[[], Depths], instrument: Instrument, motion: Motion
) -> Clearance:
    """The clearance of every pose from a structure with a closed surface; its depths are asked for if it is entered.

    Outside the structure the distance is that of the capsules' axes to the surface's triangles, exact. Inside, the
    deepest place of an axis is chosen among samples, and its depth is exact.
    """
    starts, ends = instrument.axes_at(motion.lps_from_tool)
    least = np.full(len(motion), np.inf)
    on_axis, on_surface = np.zeros((len(motion), 3)), np.zeros((len(motion), 3))
    for c, radius in enumerate(instrument.radii_mm):
        found = _axis_distance(surface, starts[:, c], ends[:, c])
        inside = np.flatnonzero(found.distance_mm <= 0.0)
        if len(inside):
            step = min(DEPTH_STEP_MM, float(radius) / 2.0)
            _go_deep(found, inside, _deepest(surface, depths(), starts[inside, c], ends[inside, c], step))
        nearer = found.distance_mm - radius < least
        least[nearer] = found.distance_mm[nearer] - radius
        on_axis[nearer], on_surface[nearer] = found.on_segment[nearer], found.on_surface[nearer]
    return Clearance(structure, least, on_axis, on_surface)


def _axis_distance(surface: SegmentDistance, starts: FloatArray, ends: FloatArray) -> SegmentNearest:
    """One capsule's axis and the surface, pose by pose."""
    count = len(starts)
    if count <= EVERY:
        return surface.nearest(starts, ends)
    coarse = np.arange(0, count, EVERY)
    known = surface.nearest(starts[coarse], ends[coarse]).on_surface
    return surface.nearest(starts, ends, known[np.arange(count) // EVERY])


def _go_deep(found: SegmentNearest, rows: NDArray[np.int64], deepest: SegmentNearest) -> None:
    """Put the deepest places in for axes that cross a surface; where a thin sheet has none, the crossing stays."""
    deeper = deepest.distance_mm < np.minimum(found.distance_mm[rows], 0.0)
    found.distance_mm[rows] = np.minimum(found.distance_mm[rows], 0.0)
    found.distance_mm[rows[deeper]] = deepest.distance_mm[deeper]
    found.on_segment[rows[deeper]] = deepest.on_segment[deeper]
    found.on_surface[rows[deeper]] = deepest.on_surface[deeper]


def _deepest(
    surface: SegmentDistance, depths: Depths, starts: FloatArray, ends: FloatArray, step_mm: float
) -> SegmentNearest:
    """The deepest sample of each axis: its signed distance, negative inside, and its places."""
    length = float(np.linalg.norm(ends - starts, axis=1).max())
    share = np.linspace(0.0, 1.0, 1 + int(np.ceil(length / step_mm)))
    samples = starts[:, None] + share[None, :, None] * (ends - starts)[:, None]
    looked = depths.at(samples.reshape(-1, 3)).reshape(len(starts), -1)
    places = samples[np.arange(len(starts)), looked.argmax(1)]
    found = surface.nearest(places, places)
    worst = int(found.distance_mm.argmin())
    # The voxels' depths are good to about a voxel: around the deepest place of all, every sample is asked.
    near = samples[worst, looked[worst] >= looked[worst].max() - 2.0 * max(depths.grid.spacing)]
    close = surface.nearest(near, near)
    best = int(close.distance_mm.argmin())
    if close.distance_mm[best] < found.distance_mm[worst]:
        found.distance_mm[worst], found.on_surface[worst] = close.distance_mm[best], close.on_surface[best]
        found.on_segment[worst] = near[best]
    return found
