"""Vessels that branch: every branch bends a little, tapers, and ends in two thinner ones (Murray's law for radii)."""

from __future__ import annotations

import numpy as np

from .shapes import Capsule, Vector, bent_tube

MIN_RADIUS_MM = 0.7
MURRAY = 3.0
"""r_parent^3 = r_a^3 + r_b^3 (Murray, PNAS 1926)."""
SHORTER = 0.72
"""Length of a branch relative to its parent's."""
BEND = 0.10
"""How far a branch bows to the side, relative to its length."""


def grow(
    rng: np.random.Generator,
    start: Vector,
    end: Vector,
    radius_mm: float,
    generations: int,
    *,
    spread_degrees: float = 38.0,
) -> list[Capsule]:
    """A branch from `start` to `end` and `generations` of branches beyond it."""
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    length = float(np.linalg.norm(b - a))
    if radius_mm < MIN_RADIUS_MM or length < 1.0:
        return []
    middle = (a + b) / 2 + rng.normal(0, BEND * length, 3)
    share = rng.uniform(0.35, 0.65)
    radii = (radius_mm * share ** (1 / MURRAY), radius_mm * (1 - share) ** (1 / MURRAY))
    last = max(radii)
    points = [tuple(p.tolist()) for p in (a, middle, b)]
    pieces = list(bent_tube(points, [radius_mm, (radius_mm + last) / 2, last], step_mm=7.0))
    if generations <= 0:
        return pieces
    forward = (b - middle) / max(float(np.linalg.norm(b - middle)), 1e-6)
    aside = np.cross(forward, rng.normal(size=3))
    aside /= max(float(np.linalg.norm(aside)), 1e-6)
    for sign, radius in zip((1, -1), radii, strict=True):
        angle = np.radians(spread_degrees * rng.uniform(0.6, 1.2))
        heading = np.cos(angle) * forward + sign * np.sin(angle) * aside
        reach = b + heading * length * SHORTER * rng.uniform(0.8, 1.15)
        pieces += grow(
            rng, tuple(b.tolist()), tuple(reach.tolist()), radius, generations - 1, spread_degrees=spread_degrees
        )
    return pieces
