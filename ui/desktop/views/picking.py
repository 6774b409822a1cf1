"""What lies under a pixel of a 3D picture."""

from __future__ import annotations

from collections.abc import Mapping

from vtkmodules.vtkRenderingCore import vtkActor, vtkCellPicker, vtkRenderer

from surgtwin.domain.geometry import Point3


def picked(
    renderer: vtkRenderer, pixel: tuple[float, float], height: int, actors: Mapping[str, vtkActor]
) -> tuple[str, Point3] | None:
    """Name of the nearest of some actors under (column, row from the top), and the place (LPS mm) where it is met."""
    if not actors:
        return None
    picker = vtkCellPicker()
    picker.SetTolerance(0.0)
    picker.PickFromListOn()
    for actor in actors.values():
        picker.AddPickList(actor)
    if not picker.Pick(pixel[0], height - 1 - pixel[1], 0.0, renderer):
        return None
    x, y, z = picker.GetPickPosition()
    name = next((n for n, a in actors.items() if a is picker.GetActor()), "")
    return (name, (x, y, z)) if name else None
