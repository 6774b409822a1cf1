"""How places moved, as arrows in a 3D view: from where they lay to where they lie, coloured by how far."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkLookupTable, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkGlyph3D, vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkConeSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.registration import Registration

MOST_ARROWS = 400
LEAST_MM = 0.5
"""Shorter ones are specks."""
LONGEST_FOR_COLOUR_MM = 20.0
SIDES = 8
SHAFT_MM, TIP_MM = 1.0, 7.0


def arrow_places(
    meshes: tuple[OrganMesh, ...], registration: Registration, shown: frozenset[str]
) -> tuple[FloatArray, FloatArray]:
    """Where arrows begin (N, 3) and how far they go (N, 3), mm, on the surfaces of the structures that are shown.

    Parameters
    ----------
    meshes
        Of the base revision.
    """
    points = [np.asarray(m.vertices_mm) for m in meshes if m.name in shown]
    if not points:
        return np.empty((0, 3)), np.empty((0, 3))
    every = np.concatenate(points)
    chosen = every[:: max(1, len(every) // MOST_ARROWS)]
    vectors = registration.field.at(chosen)
    kept = np.linalg.norm(vectors, axis=1) >= LEAST_MM
    return chosen[kept], vectors[kept]


def arrows_actors(places_mm: FloatArray, vectors_mm: FloatArray) -> tuple[vtkActor, ...]:
    """Shafts of true length and points of one size, from blue (still) to yellow (20 mm and more)."""
    ends = places_mm + vectors_mm
    far = np.linalg.norm(vectors_mm, axis=1)
    count = len(places_mm)
    lines, cells = _cloud(np.concatenate([places_mm, ends]), np.concatenate([far, far])), vtkCellArray()
    for n in range(count):
        cells.InsertNextCell(2)
        cells.InsertCellPoint(n)
        cells.InsertCellPoint(n + count)
    lines.SetLines(cells)
    tubes = vtkTubeFilter()
    tubes.SetInputData(lines)
    tubes.SetRadius(SHAFT_MM)
    tubes.SetNumberOfSides(SIDES)
    tubes.Update()
    tips = _cloud(ends, far)
    directions = numpy_to_vtk(np.ascontiguousarray(vectors_mm), deep=True)
    directions.SetName("motion")
    tips.GetPointData().SetVectors(directions)
    cone, glyphs = vtkConeSource(), vtkGlyph3D()
    cone.SetHeight(TIP_MM)
    cone.SetRadius(TIP_MM / 3.0)
    cone.SetResolution(SIDES)
    glyphs.SetInputData(tips)
    glyphs.SetSourceConnection(cone.GetOutputPort())
    glyphs.SetVectorModeToUseVector()
    glyphs.SetColorModeToColorByScalar()
    glyphs.ScalingOff()
    glyphs.Update()
    return _actor(tubes.GetOutput()), _actor(glyphs.GetOutput())


def _cloud(points_mm: FloatArray, far_mm: FloatArray) -> vtkPolyData:
    """Points, each with how far it moved."""
    points, cloud = vtkPoints(), vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(points_mm), deep=True))
    cloud.SetPoints(points)
    lengths = numpy_to_vtk(np.ascontiguousarray(far_mm), deep=True)
    lengths.SetName("far")
    cloud.GetPointData().SetScalars(lengths)
    return cloud


def _actor(shape: vtkPolyData) -> vtkActor:
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputData(shape)
    mapper.SetScalarRange(0.0, LONGEST_FOR_COLOUR_MM)
    mapper.SetLookupTable(_colours())
    actor.SetMapper(mapper)
    actor.PickableOff()
    return actor


def _colours() -> vtkLookupTable:
    table = vtkLookupTable()
    table.SetHueRange(0.6, 0.14)
    table.SetSaturationRange(0.7, 0.9)
    table.SetValueRange(0.9, 1.0)
    table.Build()
    return table
