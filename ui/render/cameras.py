"""Where the 3D view is looked at from, by anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from vtkmodules.vtkRenderingCore import vtkCamera, vtkRenderer

from surgtwin.domain.geometry import FloatArray, Point3, unit

VIEW_ANGLE_DEG = 22.0
"""Narrow, so that sizes near and far compare; wide enough to feel depth."""
FIT_MARGIN = 1.06


@dataclass(frozen=True)
class CameraPreset:
    """A direction to look from: `from_direction` points from the patient to the eye, in LPS."""

    name: str
    from_direction: Point3
    up: Point3


PRESETS: dict[str, CameraPreset] = {
    p.name: p
    for p in (
        CameraPreset("anterior", (0, -1, 0), (0, 0, 1)),
        CameraPreset("posterior", (0, 1, 0), (0, 0, 1)),
        CameraPreset("left", (1, 0, 0), (0, 0, 1)),
        CameraPreset("right", (-1, 0, 0), (0, 0, 1)),
        CameraPreset("superior", (0, 0, 1), (0, -1, 0)),
        CameraPreset("inferior", (0, 0, -1), (0, -1, 0)),
    )
}
FIRST_LOOK = CameraPreset("first", (-0.22, -1.0, 0.12), (0, 0, 1))
"""From the front, a little from the patient's right and above: how the liver is met."""


def preset(name: str) -> CameraPreset:
    """The preset of that name; anything else is the first look."""
    return PRESETS.get(name, FIRST_LOOK)


def point_camera(camera: vtkCamera, where: CameraPreset, points_mm: ArrayLike, aspect: float) -> None:
    """Aim the camera so that all points (N, 3) are in the picture and fill it. `aspect` is width / height."""
    points = np.asarray(points_mm, dtype=np.float64)
    eye, right, up = _frame(where)
    tangent = np.tan(np.radians(VIEW_ANGLE_DEG) / 2)
    across, upward, near = points @ right, points @ up, points @ eye
    middle = np.array([(v.min() + v.max()) / 2 for v in (across, upward, near)])
    half = np.maximum(np.abs(across - middle[0]) / aspect, np.abs(upward - middle[1])) * FIT_MARGIN
    distance = float(np.max(half / tangent + (near - middle[2])))
    focus = right * middle[0] + up * middle[1] + eye * middle[2]
    camera.SetViewAngle(VIEW_ANGLE_DEG)
    camera.SetFocalPoint(*focus)
    camera.SetPosition(*(focus + eye * max(distance, 1.0)))
    camera.SetViewUp(*up)


def box_corners(bounds: ArrayLike) -> FloatArray:
    """(8, 3) corners of VTK bounds (x0, x1, y0, y1, z0, z1)."""
    b = np.asarray(bounds, dtype=np.float64).reshape(3, 2)
    return np.array([[b[0, i], b[1, j], b[2, k]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def screen_directions(camera: vtkCamera) -> tuple[FloatArray, FloatArray]:
    """Right and down of the picture, as unit vectors in LPS."""
    looking = np.asarray(camera.GetDirectionOfProjection())
    right = unit(np.cross(looking, np.asarray(camera.GetViewUp())))
    return right, unit(np.cross(looking, right))


def mm_per_pixel(renderer: vtkRenderer, height: int) -> float:
    """Size of a pixel at the camera's focal point, for a picture of that height."""
    camera = renderer.GetActiveCamera()
    if camera.GetParallelProjection():
        return 2.0 * float(camera.GetParallelScale()) / height
    return 2.0 * float(camera.GetDistance()) * float(np.tan(np.radians(camera.GetViewAngle()) / 2)) / height


def _frame(where: CameraPreset) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit vectors towards the eye, to the right and up on the screen."""
    eye = unit(where.from_direction)
    right = unit(np.cross(-eye, np.asarray(where.up, dtype=np.float64)))
    return eye, right, np.cross(right, -eye)


def orbit(camera: vtkCamera, right_deg: float, down_deg: float) -> None:
    """Turn the patient about the focal point, as a hand on the screen would that drags right and down."""
    camera.Azimuth(-right_deg)
    camera.Elevation(down_deg)
    camera.OrthogonalizeViewUp()


def pan(camera: vtkCamera, right_mm: float, down_mm: float) -> None:
    """Shift the picture by so many millimetres at the focal point."""
    right, down = screen_directions(camera)
    shift = right * right_mm + down * down_mm
    camera.SetFocalPoint(*(np.asarray(camera.GetFocalPoint()) - shift))
    camera.SetPosition(*(np.asarray(camera.GetPosition()) - shift))


def zoom(camera: vtkCamera, factor: float) -> None:
    """Bring the focal point nearer by `factor`."""
    camera.Dolly(factor)


def project(renderer: vtkRenderer, point_mm: ArrayLike, size: tuple[int, int]) -> tuple[float, float]:
    """Column and row (from the top) at which a point in LPS appears in a picture of (width, height)."""
    x, y, z = (float(c) for c in np.asarray(point_mm, dtype=np.float64))
    matrix = renderer.GetActiveCamera().GetCompositeProjectionTransformMatrix(size[0] / size[1], -1.0, 1.0)
    out = [0.0, 0.0, 0.0, 1.0]
    matrix.MultiplyPoint([x, y, z, 1.0], out)
    w = out[3] or 1.0
    return ((out[0] / w + 1) / 2 * size[0], (1 - out[1] / w) / 2 * size[1])


def place_under(
    renderer: vtkRenderer, pixel: tuple[float, float], size: tuple[int, int], depth_of_mm: ArrayLike
) -> FloatArray:
    """(3,) LPS place that appears at (column, row from the top) and lies as deep in the picture as another place."""
    camera = renderer.GetActiveCamera()
    right, down = screen_directions(camera)
    anchor = np.asarray(depth_of_mm, dtype=np.float64)
    at = np.asarray(project(renderer, anchor, size))
    # One pixel at the anchor's depth: the picture of a step to the right, and how far it went.
    step = np.asarray(project(renderer, anchor + right, size)) - at
    scale = 1.0 / max(float(np.linalg.norm(step)), 1e-9)
    moved = (np.asarray(pixel, dtype=np.float64) - at) * scale
    return np.asarray(anchor + right * moved[0] + down * moved[1])


def sight_through(camera: vtkCamera, place_mm: ArrayLike) -> FloatArray:
    """(3,) unit vector in LPS from the eye to a place."""
    if camera.GetParallelProjection():
        return unit(np.asarray(camera.GetDirectionOfProjection()))
    return unit(np.asarray(place_mm, dtype=np.float64) - np.asarray(camera.GetPosition()))
