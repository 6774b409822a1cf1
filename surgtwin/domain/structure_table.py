"""From a structure's name to its code, its colour and what it is a part of.

Matching adds only these; a name that was given is kept as it was given. The rows are in `structure_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .labels import Code, Colour, Structure
from .structure_rows import ABNORMAL, LEFT, RIGHT, TABLE, StandardStructure

__all__ = [
    "FALLBACK_COLOURS", "LEFT", "RIGHT", "TABLE", "StandardStructure", "category_for", "link_parts", "match",
    "structure_for",
]  # fmt: skip

ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
ABNORMALITY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
TISSUE = Code("85756007", "SCT", "Tissue")

FALLBACK_COLOURS: tuple[Colour, ...] = (
    (128, 174, 128), (111, 184, 210), (216, 101, 79), (220, 245, 20), (250, 250, 225), (144, 199, 232),
    (183, 156, 220), (230, 220, 70), (200, 130, 170), (110, 200, 160),
)  # fmt: skip
"""For structures that the table does not know, in turn by label."""


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip().lower())


_BY_NAME = {_key(spelling): row for row in reversed(TABLE) for spelling in (*row.aliases, row.name)}
_NUMBERED = re.compile(r"^(.*\S) \d+$")


def match(name: str) -> StandardStructure | None:
    """The row that a name stands for, or None. Case, underscores and a trailing number ("tumour 2") do not matter."""
    key = _key(name)
    numbered = _NUMBERED.match(key)
    return _BY_NAME.get(key) or (_BY_NAME.get(numbered.group(1)) if numbered else None)


def structure_for(label: int, name: str | None = None, *, layer: int = 0, origin: str = "given") -> Structure:
    """A structure with that label and name, completed from the table; without a name it is called "label 4"."""
    given = name if name is not None and name.strip() else f"label {label}"
    row = match(given)
    if row is None:
        return Structure(label, given, FALLBACK_COLOURS[label % len(FALLBACK_COLOURS)], layer=layer, origin=origin)
    return Structure(label, given, row.colour, row.code, row.laterality, row.part_of, layer, origin)


def link_parts(structures: Sequence[Structure]) -> tuple[Structure, ...]:
    """The structures, each part pointing at the name that its whole has here ("kidney_right", not "right kidney")."""
    names = {s.name for s in structures}
    given: dict[str, str] = {}
    for s in structures:
        row = match(s.name)
        if row is not None:
            given.setdefault(row.name, s.name)
    return tuple(
        replace(s, part_of=given[s.part_of]) if s.part_of not in names and s.part_of in given else s for s in structures
    )


def category_for(structure: Structure) -> Code:
    """The category of a structure's type, from DICOM's CID 7150."""
    if structure.code is None:
        return TISSUE
    return ABNORMALITY if structure.code.value in ABNORMAL else ANATOMY
