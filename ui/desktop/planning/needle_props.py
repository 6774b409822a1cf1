"""Needles and the access map on the skin as props of one 3D view."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkFiltersCore import vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkLineSource, vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from surgtwin.domain.geometry import Point3
from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.verdict import Verdict
from ui.render.image_data import rgb_image
from ui.render.mesh_actor import apply_tissue_shading
from ui.render.palette import ACCENT, QUIET, TEXT, VERDICT_COLOURS

from ..views.scene_view import SceneView
from .clip import Shape
from .needle_search import VERDICT_OF, Search, Skin
from .scene_props import HATCH_MM, shape_polydata

SIDES = 24
OPACITY = {Skin.FREE: 0.4, Skin.UNPROVEN: 0.5, Skin.BLOCKED: 0.13}
"""What is blocked is only hinted at: the organs have to be seen through it."""
TEXTURE_ROWS, DARK_ROWS = 8, 3


class NeedleProp:
    """A needle with its true radius: its way in the body, its tip, and what of the tool stays outside."""

    def __init__(self) -> None:
        self._way, self._rest = (vtkLineSource() for _ in range(2))
        self._tubes = [_tube(line) for line in (self._way, self._rest)]
        self._tip = vtkSphereSource()
        self._tip.SetThetaResolution(SIDES)
        self._tip.SetPhiResolution(SIDES // 2)
        self.actors = [*(_actor(tube) for tube in self._tubes), _actor(self._tip)]

    def show(self, needle: Trajectory, is_chosen: bool) -> None:
        entry, target = np.asarray(needle.entry_mm), np.asarray(needle.target_mm)
        beyond = needle.tool.length_mm - needle.length_mm
        hub = entry + (entry - target) / needle.length_mm * max(beyond, 0.0)
        self._way.SetPoint1(*target)
        self._way.SetPoint2(*entry)
        self._rest.SetPoint1(*entry)
        self._rest.SetPoint2(*hub)
        for tube in self._tubes:
            tube.SetRadius(needle.tool.radius_mm)
        self._tip.SetCenter(*target)
        self._tip.SetRadius(needle.tool.radius_mm)
        for actor, colour in zip(self.actors, (ACCENT if is_chosen else TEXT, QUIET, TEXT), strict=True):
            actor.GetProperty().SetColor(*(c / 255.0 for c in colour))
        self.actors[1].SetVisibility(beyond > 0.0)


class AccessProp:
    """The access map on the skin: one colour and one pattern for each thing that is said."""

    def __init__(self) -> None:
        self.actors = {kind: verdict_actor(VERDICT_OF[kind], OPACITY[kind]) for kind in Skin}

    def show(self, search: Search) -> None:
        for kind, actor in self.actors.items():
            part = search.skin.get(kind)
            show_painted(actor, part.shape if part is not None else None)

    def place_actors(self) -> dict[str, vtkActor]:
        """What of the skin can be picked."""
        return {str(kind): actor for kind, actor in self.actors.items() if actor.GetVisibility()}


def verdict_actor(verdict: Verdict, opacity: float) -> vtkActor:
    """What paints a surface with a verdict: its colour, and its pattern."""
    actor, texture = vtkActor(), vtkTexture()
    texture.RepeatOn()
    texture.InterpolateOff()
    texture.SetInputData(rgb_image(_texture(verdict)))
    actor.SetTexture(texture)
    actor.SetMapper(vtkPolyDataMapper())
    apply_tissue_shading(actor.GetProperty())
    actor.GetProperty().SetSpecular(0.0)
    actor.GetProperty().SetOpacity(opacity)
    actor.VisibilityOff()
    return actor


def show_painted(actor: vtkActor, shape: Shape | None) -> None:
    """Paint a surface, or nothing; stripes run across the patient."""
    actor.SetVisibility(shape is not None and not shape.is_empty)
    if shape is not None and not shape.is_empty:
        surface = shape_polydata(shape)
        along = shape.vertices_mm.sum(axis=1) / np.sqrt(3.0) / HATCH_MM
        places = np.stack((np.full(len(along), 0.5), along), 1).astype(np.float32)
        surface.GetPointData().SetTCoords(numpy_to_vtk(places, deep=True))
        actor.GetMapper().SetInputData(surface)


class NeedleProps:
    """Follows the plan's needles and the map it is given."""

    def __init__(self, view: SceneView) -> None:
        self._view = view
        self._needles: dict[str, NeedleProp] = {}
        self._map: AccessProp | None = None
        self._shown: Search | None = None

    def show(self, needles: tuple[Trajectory, ...], chosen: str, search: Search | None) -> None:
        """Draw these needles and this map; without any, nothing."""
        for name in [n for n in self._needles if n not in {t.name for t in needles}]:
            for actor in self._needles.pop(name).actors:
                self._view.renderer.RemoveActor(actor)
        for needle in needles:
            if needle.name not in self._needles:
                self._needles[needle.name] = NeedleProp()
                for actor in self._needles[needle.name].actors:
                    self._view.renderer.AddActor(actor)
            self._needles[needle.name].show(needle, needle.name == chosen)
        self._show_map(search)
        self._view.redraw()

    def skin_actors(self) -> dict[str, vtkActor]:
        return self._map.place_actors() if self._map is not None else {}

    def _show_map(self, search: Search | None) -> None:
        if search is self._shown:
            return
        self._shown = search
        if self._map is not None:
            for actor in self._map.actors.values():
                self._view.renderer.RemoveActor(actor)
            self._map = None
        if search is not None:
            self._map = AccessProp()
            self._map.show(search)
            for actor in self._map.actors.values():
                self._view.renderer.AddActor(actor)


def _tube(line: vtkLineSource) -> vtkTubeFilter:
    tube = vtkTubeFilter()
    tube.SetInputConnection(line.GetOutputPort())
    tube.SetNumberOfSides(SIDES)
    tube.CappingOn()
    return tube


def _actor(source: vtkTubeFilter | vtkSphereSource) -> vtkActor:
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputConnection(source.GetOutputPort())
    actor.SetMapper(mapper)
    return actor


def _texture(verdict: Verdict) -> np.ndarray:
    """[row, column, 3] uint8; dark stripes where nothing is proven."""
    picture = np.empty((TEXTURE_ROWS, 2, 3))
    picture[:] = VERDICT_COLOURS[verdict.value]
    if verdict is Verdict.UNPROVEN:
        picture[:DARK_ROWS] *= 0.4
    return picture.astype(np.uint8)


def middle_of(needle: Trajectory) -> Point3:
    x, y, z = ((a + b) / 2.0 for a, b in zip(needle.entry_mm, needle.target_mm, strict=True))
    return (x, y, z)
