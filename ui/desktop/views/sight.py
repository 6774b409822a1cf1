"""Where a 3D view looked from, kept while something else is put into it."""

from __future__ import annotations

from dataclasses import dataclass

from vtkmodules.vtkRenderingCore import vtkCamera


@dataclass(frozen=True, eq=False)
class Sight:
    """A camera of its own: it does not turn with the view's."""

    camera: vtkCamera

    @classmethod
    def of(cls, camera: vtkCamera) -> Sight:
        own = vtkCamera()
        own.DeepCopy(camera)
        return cls(own)
