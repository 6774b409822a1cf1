"""What every thing in the 3D view can do."""

from __future__ import annotations

from typing import Protocol

from vtkmodules.vtkRenderingCore import vtkActor

from ui.render.appearance import Look


class SceneItem(Protocol):
    """A domain thing as an actor in LPS mm."""

    key: str
    """Unique in the scene: a structure's name, a measurement's id."""
    actor: vtkActor

    def set_look(self, look: Look) -> None:
        """Visibility, colour and opacity."""

    def set_selected(self, selected: bool) -> None:
        """Mark it as what the panels point at."""

    def set_moving(self, moving: bool) -> None:
        """True while the camera moves: draw what is quick."""
