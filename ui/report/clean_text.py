"""Names and texts from anywhere made fit for a page: no hidden characters, no endless names."""

from __future__ import annotations

import re
import unicodedata

LONGEST_CELL = 400
"""Characters of a table's field that are shown; of a longer one, which no person wrote, its ends are."""
_KEPT_END = 80
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Control and format characters (among them those that reverse the reading order), surrogates, unassigned ones."""
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
"""No-break spaces are left as they are."""
_JOINERS = "\u200c\u200d"
"""Persian and Indian words are spelt with these; they change no order."""


def visible(text: str) -> str:
    """The text with blanks for line breaks and tabs, and hidden characters written as "[U+202E]"."""
    spaced = _BLANKS.sub(" ", text).strip(" ")
    return "".join(as_code(c) if unicodedata.category(c) in _HIDDEN and c not in _JOINERS else c for c in spaced)


def as_code(character: str) -> str:
    """The character's code point, e.g. "[U+202E]"."""
    return f"[U+{ord(character):04X}]"


def shortened(text: str, longest: int = LONGEST_CELL) -> str:
    """The text; of one that is too long its ends, and how much is left out between them."""
    if len(text) <= longest:
        return text
    left_out, end = len(text) - longest, min(_KEPT_END, longest // 4)
    return f"{text[: longest - end]} [{left_out} more characters] {text[-end:]}"


def cell_text(text: str) -> str:
    """What stands in a field of a table."""
    return shortened(visible(text))
