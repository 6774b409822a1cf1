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
    fraction = (vertices_ijk + 0.5 - home).T
    steps = np.asarray(spacing, dtype=np.float64)
    sides = Sides(fraction * steps[:, None], (1.0 - fraction) * steps[:, None], steps)
    found = np.full(len(vertices_ijk), np.inf)
    search = _NeighbourSearch(padded, home.astype(np.int64))
    for offset in sorted(product((-1, 0, 1), repeat=3), key=np.count_nonzero)[1:]:
        search.update(found, sides.squared(offset), offset)
    _widen(search, found, sides)
    return np.asarray(np.sqrt(found))


class Sides:
    """Distances (3, N) in mm of points from the lower and the upper sides of the voxels they lie in."""

    def __init__(self, below: Distances, above: Distances, steps: Distances) -> None:
        self.below, self.above, self.steps = below, above, steps
        self._squares: dict[tuple[int, int], Distances] = {}

    def _square(self, axis: int, offset: int) -> Distances:
        key = (axis, offset)
        if key not in self._squares:
            side = self.above[axis] if offset > 0 else self.below[axis]
            self._squares[key] = (side + (abs(offset) - 1) * self.steps[axis]) ** 2
        return self._squares[key]

    def squared(self, offset: tuple[int, ...]) -> Distances:
        """(N,) squared distance of each point from the box of the voxel that lies `offset` (i, j, k) from its own."""
        parts = [self._square(axis, o) for axis, o in enumerate(offset) if o]
        return sum(parts[1:], start=parts[0])

    def certain(self, reach: int) -> Distances:
        """(N,) distance from each point within which the voxels up to `reach` away from its own tell all."""
        nearest = np.minimum(self.below, self.above) + reach * self.steps[:, None]
        return np.asarray(nearest.min(axis=0))

    def of(self, some: NDArray[np.int64]) -> Sides:
        return Sides(self.below[:, some], self.above[:, some], self.steps)


class _NeighbourSearch:
    """Looks up voxels around each point's own voxel."""

    def __init__(self, padded: NDArray[np.bool_], home: NDArray[np.int64]) -> None:
        self.shape = padded.shape
        self._flat = padded.ravel()
        self._home = home
        self._number = self._flatten(home)
        self._own = self._flat[self._number]

    def _flatten(self, ijk: NDArray[np.int64]) -> NDArray[np.int64]:
        sizes = self.shape[::-1]
        i, j, k = (np.clip(ijk[:, a], 0, sizes[a] - 1) for a in range(3))
        return np.asarray((k * self.shape[1] + j) * self.shape[2] + i)

    def update(self, found: Distances, squared: Distances, offset: tuple[int, ...]) -> None:
        """Lower `found` (squared distances) where the voxel at `offset` is of the other kind and nearer."""
        nearer = np.flatnonzero(squared < found)
        # A step of 1 beyond a row's end lands on the padding of the next row, which is outside just the same.
        step = (offset[2] * self.shape[1] + offset[1]) * self.shape[2] + offset[0]
        number = self._number[nearer] + step
        if max(map(abs, offset)) > 1 or self._leaves(number):
            number = self._flatten(self._home[nearer] + offset)
        other = self._flat[number] != self._own[nearer]
        hit = nearer[other]
        found[hit] = squared[hit]

    def _leaves(self, number: NDArray[np.int64]) -> bool:
        return bool(len(number)) and bool(number.min() < 0 or number.max() >= self._flat.size)

    def of(self, some: NDArray[np.int64]) -> _NeighbourSearch:
        narrowed = object.__new__(_NeighbourSearch)
        narrowed.shape, narrowed._flat = self.shape, self._flat
        narrowed._home, narrowed._number, narrowed._own = self._home[some], self._number[some], self._own[some]
        return narrowed


def _widen(search: _NeighbourSearch, found: Distances, sides: Sides) -> None:
    """Search further rings of voxels around the points for which a nearer voxel may lie outside the rings so far."""
    reach = 1
    left = np.flatnonzero(found > sides.certain(reach) ** 2)
    while len(left) and reach < max(search.shape):
        reach += 1
        part, near, nearest = search.of(left), sides.of(left), found[left]
        for offset in product(range(-reach, reach + 1), repeat=3):
            if max(map(abs, offset)) == reach:
                part.update(nearest, near.squared(offset), offset)
        found[left] = nearest
        left = left[nearest > near.certain(reach) ** 2]


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
