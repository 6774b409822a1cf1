"""Instruments, their ways and ports as props of one 3D view, and what they touch, lit up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkFiltersCore import vtkAppendPolyData, vtkTubeFilter
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

from surgtwin.domain.geometry import FloatArray, Point3
from surgtwin.domain.mesh import OrganMesh
from surgtwin.domain.tool import MeshTool, Tool
from surgtwin.simulation.instrument import Instrument
from ui.render.appearance import Look
from ui.render.mesh_actor import mesh_actor
from ui.render.palette import ACCENT, QUIET, TEXT, VIOLATED, Rgb, fraction
from ui.report.tool_shapes import capsule_mesh

from .clip import Shape, vertex_normals
from .needle_props import show_painted, verdict_actor
from .path_reach import LOOK_OF, Reach, ReachKind
from .scene_props import shape_polydata

STEEL: Rgb = (198, 204, 212)
FREE: Rgb = (0xD8, 0xC9, 0x6A)
"""What may be touched, where it is."""
TRAIL_MM, PORT_MM, KEY_MM = 0.8, 5.0, 1.8
PORT_LENGTH_MM = 14.0
LIT_MM, LIFT_MM = 2.0, 0.6
"""A structure is lit this far around the instrument, and this far above its own surface."""
GHOST, REACH_OPACITY = 0.35, 0.9
SIDES = 20


class InstrumentProp:
    """An instrument in one pose: its own mesh, or its capsules; those that touch something are red."""

    def __init__(self, tool: Tool, instrument: Instrument) -> None:
        self.tool = tool
        if isinstance(tool, MeshTool):
            meshes = [OrganMesh("tool", tool.vertices_mm, np.asarray(tool.triangles), STEEL)]
        else:
            parts = zip(instrument.starts_mm, instrument.ends_mm, instrument.radii_mm, strict=True)
            meshes = [capsule_mesh(start, end, float(radius)) for start, end, radius in parts]
        self.actors = [mesh_actor(mesh, Look(True, STEEL)) for mesh in meshes]
        for actor in self.actors:
            actor.GetProperty().SetSpecular(0.6)

    def place(self, lps_from_tool: FloatArray) -> None:
        matrix = vtkMatrix4x4()
        matrix.DeepCopy(np.asarray(lps_from_tool, dtype=np.float64).ravel().tolist())
        for actor in self.actors:
            actor.SetUserMatrix(matrix)

    def light(self, touching: NDArray[np.bool_]) -> None:
        """Red where a part touches what it may not; a mesh is one part."""
        each = touching if len(touching) == len(self.actors) else np.full(len(self.actors), bool(touching.any()))
        for actor, is_red in zip(self.actors, each, strict=True):
            actor.GetProperty().SetColor(*fraction(VIOLATED if is_red else STEEL))
            actor.GetProperty().SetAmbient(0.35 if is_red else 0.1)


class WayProp:
    """The way of a tip, its key poses, and the port it goes through."""

    def __init__(self) -> None:
        self._line, self._tube = vtkPolyDataMapper(), vtkTubeFilter()
        self._tube.SetRadius(TRAIL_MM)
        self._tube.SetNumberOfSides(8)
        self._line.SetInputConnection(self._tube.GetOutputPort())
        self.actor, self._keys = vtkActor(), [vtkActor() for _ in range(2)]
        self.actor.SetMapper(self._line)
        self._dots, self._port = self._keys
        for actor in self._keys:
            actor.SetMapper(vtkPolyDataMapper())

    @property
    def actors(self) -> list[vtkActor]:
        return [self.actor, *self._keys]

    def show(self, tips_mm: FloatArray, keys_mm: FloatArray, port: tuple[Point3, FloatArray] | None, on: bool) -> None:
        """`port`: its place and the direction of the shaft there; `on` for the path that is worked on."""
        self._tube.SetInputData(_polyline(tips_mm))
        self.actor.SetVisibility(len(tips_mm) > 1)
        self._dots.GetMapper().SetInputData(_balls(keys_mm, KEY_MM))
        self._port.SetVisibility(port is not None)
        if port is not None:
            place, shaft = np.asarray(port[0]), port[1]
            half = PORT_LENGTH_MM / 2.0 * shaft
            self._port.GetMapper().SetInputData(_ring(place - half, place + half))
        colour = ACCENT if on else QUIET
        for actor, own in ((self.actor, colour), (self._dots, TEXT if on else QUIET), (self._port, colour)):
            actor.GetProperty().SetColor(*fraction(own))
            actor.GetProperty().SetOpacity(1.0 if on else GHOST)


class SurfaceProp:
    """Triangles of one colour."""

    def __init__(self, colour: Rgb, opacity: float, ambient: float = 0.2) -> None:
        self.actor = vtkActor()
        self.actor.SetMapper(vtkPolyDataMapper())
        self.actor.GetProperty().SetColor(*fraction(colour))
        self.actor.GetProperty().SetOpacity(opacity)
        self.actor.GetProperty().SetAmbient(ambient)
        self.actor.VisibilityOff()

    def show(self, shapes: Sequence[Shape]) -> None:
        drawn = [shape for shape in shapes if not shape.is_empty]
        self.actor.SetVisibility(bool(drawn))
        if drawn:
            every = vtkAppendPolyData()
            for shape in drawn:
                every.AddInputData(shape_polydata(shape))
            every.Update()
            self.actor.GetMapper().SetInputData(every.GetOutput())


class ReachProp:
    """What a port reaches of a structure, painted on it."""

    def __init__(self) -> None:
        self._actors = {kind: verdict_actor(LOOK_OF[kind], REACH_OPACITY) for kind in ReachKind}
        self._shown: Reach | None = None

    @property
    def actors(self) -> list[vtkActor]:
        return list(self._actors.values())

    def show(self, reach: Reach | None) -> None:
        if reach is not self._shown:
            self._shown = reach
            for kind, actor in self._actors.items():
                show_painted(actor, reach.parts[kind] if reach is not None else None)


def lit_patch(mesh: OrganMesh, starts_mm: FloatArray, ends_mm: FloatArray, radii_mm: FloatArray) -> Shape:
    """The part of a structure's surface that an instrument's capsules (LPS) touch or stand in, a little lifted."""
    vertices = mesh.vertices_mm
    reach = float(radii_mm.max()) + LIT_MM
    both = np.concatenate((starts_mm, ends_mm))
    boxed = np.flatnonzero(((vertices > both.min(0) - reach) & (vertices < both.max(0) + reach)).all(1))
    near = np.zeros(len(vertices), dtype=bool)
    for start, end, radius in zip(starts_mm, ends_mm, radii_mm, strict=True):
        along = end - start
        share = np.clip((vertices[boxed] - start) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
        away = np.linalg.norm(vertices[boxed] - start - share[:, None] * along, axis=1)
        near[boxed[away <= radius + LIT_MM]] = True
    chosen = mesh.triangles[near[mesh.triangles].any(1)]
    used, renumbered = np.unique(chosen, return_inverse=True)
    triangles = renumbered.reshape(-1, 3).astype(np.int64)
    return Shape(
        vertices[used] + LIFT_MM * vertex_normals(vertices[used], triangles), triangles, np.zeros((len(used), 1))
    )


def _polyline(points_mm: FloatArray) -> vtkPolyData:
    points, lines, line = vtkPoints(), vtkCellArray(), vtkPolyData()
    for place in points_mm.tolist():
        points.InsertNextPoint(place)
    lines.InsertNextCell(len(points_mm), list(range(len(points_mm))))
    line.SetPoints(points)
    line.SetLines(lines)
    return line


def _balls(places_mm: FloatArray, radius: float) -> vtkPolyData:
    every = vtkAppendPolyData()
    for place in places_mm.tolist():
        ball = vtkSphereSource()
        ball.SetCenter(*place)
        ball.SetRadius(radius)
        ball.Update()
        every.AddInputData(ball.GetOutput())
    every.Update()
    result: vtkPolyData = every.GetOutput()
    return result


def _ring(start: FloatArray, end: FloatArray) -> vtkPolyData:
    """An open sleeve about a segment."""
    tube = vtkTubeFilter()
    tube.SetInputData(_polyline(np.array([start, end])))
    tube.SetRadius(PORT_MM)
    tube.SetNumberOfSides(SIDES)
    tube.Update()
    result: vtkPolyData = tube.GetOutput()
    return result


def add_all(renderer: vtkRenderer, actors: list[vtkActor]) -> None:
    for actor in actors:
        renderer.AddActor(actor)


def remove_all(renderer: vtkRenderer, actors: list[vtkActor]) -> None:
    for actor in actors:
        renderer.RemoveActor(actor)
