"""A plan's shapes as VTK props: the two parts of an organ, and the cut with its margin as colours."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

from surgtwin.domain.labels import Colour
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.verdict import Verdict
from ui.render.appearance import Look
from ui.render.image_data import rgb_image
from ui.render.mesh_actor import apply_look, apply_tissue_shading, mesh_actor, with_normals
from ui.render.palette import VERDICT_COLOURS

from .clip import Shape
from .verdict_look import MarginBands

RESECTED_OPACITY = 0.2
REMNANT_OPACITY = 0.4
"""Of a remnant that hides all of what is taken; else it is opaque."""
HATCH_MM = 5.0
ROWS, COLUMNS = 16, 256
HATCH_ROWS = 6
"""Of the rows; darker where a margin is unproven."""
PAST_MM = 12.0
"""The colours reach this far beyond the safe margin and below zero."""
LINE_EVERY_MM = 5.0
NEAR_LINE_MM, MUCH = 0.5, 0.25
NO_TARGET_COLOUR = (206, 196, 186)


class PartProp:
    """A part of an organ; glass if it is seen through."""

    def __init__(self) -> None:
        empty = OrganMesh("part", np.eye(3), np.array([[0, 1, 2]], dtype=np.int32), (255, 255, 255))
        self.actor: vtkActor = mesh_actor(empty, Look(False, (255, 255, 255)))

    def show(self, shape: Shape, colour: Colour, opacity: float, is_visible: bool) -> None:
        """Draw a shape whose data are its normals."""
        if not shape.is_empty:
            surface = shape_polydata(shape)
            normals = numpy_to_vtk(np.ascontiguousarray(shape.data, dtype=np.float32), deep=True)
            surface.GetPointData().SetNormals(normals)
            self.actor.GetMapper().SetInputData(surface)
        apply_look(self.actor, Look(is_visible and not shape.is_empty, colour, opacity))


class SheetProp:
    """A cut inside its organ, or a zone's rim, coloured by its margin; hatched where that is unproven."""

    def __init__(self) -> None:
        self._mapper = vtkPolyDataMapper()
        self._mapper.ScalarVisibilityOff()
        self._texture = vtkTexture()
        self._texture.RepeatOn()
        self._texture.InterpolateOff()
        self.actor = vtkActor()
        self.actor.SetMapper(self._mapper)
        self.actor.SetTexture(self._texture)
        apply_tissue_shading(self.actor.GetProperty())
        self.actor.GetProperty().SetSpecular(0.05)
        self.actor.VisibilityOff()
        self._texture_of: tuple[MarginBands, bool] | None = None

    def show(self, shape: Shape, bands: MarginBands) -> None:
        """Draw a sheet whose data are margins in mm."""
        self.actor.SetVisibility(not shape.is_empty)
        if shape.is_empty:
            return
        has_line = not is_at_margin(shape.data[:, 0], bands.wanted_mm)
        if (bands, has_line) != self._texture_of:
            self._texture_of = (bands, has_line)
            self._texture.SetInputData(rgb_image(margin_texture(bands, has_line)))
        surface = with_normals(shape_polydata(shape))
        places = texture_places(shape, bands)
        surface.GetPointData().SetTCoords(numpy_to_vtk(places, deep=True))
        self._mapper.SetInputData(surface)


def shape_polydata(shape: Shape) -> vtkPolyData:
    """The shape as VTK geometry of its own."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(shape.vertices_mm, dtype=np.float32), deep=True))
    offsets = np.arange(0, 3 * len(shape.triangles) + 1, 3, dtype=np.int64)
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(shape.triangles, dtype=np.int64).reshape(-1), deep=True),
    )
    surface = vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    return surface


def texture_places(shape: Shape, bands: MarginBands) -> np.ndarray:
    """(N, 2) float32: across the texture by margin, along it by place, so that the hatching keeps its width."""
    low, high = -PAST_MM, bands.safe_mm + PAST_MM
    across = np.clip((shape.data[:, 0] - low) / (high - low), 0.5 / COLUMNS, 1.0 - 1.5 / COLUMNS)
    across = np.where(np.isinf(shape.data[:, 0]), 1.0 - 0.5 / COLUMNS, across)
    along = shape.vertices_mm.sum(axis=1) / np.sqrt(3.0) / HATCH_MM
    return np.stack((across, along), 1).astype(np.float32)


def is_at_margin(margins_mm: np.ndarray, wanted_mm: float) -> bool:
    """Whether much of a cut lies at the wanted margin, as a shell does: a line there would be all over it."""
    return bool((np.abs(margins_mm - wanted_mm) < NEAR_LINE_MM).mean() > MUCH)


def margin_texture(bands: MarginBands, has_line: bool = True) -> np.ndarray:
    """[row, column, 3] uint8: a column a margin, from below zero to past safe; the last one for "no target".

    `has_line` marks the wanted margin dark.
    """
    low, high = -PAST_MM, bands.safe_mm + PAST_MM
    margins = low + (np.arange(COLUMNS) + 0.5) / COLUMNS * (high - low)
    picture = np.zeros((ROWS, COLUMNS, 3))
    for n, margin in enumerate(margins):
        verdict = bands.verdict(float(margin))
        picture[:, n] = VERDICT_COLOURS[verdict.value]
        if verdict is Verdict.UNPROVEN:
            picture[:HATCH_ROWS, n] *= 0.45
    step = (high - low) / COLUMNS
    on_line = np.abs(margins / LINE_EVERY_MM - np.round(margins / LINE_EVERY_MM)) * LINE_EVERY_MM < step
    picture[:, on_line & has_line] *= 0.72
    if has_line:
        picture[:, np.abs(margins - bands.wanted_mm) < 1.6 * step] = (24, 26, 30)
    picture[:, -1] = NO_TARGET_COLOUR
    return picture.astype(np.uint8)
