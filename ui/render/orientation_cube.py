"""The cube in the corner that tells which way the patient lies."""

from __future__ import annotations

import vtkmodules.vtkRenderingFreeType  # noqa: F401 - registers the text renderer that the cube's letters need
from vtkmodules.vtkRenderingAnnotation import vtkAnnotatedCubeActor
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer

from .palette import PANEL, QUIET, TEXT, fraction

CORNER_PIXELS = 96
"""Edge of the square at the bottom right that the cube lies in, at 100 % scale."""
MAX_SHARE = 0.24
"""Of the picture's shorter side."""
DISTANCE = 4.6
VIEW_ANGLE_DEG = 22.0


def orientation_cube() -> vtkAnnotatedCubeActor:
    """A cube with L, R, A, P, S, I on the sides that face there."""
    cube = vtkAnnotatedCubeActor()
    cube.SetXPlusFaceText("L")
    cube.SetXMinusFaceText("R")
    cube.SetYPlusFaceText("P")
    cube.SetYMinusFaceText("A")
    cube.SetZPlusFaceText("S")
    cube.SetZMinusFaceText("I")
    cube.SetFaceTextScale(0.62)
    cube.SetXFaceTextRotation(0)
    cube.SetYFaceTextRotation(0)
    cube.SetZFaceTextRotation(90)
    cube.SetTextEdgesVisibility(False)
    cube.GetCubeProperty().SetColor(*fraction(PANEL))
    cube.GetCubeProperty().SetEdgeColor(*fraction(QUIET))
    cube.GetCubeProperty().EdgeVisibilityOn()
    cube.GetCubeProperty().SetAmbient(0.5)
    for side in ("XPlus", "XMinus", "YPlus", "YMinus", "ZPlus", "ZMinus"):
        face = getattr(cube, f"Get{side}FaceProperty")()
        face.SetColor(*fraction(TEXT))
        face.SetInterpolationToFlat()
        face.SetAmbient(1.0)
        face.SetDiffuse(0.0)
    return cube


def cube_renderer() -> vtkRenderer:
    """A transparent layer with the cube, to lie above the scene's; `follow` keeps it turned like the scene."""
    renderer = vtkRenderer()
    renderer.SetLayer(1)
    renderer.InteractiveOff()
    renderer.AddActor(orientation_cube())
    return renderer


def cube_edge(size: tuple[int, int], scale: float = 1.0) -> float:
    """Pixels of the cube's square; smaller in a small picture."""
    return min(CORNER_PIXELS * scale, MAX_SHARE * min(size))


def place(cube: vtkRenderer, size: tuple[int, int], scale: float = 1.0) -> None:
    """Put the cube into the bottom right corner of a picture of (width, height) pixels."""
    edge = cube_edge(size, scale)
    cube.SetViewport(max(0.0, 1.0 - edge / size[0]), 0.0, 1.0, min(1.0, edge / size[1]))


def follow(cube: vtkRenderer, camera: vtkCamera) -> None:
    """Turn the cube's camera as the scene's is turned."""
    x, y, z = camera.GetDirectionOfProjection()
    own = cube.GetActiveCamera()
    own.SetViewAngle(VIEW_ANGLE_DEG)
    own.SetFocalPoint(0, 0, 0)
    own.SetPosition(-x * DISTANCE, -y * DISTANCE, -z * DISTANCE)
    own.SetViewUp(*camera.GetViewUp())
    cube.ResetCameraClippingRange()
