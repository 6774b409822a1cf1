"""A tracked tool, the way it should take and a tracked frame as props of the 3D view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkFiltersCore import vtkAppendPolyData, vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkConeSource, vtkLineSource, vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkImageActor, vtkPolyDataMapper

from surgtwin.domain.geometry import FloatArray
from surgtwin.domain.trajectory import Trajectory
from surgtwin.live.guidance import ToolPlace
from ui.render.image_data import rgb_image, vtk_matrix
from ui.render.palette import ACCENT, QUIET, TEXT, Rgb, fraction

SHAFT_MM, SHAFT_RADIUS_MM = 160.0, 1.5
TIP_MM = 8.0
AHEAD_MM, AHEAD_RADIUS_MM = 80.0, 0.4
WAY_RADIUS_MM, TARGET_RADIUS_MM = 0.7, 2.5
GHOST_OPACITY = 0.35
SIDES = 16


class ToolProp:
    """A shaft with a pointed end, and a thin line ahead of it; built once, moved by its matrix."""

    def __init__(self) -> None:
        self.body = _actor(_body())
        self.ahead = _actor(_tube((0.0, 0.0, 0.0), (0.0, 0.0, -AHEAD_MM), AHEAD_RADIUS_MM))
        self.actors = (self.body, self.ahead)
        self.hide()

    def show(self, place: ToolPlace, colour: Rgb, *, is_ghost: bool) -> None:
        """At a place; a ghost is where the tool was, and has nothing ahead of it."""
        matrix = vtk_matrix(place.lps_from_tool)
        for actor in self.actors:
            actor.SetUserMatrix(matrix)
            actor.GetProperty().SetColor(*fraction(QUIET if is_ghost else colour))
        self.body.GetProperty().SetOpacity(GHOST_OPACITY if is_ghost else 1.0)
        self.body.SetVisibility(True)
        self.ahead.SetVisibility(not is_ghost)

    def hide(self) -> None:
        for actor in self.actors:
            actor.SetVisibility(False)


class WayProp:
    """The planned way, and a ball at its target."""

    def __init__(self) -> None:
        self._line, self._ball = vtkLineSource(), vtkSphereSource()
        tube = vtkTubeFilter()
        tube.SetInputConnection(self._line.GetOutputPort())
        tube.SetRadius(WAY_RADIUS_MM)
        tube.SetNumberOfSides(SIDES)
        self._ball.SetRadius(TARGET_RADIUS_MM)
        self.actors = (_actor(tube), _actor(self._ball))
        self.show(None)

    def show(self, way: Trajectory | None) -> None:
        for actor in self.actors:
            actor.SetVisibility(way is not None)
            actor.GetProperty().SetColor(*fraction(TEXT))
        if way is not None:
            self._line.SetPoint1(*way.entry_mm)
            self._line.SetPoint2(*way.target_mm)
            self._ball.SetCenter(*way.target_mm)


class FrameProp:
    """A flat image where it is in the patient, with its border."""

    def __init__(self) -> None:
        self.image = vtkImageActor()
        self.image.InterpolateOn()
        self.image.PickableOff()

    def show(self, picture: NDArray[np.uint8], lps_from_ijk: FloatArray, *, is_old: bool) -> None:
        """[row, column, 3] where `lps_from_ijk` (4, 4) puts it; greyed where it is old."""
        self.image.SetInputData(rgb_image(picture // 3 + 40 if is_old else picture))
        self.image.SetUserMatrix(vtk_matrix(lps_from_ijk))
        self.image.GetProperty().SetOpacity(GHOST_OPACITY if is_old else 1.0)
        self.image.SetVisibility(True)

    def hide(self) -> None:
        self.image.SetVisibility(False)


def _body() -> vtkAppendPolyData:
    """Shaft and tip in the tool's own frame: the tip at the origin, the shaft along +z."""
    cone = vtkConeSource()
    cone.SetHeight(TIP_MM)
    cone.SetRadius(SHAFT_RADIUS_MM)
    cone.SetResolution(SIDES)
    cone.SetDirection(0.0, 0.0, -1.0)
    cone.SetCenter(0.0, 0.0, TIP_MM / 2.0)
    shaft = _tube((0.0, 0.0, TIP_MM), (0.0, 0.0, SHAFT_MM), SHAFT_RADIUS_MM)
    both = vtkAppendPolyData()
    for part in (cone, shaft):
        part.Update()
        both.AddInputData(part.GetOutput())
    return both


def _tube(one: tuple[float, float, float], other: tuple[float, float, float], radius: float) -> vtkTubeFilter:
    line, tube = vtkLineSource(), vtkTubeFilter()
    line.SetPoint1(*one)
    line.SetPoint2(*other)
    tube.SetInputConnection(line.GetOutputPort())
    tube.SetRadius(radius)
    tube.SetNumberOfSides(SIDES)
    tube.CappingOn()
    return tube


def _actor(source: vtkTubeFilter | vtkSphereSource | vtkAppendPolyData) -> vtkActor:
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputConnection(source.GetOutputPort())
    mapper.ScalarVisibilityOff()
    actor.SetMapper(mapper)
    actor.PickableOff()
    actor.GetProperty().SetColor(*fraction(ACCENT))
    return actor
