"""How well the trocars of several tool paths work together where their instruments meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..domain.geometry import Point3
from ..simulation.ellipsoid import as_point
from ..simulation.reach import GOOD_DEG, PortPair, triangulation
from .tool_path import ToolPathResult

MIN_DEPTH_MM = 1.0
"""Tips that meet in a port itself have no angle there."""
SOURCE = "Hanna et al., Surg Endosc 11:397, 1997"


@dataclass(frozen=True)
class PathPorts:
    """Two paths through trocars.

    Parameters
    ----------
    at_mm
        Where they work together: midway between the key poses at which their tips are nearest to each other, LPS.
    """

    paths: tuple[str, str]
    at_mm: Point3
    pair: PortPair


def port_pairs(results: Sequence[ToolPathResult]) -> tuple[PathPorts, ...]:
    """Every two paths that go through different trocars, the best pair first."""
    found = []
    for one, other in combinations(results, 2):
        first, second = one.path.trocar_mm, other.path.trocar_mm
        if first is None or second is None or first == second:
            continue
        place = _meeting(one, other)
        if min(np.linalg.norm(np.subtract(port, place)) for port in (first, second)) < MIN_DEPTH_MM:
            continue
        found.append(PathPorts((one.name, other.name), place, triangulation((first, second), place)[0]))
    return tuple(sorted(found, key=lambda p: -p.pair.score))


def port_pair_as_json(p: PathPorts) -> dict[str, Any]:
    """The pair's figures, unrounded."""
    return {
        "paths": list(p.paths),
        "at_mm": list(p.at_mm),
        "angle_deg": p.pair.angle_deg,
        "score": p.pair.score,
        "is_recommended": p.pair.is_good,
        "recommended_deg": list(GOOD_DEG),
        "source": SOURCE,
    }


def _meeting(one: ToolPathResult, other: ToolPathResult) -> Point3:
    a = np.array([p.tip_mm for p in one.path.poses])
    b = np.array([p.tip_mm for p in other.path.poses])
    n, m = np.unravel_index(int(np.linalg.norm(a[:, None] - b[None], axis=2).argmin()), (len(a), len(b)))
    return as_point((a[n] + b[m]) / 2.0)
