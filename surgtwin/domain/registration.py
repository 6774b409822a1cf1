"""How a revision was carried over from another by an image that arrived: motion, figures, gates."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import TwinError
from .displacement import DisplacementField


@dataclass(frozen=True)
class Gate:
    """One question that a carried revision must answer before a person may accept it.

    Parameters
    ----------
    name
        Stable and machine-readable, e.g. "no-folding".
    message
        What was found, for a person.
    """

    name: str
    is_passed: bool
    message: str


@dataclass(frozen=True)
class StructureMotion:
    """How far a structure's surface was moved, mm.

    Parameters
    ----------
    error_mm
        Standard error to expect of its new place, errors of the revisions before included.
    shown_share
        How much of it the arrived image shows, 0 to 1; the rest was moved as its surroundings suggest.
    """

    structure: str
    mean_mm: float
    p95_mm: float
    max_mm: float
    error_mm: float
    shown_share: float


@dataclass(frozen=True, eq=False)
class Registration:
    """An image that arrived, laid on a revision; the new revision is that one carried along.

    Parameters
    ----------
    image_id
        Of the arrived image in the new revision; empty if points on a surface carried it, not an image.
    base_revision
        Number of the revision that was carried.
    method
        How it was done, in words.
    difference_before, difference_after
        Root mean square difference of what was compared, the rigid motion already made.
    field
        Moves places of the base revision to where they lie now, both in the twin's frame.
    motions
        Of each structure that has a mesh.
    """

    image_id: str
    base_revision: int
    method: str
    difference_before: float
    difference_after: float
    field: DisplacementField
    motions: tuple[StructureMotion, ...] = ()
    gates: tuple[Gate, ...] = ()

    def __post_init__(self) -> None:
        names = [m.structure for m in self.motions]
        if len(set(names)) != len(names):
            raise TwinError("A structure has two motions.")

    @property
    def is_passed(self) -> bool:
        """Whether every gate was passed."""
        return all(gate.is_passed for gate in self.gates)

    def error_mm(self, structure: str = "") -> float:
        """Standard error of a structure's place; the largest of all where that one was not measured."""
        for motion in self.motions:
            if motion.structure == structure:
                return motion.error_mm
        return max((motion.error_mm for motion in self.motions), default=0.0)
