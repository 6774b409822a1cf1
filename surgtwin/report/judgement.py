"""What a reader sees first: the verdict, the scorecard and the findings, the worst on top."""

from __future__ import annotations

from collections.abc import Iterable

from ..domain.finding import Finding, Severity
from ..domain.verdict import Verdict
from ..planning.score_row import ScoreRow
from ..planning.scorecard import Scorecard
from .document import Block, Callout, Cell, Column, Paragraph, Section, Table, Tone
from .wording import NOTHING, VERDICT_SHAPES, figure, place

OVERALL = {
    Verdict.SAFE: "Every criterion is met by more than the errors of its figure.",
    Verdict.UNPROVEN: "No criterion is surely violated, but the errors leave at least one open.",
    Verdict.VIOLATED: "At least one criterion is violated by more than the errors of its figure.",
}
NOTHING_TO_JUDGE = (
    "Nothing of this plan could be held against a criterion: state targets, limits or the patient's figures."
)
_SEVERITY = {
    Severity.ERROR: f"{VERDICT_SHAPES[Verdict.VIOLATED]} error",
    Severity.WARNING: f"{VERDICT_SHAPES[Verdict.UNPROVEN]} warning",
    Severity.INFO: "note",
}
_ORDER = tuple(_SEVERITY)


def scorecard_section(card: Scorecard) -> Section:
    """The overall verdict and the criteria behind it."""
    if not card.rows:
        return Section("Scorecard", (Paragraph(NOTHING_TO_JUDGE, Tone.WARNING),))
    columns = (
        Column("Criterion", share=2.3), Column("Of", share=1.5), Column("Found", True, 1.6),
        Column("Needed", True, 1.3), Column("Verdict", share=1.4), Column("What would mend it", share=2.8),
    )  # fmt: skip
    return Section(
        "Scorecard",
        (
            Callout(card.overall, overall_text(card)),
            Table(columns, tuple(_score_row(row) for row in card.rows), _sources(card)),
        ),
    )


def overall_text(card: Scorecard) -> str:
    """What the overall verdict means."""
    return OVERALL[card.overall] if card.rows else NOTHING_TO_JUDGE


def _score_row(row: ScoreRow) -> tuple[Cell, ...]:
    return (
        Cell(row.criterion[:1].upper() + row.criterion[1:]),
        Cell(row.entry),
        Cell(figure(row.value, row.unit, row.error)),
        Cell(needed_text(row)),
        Cell(verdict=row.verdict),
        Cell(row.mend),
    )


def needed_text(row: ScoreRow) -> str:
    """The threshold with its direction, e.g. "≥ 10.0 mm"."""
    if row.needed is None:
        return NOTHING
    if row.needed == 0.0 and not row.is_least:
        return "none"
    sign = "\N{GREATER-THAN OR EQUAL TO}" if row.is_least else "\N{LESS-THAN OR EQUAL TO}"
    return f"{sign} {figure(row.needed, row.unit)}"


def _sources(card: Scorecard) -> str:
    """Where each threshold comes from, once."""
    by_source: dict[str, list[str]] = {}
    for row in card.rows:
        if row.source:
            by_source.setdefault(row.source, []).append(row.criterion)
    told = "; ".join(f"{', '.join(dict.fromkeys(names))}: {source}" for source, names in by_source.items())
    after = f"Thresholds are settings, not recommendations. Where they come from: {told}. " if told else ""
    return f"{after}The overall verdict is the worst of the rows; the criteria are never added up."


def findings_section(findings: Iterable[Finding], title: str = "Findings") -> Section:
    """All findings, the worst first; what is said of several entries in the same words stands once."""
    once = {(f.severity, f.message, f.where_mm): f for f in findings}.values()
    ordered = sorted(once, key=lambda f: _ORDER.index(f.severity))
    if not ordered:
        return Section(title, (Paragraph("The checks found nothing to say."),))
    columns = (Column("Severity", share=1.0), Column("What was found, and what would mend it", share=5.2),
               Column("Where (LPS, mm)", share=1.6))  # fmt: skip
    rows = tuple((Cell(_SEVERITY[f.severity]), Cell(f.message), Cell(place(f.where_mm))) for f in ordered)
    blocks: tuple[Block, ...] = (Table(columns, rows),)
    return Section(title, blocks)
