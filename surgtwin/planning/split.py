"""An organ's tissue divided by a cut: every voxel's share on the resected side, and the cut surface inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from .tissue import Tissue, half_diagonal_mm
from .voxel_share import voxel_share

CHUNK = 500_000
"""Voxels looked at together: bounds the memory."""
# Spread evenly (Roberts' R3 sequence), in pairs about the middle, and not where cuts along the grid would meet them.
_HALF = (np.arange(1, 33)[:, None] / 1.2207440846 ** np.arange(1, 4) + 0.5) % 1.0 - 0.5
SPREAD = np.concatenate((_HALF, -_HALF))
"""(64, 3) places in a voxel, in voxels from its middle, at which a cut with a crease is asked for its side."""


class CutSide(Protocol):
    """A cut as a function of place: positive on the resected side, zero on the cut."""

    @property
    def steepness(self) -> float:
        """The function changes by at most this much per mm."""
        ...

    def signed(self, points_mm: FloatArray) -> FloatArray:
        """The function (N,) at LPS points (N, 3)."""
        ...


@runtime_checkable
class CreasedSide(CutSide, Protocol):
    """A side whose zero set has creases, where it is no plane however closely one looks."""

    def creased(self, points_mm: FloatArray, reach_mm: float) -> NDArray[np.bool_]:
        """Whether a crease may come nearer than `reach_mm` to each of (N, 3) LPS points."""
        ...


@dataclass(frozen=True, eq=False)
class CutPoints:
    """The cut surface inside the tissue, one point for each voxel that it passes through.

    Parameters
    ----------
    points_mm, normals
        (M, 3) LPS: on the surface, and its unit normal towards the resected side.
    area_mm2
        (M,) of the surface in that voxel.
    """

    points_mm: FloatArray
    normals: FloatArray
    area_mm2: FloatArray

    @property
    def total_mm2(self) -> float:
        return float(self.area_mm2.sum())


@dataclass(frozen=True, eq=False)
class Split:
    """What a cut makes of tissue; resected and remnant add up to the whole exactly.

    Parameters
    ----------
    share
        (N,) float32 of each voxel of the tissue on the resected side, in the tissue's order.
    """

    tissue: Tissue
    share: NDArray[np.float32]
    resected_ml: float
    surface: CutPoints

    @property
    def remnant_ml(self) -> float:
        return self.tissue.volume_ml - self.resected_ml

    def resected_mask(self) -> NDArray[np.bool_]:
        """[k, j, i] on the whole grid: voxels of which at least half is resected."""
        return self.tissue.mask(self.share >= 0.5)

    def remnant_mask(self) -> NDArray[np.bool_]:
        """[k, j, i] on the whole grid: the other voxels of the tissue."""
        return self.tissue.mask(self.share < 0.5)


def split_tissue(tissue: Tissue, side: CutSide) -> Split:
    """Divide tissue by a cut, sub-voxel exact where the cut is flat within a voxel.

    Blocks that the cut surely misses are decided by their centre, voxels by theirs; only voxels near the cut are
    looked at closely.
    """
    share = np.zeros(len(tissue), dtype=np.float32)
    counts = np.diff(tissue.block_start)
    at_block = side.signed(tissue.block_centre_mm)
    reach = side.steepness * tissue.block_radius_mm
    whole = at_block > reach
    share[np.repeat(whole, counts)] = 1.0
    close = np.flatnonzero(np.repeat(np.abs(at_block) <= reach, counts))
    total = float(counts[whole].sum())
    pieces = []
    for begin in range(0, len(close), CHUNK):
        where = close[begin : begin + CHUNK]
        near, exact, piece = _close_look(tissue, side, where)
        share[where] = near
        total += exact
        pieces.append(piece)
    return Split(tissue, share, total * tissue.grid.voxel_volume_ml, joined(pieces))


def joined(pieces: Sequence[CutPoints]) -> CutPoints:
    """Several pieces of a cut surface as one."""
    none = CutPoints(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    every = (none, *pieces)
    return CutPoints(
        np.concatenate([p.points_mm for p in every]),
        np.concatenate([p.normals for p in every]),
        np.concatenate([p.area_mm2 for p in every]),
    )


def _close_look(
    tissue: Tissue, side: CutSide, where: NDArray[np.int64]
) -> tuple[NDArray[np.float32], float, CutPoints]:
    """Shares of some voxels, their sum in float64, and the cut surface among them."""
    points = tissue.points_mm(where)
    value = side.signed(points)
    share = (value > 0).astype(np.float64)
    cut = np.flatnonzero(np.abs(value) <= side.steepness * half_diagonal_mm(tissue.grid))
    steps = _steps(tissue, side, points[cut])
    share[cut], slope = voxel_share(value[cut], steps)
    if isinstance(side, CreasedSide):
        creased = side.creased(points[cut], half_diagonal_mm(tissue.grid))
        share[cut[creased]] = _counted(tissue, side, points[cut][creased])
        # What lies wholly on one side has no piece of the cut.
        slope[creased & ((share[cut] == 0.0) | (share[cut] == 1.0))] = 0.0
    gradient = steps @ tissue.grid.ijk_from_lps[:3, :3]
    steep = np.linalg.norm(gradient, axis=1)
    passed = (slope > 0) & (steep > 0)
    gradient, steep, slope = gradient[passed], steep[passed], slope[passed]
    normals = gradient / steep[:, None]
    feet = points[cut][passed] - normals * (value[cut][passed] / steep)[:, None]
    # A second step: the gradient over a thick slice is not quite that at the foot.
    feet -= normals * (side.signed(feet) / steep)[:, None]
    # d(volume) = area * d(distance), and the function changes by `steep` per mm.
    area = slope * steep * tissue.grid.voxel_volume_mm3
    return share.astype(np.float32), float(share.sum()), CutPoints(feet, normals, area)


def _steps(tissue: Tissue, side: CutSide, points_mm: FloatArray) -> FloatArray:
    """Change (N, 3) of the function over one voxel along i, j, k, from the middles of the voxel's faces."""
    steps = np.empty((len(points_mm), 3))
    for axis in range(3):
        half = tissue.grid.lps_from_ijk[:3, axis] / 2.0
        steps[:, axis] = side.signed(points_mm + half) - side.signed(points_mm - half)
    return steps


def _counted(tissue: Tissue, side: CutSide, points_mm: FloatArray) -> FloatArray:
    """Shares (N,) of voxels by asking many places in each."""
    found = np.zeros(len(points_mm))
    for shift in SPREAD @ tissue.grid.lps_from_ijk[:3, :3].T:
        found += side.signed(points_mm + shift) > 0
    return found / len(SPREAD)
