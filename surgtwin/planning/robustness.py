"""How often a needle would break a limit, were it placed with the errors that needles are placed with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.trajectory import Trajectory
from ..mesh.surface_distance import SurfaceDistance
from .line_distance import Clearance
from .needle_line import NeedleLine
from .needle_settings import NeedleSettings, PlacementNoise

STEP_MM = 1.0
LOOKED_AT = 3
"""Depths of each displaced needle whose distance is computed: those where the displacement brings it nearest."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Robustness:
    """The chance that a needle placed with errors breaks one of its distances.

    Parameters
    ----------
    probability, standard_error
        Share of the simulated needles that break any, and the binomial standard error of it.
    upper
        The probability is smaller than this with 95 % confidence (Clopper-Pearson): no needle of 1000 is not never.
    by_structure
        The share for each structure by itself.
    """

    probability: float
    standard_error: float
    upper: float
    samples: int
    noise: PlacementNoise
    by_structure: tuple[tuple[str, float], ...]


def placement_robustness(
    trajectory: Trajectory,
    kept_clear: tuple[Clearance, ...],
    surfaces: dict[str, SurfaceDistance],
    settings: NeedleSettings,
) -> Robustness | None:
    """Simulated placements of a needle against the structures it is to keep clear of; None if there are none."""
    if not kept_clear or not settings.samples:
        return None
    line = NeedleLine.of(trajectory)
    depths = np.linspace(0.0, line.length_mm, int(np.ceil(line.length_mm / STEP_MM)) + 1)
    moved = _displacements(depths / line.length_mm, settings)
    broken = {}
    for clearance in kept_clear:
        needed = trajectory.tool.radius_mm + (clearance.needed_mm or 0.0)
        surface = surfaces[clearance.structure]
        if clearance.min_mm + trajectory.tool.radius_mm - np.linalg.norm(moved, axis=2).max() >= needed:
            broken[clearance.structure] = np.zeros(settings.samples, dtype=bool)
        else:
            broken[clearance.structure] = _broken(surface, line.points(depths), moved, needed)
    return _counted(broken, settings)


def _displacements(share: FloatArray, settings: NeedleSettings) -> FloatArray:
    """(samples, depths, 3) how far each simulated needle's axis lies off the planned one, mm."""
    random = np.random.default_rng(settings.seed)
    entry = random.normal(0.0, 1.0, (settings.samples, 1, 3)) * settings.noise.entry_sd_mm
    tip = random.normal(0.0, 1.0, (settings.samples, 1, 3)) * settings.noise.tip_sd_mm
    return np.asarray((1.0 - share)[None, :, None] * entry + share[None, :, None] * tip)


def _broken(surface: SurfaceDistance, axis: FloatArray, moved: FloatArray, needed_mm: float) -> NDArray[np.bool_]:
    """(samples,) whether a displaced axis comes nearer to the surface than is needed.

    A displacement changes no distance by more than its length: only needles that this leaves open are computed.
    """
    nearest = surface.nearest(axis)
    distance, length = nearest.distance_mm, np.linalg.norm(moved, axis=2)
    broken = np.asarray((distance + length < needed_mm).any(1))
    open_rows = np.flatnonzero(~broken & (distance - length < needed_mm).any(1))
    if not len(open_rows):
        return broken
    away = np.copysign(1.0, distance)[:, None] * (axis - nearest.points_mm)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    expected = distance + np.einsum("ndc,dc->nd", moved[open_rows], away)
    where = np.argpartition(expected, min(LOOKED_AT, len(axis)) - 1, axis=1)[:, :LOOKED_AT]
    points = axis[where] + moved[open_rows[:, None], where]
    found = surface.at(points.reshape(-1, 3)).reshape(where.shape)
    broken[open_rows] = (found < needed_mm).any(1)
    return broken


def _counted(broken: dict[str, NDArray[np.bool_]], settings: NeedleSettings) -> Robustness:
    from scipy.special import betaincinv

    samples = settings.samples
    count = int(np.any(list(broken.values()), axis=0).sum())
    p = count / samples
    upper = 1.0 if count == samples else float(betaincinv(count + 1, samples - count, CONFIDENCE))
    return Robustness(
        probability=p,
        standard_error=math.sqrt(p * (1.0 - p) / samples),
        upper=upper,
        samples=samples,
        noise=settings.noise,
        by_structure=tuple((name, float(rows.mean())) for name, rows in broken.items()),
    )
