"""Where straight ways from a target come out through the skin, and what they pass, read off the labels themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap, Structure

CHUNK = 1250
"""Directions walked along at a time; a few of them per thread."""
THREADS = 2
BISECTIONS = 6
CLEAR_OF_SKIN_MM = 4.0
SPHERE_POINTS = 400
SPHERE_MM = 10.0


@dataclass(frozen=True, eq=False)
class Ways:
    """What straight ways of one length from a target pass, one row a direction.

    Parameters
    ----------
    step_mm
        Between places that are looked at.
    length_mm
        (N,) from the target to the skin; NaN where the way does not come out.
    leaves_scan
        (N,) the way leaves the image before it comes out.
    body_again
        (N,) beyond the skin the tool would enter the body once more.
    met_mm
        (N, S) how much of the way to the skin lies in each of the structures that were asked for.
    """

    step_mm: float
    length_mm: FloatArray
    leaves_scan: NDArray[np.bool_]
    body_again: NDArray[np.bool_]
    met_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Inside:
    """Whether places lie in the body: in its label, or in any structure of the layer that it shares."""

    labels: LabelMap
    body: Structure

    def at(self, kji: tuple[NDArray[np.intp], ...]) -> NDArray[np.bool_]:
        """Of voxels, given as three arrays of indices inside the grid."""
        found = self.labels.layers[self.body.layer][kji] != 0
        if self.body.layer != 0:
            found |= self.labels.layers[0][kji] != 0
        return np.asarray(found)

    def around(self, points_mm: FloatArray) -> FloatArray:
        """(N,) 0..1 by trilinear interpolation between voxels; 0 outside the grid."""
        grid = self.labels.grid
        ijk = grid.to_ijk(points_mm)
        low = np.floor(ijk).astype(np.intp)
        part = ijk - low
        total = np.zeros(len(points_mm))
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1.0 - part), axis=1)
            index, is_there = _voxels(low + np.array(corner), grid)
            total += weight * (self.at(index) & is_there)
        return total

    def nearest(self, ijk: FloatArray) -> NDArray[np.bool_]:
        """Of the voxels nearest to fractional indices (..., 3) given as (i, j, k); False outside the grid."""
        index, is_there = _voxels(np.rint(ijk).astype(np.intp), self.labels.grid)
        return np.asarray(self.at(index) & is_there)


def walk(
    inside: Inside,
    target_mm: FloatArray,
    directions: FloatArray,
    reach_mm: float,
    structures: tuple[Structure, ...],
) -> Ways:
    """Walk from a target along unit directions (N, 3) as far as the tool reaches, half the finest spacing at a time."""
    step = float(np.clip(min(inside.labels.grid.spacing), 0.5, 1.0))
    depths = np.arange(0.0, reach_mm + step, step)
    parts = [slice(n, n + CHUNK) for n in range(0, len(directions), CHUNK)]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="access") as pool:
        walked = list(pool.map(lambda p: _walk(inside, target_mm, directions[p], depths, structures), parts))
    length = np.concatenate([w[0] for w in walked])
    leaves, again = (np.concatenate([w[n] for w in walked]) for n in (1, 2))
    ways = Ways(step, length, leaves, again, np.concatenate([w[3] for w in walked]) * step)
    return _refined(ways, inside, target_mm, directions)


def _walk(
    inside: Inside, target_mm: FloatArray, directions: FloatArray, depths: FloatArray, structures: tuple[Structure, ...]
) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_], FloatArray]:
    labels = inside.labels
    index, is_there = _voxels_along(labels.grid, target_mm, directions, depths)
    in_body = inside.at(index) & is_there
    first_out = _first_out(in_body, depths)
    after = np.arange(len(depths))[None, :] > first_out[:, None]
    # The steps of voxels look like a second body to a way that grazes the skin; smoothed, they do not.
    grazing = np.flatnonzero((in_body & after).any(1))
    if len(grazing):
        points = target_mm + depths[None, :, None] * directions[grazing, None, :]
        in_body[grazing] = inside.around(points.reshape(-1, 3)).reshape(len(grazing), -1) >= 0.5
        first_out[grazing] = _first_out(in_body[grazing], depths)
        after = np.arange(len(depths))[None, :] > first_out[:, None]
    rows = np.arange(len(directions))
    at = np.minimum(first_out, len(depths) - 1)
    leaves = (first_out < len(depths)) & ~is_there[rows, at]
    again = (in_body & after).any(1)
    length = np.where((first_out < len(depths)) & ~leaves, depths[at], np.nan)
    met = np.zeros((len(directions), len(structures)), dtype=np.float64)
    values = {s.layer: labels.layers[s.layer][index] for s in structures}
    for layer, found in values.items():
        found[after | ~in_body] = 0
        counts = _count_rows(found, max(s.label for s in structures if s.layer == layer) + 1)
        for n, s in enumerate(structures):
            if s.layer == layer:
                met[:, n] = counts[:, s.label]
    return length, np.asarray(leaves), np.asarray(again), met


def _first_out(in_body: NDArray[np.bool_], depths: FloatArray) -> NDArray[np.intp]:
    """Number of the first place of each row from which on it stays out of the body for some millimetres."""
    out = ~in_body
    stays_out = out.copy()
    for ahead in range(1, int(np.ceil(CLEAR_OF_SKIN_MM / (depths[1] - depths[0])))):
        stays_out[:, :-ahead] &= out[:, ahead:]
    return np.where(stays_out.any(1), stays_out.argmax(1), len(depths))


def _count_rows(values: NDArray[np.unsignedinteger], size: int) -> NDArray[np.int64]:
    """(rows, size) how often each value below `size` stands in each row."""
    clipped = np.minimum(values, size)
    flat = clipped.astype(np.int64) + (size + 1) * np.arange(len(values))[:, None]
    return np.bincount(flat.ravel(), minlength=(size + 1) * len(values)).reshape(len(values), size + 1)[:, :size]


def _voxels_along(
    grid: Grid, start_mm: FloatArray, directions: FloatArray, depths: FloatArray
) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.bool_]]:
    """Nearest voxels [k], [j], [i] of places along directions, each (N, D), and whether they lie in the grid."""
    start = grid.to_ijk(start_mm)
    along = directions @ grid.ijk_from_lps[:3, :3].T
    found, is_there = [], np.ones((len(directions), len(depths)), dtype=bool)
    for axis, count in zip((2, 1, 0), grid.shape, strict=True):
        place = np.rint(start[axis] + np.multiply.outer(along[:, axis], depths)).astype(np.intp)
        is_there &= (place >= 0) & (place < count)
        found.append(np.clip(place, 0, count - 1))
    return tuple(found), is_there


def _voxels(ijk: NDArray[np.intp], grid: Grid) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.bool_]]:
    top = np.array(grid.size_ijk) - 1
    is_there = np.asarray(((ijk >= 0) & (ijk <= top)).all(-1))
    held = np.clip(ijk, 0, top)
    return (held[..., 2], held[..., 1], held[..., 0]), is_there


def _refined(ways: Ways, inside: Inside, target_mm: FloatArray, directions: FloatArray) -> Ways:
    """Lengths to where the body's share of the surrounding voxels falls to a half."""
    length = ways.length_mm.copy()
    rows = np.flatnonzero(np.isfinite(length) & (length > 0))
    high = length[rows] + ways.step_mm
    low = np.maximum(high - 3.0 * ways.step_mm, 0.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        is_in = inside.around(target_mm + middle[:, None] * directions[rows]) >= 0.5
        low, high = np.where(is_in, middle, low), np.where(is_in, high, middle)
    length[rows] = (low + high) / 2.0
    return Ways(ways.step_mm, length, ways.leaves_scan, ways.body_again, ways.met_mm)


def skin_normals(inside: Inside, points_mm: FloatArray) -> FloatArray:
    """(N, 3) outward unit normals of the skin at places on it, from the part of a sphere around each that is body.

    The inner half of a sphere has its centroid straight below the middle of a flat skin (an integral invariant:
    Pottmann et al. 2007), which the steps of voxels hardly disturb: half a degree on a ball of voxels of 1 mm.
    """
    offsets = SPHERE_MM * even_directions(SPHERE_POINTS)
    grid = inside.labels.grid
    is_in = inside.nearest(grid.to_ijk(points_mm)[:, None] + offsets @ grid.ijk_from_lps[:3, :3].T)
    inward = is_in.astype(np.float64) @ offsets
    length = np.linalg.norm(inward, axis=1, keepdims=True)
    return np.asarray(-inward / np.where(length > 0, length, 1.0))


def even_directions(count: int) -> FloatArray:
    """(count, 3) unit vectors spread evenly over the sphere along a Fibonacci spiral."""
    n = np.arange(count) + 0.5
    z = 1.0 - 2.0 * n / count
    turn = n * (np.pi * (3.0 - np.sqrt(5.0)))
    flat = np.sqrt(1.0 - z * z)
    return np.stack((flat * np.cos(turn), flat * np.sin(turn), z), axis=1)
