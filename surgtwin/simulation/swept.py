"""The space an instrument passes through, on a fine grid of its own that ends nowhere.

Voxels are kept in bricks that exist only where the instrument has been: a long shaft that swings through half the
body fills little of the box around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap
from ..errors import PlanError
from .instrument import Instrument
from .motion import Motion

VOXELS_IN_RADIUS, MAX_PITCH_MM = 2.0, 1.0
"""Voxels along the radius of the thinnest capsule, and the largest voxels that are used unless memory asks for it."""
BRICK = 16
"""Voxels along each edge of a brick."""
MAX_BRICKS = 25_000
"""400 MB; paths that need more get larger voxels."""
MAX_TABLE = 200_000_000
STEP_SHARE, MAX_STEP_MM = 1.0, 3.0
"""Poses that move no point farther than this share of a capsule's radius, or this far, are passed over: between two
poses that are looked at every point is taken to go straight."""
MAX_PLACES = 4
"""Along each edge of a voxel, at which labels are looked up."""
TURNS = 2
"""Place and time of the nearest point of a moving axis are each sought so often; they hardly depend on each other."""
FAR_MM = 1e3
ASKEW = Rotation.from_rotvec([0.437, 0.261, -0.349]).as_matrix()
"""How the grid lies in LPS: along no direction that shafts or saws are likely to have, where all voxels of a face would
be cut alike and their errors add up."""


@dataclass(frozen=True, eq=False)
class SweptVolume:
    """The union of an instrument over all its poses.

    Parameters
    ----------
    pitch_mm
        Edge of the voxels.
    centres_mm, share
        (N, 3) LPS and (N,): every voxel that the instrument reaches, and how much of it is inside, 0 to 1.
    """

    pitch_mm: float
    centres_mm: FloatArray
    share: NDArray[np.float32]

    @property
    def volume_ml(self) -> float:
        return float(self.share.sum(dtype=np.float64)) * self.pitch_mm**3 / 1000.0


def sweep(instrument: Instrument, motion: Motion, pitch_mm: float | None = None) -> SweptVolume:
    """The space an instrument passes through, inside the image and outside it.

    Raises
    ------
    PlanError
        If the path leads so far that no grid can hold it.
    """
    pitch = min(instrument.least_radius_mm / VOXELS_IN_RADIUS, MAX_PITCH_MM) if pitch_mm is None else pitch_mm
    while True:
        try:
            return _sweep(instrument, motion, pitch)
        except _TooFineError:
            pitch *= 1.5
            if pitch > instrument.least_radius_mm:
                raise PlanError("the path is too long for its thin tool: what it passes can't be summed.") from None


def removed_ml(swept: SweptVolume, labels: LabelMap) -> dict[str, float]:
    """Structure -> mL of its own voxels inside the swept space, 0 for those that it spares.

    Where the space's voxels are larger than those of the labels, each is looked up at several places.
    """
    swept = _over(swept, labels.grid)
    times = min(MAX_PLACES, max(1, int(np.ceil(2.0 * swept.pitch_mm / min(labels.grid.spacing)))))
    sums = [np.zeros(int(layer.max(initial=0)) + 1) for layer in labels.layers]
    inner = (np.arange(times) + 0.5) / times - 0.5
    for corner in np.stack(np.meshgrid(inner, inner, inner), -1).reshape(-1, 3):
        where, share = _in_grid(labels.grid, swept.centres_mm + corner * swept.pitch_mm, swept.share)
        for layer, total in zip(labels.layers, sums, strict=True):
            total += np.bincount(layer[where], share, minlength=len(total))
    voxel_ml = swept.pitch_mm**3 / 1000.0 / times**3
    return {
        s.name: float(sums[s.layer][s.label]) * voxel_ml if s.label < len(sums[s.layer]) else 0.0
        for s in labels.structures
    }


def _over(swept: SweptVolume, grid: Grid) -> SweptVolume:
    """The part of a space in or next to a grid."""
    index = grid.to_ijk(swept.centres_mm)
    beyond = swept.pitch_mm / min(grid.spacing) + 0.5
    near = ((index > -beyond) & (index < np.asarray(grid.size_ijk) - 1 + beyond)).all(1)
    return SweptVolume(swept.pitch_mm, swept.centres_mm[near], swept.share[near])


def _in_grid(
    grid: Grid, points_mm: FloatArray, share: NDArray[np.float32]
) -> tuple[tuple[NDArray[np.int64], ...], NDArray[np.float32]]:
    """Indices (k, j, i) of the voxels that points lie in, and the share of those that lie in the grid."""
    i, j, k = np.rint(grid.to_ijk(points_mm)).astype(np.int64).T
    ni, nj, nk = grid.size_ijk
    inside = (i >= 0) & (j >= 0) & (k >= 0) & (i < ni) & (j < nj) & (k < nk)
    return (k[inside], j[inside], i[inside]), share[inside]


class _TooFineError(Exception):
    """More voxels than memory should be spent on."""


class _Bricks:
    """Distances to the union so far, brick by brick."""

    def __init__(self, low_mm: FloatArray, high_mm: FloatArray, pitch_mm: float) -> None:
        self.low_mm, self.pitch_mm = low_mm, pitch_mm
        self.counts = np.ceil((high_mm - low_mm) / (pitch_mm * BRICK)).astype(np.int64) + 1
        if int(np.prod(self.counts)) > MAX_TABLE:
            raise _TooFineError
        self.slots = np.full(int(np.prod(self.counts)), -1, dtype=np.int32)
        self.bricks: list[int] = []
        self.values = np.full(0, FAR_MM, dtype=np.float32)

    def lower(self, index: NDArray[np.int64], distance_mm: NDArray[np.float32]) -> None:
        """Note distances (N,) of voxels (N, 3), none twice, where they are less than what is known."""
        brick = index // BRICK
        key = (brick[:, 2] * self.counts[1] + brick[:, 1]) * self.counts[0] + brick[:, 0]
        fresh = np.unique(key[self.slots[key] < 0])
        if len(fresh):
            self._grow(fresh)
        inner = index - brick * BRICK
        at = self.slots[key].astype(np.int64) * BRICK**3 + (inner[:, 2] * BRICK + inner[:, 1]) * BRICK + inner[:, 0]
        self.values[at] = np.minimum(self.values[at], distance_mm)

    def _grow(self, fresh: NDArray[np.int64]) -> None:
        first = len(self.bricks)
        if first + len(fresh) > MAX_BRICKS:
            raise _TooFineError
        self.slots[fresh] = np.arange(first, first + len(fresh))
        self.bricks.extend(fresh.tolist())
        if len(self.bricks) * BRICK**3 > len(self.values):
            room = np.full(max(2 * len(self.bricks), 64) * BRICK**3, FAR_MM, dtype=np.float32)
            room[: len(self.values)] = self.values
            self.values = room

    def swept(self) -> SweptVolume:
        used = self.values[: len(self.bricks) * BRICK**3]
        # A voxel that a flat face cuts square to an axis holds exactly this share; over all slopes errors cancel.
        share = np.clip(0.5 - used / self.pitch_mm, 0.0, 1.0).astype(np.float32)
        which = np.flatnonzero(share > 0.0)
        brick, inner = np.asarray(self.bricks, dtype=np.int64)[which // BRICK**3], which % BRICK**3
        corner = (
            np.stack(
                (
                    brick % self.counts[0],
                    brick // self.counts[0] % self.counts[1],
                    brick // (self.counts[0] * self.counts[1]),
                ),
                1,
            )
            * BRICK
        )
        index = corner + np.stack((inner % BRICK, inner // BRICK % BRICK, inner // BRICK**2), 1)
        return SweptVolume(self.pitch_mm, (self.low_mm + index * self.pitch_mm) @ ASKEW, share[which])


def _sweep(instrument: Instrument, motion: Motion, pitch: float) -> SweptVolume:
    starts, ends = (a @ ASKEW.T for a in instrument.axes_at(motion.lps_from_tool))
    reach = float(instrument.radii_mm.max()) + 3.0 * pitch
    both = np.concatenate((starts.reshape(-1, 3), ends.reshape(-1, 3)))
    bricks = _Bricks(both.min(0) - reach, both.max(0) + reach, pitch)
    starts, ends = (starts - bricks.low_mm) / pitch, (ends - bricks.low_mm) / pitch
    for c, radius in enumerate(instrument.radii_mm):
        for n, after in _legs(float(radius), motion):
            index, distance = _near_sweep(starts[n, c], ends[n, c], starts[after, c], ends[after, c], radius / pitch)
            bricks.lower(index, (distance * pitch).astype(np.float32))
    return bricks.swept()


def _legs(radius_mm: float, motion: Motion) -> list[tuple[int, int]]:
    """The poses between which a capsule is taken to go straight; a single pose goes to itself."""
    every = max(1, int(min(STEP_SHARE * radius_mm, MAX_STEP_MM) / max(motion.step_mm, 1e-9)))
    chosen = sorted({*range(0, len(motion), every), len(motion) - 1, *motion.keys})
    return list(pairwise(chosen)) or [(0, 0)]


def _near_sweep(
    start: FloatArray, end: FloatArray, next_start: FloatArray, next_end: FloatArray, radius: float
) -> tuple[NDArray[np.int64], FloatArray]:
    """Voxels in and a voxel around a capsule that moves from one pose to the next, and their distances, in voxels."""
    first, along = (start + next_start) / 2.0, (end + next_end - start - next_start) / 2.0
    go_start, go_end = next_start - start, next_end - end
    way = float(max(np.linalg.norm(go_start), np.linalg.norm(go_end))) / 2.0
    index = _window(first, along, radius + way + 1.0)
    offset = index - first
    t = _foot(offset, along)
    near = np.einsum("nc,nc->n", offset - t[:, None] * along, offset - t[:, None] * along) < (radius + way + 1.0) ** 2
    index, offset, t = index[near], offset[near], t[near]
    # The nearest point of the moving axis: where on it, and when, by turns.
    for _ in range(TURNS if way > 0.0 else 0):
        go = go_start + t[:, None] * (go_end - go_start)
        when = np.clip(np.einsum("nc,nc->n", offset - t[:, None] * along, go) / _square(go), -0.5, 0.5)
        moved = offset - when[:, None] * go
        t = _foot(moved, along)
    rest = (moved if way > 0.0 else offset) - t[:, None] * along
    distance = np.sqrt(_square(rest)) - radius
    distance += _curved(along, go_start, go_end, t) / (24.0 * radius)
    close = distance < 1.0
    return index[close], distance[close]


def _curved(along: FloatArray, go_start: FloatArray, go_end: FloatArray, t: FloatArray) -> FloatArray:
    """In how many ways (N,) the swept surface is curved: a side one, an end's ball two; one less across its motion.

    Shares that fall over a voxel's width across a face add up to 1 / (24 r) too much for each of them.
    """
    way = float(np.linalg.norm(go_start + go_end))
    if way < 1e-9:
        return np.where((t > 0.0) & (t < 1.0), 1.0, 2.0)
    length = max(float(np.linalg.norm(along)), 1e-9)
    aside = float(np.linalg.norm(np.cross(go_start + go_end, along))) / (way * length)
    return np.where((t > 0.0) & (t < 1.0), 1.0 - aside, 1.0)


def _foot(offset: FloatArray, along: FloatArray) -> FloatArray:
    """Where (N,) between 0 and 1 along a segment points (N, 3), from its start, are nearest to it."""
    length = float(along @ along)
    return np.zeros(len(offset)) if length <= 0.0 else np.asarray(np.clip(offset @ along / length, 0.0, 1.0))


def _square(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(np.einsum("nc,nc->n", vectors, vectors), 1e-12))


def _window(start: FloatArray, along: FloatArray, reach: float) -> NDArray[np.int64]:
    """Voxels (N, 3) among which are all within reach of a segment.

    It is sliced across the axis it follows most; in each slice a square around it holds them, as it leans by at most
    acos(1 / sqrt 3).
    """
    main = int(np.abs(along).argmax())
    if along[main] < 0:
        start, along = start + along, -along
    slices = np.arange(int(np.floor(start[main] - reach)), int(np.ceil(start[main] + along[main] + reach)) + 1)
    length = float(np.linalg.norm(along))
    share = np.clip((slices - start[main]) / along[main], 0.0, 1.0) if length > 0.0 else np.zeros(len(slices))
    middle = np.rint(start + share[:, None] * along).astype(np.int64)
    half = int(np.ceil(reach * (length / along[main] if length > 0.0 else 1.0))) + 1
    offsets = np.arange(-half, half + 1)
    one, two = (a for a in range(3) if a != main)
    index = np.empty((len(slices), len(offsets), len(offsets), 3), dtype=np.int64)
    index[..., main] = slices[:, None, None]
    index[..., one] = middle[:, one, None, None] + offsets[None, :, None]
    index[..., two] = middle[:, two, None, None] + offsets[None, None, :]
    return index.reshape(-1, 3)
