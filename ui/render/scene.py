"""The 3D picture of a twin, as the content of a VTK renderer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from vtkmodules.vtkRenderingCore import vtkActor, vtkRenderer

from surgtwin.domain.geometry import FloatArray, transform_points
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.twin import Twin

from .appearance import Look, Looks, default_looks, is_bone, is_lung, is_outer
from .cameras import CameraPreset, point_camera
from .lights import add_lights
from .mesh_actor import apply_look, mesh_actor
from .palette import BACKGROUND, BACKGROUND_TOP, fraction

MAX_PEELS = 6
"""Layers of translucent surfaces that are sorted; more cost time and show nothing new."""
MANY_ORGANS = 5
"""The largest of them decide where the middle is; small ones move it little and cost time."""
OCCLUSION_RATIO = 0.02
"""Share of a pixel that may stay unsorted."""


def new_renderer() -> vtkRenderer:
    """An empty scene: dark ground, lights."""
    renderer = vtkRenderer()
    renderer.SetBackground(*fraction(BACKGROUND))
    renderer.SetBackground2(*fraction(BACKGROUND_TOP))
    renderer.GradientBackgroundOn()
    add_lights(renderer)
    return renderer


class TwinScene:
    """A renderer with one actor per mesh of a twin."""

    def __init__(self, twin: Twin, looks: Looks | None = None) -> None:
        self.twin = twin
        self.renderer = new_renderer()
        self.actors: dict[str, vtkActor] = {}
        chosen = looks if looks is not None else default_looks(twin.labels)
        for mesh in meshes_in_twin(twin):
            actor = mesh_actor(mesh, chosen[mesh.name])
            self.actors[mesh.name] = actor
            self.renderer.AddActor(actor)
        tune_transparency(self.renderer)

    def set_look(self, name: str, look: Look) -> None:
        actor = self.actors.get(name)
        if actor is not None:
            apply_look(actor, look)
            tune_transparency(self.renderer)

    def look_from(self, where: CameraPreset, aspect: float) -> None:
        """Aim the camera so that the organs shown fill a picture of that width / height."""
        shown = {name for name, actor in self.actors.items() if actor.GetVisibility()}
        point_camera(self.renderer.GetActiveCamera(), where, points_of_interest(self.twin, shown), aspect)
        self.renderer.ResetCameraClippingRange()


def points_of_interest(twin: Twin, shown: set[str]) -> FloatArray:
    """(N, 3) points that a picture should hold: of the organs shown; of bone, lungs, skin only if nothing else is."""
    organs = organs_among([m for m in meshes_in_twin(twin) if m.name in shown], twin)
    if not organs:
        return twin.primary.grid.corners()
    return np.concatenate([m.vertices_mm[:: max(1, len(m.vertices_mm) // 2000)] for m in organs])


def middle_of_organs(twin: Twin) -> FloatArray:
    """(3,) LPS mm of the twin's frame: where the largest organs together have their middle; else the image's."""
    organs = organs_among(list(meshes_in_twin(twin)), twin)
    sizes = {m.name: twin.labels.volume_ml(twin.labels.structure(m.name)) for m in organs}
    largest = sorted(organs, key=lambda m: -sizes[m.name])[:MANY_ORGANS]
    total = sum(sizes[m.name] for m in largest)
    if total <= 0.0:
        return twin.primary.grid.center()
    middles = [m.vertices_mm.mean(axis=0) * (sizes[m.name] / total) for m in largest]
    return np.asarray(np.sum(middles, axis=0), dtype=np.float64)


def organs_among(meshes: list[OrganMesh], twin: Twin) -> list[OrganMesh]:
    """Those that are neither skin nor bone nor lung; all of them if nothing else is there."""
    surroundings = {s.name for s in twin.structures if is_outer(s) or is_bone(s) or is_lung(s)}
    return [m for m in meshes if m.name not in surroundings] or meshes


def meshes_in_twin(twin: Twin) -> tuple[OrganMesh, ...]:
    """The surfaces in the twin's frame: they are kept in that of the image they were segmented in."""
    matrix = twin.image(twin.labels_on).twin_from_image
    if np.array_equal(matrix, np.eye(4)):
        return twin.meshes
    return tuple(replace(m, vertices_mm=transform_points(matrix, m.vertices_mm)) for m in twin.meshes)


def tune_transparency(renderer: vtkRenderer) -> None:
    """Sort translucent surfaces where there are any (it doubles the time of a frame), else not."""
    actors = renderer.GetActors()
    actors.InitTraversal()
    is_needed = False
    for _ in range(actors.GetNumberOfItems()):
        actor = actors.GetNextActor()
        is_needed = is_needed or (bool(actor.GetVisibility()) and actor.GetProperty().GetOpacity() < 1.0)
    renderer.SetUseDepthPeeling(is_needed)
    renderer.SetMaximumNumberOfPeels(MAX_PEELS)
    renderer.SetOcclusionRatio(OCCLUSION_RATIO)
