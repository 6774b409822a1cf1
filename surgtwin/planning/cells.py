"""Tissue in small boxes of voxels: what a cut takes of it, nearly, in the time between two pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, Grid
from .split import CutPoints, CutSide
from .tissue import BLOCK, Tissue
from .voxel_share import voxel_share

WANTED_CELLS = 40_000
"""A cell's size is chosen so that an organ is about as many."""
CORNERS = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [1, -1, -1]], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CellCut:
    """What a cut makes of cells.

    Parameters
    ----------
    resected_ml
        To be compared with `Cells.volume_ml`.
    error_ml
        No more than this is lost by taking the cut for flat within each cell.
    surface
        The cut inside the tissue, one point for each cell that it passes through.
    """

    resected_ml: float
    error_ml: float
    surface: CutPoints


@dataclass(frozen=True, eq=False)
class Cells:
    """Boxes of 1, 2, 4 or 8 voxels along each axis that hold tissue, those of one block next to each other.

    Parameters
    ----------
    size_ijk
        Voxels of a cell along i, j, k.
    centres_mm
        (C, 3) LPS mm, of the boxes.
    counts
        (C,) voxels of tissue in each box.
    block_start
        (B + 1,) where the cells of each of the tissue's blocks begin.
    offsets, offset_start
        Of boxes that tissue fills in part: index offsets (P, 3) of its voxels from the box's centre, and where those
        of each box begin in them (C + 1,).
    """

    tissue: Tissue
    size_ijk: NDArray[np.int64]
    centres_mm: FloatArray
    counts: NDArray[np.int64]
    block_start: NDArray[np.int64]
    offsets: NDArray[np.float32]
    offset_start: NDArray[np.int64]

    @property
    def volume_ml(self) -> float:
        return self.tissue.volume_ml

    @property
    def edges_mm(self) -> FloatArray:
        """(3, 3) rows: a cell's edges in LPS mm."""
        return np.asarray(self.tissue.grid.lps_from_ijk[:3, :3].T * self.size_ijk[:, None])

    @property
    def half_diagonal_mm(self) -> float:
        """No point of a cell is farther from its centre."""
        return float(np.linalg.norm(CORNERS @ self.edges_mm, axis=1).max() / 2.0)

    def cut(self, side: CutSide) -> CellCut:
        """What a cut takes, and its surface inside the tissue."""
        at_block = side.signed(self.tissue.block_centre_mm)
        reach = side.steepness * self.tissue.block_radius_mm
        cells_in = np.diff(self.block_start)
        taken = float(np.diff(self.tissue.block_start)[at_block > reach].sum())
        close = np.flatnonzero(np.repeat(np.abs(at_block) <= reach, cells_in))
        value = side.signed(self.centres_mm[close])
        passed = np.abs(value) <= side.steepness * self.half_diagonal_mm
        taken += float(self.counts[close[~passed & (value > 0)]].sum())
        return self._look(side, close[passed], value[passed], taken)

    def _look(self, side: CutSide, cells: NDArray[np.int64], value: FloatArray, taken: float) -> CellCut:
        """The cells that the cut may pass through; `taken` voxels are resected already."""
        steps, bend = self._steps(side, cells, value)
        ijk_from_lps = self.tissue.grid.ijk_from_lps[:3, :3]
        gradient = (steps / self.size_ijk) @ ijk_from_lps
        # The mean over the faces is the mean over the cell for a function of second order.
        local = _Local(self, cells, value + bend, steps / self.size_ijk, np.linalg.norm(gradient, axis=1))
        resected, area, inside = local.figures()
        on = area > 0
        area, steep, gradient = area[on], local.steep[on], gradient[on]
        normals = gradient / steep[:, None]
        feet = self.centres_mm[cells[on]] + inside[on]
        height = local.value[on] + np.einsum("nc,nc->n", inside[on], gradient)
        for _ in range(2):
            feet = feet - normals * (height / steep)[:, None]
            height = side.signed(feet)
        lost_mm3 = float((area * np.abs(bend[on]) / steep).sum())
        voxel_ml = self.tissue.grid.voxel_volume_ml
        return CellCut((taken + resected) * voxel_ml, lost_mm3 / 1000.0, CutPoints(feet, normals, area))

    def _steps(self, side: CutSide, cells: NDArray[np.int64], value: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Change (n, 3) of the function over a cell along i, j, k, and its mean over the six faces less the middle."""
        half = self.edges_mm / 2.0
        shifts = np.concatenate((half, -half))
        points = self.centres_mm[cells][None] + shifts[:, None]
        faces = side.signed(points.reshape(-1, 3)).reshape(2, 3, len(cells))
        return (faces[0] - faces[1]).T, faces.mean((0, 1)) - value


@dataclass(frozen=True, eq=False)
class _Local:
    """The cut taken for flat in some cells: value in the middle, and change over a voxel along i, j, k."""

    cells: Cells
    which: NDArray[np.int64]
    value: FloatArray
    step: FloatArray
    steep: FloatArray

    def figures(self) -> tuple[float, FloatArray, FloatArray]:
        """Voxels resected in all, area (n,) in mm2, and the middle (n, 3) of the tissue at the cut, mm from the box's.

        Full boxes are cut exactly; in the others each voxel counts by itself.
        """
        size = self.cells.size_ijk
        voxels = int(np.prod(size))
        full = self.cells.counts[self.which] == voxels
        area, inside = np.zeros(len(self.which)), np.zeros((len(self.which), 3))
        share, slope = voxel_share(self.value[full], self.step[full] * size)
        area[full] = slope * voxels
        part = np.flatnonzero(~full)
        resected, area[part], inside[part] = self._partial(part)
        area *= self.steep * self.cells.tissue.grid.voxel_volume_mm3
        return float(share.sum()) * voxels + resected, area, inside

    def _partial(self, part: NDArray[np.int64]) -> tuple[float, FloatArray, FloatArray]:
        """The same for boxes that tissue fills in part, areas as voxels per change of the function."""
        which, step = self.which[part], self.step[part]
        begin, counts = self.cells.offset_start[which], self.cells.counts[which]
        row = np.repeat(np.arange(len(part)), counts)
        place = np.arange(len(row)) + np.repeat(begin - np.cumsum(counts) + counts, counts)
        offset = self.cells.offsets[place].astype(np.float64)
        value = self.value[part][row] + np.einsum("nc,nc->n", offset, step[row])
        width = np.maximum(np.abs(step).sum(1), np.finfo(np.float64).tiny)[row]
        on = np.abs(value) < width / 2.0
        area = np.asarray(np.bincount(row[on], 1.0 / width[on], len(part)), dtype=np.float64)
        hits = np.maximum(np.bincount(row[on], minlength=len(part)), 1.0)
        middle = np.stack([np.bincount(row[on], offset[on, axis], len(part)) / hits for axis in range(3)], 1)
        resected = float(np.clip(0.5 + value / width, 0.0, 1.0).sum())
        return resected, area, middle @ self.cells.tissue.grid.lps_from_ijk[:3, :3].T


def cells_of(tissue: Tissue) -> Cells:
    """Tissue sorted into cells."""
    size = _cell_size(tissue)
    per_axis = BLOCK // size
    corner = np.round(tissue.block_ijk - (BLOCK - 1) / 2.0).astype(np.int64)
    block = np.repeat(np.arange(len(corner)), np.diff(tissue.block_start))
    inner = (tissue.ijk - corner[block]) // size
    per_block = int(np.prod(per_axis))
    cell = block * per_block + (inner[:, 0] * per_axis[1] + inner[:, 1]) * per_axis[2] + inner[:, 2]
    counts = np.bincount(cell, minlength=len(corner) * per_block)
    used = np.flatnonzero(counts)
    counts = counts[used]
    at = np.stack(np.unravel_index(used % per_block, tuple(per_axis)), 1) * size
    centre_ijk = corner[used // per_block] + at + (size - 1) / 2.0
    numbers = np.searchsorted(used, np.arange(len(corner) + 1) * per_block)
    partial = counts < int(np.prod(size))
    rank = np.full(len(corner) * per_block, -1)
    rank[used[partial]] = np.flatnonzero(partial)
    voxels = np.flatnonzero(rank[cell] >= 0)
    voxels = voxels[np.argsort(rank[cell[voxels]], kind="stable")]
    offsets = (tissue.ijk[voxels] - centre_ijk[rank[cell[voxels]]]).astype(np.float32)
    start = np.concatenate(([0], np.cumsum(np.where(partial, counts, 0))))
    return Cells(tissue, size, tissue.grid.to_lps(centre_ijk), counts, numbers, offsets, start)


def _cell_size(tissue: Tissue) -> NDArray[np.int64]:
    """Voxels along i, j, k, powers of two: nearest to a cube that gives the wanted number of cells."""
    grid: Grid = tissue.grid
    edge_mm = (len(tissue) * grid.voxel_volume_mm3 / WANTED_CELLS) ** (1.0 / 3.0)
    power = np.round(np.log2(np.maximum(edge_mm / np.asarray(grid.spacing), 1.0)))
    return np.asarray(2 ** np.minimum(power, np.log2(BLOCK)), dtype=np.int64)
