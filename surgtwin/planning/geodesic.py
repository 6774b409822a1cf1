"""How far it is from lines to places on the way inside an organ, where the organ bends around something else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Grid
from ..imaging.vesselness import isotropic_grid
from .nearest_line import LineSamples
from .tissue import Tissue

FINEST_MM = 1.0
MOST_CUBES = 400_000
OUTSIDE_SPEED = 0.02
"""A way outside the organ counts as 50 times its length: parts of an organ in pieces are still reached."""
START_CUBES = 2.5
"""Within this many cubes of a line the straight distance is taken: a front is least exact where it starts."""


@dataclass(frozen=True, eq=False)
class WaysInside:
    """The way from each group of lines to every place of an organ.

    Parameters
    ----------
    ways_mm
        One [k, j, i] float32 array on `grid` for each group.
    """

    grid: Grid
    ways_mm: tuple[NDArray[np.float32], ...]

    def at(self, points_mm: FloatArray) -> FloatArray:
        """(N, groups) mm at LPS points, interpolated."""
        kji = self.grid.to_ijk(points_mm)[:, ::-1].T
        return np.stack([ndimage.map_coordinates(w, kji, order=1, mode="nearest") for w in self.ways_mm], 1)


def ways_inside(tissue: Tissue, vessel: NDArray[np.bool_], lines: LineSamples) -> WaysInside:
    """The ways inside an organ and the vessel's own lumen, from every group of lines (fast marching).

    Parameters
    ----------
    vessel
        [k, j, i] on the tissue's grid.
    """
    organ = tissue.mask()
    grid = _cubes(tissue, organ)
    inside = _sampled(organ | vessel, tissue.grid, grid)
    speed = np.where(inside, 1.0, OUTSIDE_SPEED).astype(np.float32)
    ways = [_march(speed, grid, lines.points_mm[lines.group == n]) for n in range(lines.groups)]
    return WaysInside(grid, tuple(_kept_inside(w, inside) for w in ways))


def _cubes(tissue: Tissue, organ: NDArray[np.bool_]) -> Grid:
    step = max(FINEST_MM, min(tissue.grid.spacing))
    grid = isotropic_grid(tissue.grid, organ, step, 2 * step)
    count = float(np.prod(grid.shape, dtype=np.float64))
    if count > MOST_CUBES:
        step *= (count / MOST_CUBES) ** (1 / 3)
        grid = isotropic_grid(tissue.grid, organ, step, 2 * step)
    return grid


def _sampled(mask: NDArray[np.bool_], grid: Grid, cubes: Grid) -> NDArray[np.bool_]:
    """[k, j, i] on the cubes: those whose middle lies in the mask."""
    matrix = grid.ijk_from_lps @ cubes.lps_from_ijk
    found = ndimage.affine_transform(
        mask.view(np.uint8), matrix[:3, :3][::-1, ::-1], matrix[:3, 3][::-1], cubes.shape, order=0, mode="constant"
    )
    return np.asarray(found > 0)


def _march(speed: NDArray[np.float32], grid: Grid, points_mm: FloatArray) -> NDArray[np.float32]:
    """[k, j, i] mm from points, straight beside them and by the front beyond."""
    import SimpleITK as sitk

    step = grid.spacing[0]
    start = _cubes_beside(grid, points_mm)
    straight, _ = cKDTree(points_mm).query(grid.to_lps(start[:, ::-1]))
    near = straight <= START_CUBES * step
    near[int(straight.argmin())] = True
    image = sitk.GetImageFromArray(speed)
    image.SetSpacing((step,) * 3)
    march = sitk.FastMarchingImageFilter()
    march.SetTrialPoints([tuple(int(v) for v in row) for row in start[near][:, ::-1]])
    march.SetInitialTrialValues([float(v) for v in straight[near]])
    return np.asarray(sitk.GetArrayFromImage(march.Execute(image)), dtype=np.float32)


def _cubes_beside(grid: Grid, points_mm: FloatArray) -> NDArray[np.int64]:
    """(C, 3) k, j, i of the cubes around points, each once."""
    middle = np.rint(grid.to_ijk(points_mm)[:, ::-1]).astype(np.int64)
    reach = int(np.ceil(START_CUBES))
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    every = np.unique((middle[:, None] + offsets[None]).reshape(-1, 3), axis=0)
    return np.asarray(every[((every >= 0) & (every < grid.shape)).all(1)])


def _kept_inside(ways: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The ways with every cube outside taking that of the nearest cube inside: the organ's rim lies between them."""
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return np.asarray(ways[tuple(nearest)])
