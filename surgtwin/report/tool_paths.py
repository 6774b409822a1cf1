"""Instruments' paths: what they come near to, touch and take away, and when."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR
from ..planning.tool_path import NearestPass, ToolPathResult
from .document import Block, Callout, Cell, Column, Facts, Section, Table
from .places import place_figures
from .subject import ReportedPlan
from .wording import NOTHING, UNCONFIRMED_NOTE, figure, is_unconfirmed, marked, place

_PASSES = (Column("Structure", share=2.0), Column("Clearance", True, 1.4), Column("Needed", True, 1.0),
           Column("Verdict", share=1.3), Column("At time", True, 0.9), Column("Where (LPS, mm)", share=1.9),
           Column("Removed", True, 1.0))  # fmt: skip
_CONTACTS = (Column("Touches", share=2.0), Column("From", True), Column("To", True), Column("Deepest", True),
             Column("Where (LPS, mm)", share=1.9))  # fmt: skip
NEAREST = 12
"""Structures that are listed without a limit, the nearest ones."""
MOST_CONTACTS = 20


def tool_path_sections(plan: ReportedPlan, number: int = 0) -> list[Section]:
    """One section for each tool path; nothing if there are none."""
    return [_section(plan, result, number) for result in plan.evaluation.tool_paths]


def _section(plan: ReportedPlan, r: ToolPathResult, number: int) -> Section:
    judged = r.judgement
    when = "" if judged.time_s is None else f" at {figure(judged.time_s, 's')}"
    blocks: list[Block] = [
        Callout(r.verdict, f"{judged.reason or 'every limit is kept'}{when}"),
        Facts(tuple(_facts(r))),
        _passes(plan, r),
    ]
    if r.timeline.contacts:
        blocks.append(_contacts(plan, r))
    worst = worst_pass(r)
    if worst is not None:
        text = (
            f"{r.name}: slices through the place where the instrument is nearest to {worst.structure}, "
            f"at {figure(worst.time_s, 's')}. Thick line: the way of the tip."
        )
        blocks += place_figures(number, r.name, worst.at_mm, text)
    return Section(f"Tool path {r.name}", tuple(blocks))


def worst_pass(r: ToolPathResult) -> NearestPass | None:
    """The structure whose clearance lacks most of what is needed."""
    limited = [p for p in r.nearest if p.needed_mm is not None]
    return min(limited, key=lambda p: p.min_mm - (p.needed_mm or 0.0), default=None)


def _facts(r: ToolPathResult) -> list[tuple[str, str]]:
    motion = r.timeline.motion
    pairs = [
        ("Time", f"{figure(float(motion.times_s[0]), 's')} to {figure(float(motion.times_s[-1]), 's')}"),
        ("Poses looked at", f"{len(motion)}; between two, a clearance may be {figure(r.between_mm, 'mm')} less"),
        ("Swept volume", figure(r.swept_ml, "mL")),
        ("Takes tissue away", "yes" if r.path.cuts else "no"),
    ]
    if r.trocar is None:
        pairs.append(("Port", "none, free hand"))
    else:
        off = f"passes at most {figure(r.trocar.worst.deviation_mm, 'mm')} from its middle"
        pairs.append(("Port (LPS, mm)", f"{place(r.trocar.trocar_mm)}; {off}"))
    if r.outside is not None:
        pairs.append(("Outside the scan", f"up to {figure(r.outside.farthest_mm, 'mm')}: unknown tissue"))
    return pairs


def _passes(plan: ReportedPlan, r: ToolPathResult) -> Table:
    twin = plan.geometry.twin
    limited = [p for p in r.nearest if p.needed_mm is not None]
    free = [p for p in r.nearest if p.needed_mm is None]
    shown = sorted((*limited[:NEAREST], *free[:NEAREST]), key=lambda p: p.min_mm)
    rows = tuple(
        (Cell(marked(twin, p.structure)), Cell(figure(p.min_mm, "mm", COVERAGE_FACTOR * p.terms.combined_mm)),
         Cell(figure(p.needed_mm, "mm")), Cell(verdict=p.verdict), Cell(figure(p.time_s, "s")), Cell(place(p.at_mm)),
         Cell(_removed(r, p.structure)))
        for p in shown
    )  # fmt: skip
    note = "Clearance of the whole instrument, negative inside a structure, nearest first."
    left_out = len(r.nearest) - len(shown)
    if left_out:
        note += f" {left_out} farther structures are left out."
    if any(is_unconfirmed(twin, p.structure) for p in shown):
        note += f" {UNCONFIRMED_NOTE}"
    return Table(_PASSES, rows, note)


def _removed(r: ToolPathResult, structure: str) -> str:
    ml = r.removed_ml.get(structure, 0.0)
    return f"{ml:.2f} mL" if ml > 0 else NOTHING


def _contacts(plan: ReportedPlan, r: ToolPathResult) -> Table:
    contacts = r.timeline.contacts
    rows = tuple(
        (Cell(marked(plan.geometry.twin, c.structure)), Cell(figure(c.start_s, "s")), Cell(figure(c.end_s, "s")),
         Cell(figure(c.deepest_mm, "mm")), Cell(place(c.at_mm)))
        for c in contacts[:MOST_CONTACTS]
    )  # fmt: skip
    left_out = len(contacts) - len(rows)
    return Table(_CONTACTS, rows, f"{left_out} further contacts are left out." if left_out else "")
