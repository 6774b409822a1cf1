"""How the three verdicts look wherever they stand: a word, a shape and a colour, never the colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from surgtwin.domain.verdict import Verdict

from .. import theme


@dataclass(frozen=True)
class VerdictLook:
    """`mark` is the shape as a character, `role` the theme's name for the colour, `colour` as #rrggbb."""

    word: str
    mark: str
    role: str
    colour: str


LOOKS: dict[Verdict, VerdictLook] = {
    Verdict.SAFE: VerdictLook("safe", "\u25cf", "safe", theme.SAFE),
    Verdict.UNPROVEN: VerdictLook("unproven", "\u25c6", "unproven", theme.UNPROVEN),
    Verdict.VIOLATED: VerdictLook("violated", "\u25b2", "violated", theme.VIOLATED),
}


def verdict_text(verdict: Verdict) -> str:
    """ "▲ violated"."""
    look = LOOKS[verdict]
    return f"{look.mark} {look.word}"


@dataclass(frozen=True)
class MarginBands:
    """Between which distances a margin is what: below `unproven_mm` violated, from `safe_mm` on safe."""

    wanted_mm: float
    error_mm: float

    @property
    def unproven_mm(self) -> float:
        return self.wanted_mm - self.error_mm

    @property
    def safe_mm(self) -> float:
        return self.wanted_mm + self.error_mm

    def verdict(self, margin_mm: float) -> Verdict:
        """As the core judges a distance: `surgtwin.domain.verdict.judge`."""
        if margin_mm >= self.safe_mm:
            return Verdict.SAFE
        return Verdict.VIOLATED if margin_mm < self.unproven_mm else Verdict.UNPROVEN

    def legend(self) -> tuple[tuple[Verdict, str], ...]:
        """Each verdict with the distances it stands for, the worst first."""
        low, high = max(self.unproven_mm, 0.0), self.safe_mm
        return (
            (Verdict.VIOLATED, f"below {low:.1f} mm"),
            (Verdict.UNPROVEN, f"{low:.1f} to {high:.1f} mm"),
            (Verdict.SAFE, f"{high:.1f} mm or more"),
        )
