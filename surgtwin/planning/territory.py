"""What each branch of a vessel feeds or drains: an organ shared out among branches, and how sure the borders are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.cut import TerritoryMethod
from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from ..errors import PlanError
from .geodesic import ways_inside
from .nearest_line import LineSamples, Nearest, nearest_groups
from .organ_vessel import OrganVessel
from .tissue import Tissue

OTHERS = "others"
"""What hangs on none of the branches that were asked for."""


@dataclass(frozen=True)
class Territory:
    """What one branch and all that hangs on it feeds or drains.

    Parameters
    ----------
    error_ml
        Change of the volume when the organ's border moves by its standard error.
    ambiguous_ml
        Of it, what is so nearly as close to another branch that it may belong there.
    """

    name: str
    ml: float
    error_ml: float
    ambiguous_ml: float
    edges: frozenset[int]


@dataclass(frozen=True, eq=False)
class Territories:
    """An organ's tissue shared out; the volumes add up to the organ's exactly.

    Parameters
    ----------
    index
        (N,) for each voxel of the tissue, the number of its territory.
    gap_mm
        (N,) float32: how much farther the next territory's branches are; infinite where surely more than the band.
    ambiguity_mm
        Width of the band: tissue with a smaller gap is called ambiguous.
    ambiguous_ml
        All of it.
    """

    tissue: Tissue
    vessel: OrganVessel
    method: TerritoryMethod
    parts: tuple[Territory, ...]
    index: NDArray[np.int16]
    gap_mm: NDArray[np.float32]
    ambiguity_mm: float
    ambiguous_ml: float

    def share_of(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """mL of some of the tissue's voxels (N,) in each territory that holds any of them, the most first."""
        count = np.bincount(self.index[chosen], minlength=len(self.parts)) * self.tissue.grid.voxel_volume_ml
        return {self.parts[n].name: float(count[n]) for n in np.argsort(-count, kind="stable") if count[n] > 0}


def share_out(
    tissue: Tissue,
    vessel: OrganVessel,
    branches: Sequence[str],
    vessel_mask: NDArray[np.bool_],
    *,
    method: TerritoryMethod = TerritoryMethod.NEAREST,
    ambiguity_mm: float,
    mesh: OrganMesh | None = None,
    border_mm: float = 0.0,
) -> Territories:
    """Share an organ out among branches, each standing for all that hangs on it and on no other of them.

    Parameters
    ----------
    branches
        Of one that hangs on another, only the rest stays with the other. What hangs on none is called "others".
    mesh, border_mm
        The organ's surface and the standard error of its border, for the volumes' errors.

    Raises
    ------
    PlanError
        If there is no such branch, or none of them runs in the organ.
    """
    names, groups = _groups(vessel, branches)
    lines = vessel.grouped(groups)
    find = _finder(tissue, lines, vessel_mask, method, ambiguity_mm)
    found = find(tissue.points_mm(), tissue.block_start)
    ml = tissue.grid.voxel_volume_ml
    count = np.bincount(found.group, minlength=len(names))
    unsure = found.gap_mm < ambiguity_mm
    doubtful = np.bincount(found.group[unsure], minlength=len(names))
    area = np.zeros(len(names)) if mesh is None else _areas_mm2(mesh, find, len(names))
    parts = tuple(
        Territory(name, int(count[n]) * ml, float(area[n]) * border_mm / 1000.0, int(doubtful[n]) * ml, groups[n])
        for n, name in enumerate(names)
    )
    return Territories(
        tissue, vessel, method, parts, found.group.astype(np.int16), found.gap_mm.astype(np.float32),
        ambiguity_mm, int(unsure.sum()) * ml,
    )  # fmt: skip


def _groups(vessel: OrganVessel, branches: Sequence[str]) -> tuple[list[str], list[frozenset[int]]]:
    """Names and edges of the territories that have a stretch inside the organ."""
    graph = vessel.graph
    if not branches:
        raise PlanError("territories need at least one branch.", "branches")
    whole = [graph.downstream((b,), "branches") for b in branches]
    # The deepest branch has the smallest set; what is left of the larger ones stays with them.
    owner: dict[int, int] = {}
    for n in sorted(range(len(branches)), key=lambda m: -len(whole[m])):
        owner.update(dict.fromkeys(whole[n], n))
    groups = [frozenset(e for e, o in owner.items() if o == n) for n in range(len(branches))]
    names, kept = list(branches), groups
    rest = frozenset(range(len(graph.edges))) - frozenset(owner)
    names, kept = [*names, OTHERS], [*kept, rest]
    inside = [n for n, edges in enumerate(kept) if vessel.has_inside(edges)]
    if not any(n < len(branches) for n in inside):
        raise PlanError("none of these branches runs inside the organ; choose others.", "branches")
    return [names[n] for n in inside], [kept[n] for n in inside]


def _finder(
    tissue: Tissue, lines: LineSamples, vessel: NDArray[np.bool_], method: TerritoryMethod, closest_mm: float
) -> Callable[[FloatArray, NDArray[np.int64] | None], Nearest]:
    """What gives the nearest group to points (N, 3), sorted into cells or not."""
    if method is not TerritoryMethod.GEODESIC:
        is_weighted = method is TerritoryMethod.RADIUS_WEIGHTED
        return lambda points, cells: nearest_groups(
            points, lines, is_weighted=is_weighted, closest_mm=closest_mm, cells=cells
        )
    ways = ways_inside(tissue, vessel, lines)
    return lambda points, _: _least(ways.at(points))


def _least(away: FloatArray) -> Nearest:
    """The nearest of groups whose distances (N, groups) are all known."""
    group = away.argmin(1)
    nearest = away[np.arange(len(away)), group]
    if away.shape[1] == 1:
        return Nearest(group, nearest, np.full(len(away), np.inf))
    return Nearest(group, nearest, np.partition(away, 1, axis=1)[:, 1] - nearest)


def _areas_mm2(
    mesh: OrganMesh, find: Callable[[FloatArray, NDArray[np.int64] | None], Nearest], groups: int
) -> FloatArray:
    """Area of the organ's own surface in each territory."""
    corners = mesh.vertices_mm[mesh.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2.0
    sums = np.bincount(find(corners.mean(1), None).group, weights=area, minlength=groups)
    return np.asarray(sums, dtype=np.float64)
