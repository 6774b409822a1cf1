"""Where a surface is nearest to a point, and where a line meets it: exact, through VTK's cell locator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh

CELLS_PER_BIN = 50
"""Coarse bins: a place far from the surface has fewer of them to look into (measured: half the time of VTK's 10)."""
MEETING_TOLERANCE_MM = 1e-7
"""How far beside a triangle a line may pass and still meet it: without it a line could slip through between two."""


@dataclass(frozen=True, eq=False)
class TriangleLocator:
    """A surface's triangles sorted into a grid of bins; may be asked by several threads."""

    mesh: OrganMesh

    @cached_property
    def _arrays(self) -> tuple[Any, ...]:
        """VTK's arrays of points, offsets and corners over the mesh's own memory, which they keep alive."""
        from vtkmodules.util.numpy_support import numpy_to_vtk

        offsets = np.arange(0, self.mesh.triangles.size + 1, 3, dtype=np.int32)
        return tuple(numpy_to_vtk(a) for a in (self.mesh.vertices_mm, offsets, self.mesh.triangles.reshape(-1)))

    @cached_property
    def _surface(self) -> Any:
        from vtkmodules.vtkCommonCore import vtkPoints
        from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

        points, cells, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
        vertices, offsets, corners = self._arrays
        points.SetData(vertices)
        cells.SetData(offsets, corners)
        surface.SetPoints(points)
        surface.SetPolys(cells)
        return surface

    @cached_property
    def box(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest LPS corner (3,): what lies beyond them is outside."""
        bounds = np.array(self._surface.GetBounds())
        return bounds[::2], bounds[1::2]

    @cached_property
    def _linked(self) -> Any:
        """The surface, its triangles known at each vertex."""
        self._surface.BuildLinks()
        return self._surface

    @cached_property
    def _bins(self) -> Any:
        from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator

        locator = vtkStaticCellLocator()
        locator.SetDataSet(self._surface)
        locator.SetNumberOfCellsPerNode(CELLS_PER_BIN)
        locator.BuildLocator()
        return locator

    def closest(self, points_mm: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
        """The nearest places (N, 3) on the surface to LPS points (N, 3), and the triangles (N,) they lie on."""
        from vtkmodules.vtkCommonCore import reference
        from vtkmodules.vtkCommonDataModel import vtkGenericCell

        bins, cell = self._bins, vtkGenericCell()
        place, which, sub, squared = [0.0, 0.0, 0.0], reference(0), reference(0), reference(0.0)
        places = np.empty((len(points_mm), 3))
        triangles = np.empty(len(points_mm), dtype=np.int64)
        for n, point in enumerate(points_mm.tolist()):
            bins.FindClosestPoint(point, place, cell, which, sub, squared)
            places[n], triangles[n] = place, int(which)
        return places, triangles

    def around(self, triangles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (row of the triangle asked for, triangle that shares a corner with it, itself included)."""
        from vtkmodules.vtkCommonCore import vtkIdList

        surface, found = self._linked, vtkIdList()
        rows, neighbours = [], []
        for n, corners in enumerate(self.mesh.triangles[triangles].tolist()):
            for corner in corners:
                surface.GetPointCells(corner, found)
                ids = [found.GetId(m) for m in range(found.GetNumberOfIds())]
                neighbours += ids
                rows += [n] * len(ids)
        return np.array(rows, dtype=np.int64), np.array(neighbours, dtype=np.int64)

    def in_box(self, point_mm: FloatArray, reach_mm: float) -> NDArray[np.int64]:
        """Triangles that may come within `reach_mm` of an LPS point; others near it may be among them."""
        from vtkmodules.vtkCommonCore import vtkIdList

        found = vtkIdList()
        x, y, z = (float(c) for c in point_mm)
        box = (x - reach_mm, x + reach_mm, y - reach_mm, y + reach_mm, z - reach_mm, z + reach_mm)
        self._bins.FindCellsWithinBounds(box, found)
        return np.array([found.GetId(n) for n in range(found.GetNumberOfIds())], dtype=np.int64)

    def meetings(self, start_mm: FloatArray, end_mm: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
        """Distances (N,) from the start, growing, at which a segment meets triangles, and the triangles (N,)."""
        from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints
        from vtkmodules.vtkCommonDataModel import vtkGenericCell

        points, cells = vtkPoints(), vtkIdList()
        points.SetDataTypeToDouble()
        start, end = np.asarray(start_mm, dtype=np.float64), np.asarray(end_mm, dtype=np.float64)
        self._bins.IntersectWithLine(
            start.tolist(), end.tolist(), MEETING_TOLERANCE_MM, points, cells, vtkGenericCell()
        )
        count = points.GetNumberOfPoints()
        places = np.array([points.GetPoint(n) for n in range(count)]).reshape(-1, 3)
        away = np.linalg.norm(places - start, axis=1)
        order = np.argsort(away)
        return away[order], np.array([cells.GetId(n) for n in range(count)], dtype=np.int64)[order]
