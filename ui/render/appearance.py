"""How each structure looks before anyone has changed anything: what is seen first, and what is seen through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from surgtwin.domain.labels import Colour, LabelMap, Structure
from surgtwin.domain.structure_table import match

OUTER_OPACITY = 0.12
"""Skin, once it is shown: a veil."""
HOLDER_OPACITY = 0.42
"""An organ with tumours or vessels inside lets them be seen."""
LUNG_OPACITY = 0.25
BONE_OPACITY = 0.22
INSIDE_LIVER = ("portal vein", "portal and splenic vein", "hepatic vein")
"""Veins that run through the liver: it is translucent when they are there."""


@dataclass(frozen=True)
class Look:
    """How one structure is drawn; `opacity` is that of its surface in 3D."""

    visible: bool
    colour: Colour
    opacity: float = 1.0


Looks = Mapping[str, Look]


def default_looks(labels: LabelMap) -> dict[str, Look]:
    """Name -> look: skin hidden, bone and lungs faint, the liver clear enough for what it holds."""
    return {s.name: Look(not is_outer(s), s.colour, _opacity(s, labels)) for s in labels.structures}


def is_outer(structure: Structure) -> bool:
    """True for the body's outer surface, which hides everything else."""
    return standard_name(structure) in ("skin", "body")


def is_bone(structure: Structure) -> bool:
    return standard_name(structure) == "bone"


def is_lung(structure: Structure) -> bool:
    return standard_name(structure) in ("lungs", "left lung", "right lung")


def standard_name(structure: Structure) -> str:
    """The name that the structure table knows it by, else its own in lower case."""
    row = match(structure.name)
    return row.name if row is not None else structure.name.lower()


def _opacity(structure: Structure, labels: LabelMap) -> float:
    if is_outer(structure):
        return OUTER_OPACITY
    if is_bone(structure):
        return BONE_OPACITY
    if is_lung(structure):
        return LUNG_OPACITY
    has_parts = any(s.part_of == structure.name for s in labels.structures)
    has_veins = standard_name(structure) == "liver" and any(
        standard_name(s) in INSIDE_LIVER for s in labels.structures if labels.voxels(s)
    )
    return HOLDER_OPACITY if has_parts or has_veins else 1.0
