"""How tool paths read on the screen."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.geometry import Point3
from surgtwin.domain.plan import ToolPath
from surgtwin.planning.tool_path import NearestPass
from surgtwin.simulation.timeline import Moment

from ..wording import millimetres
from .path_figures import PathFigures
from .path_hold import Placing
from .verdict_look import verdict_text

PROMPTS = {
    Placing.ENTRY: "Click on the skin where the instrument comes in",
    Placing.TIP: "Now click where its tip is to work",
    Placing.PORT: "Click on the skin where the trocar goes",
}
RECORDING = "Recording: drag the tip, as fast as in theatre"


@dataclass(frozen=True)
class Touch:
    """A structure that the instrument touches or enters now; `is_free` if it may."""

    structure: str
    depth_mm: float
    at_mm: Point3
    is_free: bool

    @property
    def words(self) -> str:
        """ "aorta: 2.3 mm deep"."""
        deep = f"{millimetres(self.depth_mm)} mm deep" if self.depth_mm > 0.0 else "touched"
        return f"{self.structure}: {deep}{' (may be)' if self.is_free else ''}"


def touches(moment: Moment | None, judged: frozenset[str], free: frozenset[str]) -> tuple[Touch, ...]:
    """What is touched now: first what may not be, the deepest first.

    Parameters
    ----------
    judged, free
        Structures to be kept clear, and those that may be touched; what is in neither (body, skin) is not told.
    """
    if moment is None:
        return ()
    found = [
        Touch(name, -moment.clearance_mm[name], moment.near_mm[name], name in free)
        for name in moment.contacts
        if name in judged or name in free
    ]
    return tuple(sorted(found, key=lambda t: (t.is_free, -t.depth_mm)))


def nearest_now(moment: Moment | None, judged: frozenset[str]) -> tuple[str, float] | None:
    """The structure to be kept clear that is nearest now, and how near."""
    if moment is None:
        return None
    rows = [(mm, name) for name, mm in moment.clearance_mm.items() if name in judged]
    return (min(rows)[1], min(rows)[0]) if rows else None


def clear_words(structure: str, mm: float) -> str:
    """ "8.2 mm from portal vein", "2.0 mm deep in aorta"."""
    if mm > 0.0:
        return f"{millimetres(mm)} mm from {structure}"
    return f"{millimetres(-mm)} mm deep in {structure}"


def moment_lines(moment: Moment | None, judged: frozenset[str], figures: PathFigures | None) -> tuple[str, ...]:
    """What stands beside the hand: the nearest now, and the verdict on the whole path."""
    nearest = nearest_now(moment, judged)
    now = clear_words(*nearest) if nearest is not None else "\u2026"
    return (now, f"path: {verdict_text(figures.verdict)}") if figures is not None else (now,)


def pass_words(p: NearestPass) -> str:
    """ "2.1 mm at 3.4 s"."""
    return f"{millimetres(p.min_mm)} mm at {p.time_s:.1f} s"


def judged_names(path: ToolPath, figures: PathFigures | None) -> frozenset[str]:
    """Structures that a path is to keep clear of."""
    if path.avoid:
        return frozenset(a.structure for a in path.avoid)
    return frozenset(p.structure for p in figures.judged) if figures is not None else frozenset()


def free_names(path: ToolPath, figures: PathFigures | None, wrapping: frozenset[str]) -> frozenset[str]:
    """Structures that may be touched and are worth telling: not what wraps the body."""
    if figures is None:
        return frozenset()
    return frozenset(p.structure for p in figures.nearest) - judged_names(path, figures) - wrapping


@dataclass(frozen=True)
class Passage:
    """A time during which something is touched that may not be."""

    structure: str
    start_s: float
    end_s: float
    depth_mm: float
    at_s: float
    at_mm: Point3

    @property
    def words(self) -> str:
        """ "▲ aorta: 2.3 mm deep at 3.4 s"."""
        return f"\u25b2 {self.structure}: {millimetres(self.depth_mm)} mm deep at {self.at_s:.1f} s"


def passages(figures: PathFigures) -> tuple[Passage, ...]:
    """The contacts that may not be, the deepest first."""
    judged = {p.structure for p in figures.judged}
    found = [
        Passage(c.structure, c.start_s, c.end_s, c.deepest_mm, c.at_s, c.at_mm)
        for c in figures.timeline.contacts
        if c.structure in judged
    ]
    return tuple(sorted(found, key=lambda p: -p.depth_mm))
