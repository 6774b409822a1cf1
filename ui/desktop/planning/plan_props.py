"""A plan's picture as the props of one 3D view."""

from __future__ import annotations

from collections.abc import Callable, Collection

from vtkmodules.vtkRenderingCore import vtkActor

from surgtwin.domain.plan import Resection

from ..views.scene_view import SceneView
from .pictures import PlanPicture
from .scene_props import REMNANT_OPACITY, RESECTED_OPACITY, PartProp, SheetProp
from .verdict_look import MarginBands


class PlanProps:
    """Follows whatever picture it is given; the organ's own surface gives way to its parts."""

    def __init__(self, view: SceneView) -> None:
        self._view = view
        self._parts: dict[str, tuple[PartProp, PartProp]] = {}
        self._sheets: dict[str, SheetProp] = {}

    def show(self, picture: PlanPicture, bands_of: Callable[[Resection], MarginBands]) -> None:
        """Draw a picture; an empty one draws nothing and gives the organs back."""
        state = self._view.state
        organs = {o.organ: o for o in picture.organs}
        cuts = {c.resection.name: c for c in picture.cuts}
        self._forget(organs.keys(), cuts.keys())
        for name, organ in organs.items():
            taken, left = self._parts_of(name)
            is_visible, colour = state.visible(name), state.colour(name)
            taken.show(organ.resected, colour, RESECTED_OPACITY, is_visible)
            left.show(organ.remnant, colour, REMNANT_OPACITY if organ.is_buried else 1.0, is_visible)
        for name, cut in cuts.items():
            self._sheet_of(name).show(cut.sheet, bands_of(cut.resection))
        self._view.set_replaced(organs)
        self._view.redraw()

    def actors_of(self, organ: str) -> dict[str, vtkActor]:
        """The parts of an organ that are seen, to be picked; empty if it is not divided."""
        parts = self._parts.get(organ, ())
        return {f"{organ} {n}": p.actor for n, p in enumerate(parts) if p.actor.GetVisibility()}

    def _parts_of(self, organ: str) -> tuple[PartProp, PartProp]:
        if organ not in self._parts:
            self._parts[organ] = (PartProp(), PartProp())
            for prop in self._parts[organ]:
                self._view.renderer.AddActor(prop.actor)
        return self._parts[organ]

    def _sheet_of(self, cut: str) -> SheetProp:
        if cut not in self._sheets:
            self._sheets[cut] = SheetProp()
            self._view.renderer.AddActor(self._sheets[cut].actor)
        return self._sheets[cut]

    def _forget(self, organs: Collection[str], cuts: Collection[str]) -> None:
        for name in [n for n in self._parts if n not in organs]:
            for prop in self._parts.pop(name):
                self._view.renderer.RemoveActor(prop.actor)
        for name in [n for n in self._sheets if n not in cuts]:
            self._view.renderer.RemoveActor(self._sheets.pop(name).actor)
