"""How the twin is looked at, kept while another of its revisions takes the place of the one on the screen."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from surgtwin.domain.labels import Colour

from ..state import AppState
from ..views.sight import Sight


@dataclass(frozen=True)
class _Shown:
    visible: bool
    opacity: float
    colour: Colour


@dataclass(frozen=True, eq=False)
class KeptView:
    """Camera, and which structures are shown and how; cross-hair and window stay by themselves on the same grid."""

    sight: Sight | None
    looks: dict[str, _Shown]
    selected: str

    @classmethod
    def of(cls, state: AppState, views: QWidget) -> KeptView:
        from ..views.view_grid import ViewGrid

        sight = Sight.of(views.scene.camera) if isinstance(views, ViewGrid) else None
        looks = {n: _Shown(state.visible(n), state.opacity(n), state.colour(n)) for n in state.structure_names()}
        return cls(sight, looks, state.selected)

    def restore(self, state: AppState, views: QWidget) -> None:
        """Look the same way at what is open now; structures that it does not have are left out."""
        from ..views.view_grid import ViewGrid

        for name in state.structure_names():
            look = self.looks.get(name)
            if look is not None:
                state.set_visible(name, look.visible)
                state.set_opacity(name, look.opacity)
        state.set_colours({n: look.colour for n, look in self.looks.items()})
        state.select(self.selected)
        if self.sight is not None and isinstance(views, ViewGrid):
            views.scene.look_like(self.sight)


def look_alike(state: AppState, other: AppState, most_opacity: float = 1.0) -> None:
    """Show what is open in one state as another shows it, by the structures' names."""
    for name in (n for n in state.structure_names() if n in other.structure_names()):
        state.set_visible(name, other.visible(name))
        state.set_opacity(name, min(other.opacity(name), most_opacity))
    state.set_colours({n: other.colour(n) for n in other.structure_names()})
