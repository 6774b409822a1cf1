"""The structures the program knows by name: SNOMED CT code, colour, and what each is a part of.

Matching adds only these; a name that was given is kept as it was given. Codes are those of DICOM's context groups
(CID 7150-7166 and their kin) as pydicom lists them; colours follow 3D Slicer's generic anatomy table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .labels import Code, Colour, Structure

RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")


@dataclass(frozen=True)
class StandardStructure:
    """One row: the standard name, other names in use, code, colour."""

    name: str
    code: Code
    colour: Colour
    laterality: Code | None = None
    part_of: str = ""
    aliases: tuple[str, ...] = ()


def _row(
    name: str, sct: str, meaning: str, colour: Colour, *aliases: str, side: Code | None = None, part_of: str = ""
) -> StandardStructure:
    return StandardStructure(name, Code(sct, "SCT", meaning), colour, side, part_of, aliases)


def _pair(
    organ: str, sct: str, meaning: str, colour: Colour, *aliases: str, part_of: str = ""
) -> tuple[StandardStructure, StandardStructure]:
    """Right and left of an organ, with the usual spellings of each."""
    rows = []
    for word, side in (("right", RIGHT), ("left", LEFT)):
        spellings = [f"{o} {word}" for o in (organ, *aliases)] + [f"{word} {o}" for o in aliases]
        rows.append(_row(f"{word} {organ}", sct, meaning, colour, *spellings, side=side, part_of=part_of))
    return rows[0], rows[1]


TABLE: tuple[StandardStructure, ...] = (
    _row("liver", "10200004", "Liver", (221, 130, 101)),
    _row("gallbladder", "28231008", "Gallbladder", (139, 150, 98), "gall bladder"),
    _row("pancreas", "15776009", "Pancreas", (249, 180, 111)),
    _row("spleen", "78961009", "Spleen", (157, 108, 162)),
    *_pair("kidney", "64033007", "Kidney", (185, 102, 83)),
    *_pair("adrenal", "23451007", "Adrenal gland", (249, 186, 150), "adrenal gland"),
    *_pair("lung", "39607008", "Lung", (197, 165, 145)),
    _row("lungs", "39607008", "Lung", (197, 165, 145), "lung", "both lungs"),
    _row("oesophagus", "32849002", "Esophagus", (211, 171, 143), "esophagus"),
    _row("stomach", "69695003", "Stomach", (216, 132, 105)),
    _row("duodenum", "38848004", "Duodenum", (255, 253, 229)),
    _row("small bowel", "30315005", "Small Intestine", (205, 167, 142), "small intestine"),
    _row("colon", "71854001", "Colon", (204, 168, 143)),
    _row("aorta", "15825003", "Aorta", (224, 97, 76)),
    _row("inferior vena cava", "64131007", "Inferior vena cava", (0, 151, 206), "ivc", "vena cava", "postcava"),
    _row("portal vein", "32764006", "Portal vein", (0, 151, 206)),
    _row("portal and splenic vein", "32764006", "Portal vein", (0, 151, 206), "portal vein and splenic vein"),
    _row("hepatic vein", "8993003", "Hepatic vein", (0, 151, 206), "hepatic veins"),
    _row("splenic vein", "35819009", "Splenic vein", (0, 151, 206)),
    _row("heart", "80891009", "Heart", (206, 110, 84)),
    _row("urinary bladder", "89837001", "Bladder", (222, 154, 132), "bladder"),
    _row("bone", "272673000", "Bone", (241, 214, 145), "bones", "skeleton"),
    _row("skin", "39937001", "Skin", (177, 122, 101)),
    _row("body", "39937001", "Skin", (177, 122, 101), "body surface"),
    _row("tumour", "108369006", "Neoplasm", (144, 238, 144), "tumor", "lesion", "neoplasm"),
    _row("liver tumour", "108369006", "Neoplasm", (144, 238, 144), "liver tumor", "liver lesion", part_of="liver"),
    _row("kidney tumour", "108369006", "Neoplasm", (144, 238, 144), "kidney tumor", "renal tumour", "renal tumor"),
    _row("mass", "4147007", "Mass", (144, 238, 144)),
)

FALLBACK_COLOURS: tuple[Colour, ...] = (
    (128, 174, 128), (111, 184, 210), (216, 101, 79), (220, 245, 20), (250, 250, 225), (144, 199, 232),
    (183, 156, 220), (230, 220, 70), (200, 130, 170), (110, 200, 160),
)  # fmt: skip
"""For structures that the table does not know, in turn by label."""


def _key(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.strip().lower())


_BY_NAME = {_key(spelling): row for row in TABLE for spelling in (row.name, *row.aliases)}
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
