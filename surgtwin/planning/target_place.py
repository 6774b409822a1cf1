"""What holds a target: a tumour, the organ around it, and how much of the organ's own tissue lies before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..domain.geometry import FloatArray
from ..domain.labels import Structure
from ..domain.structure_rows import ABNORMAL
from ..domain.twin import Twin
from ..mesh.surface_distance import SurfaceDistance, vertex_areas
from .crossing import Crossing
from .structure_roles import is_wrapping

NEXT_TO_MM = 2.0
"""An organ whose piece of the way ends this close before a tumour is the one that the tumour lies in."""

LONG = 1.3
"""A shape that is this many times longer than wide has a long axis."""


@dataclass(frozen=True)
class TargetPlace:
    """What a way ends in.

    Parameters
    ----------
    holders
        Every structure that holds the target, wrappings left out.
    lesion
        The innermost of them that is abnormal or a part of another; empty if there is none.
    organ
        The organ around it; empty if the target lies in none.
    """

    holders: tuple[str, ...]
    lesion: str
    organ: str


def target_place(twin: Twin, crossed: tuple[Crossing, ...], length_mm: float) -> TargetPlace:
    """What the end of a way lies in, told by what it crosses."""
    known = {s.name: s for s in twin.structures}
    ending = [c.structure for c in crossed if c.exit_depth_mm >= length_mm]
    held = sorted((known[n] for n in dict.fromkeys(ending) if not is_wrapping(known[n])), key=twin.labels.voxels)
    lesion = next((s for s in held if _is_lesion(s, known)), None)
    if lesion is None:
        return TargetPlace(tuple(s.name for s in held), "", held[0].name if held else "")
    organ = _whole(lesion, known)
    if not organ:
        others = [s.name for s in held if s is not lesion]
        organ = others[0] if others else _before(lesion.name, crossed, known)
    return TargetPlace(tuple(s.name for s in held), lesion.name, organ)


def bridge_mm(place: TargetPlace, crossed: tuple[Crossing, ...], length_mm: float) -> float | None:
    """How much of the organ's own tissue the way passes before it reaches the lesion (else the target).

    None if the target lies in no organ.
    """
    if not place.organ:
        return None
    lesion = [c.entry_depth_mm for c in crossed if c.structure == place.lesion]
    end = min(lesion) if lesion else length_mm
    return sum(max(min(c.exit_depth_mm, end) - c.entry_depth_mm, 0.0) for c in crossed if c.structure == place.organ)


def first_capsule(place: TargetPlace, crossed: tuple[Crossing, ...]) -> Crossing | None:
    """Where the way first enters the organ or the lesion in it."""
    wanted = {place.organ, place.lesion} - {""}
    return min((c for c in crossed if c.structure in wanted), key=lambda c: c.entry_depth_mm, default=None)


def off_axis_deg(surface: SurfaceDistance, direction: FloatArray) -> float | None:
    """The angle, 0 to 90 degrees, between a way and the long axis of a shape; None if it is about as long as wide."""
    vertices, areas = surface.mesh.vertices_mm, vertex_areas(surface.mesh)
    offset = vertices - np.average(vertices, axis=0, weights=areas)
    spread, axes = np.linalg.eigh(np.einsum("n,na,nb->ab", areas, offset, offset))
    if spread[2] < LONG**2 * spread[1]:
        return None
    return float(np.degrees(np.arccos(min(abs(float(axes[:, 2] @ direction)), 1.0))))


def _is_lesion(structure: Structure, known: dict[str, Structure]) -> bool:
    is_part = structure.part_of in known and not is_wrapping(known[structure.part_of])
    return is_part or (structure.code is not None and structure.code.value in ABNORMAL)


def _whole(structure: Structure, known: dict[str, Structure]) -> str:
    """The name of what a structure is in the end a part of, wrappings left out, or empty."""
    seen, whole = {structure.name}, ""
    part_of = structure.part_of
    while part_of in known and part_of not in seen and not is_wrapping(known[part_of]):
        seen.add(part_of)
        whole, part_of = part_of, known[part_of].part_of
    return whole


def _before(lesion: str, crossed: tuple[Crossing, ...], known: dict[str, Structure]) -> str:
    entry = min(c.entry_depth_mm for c in crossed if c.structure == lesion)
    near = [
        c
        for c in crossed
        if c.structure != lesion
        and not is_wrapping(known[c.structure])
        and c.entry_depth_mm < entry
        and c.exit_depth_mm > entry - NEXT_TO_MM
    ]
    return max(near, key=lambda c: c.exit_depth_mm).structure if near else ""
