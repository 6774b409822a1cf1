"""Text for a PDF: the embedded fonts, and names in any script as their readers expect them."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import as_file, files
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from .clean_text import as_code, shortened, visible

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_RIGHT_TO_LEFT = {"R", "AL", "AN"}


@cache
def register_fonts() -> None:
    """Make both fonts known to the PDF writer, once in a process."""
    for name in (REGULAR, BOLD):
        with as_file(files(__package__).joinpath("fonts", f"{name}.ttf")) as path:
            pdfmetrics.registerFont(TTFont(name, path))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


@cache
def _known() -> frozenset[int]:
    register_fonts()
    return frozenset(pdfmetrics.getFont(BOLD).face.charToGlyph)


def pdf_text(text: str, longest: int = 400) -> str:
    """A text in the order in which it is drawn; a character that the fonts lack as its code, "[U+4E2D]".

    A PDF holds letters from left to right, so what reads from right to left is turned and joined here.
    """
    plain = shortened(visible(text), longest)
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in plain):
        plain = _turned(plain)
    return "".join(c if ord(c) in _known() else as_code(c) for c in plain)


def markup(text: str, longest: int = 400) -> str:
    """`pdf_text` with what the paragraph writer would take for markup escaped."""
    return escape(pdf_text(text, longest))


def fitted(text: str, font: str, size: float, width: float) -> str:
    """A line of text that is no wider than `width` points, cut with dots."""
    plain = pdf_text(text)
    if pdfmetrics.stringWidth(plain, font, size) <= width:
        return plain
    while plain and pdfmetrics.stringWidth(plain + "...", font, size) > width:
        plain = plain[:-1]
    return plain + "..."


def _turned(text: str) -> str:
    from arabic_reshaper import reshape
    from bidi import get_display

    return str(get_display(reshape(text)))
