"""How much of a cut moves with the border of a target, and what that does to the volumes on either side.

A plane or a patch lies where the plan puts it. A shell is drawn from its target's surface: where that border is off by
its standard error, so is the shell, and with it the volume that it takes, even where no capsule is taken at all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cut_side import CombinedSide
from .distance_table import ShellSide
from .split import CutPoints, CutSide


def shell_areas_mm2(side: CutSide, cut: CutPoints) -> dict[str, float]:
    """Area of the cut that is drawn from each target's surface, by the target's name."""
    if isinstance(side, ShellSide):
        nearest = side.nearest(cut.points_mm)
        areas = np.bincount(nearest, cut.area_mm2, minlength=len(side.names))
        return {name: float(area) for name, area in zip(side.names, areas, strict=True) if area > 0}
    if not isinstance(side, CombinedSide) or not len(cut.points_mm):
        return {}
    found: dict[str, float] = {}
    # Each point of the cut lies on that part whose surface is nearest.
    owner = np.argmin([np.abs(part.signed(cut.points_mm)) / part.steepness for part in side.parts], axis=0)
    for n, part in enumerate(side.parts):
        own = owner == n
        piece = CutPoints(cut.points_mm[own], cut.normals[own], cut.area_mm2[own])
        for name, area in shell_areas_mm2(part, piece).items():
            found[name] = found.get(name, 0.0) + area
    return found


def cut_error_ml(side: CutSide, cut: CutPoints, error_mm: Callable[[str], float]) -> float:
    """Standard error of the volume that a cut takes, from where its shells lie; targets err each for itself.

    Parameters
    ----------
    error_mm
        Standard error of a target's border.
    """
    moved = [area * error_mm(name) for name, area in shell_areas_mm2(side, cut).items()]
    return float(np.linalg.norm(moved)) / 1000.0 if moved else 0.0
