"""What a person calls the branches of a vessel, by places on them: it holds when the vessel is traced anew."""

from __future__ import annotations

from dataclasses import dataclass

from .geometry import Point3
from .plan_values import checked_name, checked_point


@dataclass(frozen=True)
class BranchName:
    """A name for the branch that passes nearest to a place.

    Parameters
    ----------
    at_mm
        LPS. Several places of one name join their branches into one.
    begins
        The branch is divided there: the name is for what lies beyond.
    """

    name: str
    at_mm: Point3
    begins: bool = False

    def __post_init__(self) -> None:
        checked_name(self.name)
        object.__setattr__(self, "at_mm", checked_point(self.at_mm, "at_mm"))


@dataclass(frozen=True)
class VesselNames:
    """The names of one vessel's branches, and its root where the automatic one is wrong.

    Parameters
    ----------
    root_mm
        LPS: the end nearest to it is the root; None for the automatic one.
    """

    vessel: str
    branches: tuple[BranchName, ...] = ()
    root_mm: Point3 | None = None

    def __post_init__(self) -> None:
        checked_name(self.vessel, "vessel")
        if self.root_mm is not None:
            object.__setattr__(self, "root_mm", checked_point(self.root_mm, "root_mm"))
