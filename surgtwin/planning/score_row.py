"""One criterion of a plan: its figure, what it is held against, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.geometry import Point3
from ..domain.verdict import Verdict

WANTED_BY_PLAN = "wanted by the plan"


@dataclass(frozen=True)
class ScoreRow:
    """One criterion of a plan.

    Parameters
    ----------
    entry
        The resection, trajectory, ablation or path it is about; empty if it is about the plan.
    value, error, needed
        In `unit` ("mm", "%", "deg", or "" for a count). `error` is what the value may be off by; None if it has
        none.
        `value` is None if there is nothing to measure, `needed` if there is no threshold.
    is_least
        `needed` is the smallest value that is enough; else it is the largest that is allowed.
    source
        Where the threshold comes from.
    mend
        What would mend it, for a person; empty if nothing has to be mended.
    """

    criterion: str
    entry: str
    value: float | None
    unit: str
    verdict: Verdict
    error: float | None = None
    needed: float | None = None
    is_least: bool = True
    source: str = ""
    mend: str = ""
    at_mm: Point3 | None = None
