"""What of a remnant keeps inflow and outflow, which branches a cut divides, and what it takes of each territory."""

from __future__ import annotations

from ..planning.functional_remnant import FlowLoss
from ..planning.resection import ResectionResult
from .document import Block, Cell, Column, Table
from .wording import NOTHING, figure

_FLOWS = (
    Column("Vessel", share=1.6), Column("Branches divided, diameter", share=3.4), Column("Without flow", True, 1.1),
    Column("Either way", True, 1.1), Column("Not shown", True, 1.1),
)  # fmt: skip
_NOTE = (
    "Without flow: remnant whose nearest branch is cut off. Either way: so near the border between two branches that "
    "it may belong to either. Not shown: too far from every branch that the image resolves."
)

_PARTS = (
    Column("Volume", True), Column("Resected", True), Column("Remains", True), Column("Taken", True),
    Column("Either way", True),
)  # fmt: skip
_PARTS_NOTE = (
    "Each place belongs to the nearest of the branches that a person named; the volumes add up to the organ's."
)
_SEGMENTS_NOTE = " Segments are proposed from the branches' names, for a person to confirm."


def functional_rows(r: ResectionResult) -> list[tuple[Cell, ...]]:
    """The functional remnant as rows of the remnant's table; nothing where no vessel was traced."""
    kept = r.functional
    if kept is None:
        return []
    if kept.least_percent is None or kept.most_percent is None:
        return [
            (Cell("Functional remnant"), Cell(NOTHING), Cell(NOTHING), Cell(), Cell("withheld, see the vessels below"))
        ]
    low, high = f"{kept.least_percent:.1f}", f"{kept.most_percent:.1f}"
    text = f"{low} %" if low == high else f"{low} to {high} %"
    unknown = max((f.unknown_ml or 0.0 for f in kept.flows), default=0.0)
    how = f"remnant less {figure(kept.ischaemic_ml, 'mL')} without inflow; {figure(kept.congested_ml, 'mL')} congested"
    if unknown > 0:
        how += f"; of {figure(unknown, 'mL')} the image shows no branch"
    needed = NOTHING if r.least_percent is None else f"\N{GREATER-THAN OR EQUAL TO} {figure(r.least_percent, '%')}"
    return [(Cell("Functional remnant"), Cell(text), Cell(needed), Cell(), Cell(how))]


def flow_blocks(r: ResectionResult) -> list[Block]:
    """The vessels of a cut organ; nothing where none was traced."""
    if r.functional is None or not r.functional.flows:
        return []
    return [Table(_FLOWS, tuple(_flow(f) for f in r.functional.flows), _NOTE)]


def territory_blocks(r: ResectionResult) -> list[Block]:
    """What is taken of each territory or segment; nothing where no branch has a name."""
    blocks: list[Block] = []
    for shares in r.territories:
        what = "Segment (proposed)" if shares.are_segments else "Territory"
        columns = (Column(f"{what} of {shares.vessel}", share=2.4), *_PARTS)
        rows = tuple(
            (Cell(p.name), Cell(figure(p.ml, "mL")), Cell(figure(p.resected_ml, "mL")),
             Cell(figure(p.remnant_ml, "mL")), Cell(figure(p.resected_percent, "%")),
             Cell(figure(p.ambiguous_ml, "mL")))
            for p in shares.parts
        )  # fmt: skip
        blocks.append(Table(columns, rows, _PARTS_NOTE + (_SEGMENTS_NOTE if shares.are_segments else "")))
    return blocks


def _flow(flow: FlowLoss) -> tuple[Cell, ...]:
    cut = [f"{c.branch} {figure(c.diameter_mm, 'mm')}" for c in flow.crossings if c.stops_flow]
    divided = ", ".join(cut) or "none"
    if flow.withheld:
        divided = f"{divided}; no figure: {flow.withheld}"
    kind = "inflow" if flow.is_inflow else "outflow"
    return (
        Cell(f"{flow.vessel} ({kind})"),
        Cell(divided),
        Cell(figure(flow.lost_ml, "mL")),
        Cell(figure(flow.ambiguous_ml, "mL")),
        Cell(figure(flow.unknown_ml, "mL")),
    )
