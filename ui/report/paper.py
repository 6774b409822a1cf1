"""Colours and words of paper, where the screen's colours are too light."""

from __future__ import annotations

from surgtwin.domain.labels import Colour
from surgtwin.domain.verdict import Verdict

RESEARCH_USE = "Research use only. Not a medical device."
INK, QUIET, RULE, TINT = "#16181c", "#5a616b", "#c9ced6", "#f3f5f7"
VERDICT_INK = {Verdict.SAFE: "#0d6b61", Verdict.UNPROVEN: "#835300", Verdict.VIOLATED: "#a61b1b"}
"""Contrast to white of at least 6 : 1."""
VERDICT_TINT = {Verdict.SAFE: "#e3f4f1", Verdict.UNPROVEN: "#fbf1da", Verdict.VIOLATED: "#fbe4e4"}
VERDICT_SWATCH = {Verdict.SAFE: "#2bb3a3", Verdict.UNPROVEN: "#e0a526", Verdict.VIOLATED: "#e05252"}
"""As on the cut surface in the pictures."""


def hex_colour(colour: Colour) -> str:
    """ "#dd8265" of red, green, blue."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"
