"""An organ's surface, with a lighter one for while the camera moves."""

from __future__ import annotations

from vtkmodules.vtkCommonDataModel import vtkPolyData

from surgtwin.domain.mesh import OrganMesh
from ui.render.appearance import Look
from ui.render.mesh_actor import AMBIENT, apply_look, mesh_actor, polydata, with_normals
from ui.render.palette import ACCENT, fraction

SELECTED_AMBIENT = 0.34


class OrganMeshItem:
    """The surface of one structure."""

    def __init__(self, mesh: OrganMesh) -> None:
        self.key = mesh.name
        self.mesh = mesh
        self.actor = mesh_actor(mesh, Look(True, mesh.colour))
        self._full: vtkPolyData = self.actor.GetMapper().GetInput()
        self._light: vtkPolyData | None = None

    def set_light(self, light: OrganMesh) -> None:
        """The surface with fewer triangles that is shown while the camera moves."""
        self._light = with_normals(polydata(light))

    def set_look(self, look: Look) -> None:
        apply_look(self.actor, look)

    def set_selected(self, selected: bool) -> None:
        material = self.actor.GetProperty()
        material.SetAmbient(SELECTED_AMBIENT if selected else AMBIENT)
        material.SetAmbientColor(*(fraction(ACCENT) if selected else material.GetDiffuseColor()))

    def set_moving(self, moving: bool) -> None:
        light = self._light
        self.actor.GetMapper().SetInputData(light if moving and light is not None else self._full)
