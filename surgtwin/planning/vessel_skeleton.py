"""From a vessel's mask to pieces of middle line, sub-voxel: the field of its wall, thinning, courses and radii."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import fill_voids
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, Grid
from ..imaging.centreline import Branch, branches_of, skeleton_of
from ..imaging.vesselness import isotropic_grid

Mask = NDArray[np.bool_]
FINEST_MM = 0.4
MOST_VOXELS = 40_000_000
"""Cubes are made as fine as the voxels, but not more of them than this."""
TOUCH = 0.25
"""Share of a cube by which the mask is swollen before it is thinned: voxels that meet at an edge stay together."""
RING = 1.5
"""The wall around a point of the middle line is no further than this many times its nearest place."""
SLAB_MM = 1.0
SMOOTHING = 2.0
"""Standard deviation, in points, of the Gaussian that smooths a course."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of middle line between two nodes: (N, 3) LPS mm and its radii (N,)."""

    nodes: tuple[int, int]
    points_mm: FloatArray
    radius_mm: FloatArray

    @property
    def length_mm(self) -> float:
        return float(np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1).sum())

    def turned(self) -> Piece:
        """The same piece from its other end."""
        return Piece((self.nodes[1], self.nodes[0]), self.points_mm[::-1], self.radius_mm[::-1])


@dataclass(frozen=True, eq=False)
class Wall:
    """The signed distance from a vessel's wall, positive inside, on cubes.

    Parameters
    ----------
    depth_mm
        [k, j, i] float32 on `grid`.
    """

    grid: Grid
    depth_mm: NDArray[np.float32]

    @property
    def step_mm(self) -> float:
        return self.grid.spacing[0]

    @cached_property
    def points_mm(self) -> FloatArray:
        """(M, 3) LPS: where the wall passes between neighbouring cubes."""
        found = []
        for axis in range(3):
            low = [slice(None)] * 3
            high = [slice(None)] * 3
            low[axis], high[axis] = slice(0, -1), slice(1, None)
            a, b = self.depth_mm[tuple(low)], self.depth_mm[tuple(high)]
            where = np.nonzero((a > 0) != (b > 0))
            kji = np.stack(where, 1).astype(np.float64)
            kji[:, axis] += a[where] / (a[where] - b[where])
            found.append(kji)
        return self.grid.to_lps(np.concatenate(found)[:, ::-1])

    @cached_property
    def tree(self) -> cKDTree:
        return cKDTree(self.points_mm)

    def depth_at(self, points_mm: FloatArray) -> FloatArray:
        """Depth (N,) at LPS points, interpolated; far outside it stays what it is at the edge."""
        ijk = self.grid.to_ijk(points_mm)
        return np.asarray(ndimage.map_coordinates(self.depth_mm, ijk[:, ::-1].T, order=1, mode="nearest"))

    def ring(self, points_mm: FloatArray, along: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Radii (N,) of the vessel across its course, and how far aside (N, 3) its middle lies.

        Parameters
        ----------
        along
            (N, 3) unit direction of the course.
        """
        nearest, _ = self.tree.query(points_mm)
        reach = np.maximum(RING * nearest, nearest + 2 * self.step_mm)
        slab = max(SLAB_MM, self.step_mm)
        radius, aside = np.empty(len(points_mm)), np.zeros((len(points_mm), 3))
        around = self.tree.query_ball_point(points_mm, np.hypot(reach, slab), return_sorted=True)
        for n, (point, u) in enumerate(zip(points_mm, along, strict=True)):
            offset = self.points_mm[around[n]] - point
            offset = offset[np.abs(offset @ u) <= slab]
            across = offset - (offset @ u)[:, None] * u
            far = np.linalg.norm(across, axis=1)
            near = far <= reach[n]
            radius[n] = np.sqrt((far[near] ** 2).mean()) if near.any() else nearest[n]
            aside[n] = _middle_of_ring(across[near], far[near]) if near.any() else 0.0
        return radius, aside


def _middle_of_ring(across: FloatArray, far: FloatArray) -> FloatArray:
    """How far aside a ring's middle lies: a wall point d aside is cos(angle) * d nearer, seen over the whole ring."""
    outward = across / np.maximum(far, 1e-9)[:, None]
    # Least squares of far = r + outward . shift; directions in which the ring has no points are left alone.
    system = np.concatenate((np.ones((len(far), 1)), outward), axis=1)
    return np.asarray(np.linalg.lstsq(system, far, rcond=1e-3)[0][1:])


def wall_of(mask: Mask, grid: Grid) -> Wall:
    """The wall of a mask [k, j, i] that has at least one voxel, between the voxels' centres."""
    import edt

    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    low = [max(0, s.start - 3) for s in box]
    part = mask[tuple(slice(start, s.stop + 3) for start, s in zip(low, box, strict=True))]
    part = np.pad(fill_voids.fill(part), 2)
    spacing = grid.spacing[::-1]
    depth = edt.edt(part, anisotropy=spacing) - edt.edt(~part, anisotropy=spacing)
    step = max(FINEST_MM, min(grid.spacing))
    cubes = isotropic_grid(grid, mask, step, 3 * step)
    count = float(np.prod(cubes.shape, dtype=np.float64))
    if count > MOST_VOXELS:
        step *= (count / MOST_VOXELS) ** (1 / 3)
        cubes = isotropic_grid(grid, mask, step, 3 * step)
    voxel_from_cube = grid.ijk_from_lps @ cubes.lps_from_ijk
    first = np.array(low, dtype=np.float64) - 2
    values = ndimage.affine_transform(
        depth.astype(np.float32),
        voxel_from_cube[:3, :3][::-1, ::-1],
        voxel_from_cube[:3, 3][::-1] - first,
        cubes.shape,
        order=1,
        mode="nearest",
    )
    return Wall(cubes, values)


def pieces_of(wall: Wall) -> list[Piece]:
    """The pieces of middle line of a vessel, in an order that depends on its mask alone; radii are the ball's."""
    import edt

    inside = wall.depth_mm > -TOUCH * wall.step_mm
    ball = edt.edt(inside, anisotropy=(wall.step_mm,) * 3)
    found = branches_of(skeleton_of(inside), ball, wall.step_mm)
    pieces = [_piece(wall, branch) for branch in found]
    return [_closed(p, wall.step_mm, found) for p in pieces]


def _piece(wall: Wall, branch: Branch) -> Piece:
    kji = branch.points / wall.step_mm
    if len(kji) == 1:
        # A ball thins to one voxel; half a cube to both sides gives the line a direction.
        kji = kji[0] + np.array([[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]])
    points = wall.grid.to_lps(kji[:, ::-1])
    radius, _ = wall.tree.query(points)
    return Piece(branch.nodes, points, np.asarray(radius))


def _closed(piece: Piece, step_mm: float, branches: list[Branch]) -> Piece:
    """A ring was opened between two neighbouring voxels; its ends are one node again."""
    gap = float(np.linalg.norm(piece.points_mm[0] - piece.points_mm[-1]))
    free = sum(n in b.nodes for b in branches for n in set(piece.nodes)) == 2
    if not free or gap > 2 * step_mm or piece.length_mm < 6 * step_mm:
        return piece
    points = np.concatenate((piece.points_mm, piece.points_mm[:1]))
    return Piece((piece.nodes[0],) * 2, points, np.concatenate((piece.radius_mm, piece.radius_mm[:1])))


def settled(piece: Piece, wall: Wall, node_radius_mm: tuple[float, float]) -> Piece:
    """The piece moved to the middle of its vessel, smooth, with the radius across its course.

    Parameters
    ----------
    node_radius_mm
        Of the forks at both ends, 0 at an open end: so near to a fork the vessel has no wall of its own, and keeps
        the radius that it has further on.
    """
    points = _even(piece.points_mm, wall.step_mm)
    for _ in range(2):
        _, aside = wall.ring(points, directions(points))
        own = _outside_forks(points, node_radius_mm)
        limit = 0.5 * wall.step_mm + 0.25 * np.linalg.norm(aside, axis=1)
        length = np.maximum(np.linalg.norm(aside, axis=1), 1e-9)
        points = points + np.where(own, np.minimum(1.0, limit / length), 0.0)[:, None] * aside
        points = _smooth(points)
    radius, _ = wall.ring(points, directions(points))
    own = _outside_forks(points, node_radius_mm)
    if own.any():
        at = np.flatnonzero(own)
        radius = np.interp(np.arange(len(points)), at, radius[at])
    return replace(piece, points_mm=points, radius_mm=radius)


def _outside_forks(points: FloatArray, node_radius_mm: tuple[float, float]) -> Mask:
    """The points outside the balls of the forks, never the first or the last."""
    own = np.linalg.norm(points - points[0], axis=1) > node_radius_mm[0]
    own &= np.linalg.norm(points - points[-1], axis=1) > node_radius_mm[1]
    own[[0, -1]] = False
    return np.asarray(own)


def directions(points: FloatArray) -> FloatArray:
    """(N, 3) unit direction of a course at each of its points, over some points to both sides."""
    n = np.arange(len(points))
    step = points[np.minimum(n + 3, len(points) - 1)] - points[np.maximum(n - 3, 0)]
    length = np.linalg.norm(step, axis=1, keepdims=True)
    return np.asarray(np.where(length > 0, step / np.where(length > 0, length, 1.0), [[0.0, 0.0, 1.0]]))


def _even(points: FloatArray, step_mm: float) -> FloatArray:
    """The same course with points at even distances of about a step."""
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    count = max(2, round(along[-1] / step_mm) + 1)
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, axis]) for axis in range(3)], 1)


def _smooth(points: FloatArray) -> FloatArray:
    """The course without its wiggles; both ends stay, and the line is not drawn together."""
    if len(points) < 5:
        return points
    line = np.linspace(0.0, 1.0, len(points))[:, None] * (points[-1] - points[0]) + points[0]
    # Mirrored with its sign turned, what deviates from the chord runs on smoothly beyond both ends.
    away = points - line
    beyond = min(len(points) - 1, int(4 * SMOOTHING))
    longer = np.concatenate((-away[beyond:0:-1], away, -away[-2 : -beyond - 2 : -1]))
    smooth = ndimage.gaussian_filter1d(longer, SMOOTHING, axis=0)
    return np.asarray(line + smooth[beyond : beyond + len(points)])
