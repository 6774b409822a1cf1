"""What treated zones cover of their targets, how far they reach beyond them, and what else they destroy."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR
from ..planning.ablation import COOLING, AblationResult
from .document import Block, Cell, Column, Paragraph, Section, Table, Tone
from .places import place_figures
from .subject import ReportedPlan
from .wording import NOTHING, UNCONFIRMED_NOTE, figure, is_unconfirmed, marked, place

_COLUMNS = (
    Column("Zone", share=1.1), Column("Target", share=1.1), Column("Covered", True, 1.15), Column("Zone", True, 0.9),
    Column("Least margin", True, 1.5), Column("Wanted", True, 0.9), Column("Verdict", share=1.5),
    Column("Where it is least (LPS, mm)", share=1.9), Column("Also reaches", share=1.8),
)  # fmt: skip


def ablation_sections(plan: ReportedPlan, number: int = 0) -> list[Section]:
    """The zones of a plan; nothing if it has none. `number` is the plan's in the report."""
    evaluation = plan.evaluation
    if not evaluation.ablations:
        return []
    together = [r for r in evaluation.ablations_combined if len(r.zones) > 1]
    judged = [*evaluation.ablations, *together]
    note = "Margin: from the target's surface to the zone's rim, positive inside. "
    note += f"± is {COVERAGE_FACTOR:g} standard errors. Wanted: {plan.settings.ablation_margin_source}. "
    if together:
        note += "Zones of one target are judged together. "
    if any(is_unconfirmed(plan.geometry.twin, r.target) for r in judged):
        note += UNCONFIRMED_NOTE
    blocks: list[Block] = [
        Table(_COLUMNS, tuple(_row(plan, r) for r in judged), note.strip()),
        Paragraph(f"{COOLING[:1].upper()}{COOLING[1:]}.", Tone.WARNING),
    ]
    for r in evaluation.ablations_combined:
        blocks += place_figures(
            number, r.name, r.at_mm,
            f"{r.name}: slices through the place on {r.target} where the margin is least "
            f"({figure(r.min_margin_mm, 'mm')}). Hatched: treated. Thick line: the zone's rim.",
        )  # fmt: skip
    return [Section("Ablation", tuple(blocks))]


def _row(plan: ReportedPlan, r: AblationResult) -> tuple[Cell, ...]:
    twin = plan.geometry.twin
    reached = [f"{marked(twin, name)} {figure(ml, 'mL')}" for name, ml in r.reached_ml.items()]
    return (
        Cell(r.name),
        Cell(marked(twin, r.target)),
        Cell(figure(r.coverage_percent, "%")),
        Cell(figure(r.zone_ml, "mL")),
        Cell(figure(r.min_margin_mm, "mm", COVERAGE_FACTOR * r.terms.combined_mm)),
        Cell(figure(r.wanted_mm, "mm")),
        Cell("judged together", verdict=r.verdict),
        Cell(place(r.at_mm)),
        Cell(", ".join(reached) or NOTHING),
    )
