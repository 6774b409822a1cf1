"""A hand on a cut: what it took hold of, and what the cut was before."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.cut import CutSurface
from surgtwin.domain.geometry import Point3
from surgtwin.planning.split import CutSide

from .handles import WORDS, Handle, grabbed, pulled, words_for


@dataclass(frozen=True, eq=False)
class HandleHold:
    """A handle is held; the surface as it was when it was taken."""

    surface: CutSurface
    handle: Handle

    def at(self, to_mm: Point3, falloff: float) -> CutSurface:
        return pulled(self.surface, self.handle, to_mm, falloff)

    @property
    def words(self) -> str:
        return WORDS[self.handle.kind]


@dataclass(frozen=True, eq=False)
class BodyHold:
    """The cut itself is held, at a place of it."""

    surface: CutSurface
    side: CutSide
    from_mm: Point3
    tilts: bool

    def at(self, to_mm: Point3, falloff: float) -> CutSurface:
        del falloff
        return grabbed(self.surface, self.side, self.from_mm, to_mm, self.tilts)

    @property
    def words(self) -> str:
        return words_for(self.surface, self.tilts)


Hold = HandleHold | BodyHold
