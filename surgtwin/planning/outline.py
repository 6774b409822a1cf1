"""Which structure is the patient's outline: every instrument passes through it, and it holds everything else."""

from __future__ import annotations

from ..domain.labels import Structure
from ..domain.structure_table import match
from ..domain.twin import Twin

OUTLINES = ("body", "skin")


def is_outline(structure: Structure) -> bool:
    """Whether a structure is the body as a whole, or its skin."""
    row = match(structure.name)
    return (row.name if row is not None else structure.name.lower()) in OUTLINES


def outline_of(twin: Twin) -> Structure | None:
    """The structure that is the body's outline and has voxels, if there is one."""
    return next((s for s in twin.structures if is_outline(s) and twin.labels.voxels(s) > 0), None)
