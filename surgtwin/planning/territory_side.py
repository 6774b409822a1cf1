"""The border of what branches feed or drain, as a cut: positive where one of them is nearer than any other branch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.cut import TerritoryCut, TerritoryMethod
from ..domain.geometry import FloatArray
from ..errors import PlanError
from .geodesic import WaysInside, ways_inside
from .nearest_line import LineSamples, group_distances
from .organ_vessel import OrganVessel
from .split import CutSide
from .tissue import Tissue


@dataclass(frozen=True, eq=False)
class TerritorySide:
    """How much nearer the chosen branches (group 0) are than the others (group 1)."""

    lines: LineSamples
    is_weighted: bool

    @property
    def steepness(self) -> float:
        # Each of the two distances changes by at most 1 per mm.
        return 2.0

    def signed(self, points_mm: FloatArray) -> FloatArray:
        away = group_distances(points_mm, self.lines, is_weighted=self.is_weighted)
        return np.asarray(away[:, 1] - away[:, 0])


@dataclass(frozen=True, eq=False)
class GeodesicSide:
    """The same by the way inside the organ."""

    ways: WaysInside

    @property
    def steepness(self) -> float:
        # Interpolated between cubes a front's slope along a diagonal may exceed 1 per mm by this much.
        return 2.0 * float(np.sqrt(3.0))

    def signed(self, points_mm: FloatArray) -> FloatArray:
        away = self.ways.at(points_mm)
        return np.asarray(away[:, 1] - away[:, 0])


def territory_side(cut: TerritoryCut, vessel: OrganVessel, tissue: Tissue, vessel_mask: NDArray[np.bool_]) -> CutSide:
    """The side function of a cut along the border of a territory.

    Raises
    ------
    PlanError
        If there is no such branch, or the organ lies wholly inside or outside its territory.
    """
    chosen = vessel.graph.downstream(cut.branches)
    rest = frozenset(range(len(vessel.graph.edges))) - chosen
    named = ", ".join(f"'{b}'" for b in cut.branches)
    if not vessel.has_inside(chosen):
        raise PlanError(f"no part of {named} runs inside the organ; choose other branches.", "branches")
    if not vessel.has_inside(rest):
        raise PlanError(
            f"{named} and what hangs on it is all of '{vessel.graph.vessel}' inside the organ: there is no border. "
            "Choose branches further out.",
            "branches",
        )
    lines = vessel.grouped((chosen, rest))
    if cut.method is TerritoryMethod.GEODESIC:
        return GeodesicSide(ways_inside(tissue, vessel_mask, lines))
    return TerritorySide(lines, cut.method is TerritoryMethod.RADIUS_WEIGHTED)
