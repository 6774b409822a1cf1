"""A plan at a glance: a few criteria, each with its figure, what it is held against, and a verdict; never one sum.

The overall verdict is the worst of the rows. A weighted score would hide a violated margin behind a large remnant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..domain.finding import Finding, Severity
from ..domain.verdict import Verdict, worst
from .evaluation import PlanEvaluation
from .score_cuts import FUNCTION_SMALL, functional_rows, margin_rows, remnant_rows, zone_rows
from .score_needles import needle_rows, pair_rows, path_rows
from .score_row import ScoreRow
from .settings import DEFAULT_PLANNING, PlanningSettings
from .verdicts import verdicts_of

_WORST_FIRST = (Verdict.VIOLATED, Verdict.UNPROVEN, Verdict.SAFE)


@dataclass(frozen=True)
class Scorecard:
    """The criteria of a plan, the worst first."""

    rows: tuple[ScoreRow, ...]

    @property
    def overall(self) -> Verdict:
        """The worst verdict of any row; unproven where nothing was held against anything."""
        return worst(tuple(row.verdict for row in self.rows)) if self.rows else Verdict.UNPROVEN


Criterion = Callable[[PlanEvaluation, PlanningSettings], list[ScoreRow]]


def scorecard(evaluation: PlanEvaluation, settings: PlanningSettings = DEFAULT_PLANNING) -> Scorecard:
    """The scorecard of an evaluated plan; rows of one verdict stay in the order of the criteria."""
    rows = [row for criterion in CRITERIA for row in criterion(evaluation, settings)]
    rows += _unspoken(evaluation, worst(tuple(row.verdict for row in rows)))
    return Scorecard(tuple(sorted(rows, key=lambda row: _WORST_FIRST.index(row.verdict))))


_GROUND = {
    "not-accepted": ("contours that no person has accepted", "Look at the contours and accept them."),
    "organ-cut-off": ("organs cut off by the edge of the scan", "Plan on a scan that holds the whole organ."),
    "outside-scan": ("parts of the plan outside the scan", "Plan on a scan that shows what lies there."),
}
"""Findings about what a plan rests on: code -> criterion, and what would mend it."""
_JUDGED_ABOVE = (
    "margin-", "remnant-unproven", "remnant-violated", FUNCTION_SMALL, "ablation-unproven", "ablation-violated",
    "needle-tool-length-", "needle-clearance-", "needle-bone-", "needle-through-", "needle-wall-", "needle-skin-angle-",
    "needle-capsule-angle-", "needle-bridge-", "needles-meet", "needles-near", "path-unproven", "path-violated",
)  # fmt: skip
"""Findings whose figures have a row of their own."""


def _unspoken(evaluation: PlanEvaluation, said: Verdict) -> list[ScoreRow]:
    """Verdicts worse than any row's: of a kind of entry that has no criterion here yet, and must not pass for that."""
    return [
        ScoreRow(v.about or "verdict", v.entry, None, "", v.verdict, mend="Read the findings below.")
        for v in verdicts_of(evaluation)
        if _WORST_FIRST.index(v.verdict) < _WORST_FIRST.index(said)
    ]


def ground_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """What the figures rest on: accepted structures, and all of the organ in the scan."""
    rows = []
    for code, (criterion, mend) in _GROUND.items():
        about = [f for f in evaluation.findings if f.code == code]
        if about:
            rows.append(_counted(criterion, about, mend))
    return rows


def other_rows(evaluation: PlanEvaluation, _: PlanningSettings) -> list[ScoreRow]:
    """Whatever else was found wrong, counted; silence about it would make the overall verdict untrue."""
    known = (*_JUDGED_ABOVE, *_GROUND)
    other = [f for f in evaluation.findings if not f.code.startswith(known) and f.severity is not Severity.INFO]
    return [_counted("other findings", other, "Read the findings below.")] if other else []


def _counted(criterion: str, findings: list[Finding], mend: str) -> ScoreRow:
    """A row that says how many things there are that should not be: as many as the findings count, or one each."""
    is_error = any(f.severity is Severity.ERROR for f in findings)
    verdict = Verdict.VIOLATED if is_error else Verdict.UNPROVEN
    count = float(sum(f.numbers.get("structures", 1.0) for f in findings))
    return ScoreRow(criterion, "", count, "", verdict, needed=0.0, is_least=False, mend=mend)


CRITERIA: tuple[Criterion, ...] = (
    margin_rows, remnant_rows, functional_rows, zone_rows, needle_rows, pair_rows, path_rows, ground_rows, other_rows,
)  # fmt: skip
"""What a scorecard shows, in this order within one verdict. A further criterion is one function and one row here."""
