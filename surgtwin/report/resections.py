"""What each cut takes and leaves, and how far it stays from its targets."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR, Verdict
from ..planning.margin import Margin
from ..planning.remnant import BodySize
from ..planning.resection import ResectionResult
from .document import (
    Block,
    Cell,
    Column,
    Key,
    KeyRow,
    Paragraph,
    Section,
    Table,
)  # fmt: skip
from .flow import flow_blocks, functional_rows, territory_blocks
from .places import place_figures
from .subject import ReportedPlan
from .wording import NOTHING, UNCONFIRMED, UNCONFIRMED_NOTE, figure, is_unconfirmed, marked, place, weight_percent

_VOLUMES = (
    Column("Cut", share=1.2), Column("Organ", share=1.4), Column("Organ", True, 1.3), Column("Resected", True, 1.3),
    Column("Remnant", True, 1.3), Column("Remnant", True, 1.3), Column("Cut surface", True, 1.1),
)  # fmt: skip
_REMNANTS = (Column("Figure", share=2.9), Column("Value", True, 1.3), Column("Needed", True, 1.2),
             Column("Verdict", share=1.2), Column("How it is computed", share=4.1))  # fmt: skip
_MARGINS = (
    Column("Cut", share=1.2), Column("Target", share=1.3), Column("Least", True, 1.4), Column("5 %", True, 0.9),
    Column("Wanted", True, 0.9), Column("Closer than wanted", True, 0.9), Column("Verdict", share=1.25),
    Column("Where it is worst (LPS, mm)", share=2.1),
)  # fmt: skip


def resection_sections(plan: ReportedPlan, number: int = 0) -> list[Section]:
    """Volumes, remnants and margins of a plan's cuts; nothing if it has none. `number` is the plan's in the report."""
    if not plan.evaluation.resections:
        return []
    sections = [Section("Resection", (_volumes(plan), *_remnants(plan)))]
    if any(r.margins for r in plan.evaluation.resections):
        sections.append(_margins(plan, number))
    return sections


def judged_cuts(plan: ReportedPlan) -> list[ResectionResult]:
    """Each cut alone, then the cuts of one organ together where there are several."""
    together = [r for r in plan.evaluation.combined if len(r.resections) > 1]
    return [*plan.evaluation.resections, *together]


def _volumes(plan: ReportedPlan) -> Table:
    twin = plan.geometry.twin
    rows = tuple(
        (
            Cell(r.name),
            Cell(marked(twin, r.organ_name)),
            Cell(figure(r.organ.ml, "mL", r.organ.error_ml)),
            Cell(figure(r.resected.ml, "mL", r.resected.error_ml)),
            Cell(figure(r.remnant.ml, "mL", r.remnant.error_ml)),
            Cell(figure(r.remnant_percent, "%", r.remnant_error_percent)),
            Cell(figure(r.cut_area_mm2, "mm²")),
        )
        for r in judged_cuts(plan)
    )
    counted = "; ".join(
        dict.fromkeys(
            f"{c.resection.organ} counts {', '.join(marked(twin, n) for n in c.tissue.names)}"
            for c in plan.evaluation.cuts
        )
    )
    note = (
        f"Resected and remnant add up to the organ exactly. ± is the change when the contour moves by its standard "
        f"error. {_sentence(counted)}"
    )
    return Table(_VOLUMES, rows, note + (f" {UNCONFIRMED_NOTE}" if UNCONFIRMED in note else ""))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _remnants(plan: ReportedPlan) -> list[Block]:
    blocks: list[Block] = []
    for r in plan.evaluation.combined:
        after = " after all cuts" if len(r.resections) > 1 else ""
        rows = [_measured_row(r)]
        rows += [
            (Cell(f"Standardised remnant, {name}"), Cell(figure(percent, "%")), Cell(NOTHING), Cell(),
             Cell(f"tumour-free remnant / {r.body.tlv_ml[name]:.0f} mL expected by {name}"))
            for name, percent in r.sflr_percent.items()
        ]  # fmt: skip
        if r.body_weight_percent is not None:
            how = "tumour-free remnant / body weight, 1 mL taken for 1 g"
            value = Cell(weight_percent(r.body_weight_percent))
            rows.append((Cell("Remnant to body weight"), value, Cell(NOTHING), Cell(), Cell(how)))
        rows += functional_rows(r)
        blocks.append(Paragraph(f"Remnant of {r.organ_name}{after}"))
        blocks.append(Table(_REMNANTS, tuple(rows), _body_note(r.body)))
        blocks += flow_blocks(r)
        blocks += territory_blocks(r)
    return blocks


def _measured_row(r: ResectionResult) -> tuple[Cell, ...]:
    needed = NOTHING if r.least_percent is None else f"\N{GREATER-THAN OR EQUAL TO} {figure(r.least_percent, '%')}"
    how = f"remnant without tumour / (organ - {figure(r.tumour_ml, 'mL')} tumour)"
    return (
        Cell("Tumour-free remnant, measured"),
        Cell(figure(r.flr_percent, "%", r.remnant_error_percent)),
        Cell(needed),
        Cell(verdict=r.remnant_verdict),
        Cell(how),
    )


def _body_note(body: BodySize) -> str:
    if body.bsa_m2 is None:
        return "Standardised remnants need the patient's height and weight in the plan."
    return f"Body surface {body.bsa_m2:.2f} m² ({body.bsa_formula}). Formulas: Vauthey 2002, Urata 1995, Yu 2004."


def _margins(plan: ReportedPlan, number: int) -> Section:
    twin = plan.geometry.twin
    judged = [(r, m) for r in plan.evaluation.resections for m in r.margins]
    judged += _changed_together(plan)
    rows = tuple(_margin_row(plan, r.name, m) for r, m in judged)
    notes = [
        f"Least and 5 %: of the distances from the target's surface to the cut inside the organ; 5 % of that surface "
        f"is closer than the second figure. Negative: left behind. ± is {COVERAGE_FACTOR:g} standard errors."
    ]
    notes += [f"{r.name}, {m.target}: {m.reason}." for r, m in judged if m.reason and m.verdict is not Verdict.SAFE]
    if any(is_unconfirmed(twin, m.target) for _, m in judged):
        notes.append(UNCONFIRMED_NOTE)
    blocks: list[Block] = [Table(_MARGINS, rows, " ".join(notes))]
    for r in plan.evaluation.resections:
        blocks += _worst_place(r, number)
    return Section("Margins", tuple(blocks))


def _changed_together(plan: ReportedPlan) -> list[tuple[ResectionResult, Margin]]:
    """Margins that several cuts of one organ have together, where they differ from those of each cut alone."""
    alone = {(m.target, m.min_mm) for r in plan.evaluation.resections for m in r.margins}
    together = [r for r in plan.evaluation.combined if len(r.resections) > 1]
    return [(r, m) for r in together for m in r.margins if (m.target, m.min_mm) not in alone]


def _margin_row(plan: ReportedPlan, cut: str, m: Margin) -> tuple[Cell, ...]:
    return (
        Cell(cut),
        Cell(marked(plan.geometry.twin, m.target)),
        Cell(figure(m.min_mm, "mm", None if m.min_mm is None else COVERAGE_FACTOR * m.terms.combined_mm)),
        Cell(figure(m.low_mm, "mm")),
        Cell(figure(m.wanted_mm, "mm")),
        Cell(figure(m.area_below_mm2, "mm²")),
        Cell(verdict=m.verdict),
        Cell(place(m.at_mm)),
    )


def worst_margin(r: ResectionResult) -> Margin | None:
    """The margin of a cut that lacks most of what is wanted; None if none has a place."""
    placed = [m for m in r.margins if m.at_mm is not None and m.min_mm is not None]
    return min(placed, key=lambda m: (m.min_mm or 0.0) - m.wanted_mm, default=None)


def _worst_place(r: ResectionResult, number: int) -> list[Block]:
    worst = worst_margin(r)
    if worst is None:
        return []
    text = (
        f"{r.name}: slices through the place on {worst.target} where the margin is worst "
        f"({figure(worst.min_mm, 'mm')}). Hatched: resected. Thick line: the cut. The thin line leads to the nearest "
        "place on the cut; where it leaves the slice, it looks shorter than it is."
    )
    return place_figures(number, r.name, worst.at_mm, text)


def margin_key(*plans: ReportedPlan) -> Key | None:
    """What the colours on the cut surfaces mean; None if no cut has a target."""
    margins = [m for plan in plans for r in plan.evaluation.resections for m in r.margins]
    if not margins:
        return None
    wanted = " / ".join(dict.fromkeys(f"{m.wanted_mm:.1f}" for m in margins))
    errors = " / ".join(dict.fromkeys(f"{COVERAGE_FACTOR * m.terms.combined_mm:.1f}" for m in margins))
    rows = (
        KeyRow(Verdict.VIOLATED, f"surely closer to a target than the {wanted} mm wanted"),
        KeyRow(Verdict.UNPROVEN, f"within ± {errors} mm of what is wanted: the errors leave it open"),
        KeyRow(Verdict.SAFE, "surely far enough"),
    )
    return Key("Colours of the cut surface, by its distance to the nearest target", rows)
