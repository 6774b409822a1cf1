"""Light that shows shape: a key from above, a fill, a rim from behind. All move with the camera."""

from __future__ import annotations

from vtkmodules.vtkRenderingCore import vtkLight, vtkRenderer

_LIGHTS = (
    ((-0.45, 0.75, 1.0), (1.0, 0.985, 0.96), 0.80),
    ((0.9, -0.15, 0.8), (0.92, 0.96, 1.0), 0.34),
    ((0.1, 0.5, -1.0), (0.85, 0.92, 1.0), 0.30),
)
"""Position in the camera's frame (right, up, towards the eye), colour, intensity."""


def add_lights(renderer: vtkRenderer) -> None:
    """Replace the renderer's lights."""
    renderer.RemoveAllLights()
    renderer.AutomaticLightCreationOff()
    for position, colour, intensity in _LIGHTS:
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*position)
        light.SetFocalPoint(0, 0, 0)
        light.SetColor(*colour)
        light.SetIntensity(intensity)
        renderer.AddLight(light)
