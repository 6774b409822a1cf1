"""The numbers and names of the phantom's structures; 1 to 13 as the abdominal CT data sets number them."""

from __future__ import annotations

from dataclasses import replace

from surgtwin.domain.labels import Structure
from surgtwin.domain.structure_table import structure_for

BODY_FAT = 0
SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY, GALLBLADDER, OESOPHAGUS, LIVER, STOMACH = 1, 2, 3, 4, 5, 6, 7
AORTA, CAVA, PORTAL, PANCREAS, RIGHT_ADRENAL, LEFT_ADRENAL = 8, 9, 10, 11, 12, 13
TUMOUR_1, TUMOUR_2, HEPATIC, BONE, LUNGS, PORTAL_BRANCHES = 14, 15, 16, 17, 18, 19
HEART, DUODENUM, COLON, SMALL_BOWEL = 20, 21, 22, 23
FIRST_FURTHER_TUMOUR = 24
BODY = 1
"""In layer 1."""

NAMES: dict[int, str] = {
    SPLEEN: "spleen",
    RIGHT_KIDNEY: "right kidney",
    LEFT_KIDNEY: "left kidney",
    GALLBLADDER: "gallbladder",
    OESOPHAGUS: "oesophagus",
    LIVER: "liver",
    STOMACH: "stomach",
    AORTA: "aorta",
    CAVA: "inferior vena cava",
    PORTAL: "portal and splenic vein",
    PANCREAS: "pancreas",
    RIGHT_ADRENAL: "right adrenal",
    LEFT_ADRENAL: "left adrenal",
    TUMOUR_1: "tumour 1",
    TUMOUR_2: "tumour 2",
    HEPATIC: "hepatic vein",
    BONE: "bone",
    LUNGS: "lungs",
    PORTAL_BRANCHES: "portal vein branches",
    HEART: "heart",
    DUODENUM: "duodenum",
    COLON: "colon",
    SMALL_BOWEL: "small bowel",
}
IN_LIVER = (TUMOUR_1, TUMOUR_2, HEPATIC, PORTAL_BRANCHES)


def tumour_label(number: int) -> int:
    """Label of the tumour with that number, counted from 0."""
    return (TUMOUR_1, TUMOUR_2)[number] if number < 2 else FIRST_FURTHER_TUMOUR + number - 2


def structures(tumours: int) -> tuple[Structure, ...]:
    """All structures of a phantom with that many tumours, completed from the structure table."""
    names = {label: name for label, name in NAMES.items() if label not in (TUMOUR_1, TUMOUR_2)}
    names |= {tumour_label(n): f"tumour {n + 1}" for n in range(tumours)}
    found = []
    for label, name in sorted(names.items()):
        row = structure_for(label, name)
        is_in_liver = label in IN_LIVER or label >= FIRST_FURTHER_TUMOUR
        found.append(replace(row, part_of="liver") if is_in_liver else row)
    return (*found, structure_for(BODY, "body", layer=1))
