"""How much of each voxel lies inside a treated zone, and what structures that tissue belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap
from ..simulation.ellipsoid import Ellipsoid
from .tissue import half_diagonal_mm
from .voxel_share import voxel_share

VOXELS_ACROSS = 24.0
"""A zone's volume is summed over voxels this many times smaller than its least diameter."""


@dataclass(frozen=True, eq=False)
class ZoneShare:
    """The share of voxels in a box of a grid.

    Parameters
    ----------
    box
        Slices (k, j, i) of the grid's arrays.
    share
        [k, j, i] float64 of that box, 0 to 1.
    """

    grid: Grid
    box: tuple[slice, slice, slice]
    share: FloatArray

    @property
    def volume_ml(self) -> float:
        return float(self.share.sum()) * self.grid.voxel_volume_ml


def share_of(zones: Sequence[Ellipsoid], grid: Grid) -> ZoneShare:
    """The share of each voxel inside any of the zones, exact to the curvature of their surface within a voxel."""
    box = _box(zones, grid)
    k, j, i = np.mgrid[box]
    ijk = np.stack((i, j, k), -1).reshape(-1, 3)
    points = grid.to_lps(ijk)
    levels = np.stack([z.level(points) for z in zones])
    least_radius = np.array([z.radii_mm.min() for z in zones])[:, None]
    share = np.asarray((levels < 1.0).any(0), dtype=np.float64)
    near = np.flatnonzero((np.abs(1.0 - levels) * least_radius <= half_diagonal_mm(grid)).any(0))
    share[near] = _close_look(zones, grid, points[near])
    return ZoneShare(grid, box, share.reshape(k.shape))


def signed(zones: Sequence[Ellipsoid], points_mm: FloatArray) -> FloatArray:
    """Positive inside any of the zones: the depth (N,) under the surface of the one that covers a point most."""
    return np.asarray(np.max([z.signed(points_mm) for z in zones], axis=0))


def structures_in(share: ZoneShare, labels: LabelMap) -> dict[str, float]:
    """Name -> mL of each structure's own voxels inside, the largest first; those with none are left out."""
    found = {}
    for number, layer in enumerate(labels.layers):
        sums = np.bincount(layer[share.box].reshape(-1), share.share.reshape(-1))
        for s in labels.structures:
            if s.layer == number and s.label < len(sums) and sums[s.label] > 0.0:
                found[s.name] = float(sums[s.label]) * labels.grid.voxel_volume_ml
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def leaves_grid(zone: Ellipsoid, grid: Grid) -> bool:
    """Whether any of the zone lies outside the grid's outermost voxels."""
    low, high = _extent(zone, grid)
    return bool(np.any(low < -0.5) or np.any(high > np.asarray(grid.size_ijk) - 0.5))


def union_ml(zones: Sequence[Ellipsoid]) -> float:
    """Volume of the zones together, inside and outside the image."""
    if len(zones) == 1:
        return zones[0].volume_ml
    pitch = min(float(z.radii_mm.min()) for z in zones) * 2.0 / VOXELS_ACROSS
    reach = np.stack([z.reach(np.eye(3)) for z in zones])
    centres = np.stack([z.centre_mm for z in zones])
    low, high = (centres - reach).min(0) - pitch, (centres + reach).max(0) + pitch
    sizes = np.ceil((high - low) / pitch).astype(int) + 1
    grid = Grid.from_axes((int(sizes[2]), int(sizes[1]), int(sizes[0])), low, np.eye(3), (pitch,) * 3)
    return share_of(zones, grid).volume_ml


def _extent(zone: Ellipsoid, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest (i, j, k) index of the zone, fractional."""
    middle, reach = grid.to_ijk(zone.centre_mm), zone.reach(grid.ijk_from_lps[:3, :3])
    return middle - reach, middle + reach


def _box(zones: Sequence[Ellipsoid], grid: Grid) -> tuple[slice, slice, slice]:
    extents = [_extent(z, grid) for z in zones]
    low = np.floor(np.min([e[0] for e in extents], axis=0)).astype(int)
    high = np.ceil(np.max([e[1] for e in extents], axis=0)).astype(int) + 1
    bounds = [(max(a, 0), min(b, n)) for a, b, n in zip(low, high, grid.size_ijk, strict=True)]
    i, j, k = (slice(int(a), int(max(a, b))) for a, b in bounds)
    return (k, j, i)


def _close_look(zones: Sequence[Ellipsoid], grid: Grid, centres_mm: FloatArray) -> FloatArray:
    """Shares (N,) of voxels on the rim."""
    middle = signed(zones, centres_mm)
    mean, steps = middle.copy(), np.empty((len(centres_mm), 3))
    for axis in range(3):
        half = grid.lps_from_ijk[:3, axis] / 2.0
        ahead, behind = signed(zones, centres_mm + half), signed(zones, centres_mm - half)
        steps[:, axis] = ahead - behind
        # A curved surface cuts off less than its tangent plane: the mean over the voxel, to second order, tells.
        mean += (ahead + behind - 2.0 * middle) / 6.0
    return voxel_share(mean, steps)[0]
