"""Text on pictures, drawn by Pillow."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageDraw, ImageFont

from .palette import BLACK, TEXT, Rgb

Font = ImageFont.FreeTypeFont
_SYSTEM_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf", "Arial.ttf")
"""Looked for in the system's font folders, for letters that Pillow's own font does not have."""
SHADOW_PIXELS = 1


@lru_cache(maxsize=64)
def font(pixels: int) -> Font:
    """A sans-serif font of that size; Pillow's own where the system has none of those known."""
    for name in _SYSTEM_FONTS:
        try:
            return ImageFont.truetype(name, pixels)
        except OSError:
            continue
    own = ImageFont.load_default(pixels)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType.")
    return own


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    pixels: int,
    colour: Rgb = TEXT,
    anchor: str = "la",
    *,
    shadow: bool = False,
) -> None:
    """Write a line of text. `anchor` is Pillow's: l, m, r for across; a (top), m, d (bottom) for down."""
    draw.text(
        at, text, font=font(pixels), fill=colour, anchor=anchor,
        stroke_width=SHADOW_PIXELS if shadow else 0, stroke_fill=BLACK if shadow else None,
    )  # fmt: skip


def width(text: str, pixels: int) -> float:
    return float(font(pixels).getlength(text))


def shortened(text: str, pixels: int, max_width: float) -> str:
    """The text, cut in its middle with dots where it is too long: the number at a name's end stays."""
    if width(text, pixels) <= max_width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        tail = min(kept // 3, 6)
        short = text[: kept - tail] + "..." + (text[-tail:] if tail else "")
        if width(short, pixels) <= max_width:
            return short
    return text[:1]
