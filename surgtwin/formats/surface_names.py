"""File names for structures: readable, safe on every system, never the same twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 60
"""Characters of a name at most; paths on Windows are short."""
LONGEST_BYTES = 180
KEPT_SIGNS = "-_.+()"
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that Windows takes for a device, whatever follows after a dot."""


def file_stems(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """A file name without ending for each name: spaces become `_`, other unsafe characters too.

    Two names that a file system without case or with another Unicode form would mix up get numbers.

    Parameters
    ----------
    reserved
        Stems that are taken already.
    """
    taken = {_key(stem) for stem in reserved}
    stems: dict[str, str] = {}
    for name in names:
        stem = base = _safe(name)
        number = 1
        while _key(stem) in taken:
            number += 1
            stem = f"{base}_{number}"
        taken.add(_key(stem))
        stems[name] = stem
    return stems


def _safe(name: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(name.split())).replace(" ", "_")
    text = "".join(c if c.isalnum() or c in KEPT_SIGNS else "_" for c in text)[:LONGEST]
    while len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        text = text[:-1]
    text = text.strip(".") or "structure"
    return f"{text}_" if DEVICES.fullmatch(text) else text


def _key(stem: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", stem).casefold())
