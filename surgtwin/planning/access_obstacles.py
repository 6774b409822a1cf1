"""How near straight ways from one target come to everything that must be kept clear."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from ..mesh.surface_samples import SurfaceSamples, surface_samples

SAMPLE_STEP_MM = 1.3
THREADS = 2
LEAST_STEP_MM = 1.0
STEP_SHARE = 0.6
"""A step takes this share of the distance to the nearest surface: along one, the distance falls by 5 % at most."""
LEAST_SHARE = 1e-3
FAR_MM = 40.0
"""Surfaces farther off than this are not looked for: the clearance is at least that."""


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Points on the surfaces of those structures that need the same clearance.

    Parameters
    ----------
    needed_mm
        Clearance from the tool's surface.
    owner
        (M,) which structure each point belongs to.
    error_mm
        No place of the surfaces is farther from a point.
    """

    needed_mm: float
    tree: cKDTree
    owner: NDArray[np.int32]
    error_mm: float


@dataclass(frozen=True, eq=False)
class Nearness:
    """How near ways come, one row a way.

    Parameters
    ----------
    slack_mm
        The least of clearance minus what is needed; surely not less, whatever lies between the points.
    clearance_mm, nearest
        The clearance there, surely not less, and the structure's number; -1 where none is within reach.
    scaled_mm
        The least slack when every place's is divided by its share of the way from the skin: what a tip may stray.
    """

    slack_mm: FloatArray
    clearance_mm: FloatArray
    nearest: NDArray[np.int32]
    scaled_mm: FloatArray


def gather_obstacles(
    meshes: Callable[[str], OrganMesh], needed_mm: dict[str, float], centre_mm: FloatArray, reach_mm: float
) -> tuple[Obstacles, ...]:
    """The obstacles within reach of a place, by the clearance they need. The structures' numbers are their order."""
    names = list(needed_mm)

    def sample(name: str) -> SurfaceSamples:
        return _sampled(meshes(name), centre_mm, reach_mm + needed_mm[name] + FAR_MM / 4.0)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="access") as pool:
        sampled = dict(zip(names, pool.map(sample, names), strict=True))
        groups = [
            [n for n in names if needed_mm[n] == needed and len(sampled[n].points_mm)]
            for needed in sorted(set(needed_mm.values()))
        ]
        made = pool.map(lambda g: _group(g, names, sampled, needed_mm), [g for g in groups if g])
        return tuple(made)


def _group(
    members: list[str], names: list[str], sampled: dict[str, SurfaceSamples], needed_mm: dict[str, float]
) -> Obstacles:
    points = np.concatenate([sampled[n].points_mm for n in members])
    owner = np.concatenate([np.full(len(sampled[n].points_mm), names.index(n), dtype=np.int32) for n in members])
    tree = cKDTree(points, leafsize=24, balanced_tree=False, compact_nodes=False)
    return Obstacles(needed_mm[members[0]], tree, owner, max(sampled[n].radius_mm for n in members))


def _sampled(mesh: OrganMesh, centre_mm: FloatArray, reach_mm: float) -> SurfaceSamples:
    offset = mesh.vertices_mm - centre_mm
    near = np.einsum("nc,nc->n", offset, offset) <= reach_mm * reach_mm
    if not near.any():
        return surface_samples(mesh.vertices_mm, mesh.triangles[:0], SAMPLE_STEP_MM)
    corners = near[mesh.triangles]
    return surface_samples(
        mesh.vertices_mm, mesh.triangles[corners[:, 0] | corners[:, 1] | corners[:, 2]], SAMPLE_STEP_MM
    )


def walk_clear(
    obstacles: tuple[Obstacles, ...],
    target_mm: FloatArray,
    directions: FloatArray,
    length_mm: FloatArray,
    radius_mm: float,
) -> Nearness:
    """How near a tool of a radius comes to obstacles on ways of a length from the target; (N,) each.

    A way is followed no further once it is surely blocked.
    """
    count = len(directions)
    found = Nearness(
        np.full(count, np.inf), np.full(count, FAR_MM), np.full(count, -1, dtype=np.int32), np.full(count, np.inf)
    )
    depth, step, rows = np.zeros(count), np.zeros(count), np.arange(count)
    before = [np.full(count, FAR_MM) for _ in obstacles]
    share = np.ones(count)
    while len(rows):
        points = target_mm + depth[rows, None] * directions[rows]
        met = [g.tree.query(points, distance_upper_bound=FAR_MM, workers=-1) for g in obstacles]
        blocked = np.zeros(len(rows), dtype=bool)
        closest = np.full(len(rows), FAR_MM)
        for group, last, (away, which) in zip(obstacles, before, met, strict=True):
            surely = np.clip(away - group.error_mm, 0.0, FAR_MM)
            between = _least_between(last[rows], surely, step[rows]) - radius_mm
            _note(found, rows, between, which, group, share[rows])
            last[rows] = surely
            blocked |= away - radius_mm < group.needed_mm
            closest = np.minimum(closest, away)
        left_mm = length_mm[rows] - depth[rows]
        share[rows] = left_mm / np.maximum(length_mm[rows], 1e-9)
        step[rows] = np.minimum(np.maximum(STEP_SHARE * closest, LEAST_STEP_MM), left_mm)
        depth[rows] += step[rows]
        rows = rows[~blocked & (left_mm > 0)]
    return found


def _note(
    found: Nearness,
    rows: NDArray[np.intp],
    surely_mm: FloatArray,
    which: NDArray[np.intp],
    group: Obstacles,
    share: FloatArray,
) -> None:
    """Keep the least that was found on each way so far. `share`: how much of the tip's straying is felt there."""
    slack = surely_mm - group.needed_mm
    better = (slack < found.slack_mm[rows]) & (which < len(group.owner))
    some = rows[better]
    found.slack_mm[some], found.clearance_mm[some] = slack[better], surely_mm[better]
    found.nearest[some] = group.owner[which[better]]
    found.scaled_mm[rows] = np.minimum(found.scaled_mm[rows], slack / np.maximum(share, LEAST_SHARE))


def _least_between(before: FloatArray, here: FloatArray, step_mm: FloatArray) -> FloatArray:
    """No place between two that are a step apart is nearer to a surface, given that those are at least so far from it.

    A distance falls by no more than the way gone, and its square by no more than a quarter of the step's square.
    """
    by_slope = (before + here - step_mm) / 2.0
    nearer = np.minimum(before, here)
    by_square = np.sqrt(np.maximum(nearer**2 - step_mm**2 / 4.0, 0.0))
    return np.minimum(np.maximum(by_slope, by_square), nearer)
