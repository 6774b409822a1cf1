"""A kept measurement in 3D: a tube along a distance or an angle, a veiled ball for a ROI."""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from surgtwin.domain.measurement import Measurement, MeasurementKind
from ui.render.appearance import Look
from ui.render.mesh_actor import apply_look
from ui.render.palette import ACCENT

TUBE_RADIUS_MM = 0.9
ROI_OPACITY = 0.35


class MeasurementItem:
    """One measurement."""

    def __init__(self, measurement: Measurement) -> None:
        self.key = measurement.measurement_id
        self.measurement = measurement
        mapper = vtkPolyDataMapper()
        is_roi = measurement.kind is MeasurementKind.ROI
        shape = _ball(measurement) if is_roi else _tube(measurement)
        mapper.SetInputConnection(shape.GetOutputPort())
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.PickableOff()
        self.set_look(Look(True, ACCENT, ROI_OPACITY if is_roi else 1.0))

    def set_look(self, look: Look) -> None:
        apply_look(self.actor, look)

    def set_selected(self, selected: bool) -> None:
        """A measurement is always drawn in the accent: nothing more to mark."""

    def set_moving(self, moving: bool) -> None:
        """It is light as it is."""


def _tube(measurement: Measurement) -> vtkTubeFilter:
    points, cells = vtkPoints(), vtkCellArray()
    for p in measurement.points_mm:
        points.InsertNextPoint(*p)
    cells.InsertNextCell(len(measurement.points_mm))
    for n in range(len(measurement.points_mm)):
        cells.InsertCellPoint(n)
    line = vtkPolyData()
    line.SetPoints(points)
    line.SetLines(cells)
    tube = vtkTubeFilter()
    tube.SetInputData(line)
    tube.SetRadius(TUBE_RADIUS_MM)
    tube.SetNumberOfSides(12)
    tube.CappingOn()
    return tube


def _ball(measurement: Measurement) -> vtkSphereSource:
    centre, surface = (np.asarray(p) for p in measurement.points_mm)
    ball = vtkSphereSource()
    ball.SetCenter(*centre)
    ball.SetRadius(float(np.linalg.norm(surface - centre)))
    ball.SetThetaResolution(32)
    ball.SetPhiResolution(24)
    return ball
