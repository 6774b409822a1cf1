"""Figures as a reader of a report meets them. Screen and report round the same numbers the same way."""

from __future__ import annotations

from ..domain.geometry import Point3
from ..domain.twin import Twin
from ..domain.verdict import Verdict

NOTHING = "-"
"""Where there is no figure."""
UNCONFIRMED = "\N{WHITE DIAMOND}"
"""Behind the name of a structure that no person has accepted."""
UNCONFIRMED_NOTE = f"{UNCONFIRMED} no person has accepted this structure's contour."
VERDICT_SHAPES = {
    Verdict.SAFE: "\N{CHECK MARK}",
    Verdict.UNPROVEN: "\N{WHITE DIAMOND}",
    Verdict.VIOLATED: "\N{MULTIPLICATION X}",
}
"""Goes with the verdict's word: colour alone is lost on paper and on some eyes."""
_DECIMALS = {"mm": 1, "%": 1, "mL": 0, "cm²": 1, "": 0, "deg": 0, "s": 1}
SMALL_ML = 10.0
MM2_PER_CM2 = 100.0


def figure(value: float | None, unit: str, error: float | None = None) -> str:
    """A value with its error bar and unit, e.g. "8.4 ± 2.1 mm"; volumes below 10 mL get a decimal, mm² become cm²."""
    if value is None:
        return NOTHING
    if unit == "mm²":
        return figure(value / MM2_PER_CM2, "cm²", None if error is None else error / MM2_PER_CM2)
    decimals = 1 if unit == "mL" and abs(value) < SMALL_ML else _DECIMALS.get(unit, 1)
    number = f"{value:.{decimals}f}" if error is None else f"{value:.{decimals}f} ± {error:.{decimals}f}"
    return f"{number}°" if unit == "deg" else f"{number} {unit}".rstrip()


def weight_percent(percent: float) -> str:
    """A remnant in percent of the body's weight: thresholds differ in the second decimal."""
    return f"{percent:.2f} %"


def verdict_text(verdict: Verdict, word: str = "") -> str:
    """The verdict's shape and word, or another word for it."""
    return f"{VERDICT_SHAPES[verdict]} {word or verdict.value}"


def place(point_mm: Point3 | None) -> str:
    """A place in the patient, each number with the side it lies on, e.g. "L 12.3, P 45.0, S 120.4"."""
    if point_mm is None:
        return NOTHING
    named = (
        f"{pair[0] if v >= 0 else pair[1]}\N{NO-BREAK SPACE}{abs(v):.1f}"
        for pair, v in zip(("LR", "PA", "SI"), point_mm, strict=True)
    )
    return ", ".join(named)


def is_unconfirmed(twin: Twin, name: str) -> bool:
    """Whether the program found the structure and no person has accepted it."""
    structure = next((s for s in twin.structures if s.name == name), None)
    return structure is not None and structure.origin != "given" and name not in twin.accepted


def marked(twin: Twin, name: str) -> str:
    """The structure's name, with a mark where no person has accepted it."""
    return f"{name}\N{NO-BREAK SPACE}{UNCONFIRMED}" if is_unconfirmed(twin, name) else name
