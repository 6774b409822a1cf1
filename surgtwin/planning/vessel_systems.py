"""Which structures of a twin are one vessel, and which vessels feed and drain an organ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..domain.labels import LabelMap
from ..domain.structure_table import match


@dataclass(frozen=True)
class VesselSystem:
    """Structures that together are the vessel of an organ; those missing from a twin are left out.

    Parameters
    ----------
    name
        For messages and JSON.
    members
        Names of the structure table, or names as a proposal gives them.
    is_inflow
        Whether it brings blood to the organ; else it takes it away.
    """

    organ: str
    name: str
    members: tuple[str, ...]
    is_inflow: bool


SYSTEMS = (
    VesselSystem(
        "liver", "portal vein", ("portal vein", "portal and splenic vein", "portal vein branches"), is_inflow=True
    ),
    VesselSystem("liver", "hepatic vein", ("hepatic vein", "inferior vena cava"), is_inflow=False),
    VesselSystem("right kidney", "right renal artery", ("right renal artery", "aorta"), is_inflow=True),
    VesselSystem("left kidney", "left renal artery", ("left renal artery", "aorta"), is_inflow=True),
    VesselSystem("right kidney", "right renal vein", ("right renal vein", "inferior vena cava"), is_inflow=False),
    VesselSystem("left kidney", "left renal vein", ("left renal vein", "inferior vena cava"), is_inflow=False),
    VesselSystem("spleen", "splenic artery", ("splenic artery",), is_inflow=True),
    VesselSystem("spleen", "splenic vein", ("splenic vein", "portal and splenic vein"), is_inflow=False),
)


def system_members(labels: LabelMap, system: VesselSystem) -> tuple[str, ...]:
    """Names of the twin's structures that belong to a system and have a voxel; the system's own order."""
    found = {wanted: [s.name for s in labels.structures if _is(s.name, wanted)] for wanted in system.members}
    names = [name for wanted in system.members for name in found[wanted]]
    known = {s.name: s for s in labels.structures}
    return tuple(n for n in dict.fromkeys(names) if labels.voxels(known[n]) > 0)


def systems_of(organ: str) -> tuple[VesselSystem, ...]:
    """The systems of an organ; none where the table knows of none."""
    return tuple(s for s in SYSTEMS if _is(organ, s.organ))


def members_of_vessel(labels: LabelMap, tissue: Iterable[str], vessel: str) -> tuple[str, ...]:
    """The structures that are one vessel with the one named; only itself where no system of an organ holds it.

    Parameters
    ----------
    tissue
        Names of the structures that the vessel is to feed or drain.
    """
    for system in (s for name in tissue for s in systems_of(name)):
        if any(_is(vessel, wanted) for wanted in system.members):
            members = system_members(labels, system)
            if vessel in members:
                return members
    return (vessel,)


def _is(name: str, wanted: str) -> bool:
    row = match(name)
    return (row.name if row is not None else name.strip().lower()) == wanted


def is_portal(organ: str, structures: Iterable[str]) -> bool:
    """Whether these structures are the inflow whose branches are named after the liver's segments."""
    portal = SYSTEMS[0]
    return _is(organ, portal.organ) and any(_is(name, wanted) for name in structures for wanted in portal.members)
