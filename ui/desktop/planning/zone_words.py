"""How treated zones read on the screen."""

from __future__ import annotations

from surgtwin.domain.verdict import COVERAGE_FACTOR
from surgtwin.planning.ablation import AblationResult

from ..wording import millimetres
from .verdict_look import MarginBands, verdict_text


def zone_lines(result: AblationResult | None) -> tuple[str, ...]:
    """What stands beside the hand: coverage, margin and verdict of all zones on the target."""
    if result is None:
        return ("\u2026",)
    verdict = verdict_text(result.verdict) if result.verdict is not None else ""
    return (f"covers {coverage_words(result)}", f"margin {millimetres(result.min_margin_mm)} mm", verdict)


def coverage_words(result: AblationResult) -> str:
    """ "98.2 %"; what is nearly but not wholly covered is never rounded up to all of it."""
    percent = result.coverage_percent
    if result.min_margin_mm < 0.0 and percent > 99.9:
        return "99.9 %"
    return f"{percent:.1f} %" if percent < 100.0 else "100 %"


def bands_of_zones(result: AblationResult) -> MarginBands:
    """Where the margin of zones is safe, unproven and violated."""
    return MarginBands(result.wanted_mm, COVERAGE_FACTOR * result.terms.combined_mm)
