"""How a tool's figures and its state read, near and from across the room."""

from __future__ import annotations

from surgtwin.live.freshness import Freshness
from surgtwin.live.guidance import Guidance

from ..wording import millimetres
from .seen import ToolSeen

DASH = "\u2013"


def headline(guidance: Guidance | None) -> str:
    """The one figure that matters most: what is left to the target, else what is nearest; empty while withheld."""
    if guidance is None:
        return ""
    if guidance.offset is not None:
        return depth_words(guidance.offset.depth_to_go_mm)
    nearest = nearest_of(guidance)
    return "" if nearest is None else clearance_words(*nearest)


def depth_words(depth_mm: float) -> str:
    """ "34.2 mm to go", or how far past the target."""
    return f"{millimetres(depth_mm)} mm to go" if depth_mm >= 0 else f"{millimetres(-depth_mm)} mm PAST the target"


def clearance_words(name: str, clearance_mm: float) -> str:
    if clearance_mm < 0:
        return f"{millimetres(-clearance_mm)} mm inside {name}"
    return f"{millimetres(clearance_mm)} mm from {name}"


def row_words(clearance_mm: float) -> str:
    """Beside a structure's name: "12.3 mm", or "4.0 mm inside"."""
    return f"{millimetres(clearance_mm)} mm" if clearance_mm >= 0 else f"{millimetres(-clearance_mm)} mm inside"


def nearest_of(guidance: Guidance) -> tuple[str, float] | None:
    """The structure whose border is nearest to the tip, the skin's aside, which every tool passes."""
    found = [item for item in (guidance.clearances_mm or {}).items() if item[0] != "body"]
    return min(found, key=lambda item: abs(item[1]), default=None)


def state_word(seen: ToolSeen) -> tuple[str, str]:
    """What the tool's freshness says in a word or two, and the role that colours it."""
    if seen.is_shown:
        return ("\u25cf LIVE", "safe") if seen.freshness is Freshness.LIVE else ("\u25cf LIVE, late", "safe")
    if seen.freshness is Freshness.STALE:
        return f"\u25c7 STALE {age_words(seen.age_s)}", "unproven"
    if seen.freshness is Freshness.LOST:
        return "\u25b2 TOOL NOT SEEN", "violated"
    return "\u25c7 WITHHELD", "unproven"


def age_words(age_s: float | None) -> str:
    """ "0.8 s", "3 min"; empty where nothing ever came."""
    if age_s is None:
        return ""
    return f"{age_s:.1f} s" if age_s < 60 else f"{age_s / 60:.0f} min"
