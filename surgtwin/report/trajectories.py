"""Straight ways: what they pass, how far they stay from everything, and every limit."""

from __future__ import annotations

from ..domain.verdict import COVERAGE_FACTOR
from ..planning.line_distance import Clearance
from ..planning.score_needles import limit_row
from ..planning.trajectory import TrajectoryResult
from .document import Block, Callout, Cell, Column, Facts, Paragraph, Section, Table
from .judgement import needed_text
from .places import place_figures
from .subject import ReportedPlan
from .wording import NOTHING, UNCONFIRMED_NOTE, figure, is_unconfirmed, marked, place

_LIMITS = (Column("Limit", share=2.3), Column("Found", True, 1.6), Column("Needed", True, 1.4),
           Column("Verdict", share=1.4), Column("Where (LPS, mm)", share=2.3), Column("Why", share=2.3))  # fmt: skip
_CROSSED = (Column("Passes through", share=2.4), Column("From depth", True), Column("To depth", True),
            Column("Length", True))  # fmt: skip
_CLEARANCES = (
    Column("Structure", share=2.4), Column("Clearance", True, 1.4), Column("Needed", True, 1.1),
    Column("Verdict", share=1.3), Column("At depth", True, 1.0), Column("Where (LPS, mm)", share=1.9),
)  # fmt: skip
_PAIRS = (Column("Needles", share=2.0), Column("Gap", True, 1.4), Column("Angle", True, 0.8),
          Column("Verdict", share=1.2), Column("Where (LPS, mm)", share=1.9))  # fmt: skip
NEAREST = 8
"""Structures without a limit that are listed, the nearest ones."""


def trajectory_sections(plan: ReportedPlan, number: int = 0) -> list[Section]:
    """One section for each trajectory, and one for needles together; nothing if there are none."""
    sections = [_section(plan, result, number) for result in plan.evaluation.trajectories]
    pairs = plan.evaluation.needle_pairs
    if pairs:
        rows = tuple(
            (Cell(f"{p.first}, {p.second}"), Cell(figure(p.gap_mm, "mm", p.error_mm)), Cell(figure(p.angle_deg, "deg")),
             Cell(verdict=p.verdict), Cell(place(p.first_mm)))
            for p in pairs
        )  # fmt: skip
        note = "Gap between the surfaces of two needles placed together; ± from placement errors."
        sections.append(Section("Needles together", (Table(_PAIRS, rows, note),)))
    return sections


def _section(plan: ReportedPlan, r: TrajectoryResult, number: int) -> Section:
    reasons = [limit.reason for limit in r.limits if limit.verdict is r.verdict and limit.reason]
    blocks: list[Block] = [Facts(tuple(_facts(plan, r)))]
    if r.limits:
        blocks.insert(0, Callout(r.verdict, "; ".join(dict.fromkeys(reasons)) or "every limit is kept"))
    if r.limits:
        blocks.append(Table(_LIMITS, tuple(_limit_rows(r))))
    else:
        blocks.append(
            Paragraph("The plan states no limit for this way, and there is no bone in the twin to keep from.")
        )
    blocks.append(_clearances(plan, r))
    if r.crossed:
        rows = tuple(
            (Cell(marked(plan.geometry.twin, c.structure)), Cell(figure(c.entry_depth_mm, "mm")),
             Cell(figure(c.exit_depth_mm, "mm")), Cell(figure(c.length_mm, "mm")))
            for c in r.crossed
        )  # fmt: skip
        blocks.append(Table(_CROSSED, rows, "Depths below the entry, in the order of the way."))
    worst = worst_clearance(r)
    if worst is not None:
        text = (
            f"{r.name}: slices through the place where the needle is nearest to {worst.structure}. Thick line: the way "
            "from entry to target, seen through the slice; it need not lie in it."
        )
        blocks += place_figures(number, r.name, worst.at_mm, text)
    return Section(f"Trajectory {r.name}", tuple(blocks))


def worst_clearance(r: TrajectoryResult) -> Clearance | None:
    """The clearance that lacks most of what is needed; None if nothing is to be kept clear."""
    limited = [c for c in r.clearances if c.needed_mm is not None]
    return min(limited, key=lambda c: c.min_mm - (c.needed_mm or 0.0), default=None)


def _facts(plan: ReportedPlan, r: TrajectoryResult) -> list[tuple[str, str]]:
    tool = r.trajectory.tool
    pairs = [
        ("Entry (LPS, mm)", place(r.entry_mm)),
        ("Target (LPS, mm)", f"{place(r.trajectory.target_mm)}{_target(plan, r)}"),
        ("Length", figure(r.length_mm, "mm")),
        ("Tool", f"{figure(tool.length_mm, 'mm')} long, radius {figure(tool.radius_mm, 'mm')}"),
        ("Below the skin", figure(r.depth_mm, "mm")),
        ("Angle to the skin", NOTHING if r.skin is None else figure(r.skin.angle_deg, "deg")),
        ("Angle to the capsule", NOTHING if r.capsule is None else figure(r.capsule.angle_deg, "deg")),
        ("Organ before the lesion", figure(r.bridge_mm, "mm")),
    ]  # fmt: skip
    if r.outside_mm > 0:
        pairs.append(("Outside the scan", figure(r.outside_mm, "mm")))
    if r.robustness is not None:
        rob = r.robustness
        pairs.append(
            ("Placement", f"{100 * rob.probability:.1f} % of {rob.samples} simulated needles break a distance "
             f"(less than {100 * rob.upper:.1f} % with 95 % confidence); {rob.noise.source}")
        )  # fmt: skip
    return pairs


def _target(plan: ReportedPlan, r: TrajectoryResult) -> str:
    named = [marked(plan.geometry.twin, n) for n in (r.place.lesion, r.place.organ) if n]
    return f", in {', '.join(named)}" if named else ""


def _limit_rows(r: TrajectoryResult) -> list[tuple[Cell, ...]]:
    rows = [(limit_row(r, limit), limit.reason) for limit in r.limits]
    return [
        (Cell(row.criterion[:1].upper() + row.criterion[1:]), Cell(figure(row.value, row.unit, row.error)),
         Cell(needed_text(row)), Cell(verdict=row.verdict), Cell(place(row.at_mm)), Cell(reason))
        for row, reason in rows
    ]  # fmt: skip


def _clearances(plan: ReportedPlan, r: TrajectoryResult) -> Table:
    twin = plan.geometry.twin
    limited = [c for c in r.clearances if c.needed_mm is not None]
    free = [c for c in r.clearances if c.needed_mm is None]
    shown = sorted((*limited, *free[:NEAREST]), key=lambda c: c.min_mm)
    rows = tuple(
        (Cell(marked(twin, c.structure)), Cell(figure(c.min_mm, "mm", COVERAGE_FACTOR * c.terms.combined_mm)),
         Cell(figure(c.needed_mm, "mm")), Cell(verdict=c.verdict), Cell(figure(c.depth_mm, "mm")), Cell(place(c.at_mm)))
        for c in shown
    )  # fmt: skip
    note = "Clearance of the whole needle, negative inside a structure, nearest first."
    if len(free) > NEAREST:
        note += f" {len(free) - NEAREST} farther structures without a limit are left out."
    if any(is_unconfirmed(twin, c.structure) for c in shown):
        note += f" {UNCONFIRMED_NOTE}"
    return Table(_CLEARANCES, rows, note)
