"""How needles read on the screen: the figures beside the hand, of a candidate, and of what the skin says."""

from __future__ import annotations

from surgtwin.domain.verdict import Verdict
from surgtwin.planning.access import Access
from surgtwin.planning.line_distance import Clearance
from surgtwin.planning.needle_limits import LimitKind
from surgtwin.planning.robustness import Robustness
from surgtwin.planning.trajectory import TrajectoryResult

from ..wording import millimetres
from .needle_search import VERDICT_OF, Search, Skin
from .verdict_look import LOOKS, verdict_text

LIMIT_WORDS = {
    LimitKind.TOOL_LENGTH: "The needle's length",
    LimitKind.THROUGH: "Crosses",
    LimitKind.WALL: "Wall of",
    LimitKind.SKIN_ANGLE: "Angle at the skin",
    LimitKind.CAPSULE_ANGLE: "Angle at the capsule of",
    LimitKind.BRIDGE: "Tissue before the target in",
    LimitKind.SCAN: "Outside the scan",
}
"""Limits that are no distance; distances stand in the list of what is kept clear."""


def tightest(result: TrajectoryResult) -> Clearance | None:
    """The structure that leaves the least beyond what it needs."""
    kept = [c for c in result.clearances if c.needed_mm is not None]
    return min(kept, key=lambda c: c.min_mm - (c.needed_mm or 0.0), default=None)


def chance_words(robustness: Robustness | None) -> str:
    """ "2.1 %", or that it is less than can be told; a dash while it is not known."""
    if robustness is None:
        return "\u2013"
    if robustness.probability == 0.0:
        return f"< {100 * robustness.upper:.1f} %"
    return f"{100 * robustness.probability:.1f} %"


def angle_words(result: TrajectoryResult) -> str:
    return f"{result.skin.angle_deg:.0f}\u00b0" if result.skin is not None else "\u2013"


def nearest_words(result: TrajectoryResult) -> str:
    """ "8.2 mm from portal vein"."""
    nearest = tightest(result)
    return f"{millimetres(nearest.min_mm)} mm from {nearest.structure}" if nearest is not None else "nothing near"


def needle_lines(result: TrajectoryResult | None) -> tuple[str, ...]:
    """What stands beside the hand."""
    if result is None:
        return ("\u2026",)
    return (f"{result.length_mm:.0f} mm long", nearest_words(result), verdict_text(result.verdict))


def skin_rows(search: Search) -> tuple[tuple[Verdict, str, str], ...]:
    """The legend of the map: a verdict for its look, its words, and how much of it there is."""
    blocking = next(iter(search.access.blocked_by()), "")
    why = f"most by {blocking}" if blocking else _most_often(search)
    rows = []
    for kind in Skin:
        part, verdict = search.skin.get(kind), VERDICT_OF[kind]
        words = f"{LOOKS[verdict].mark} {kind}"
        if part is None or part.area_cm2 == 0.0:
            rows.append((verdict, words, "none"))
        elif kind is Skin.BLOCKED:
            rows.append((verdict, words, why))
        else:
            span = f"{part.nearest_mm:.0f}\u2013{part.farthest_mm:.0f} mm deep"
            rows.append((verdict, words, f"{part.area_cm2:.0f} cm\u00b2, {span}"))
    return tuple(rows)


def _most_often(search: Search) -> str:
    counts = {kind: n for kind, n in search.access.counts().items() if n and kind is not Access.ALLOWED}
    return max(counts, key=lambda kind: counts[kind]).text if counts else ""
