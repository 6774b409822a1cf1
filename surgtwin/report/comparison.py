"""Two or more plans of one twin, side by side and on a Pareto plot."""

from __future__ import annotations

from ..errors import PlanError
from ..planning.compare import ComparedValue, ComparisonRow, PlanComparison, compare_plans
from .document import (
    Block,
    Cell,
    Chart,
    ChartPoint,
    Column,
    Figure,
    FigureRow,
    Legend,
    Paragraph,
    Picture,
    PictureKind,
    Report,
    Section,
    Table,
)  # fmt: skip
from .front import head_facts, running_title
from .judgement import findings_section, overall_text
from .resections import margin_key
from .shown import scene_legend
from .sources import sources_section
from .structures import structures_section
from .subject import ReportedPlan, ReportedTwin
from .wording import NOTHING, VERDICT_SHAPES, figure, weight_percent

BEST = "\N{BLACK STAR}"
REMNANT, WEIGHT = "remnant_percent", "remnant_to_body_weight_percent"
ACROSS = 3
"""Pictures side by side, one of each plan, for the eye to compare."""
_VIEWS = {"anterior": "from the front", "right": "from the patient's right"}


def comparison_report(subject: ReportedTwin, plans: tuple[ReportedPlan, ...]) -> Report:
    """Plans side by side. Raises PlanError if there are fewer than two, or two share a name."""
    names = [p.name for p in plans]
    if len(set(names)) < len(names):
        raise PlanError(f"two of the plans have the same name ({', '.join(names)}); name them apart.")
    compared = compare_plans({p.name: p.evaluation for p in plans})
    sections = (
        Section("Side by side", (_verdicts(plans), _table(compared))),
        Section("Remnant against margin", _pareto(plans, compared)),
        _pictures(plans),
        *(findings_section(p.evaluation.findings, f"Findings on plan {p.name}") for p in plans),
        structures_section(subject.twin),
        sources_section(subject, plans),
    )
    title = f"Plans compared: {' / '.join(names)}"
    return Report(title, running_title(subject.twin, plans), head_facts(subject, plans), sections)


def _verdicts(plans: tuple[ReportedPlan, ...]) -> Table:
    columns = (Column("Plan", share=1.5), Column("Overall", share=1.0), Column("", share=4.5))
    rows = tuple((Cell(p.name), Cell(verdict=p.scorecard.overall), Cell(overall_text(p.scorecard))) for p in plans)
    return Table(columns, rows)


def _table(compared: PlanComparison) -> Table:
    columns = (Column("Figure", share=2.5), *(Column(name, True, 1.7) for name in compared.names))
    rows = tuple(_row(row) for row in compared.rows if _has_value(row))
    beaten = [
        f"{name} is nowhere better and somewhere worse than {', '.join(by)}."
        for name, by in zip(compared.names, compared.dominated_by, strict=True)
        if by
    ]
    note = f"{BEST} the best of the plans in this figure. " + (
        " ".join(beaten) or "No plan is beaten by another in all goals."
    )
    return Table(columns, rows, note)


def _has_value(row: ComparisonRow) -> bool:
    """Whether any plan has this figure: what no image could tell is not worth a line of dashes."""
    return any(row.number(n) is not None for n in range(len(row.values)))


def _row(row: ComparisonRow) -> tuple[Cell, ...]:
    label = row.label[:1].upper() + row.label[1:]
    return (Cell(label), *(Cell(_value(row, v, n in row.best)) for n, v in enumerate(row.values)))


def _value(row: ComparisonRow, value: ComparedValue | None, is_best: bool) -> str:
    if value is None:
        return NOTHING
    if row.key == WEIGHT and value.value is not None:
        text = weight_percent(value.value)
    else:
        text = figure(value.value, row.unit, value.error)
    if value.verdict is not None:
        text += f" {VERDICT_SHAPES[value.verdict]} {value.verdict.value}"
    return f"{BEST} {text}" if is_best else text


def _pareto(plans: tuple[ReportedPlan, ...], compared: PlanComparison) -> tuple[Block, ...]:
    """One chart for each organ: its remnant across, the worst of its margins up."""
    charts = [chart for row in compared.rows if row.key == REMNANT if (chart := _chart(plans, row)) is not None]
    if not charts:
        return (Paragraph("No two plans have both a remnant and a margin to draw them against each other."),)
    return tuple(charts)


def _chart(plans: tuple[ReportedPlan, ...], row: ComparisonRow) -> Chart | None:
    placed = []
    for n, plan in enumerate(plans):
        remnant = row.values[n]
        margins = [m for r in plan.evaluation.combined if r.organ_name == row.about for m in r.margins]
        known = [m for m in margins if m.min_mm is not None]
        if remnant is None or remnant.value is None or not known:
            continue
        least = min(known, key=lambda m: m.min_mm or 0.0)
        placed.append((plan.name, remnant.value, least.min_mm or 0.0, least.verdict, remnant.error or 0.0))
    if len(placed) < 2:
        return None
    points = tuple(
        ChartPoint(name, x, y, verdict, not _is_beaten(x, y, [(p[1], p[2]) for p in placed]), error)
        for name, x, y, verdict, error in placed
    )
    note = (
        "Further right: more remains. Further up: wider margin. The line joins the plans that no other beats in both. "
        "Shapes are the margin's verdict."
    )
    return Chart(f"remnant of {row.about}, %", "least margin, mm", points, note)


def _is_beaten(x: float, y: float, others: list[tuple[float, float]]) -> bool:
    return any(ox >= x and oy >= y and (ox > x or oy > y) for ox, oy in others)


def _legend(plans: tuple[ReportedPlan, ...]) -> Legend:
    """The colours of all plans' pictures, each once."""
    legends = [scene_legend(p.geometry.twin, p.evaluation) for p in plans]
    return Legend(tuple(dict.fromkeys(item for legend in legends for item in legend.items)))


def _pictures(plans: tuple[ReportedPlan, ...]) -> Section:
    blocks: list[Block] = []
    for view, words in _VIEWS.items():
        figures = tuple(
            Figure(Picture(PictureKind.SCENE, view, n), f"{plan.name}, {words}") for n, plan in enumerate(plans)
        )
        blocks += [FigureRow(figures[n : n + ACROSS]) for n in range(0, len(figures), ACROSS)]
    blocks.append(_legend(plans))
    key = margin_key(*plans)
    if key is not None:
        blocks.append(key)
    return Section("The plans in 3D", tuple(blocks))
