"""The few words that stand beside the hand while it bends a cut, and the legend of the margin's colours."""

from __future__ import annotations

from surgtwin.domain.plan import Resection
from surgtwin.domain.verdict import COVERAGE_FACTOR

from ..wording import millilitres, millimetres
from .desk import PlanDesk
from .figures import CutNumbers, MarginNumbers
from .verdict_look import LOOKS, MarginBands


def lines_beside(desk: PlanDesk) -> tuple[str, ...]:
    """Remnant and worst margin of the cut in the hand; that they are not known yet, or why they are not."""
    cut, judged = desk.cut, desk.judged
    if cut is None:
        return ()
    if judged is not None and judged.problem and cut.name not in judged.numbers:
        return ("no figures: see the panel",)
    numbers = judged.numbers.get(cut.name) if judged is not None else None
    if numbers is None:
        return ("\u2026",)
    return (remnant_words(numbers), *margin_words(numbers.margins))


def remnant_words(numbers: CutNumbers) -> str:
    return f"remnant {numbers.remnant_percent:.0f} %   {millilitres(numbers.remnant.ml)} mL"


def margin_words(margins: tuple[MarginNumbers, ...]) -> tuple[str, ...]:
    """The worst margin in one line, with its verdict; empty without targets."""
    if not margins:
        return ()
    worst = min(margins, key=lambda m: m.min_mm if m.min_mm is not None else float("inf"))
    look = LOOKS[worst.verdict]
    if worst.min_mm is None:
        return (f"{look.mark} {worst.reason or 'no cut inside the organ'}",)
    return (f"{look.mark} margin {millimetres(worst.min_mm)} mm   {look.word}",)


def bands_of(resection: Resection, desk: PlanDesk) -> MarginBands:
    """Where the margin of a cut is safe, unproven and violated on this twin."""
    geometry = desk.geometry
    error = COVERAGE_FACTOR * geometry.error_terms().combined_mm if geometry is not None else 0.0
    return MarginBands(resection.margin_mm, error)
