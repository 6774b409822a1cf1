"""The screen's colours: one dark neutral ground, one accent, three verdicts. Organ colours are for organs only."""

from __future__ import annotations

Rgb = tuple[int, int, int]

BACKGROUND: Rgb = (0x16, 0x18, 0x1C)
BACKGROUND_TOP: Rgb = (0x23, 0x27, 0x2E)
PANEL: Rgb = (0x1F, 0x22, 0x27)
TEXT: Rgb = (0xE6, 0xE8, 0xEB)
QUIET: Rgb = (0x9A, 0xA0, 0xA8)
ACCENT: Rgb = (0x4A, 0xA3, 0xFF)
SAFE: Rgb = (0x2B, 0xB3, 0xA3)
UNPROVEN: Rgb = (0xE0, 0xA5, 0x26)
VIOLATED: Rgb = (0xE0, 0x52, 0x52)
BLACK: Rgb = (0, 0, 0)

VERDICT_COLOURS: dict[str, Rgb] = {"safe": SAFE, "unproven": UNPROVEN, "violated": VIOLATED}
"""Of a verdict's word; a shape or a hatching always goes with it."""

VIEW_COLOURS: dict[str, Rgb] = {
    "axial": (0xB9, 0x8C, 0xF0),
    "coronal": (0xA4, 0xCF, 0x5F),
    "sagittal": (0xF0, 0x8C, 0xC0),
    "3d": (0x7D, 0xC4, 0xE4),
}
"""Of a view's title strip and of its plane's line in the other views; none is a verdict's or the accent."""


def fraction(colour: Rgb) -> tuple[float, float, float]:
    """A colour of 0..255 as VTK takes it, 0..1."""
    return (colour[0] / 255.0, colour[1] / 255.0, colour[2] / 255.0)
