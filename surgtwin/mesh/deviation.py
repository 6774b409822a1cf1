"""How far a smooth or decimated surface lies from what it was made of."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import Point3

Distances = NDArray[np.float64]
Vertices = NDArray[np.float64]


def distance_to_voxel_surface(padded: NDArray[np.bool_], vertices_ijk: Vertices, spacing: Point3) -> Distances:
    """(N,) exact distance in mm of points from the surface between the voxels that are True and those that are not.

    For grids with perpendicular axes. A point lies in some voxel; the surface is as near as the nearest voxel of the
    other kind. The 26 around it are tried, nearest kinds first; where none is near enough to rule out those beyond,
    the search is widened.

    Parameters
    ----------
    padded
        [k, j, i]; its outermost voxels must be False.
    vertices_ijk
        (N, 3) in indices (i, j, k) of `padded`.
    """
    home = np.floor(vertices_ijk + 0.5)
    fraction = vertices_ijk + 0.5 - home
    steps = np.asarray(spacing, dtype=np.float64)
    below, above = fraction * steps, (1.0 - fraction) * steps
    found = np.full(len(vertices_ijk), np.inf)
    search = _NeighbourSearch(padded, home.astype(np.int64))
    for offset in sorted(product((-1, 0, 1), repeat=3), key=np.count_nonzero)[1:]:
        search.update(found, _squared(below, above, steps, offset), offset)
    # Within this the block of 3 x 3 x 3 voxels tells all.
    certain = (np.minimum(below, above) + steps).min(axis=1)
    _widen(search, found, below, above, steps, certain)
    return np.sqrt(found)


def _squared(below: Distances, above: Distances, steps: Distances, offset: tuple[int, ...]) -> Distances:
    """Squared distance of each point from the box of the voxel that lies `offset` (i, j, k) from its own."""
    total: Any = 0.0
    for axis, o in enumerate(offset):
        if o:
            side = above[:, axis] if o > 0 else below[:, axis]
            total = total + (side + (abs(o) - 1) * steps[axis]) ** 2
    return np.asarray(total)


class _NeighbourSearch:
    """Looks up voxels around each point's own voxel."""

    def __init__(self, padded: NDArray[np.bool_], home: NDArray[np.int64]) -> None:
        self._shape = padded.shape
        self._flat = padded.ravel()
        self._home = home
        self._number = self._flatten(home)
        self._own = self._flat[self._number]

    def _flatten(self, ijk: NDArray[np.int64]) -> NDArray[np.int64]:
        sizes = self._shape[::-1]
        i, j, k = (np.clip(ijk[:, a], 0, sizes[a] - 1) for a in range(3))
        return np.asarray((k * self._shape[1] + j) * self._shape[2] + i)

    def update(self, found: Distances, squared: Distances, offset: tuple[int, ...]) -> None:
        """Lower `found` (squared distances) where the voxel at `offset` is of the other kind and nearer."""
        nearer = np.flatnonzero(squared < found)
        # A step of 1 beyond a row's end lands on the padding of the next row, which is outside just the same.
        step = (offset[2] * self._shape[1] + offset[1]) * self._shape[2] + offset[0]
        number = self._number[nearer] + step
        if max(map(abs, offset)) > 1 or len(number) and (number.min() < 0 or number.max() >= self._flat.size):
            number = self._flatten(self._home[nearer] + offset)
        other = self._flat[number] != self._own[nearer]
        hit = nearer[other]
        found[hit] = squared[hit]

    def of(self, some: NDArray[np.int64]) -> _NeighbourSearch:
        narrowed = object.__new__(_NeighbourSearch)
        narrowed._shape, narrowed._flat = self._shape, self._flat
        narrowed._home, narrowed._number, narrowed._own = self._home[some], self._number[some], self._own[some]
        return narrowed


def _widen(
    search: _NeighbourSearch, found: Distances, below: Distances, above: Distances, steps: Distances, certain: Distances
) -> None:
    """Search further rings of voxels around the points for which a nearer voxel may lie outside the rings so far."""
    reach = 1
    left = np.flatnonzero(found > certain**2)
    while len(left) and reach < max(search._shape):
        reach += 1
        part, nearest = search.of(left), found[left]
        lo, hi = below[left], above[left]
        for offset in product(range(-reach, reach + 1), repeat=3):
            if max(map(abs, offset)) == reach:
                part.update(nearest, _squared(lo, hi, steps, offset), offset)
        found[left] = nearest
        left = left[nearest > (certain[left] + (reach - 1) * steps.min()) ** 2]


def surface_distances(
    vertices: Vertices, triangles: NDArray[np.int32], other_vertices: Vertices, other_triangles: NDArray[np.int32]
) -> tuple[Distances, Distances]:
    """Exact distances of each surface's vertices from the other surface: of the first's, and of the other's.

    The larger of their maxima is the Hausdorff distance as sampled at the vertices of both.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersModeling import vtkHausdorffDistancePointSetFilter

    measure = vtkHausdorffDistancePointSetFilter()
    measure.SetInputData(0, poly_data(vertices, triangles))
    measure.SetInputData(1, poly_data(other_vertices, other_triangles))
    measure.SetTargetDistanceMethodToPointToCell()
    measure.Update()
    first, second = (vtk_to_numpy(measure.GetOutput(n).GetPointData().GetArray("Distance")) for n in (0, 1))
    return np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)


def poly_data(vertices: Vertices, triangles: NDArray[np.int32]) -> Any:
    """The surface as vtkPolyData with a copy of the data."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    points, cells, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, dtype=np.float64), deep=1))
    cells.SetData(3, numpy_to_vtkIdTypeArray(triangles.astype(np.int64).ravel(), deep=1))
    surface.SetPoints(points)
    surface.SetPolys(cells)
    return surface
