"""Treated zones as props of one 3D view: each one's rim, seen through, coloured by its margin."""

from __future__ import annotations

from vtkmodules.vtkRenderingCore import vtkActor

from ..views.scene_view import SceneView
from .scene_props import SheetProp
from .zone_figures import ZoneFigures
from .zone_words import bands_of_zones

CHOSEN_OPACITY, OPACITY = 0.6, 0.35
"""The target has to be seen inside."""


class ZoneProps:
    """Follows the figures it is given."""

    def __init__(self, view: SceneView) -> None:
        self._view = view
        self._rims: dict[str, SheetProp] = {}

    def show(self, figures: ZoneFigures, chosen: str) -> None:
        """Draw these zones; without any, nothing."""
        names = {p.ablation.name for p in figures.pictures}
        for name in [n for n in self._rims if n not in names]:
            self._view.renderer.RemoveActor(self._rims.pop(name).actor)
        for picture in figures.pictures:
            name, result = picture.ablation.name, figures.together.get(picture.ablation.target)
            if result is None:
                continue
            if name not in self._rims:
                self._rims[name] = SheetProp()
                self._view.renderer.AddActor(self._rims[name].actor)
            self._rims[name].show(picture.rim, bands_of_zones(result))
            self._rims[name].actor.GetProperty().SetOpacity(CHOSEN_OPACITY if name == chosen else OPACITY)
        self._view.redraw()

    def actors(self) -> dict[str, vtkActor]:
        """What can be picked, by the zone's name."""
        return {name: rim.actor for name, rim in self._rims.items() if rim.actor.GetVisibility()}
