"""What a plan may hold, kind by kind, as the panel shows it: another kind is another row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from surgtwin.domain.plan import Resection, ToolPath
from surgtwin.domain.trajectory import Ablation, Trajectory
from surgtwin.domain.verdict import Verdict, worst

from ..wording import millimetres
from .cut_editor import CutEditor
from .desk import PlanDesk
from .judging import Judged
from .needle_editor import NeedleEditor
from .path_editor import PathEditor
from .zone_editor import ZoneEditor
from .zone_words import coverage_words

if TYPE_CHECKING:
    from .plan_commands import PlanCommands


@dataclass(frozen=True)
class EntryKind:
    """One kind of entry.

    Parameters
    ----------
    kind
        Its type in `surgtwin.domain.plan`.
    title
        Over its entries, in the surgeon's word.
    summary
        What stands beside an entry's name, and its verdict; None while it is not known.
    make_editor
        What shows and changes the entry that is worked on; it follows `desk.book.chosen` itself.
    """

    kind: type[Any]
    title: str
    summary: Callable[[Judged, str], tuple[str, Verdict | None]]
    make_editor: Callable[[PlanDesk, PlanCommands], QWidget]


def summary_of_cut(judged: Judged, name: str) -> tuple[str, Verdict | None]:
    """The least margin, or without targets the remnant, and the worst verdict of both."""
    numbers = judged.numbers.get(name)
    if numbers is None:
        return "", None
    verdicts = [m.verdict for m in numbers.margins]
    if numbers.verdict is not None:
        verdicts.append(numbers.verdict)
    measured = [m.min_mm for m in numbers.margins if m.min_mm is not None]
    text = f"{millimetres(min(measured))} mm" if measured else f"{numbers.remnant_percent:.0f} % stays"
    return text, worst(tuple(verdicts)) if verdicts else None


def summary_of_needle(judged: Judged, name: str) -> tuple[str, Verdict | None]:
    """Its length and its verdict."""
    result = judged.needles.get(name)
    return (f"{result.length_mm:.0f} mm", result.verdict) if result is not None else ("", None)


def summary_of_zone(judged: Judged, name: str) -> tuple[str, Verdict | None]:
    """How much of the target all its zones cover, and their verdict."""
    alone = judged.zones.alone.get(name)
    together = judged.zones.together.get(alone.target) if alone is not None else None
    return (coverage_words(together), together.verdict) if together is not None else ("", None)


def summary_of_path(judged: Judged, name: str) -> tuple[str, Verdict | None]:
    """Where it passes nearest to what is to be kept clear, and its verdict."""
    figures = judged.paths.get(name)
    if figures is None:
        return "", None
    return (f"{millimetres(figures.judged[0].min_mm)} mm" if figures.judged else "", figures.verdict)


KINDS: tuple[EntryKind, ...] = (
    EntryKind(Resection, "Cuts", summary_of_cut, CutEditor),
    EntryKind(Trajectory, "Needles", summary_of_needle, NeedleEditor),
    EntryKind(ToolPath, "Tool paths", summary_of_path, PathEditor),
    EntryKind(Ablation, "Zones", summary_of_zone, ZoneEditor),
)
