"""What a structure is to a needle: bone, the body around everything, or something else."""

from __future__ import annotations

from ..domain.labels import Structure
from ..domain.structure_rows import BONES_AND_MUSCLES
from ..domain.structure_table import match
from ..domain.twin import Twin

BODY = "38266002"
MUSCLES = frozenset({"181674001", "78333006", "75297007", "244849004", "68455001", "91727004"})
CARTILAGE = "50016007"
BONES = frozenset(row.code.value for row in BONES_AND_MUSCLES) - MUSCLES - {CARTILAGE}
WRAPPINGS = MUSCLES | {BODY, "39937001", "55603005"}
"""Body, skin, fat and muscle: every needle passes through them."""


def is_bone(structure: Structure) -> bool:
    return _code(structure) in BONES


def is_wrapping(structure: Structure) -> bool:
    """Whether every needle may pass through it: the body itself, skin, fat, muscle."""
    return _code(structure) in WRAPPINGS


def body_of(twin: Twin) -> Structure | None:
    """The structure whose surface is the skin, if the twin has one that holds voxels."""
    return next((s for s in twin.structures if _code(s) == BODY and twin.labels.voxels(s)), None)


def present(twin: Twin) -> tuple[Structure, ...]:
    """The structures that have voxels."""
    return tuple(s for s in twin.structures if twin.labels.voxels(s))


def _code(structure: Structure) -> str:
    if structure.code is not None:
        return structure.code.value
    row = match(structure.name)
    return "" if row is None else row.code.value
