"""A surface as a VTK actor."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkProperty

from surgtwin.domain.mesh import OrganMesh

from .appearance import Look
from .palette import fraction

FEATURE_ANGLE_DEG = 180.0
"""Normals are averaged over every edge: organs have none that are sharp."""

AMBIENT = 0.06
_GLASS = """//VTK::Light::Impl
  if (opacity < 0.999)
  {
    float rim = 1.0 - abs(normalVCVSOutput.z);
    fragOutput0 = vec4(min(fragOutput0.rgb * 1.3, vec3(1.0)), min(opacity * mix(0.5, 2.4, rim * rim), 1.0));
  }
"""
"""A translucent organ is clear where it faces the eye and dense at its rim: its shape shows and so does its content."""


def mesh_actor(mesh: OrganMesh, look: Look) -> vtkActor:
    """The mesh in LPS mm, smoothly shaded, with the given look."""
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(with_normals(polydata(mesh)))
    mapper.ScalarVisibilityOff()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetShaderProperty().AddFragmentShaderReplacement("//VTK::Light::Impl", True, _GLASS, False)
    apply_tissue_shading(actor.GetProperty())
    apply_look(actor, look)
    return actor


def apply_look(actor: vtkActor, look: Look) -> None:
    """Visibility, colour and opacity of an actor. What is fully transparent is not drawn at all."""
    actor.SetVisibility(look.visible and look.opacity > 0.0)
    material = actor.GetProperty()
    material.SetColor(*fraction(look.colour))
    material.SetOpacity(look.opacity)


def apply_tissue_shading(material: vtkProperty) -> None:
    """Soft, slightly moist: highlights that show the shape and do not blind."""
    material.SetInterpolationToPhong()
    material.SetAmbient(AMBIENT)
    material.SetDiffuse(0.92)
    material.SetSpecular(0.22)
    material.SetSpecularPower(28.0)


def polydata(mesh: OrganMesh) -> vtkPolyData:
    """The mesh as VTK geometry, sharing the vertices' memory."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(mesh.vertices_mm, deep=False))
    offsets = np.arange(0, 3 * len(mesh.triangles) + 1, 3, dtype=np.int64)
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(mesh.triangles.astype(np.int64).reshape(-1), deep=True),
    )
    surface = vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    return surface


def with_normals(surface: vtkPolyData) -> vtkPolyData:
    """The surface with point normals; its triangles keep their winding."""
    normals = vtkPolyDataNormals()
    normals.SetInputData(surface)
    normals.SplittingOff()
    normals.ConsistencyOff()
    normals.AutoOrientNormalsOff()
    normals.SetFeatureAngle(FEATURE_ANGLE_DEG)
    normals.Update()
    result: vtkPolyData = normals.GetOutput()
    return result
