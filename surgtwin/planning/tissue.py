"""The voxels that count as one organ, sorted into small blocks so that a cut looks only at those near it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap
from ..errors import PlanError

BLOCK = 8
"""Voxels along each edge of a block."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """Voxels of an organ, block by block.

    Parameters
    ----------
    grid
        The grid of the label map they come from.
    names
        The structures that were put together.
    ijk
        (N, 3) int32 voxel indices (i, j, k), those of one block next to each other.
    block_start
        (B + 1,) where each block begins in `ijk`.
    block_ijk
        (B, 3) float64 index of each block's centre.
    """

    grid: Grid
    names: tuple[str, ...]
    ijk: NDArray[np.int32]
    block_start: NDArray[np.int64]
    block_ijk: FloatArray

    def __len__(self) -> int:
        return len(self.ijk)

    @property
    def volume_ml(self) -> float:
        return len(self) * self.grid.voxel_volume_ml

    @cached_property
    def block_centre_mm(self) -> FloatArray:
        """(B, 3) LPS mm."""
        return self.grid.to_lps(self.block_ijk)

    @cached_property
    def block_radius_mm(self) -> float:
        """No point of a block's voxels is farther from its centre."""
        return half_diagonal_mm(self.grid) * BLOCK

    @cached_property
    def bounds_mm(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest LPS corner of a box around the blocks."""
        centres, radius = self.block_centre_mm, self.block_radius_mm
        return centres.min(0) - radius, centres.max(0) + radius

    @cached_property
    def corners_mm(self) -> FloatArray:
        """(8, 3) LPS corners of a box along the grid's axes around the blocks: it turns with the patient."""
        low, high = self.block_ijk.min(0) - BLOCK, self.block_ijk.max(0) + BLOCK
        return self.grid.to_lps(np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T)

    def points_mm(self, which: NDArray[np.int64] | slice = slice(None)) -> FloatArray:
        """LPS mm of voxel centres."""
        return self.grid.to_lps(self.ijk[which])

    @cached_property
    def _box(self) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Lowest index (i, j, k), and which voxels of the box from there on are tissue, [i, j, k]."""
        low = self.ijk.min(0)
        box = np.zeros(self.ijk.max(0) - low + 1, dtype=bool)
        box[tuple((self.ijk - low).T)] = True
        return low, box

    def holds(self, points_mm: FloatArray) -> NDArray[np.bool_]:
        """Which of LPS points (N, 3) lie in a voxel of the tissue."""
        low, box = self._box
        index = np.floor(self.grid.to_ijk(points_mm) + 0.5) - low
        within = np.asarray(((index >= 0) & (index < box.shape)).all(1))
        within[within] = box[tuple(index[within].astype(np.int64).T)]
        return within

    def mask(self, chosen: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """[k, j, i] on the whole grid, True in the (chosen) voxels."""
        result = np.zeros(self.grid.shape, dtype=bool)
        i, j, k = (self.ijk if chosen is None else self.ijk[chosen]).T
        result[k, j, i] = True
        return result


def half_diagonal_mm(grid: Grid) -> float:
    """Half the longest diagonal of a voxel, which may be sheared."""
    columns = grid.lps_from_ijk[:3, :3]
    signs = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [1, -1, -1]], dtype=np.float64)
    return float(np.linalg.norm(signs @ columns.T, axis=1).max() / 2.0)


def organ_members(labels: LabelMap, organ: str, extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of what counts as an organ's tissue: itself, `extra`, and every part of any of them.

    Raises
    ------
    PlanError
        If a name is no structure of the label map.
    """
    known = {s.name: s for s in labels.structures}
    members: list[str] = []
    for name in (organ, *extra):
        if name not in known:
            raise PlanError(f"there is no structure '{name}'; there are: {', '.join(known)}.")
        if name not in members:
            members.append(name)
    for name in members:
        # The list grows while it is walked: parts of parts follow.
        members += [s.name for s in labels.structures if s.part_of == name and s.name not in members]
    return tuple(members)


def make_tissue(labels: LabelMap, names: Iterable[str]) -> Tissue:
    """The union of structures as tissue. Raises PlanError if they have no voxel."""
    names = tuple(names)
    mask = np.zeros(labels.grid.shape, dtype=bool)
    by_layer: dict[int, list[int]] = {}
    for name in names:
        s = labels.structure(name)
        by_layer.setdefault(s.layer, []).append(s.label)
    for layer, values in by_layer.items():
        wanted = np.zeros(int(labels.layers[layer].max(initial=0)) + 1, dtype=bool)
        wanted[[v for v in values if v < len(wanted)]] = True
        mask |= wanted[labels.layers[layer]]
    return tissue_of_mask(labels.grid, mask, names)


def tissue_of_mask(grid: Grid, mask: NDArray[np.bool_], names: tuple[str, ...]) -> Tissue:
    """The True voxels of a mask [k, j, i] as tissue. Raises PlanError if there are none."""
    box = bounding_box(mask)
    if box is None:
        raise PlanError(f"{', '.join(names)} has no voxel in this twin; there is nothing to plan on.")
    low = np.array([b.start for b in box])
    inside = mask[box]
    padded = [-(-n // BLOCK) * BLOCK for n in inside.shape]
    blocks = np.zeros(padded, dtype=bool)
    blocks[tuple(slice(0, n) for n in inside.shape)] = inside
    counts = [n // BLOCK for n in padded]
    rows = blocks.reshape(counts[0], BLOCK, counts[1], BLOCK, counts[2], BLOCK).transpose(0, 2, 4, 1, 3, 5)
    rows = rows.reshape(-1, BLOCK**3)
    used = np.flatnonzero(rows.any(1))
    rows = rows[used]
    block, inner = np.nonzero(rows)
    corner = np.stack(np.unravel_index(used, counts), 1) * BLOCK + low
    kji = corner[block] + np.stack(np.unravel_index(inner, (BLOCK,) * 3), 1)
    start = np.concatenate(([0], np.cumsum(rows.sum(1))))
    centre = corner[:, ::-1] + (BLOCK - 1) / 2.0
    return Tissue(grid, names, kji[:, ::-1].astype(np.int32), start, centre)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice] | None:
    """The box [k, j, i] of a mask's True voxels; None if there are none."""
    box: list[slice] = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        # Each axis is looked along within the others' part of the box only.
        where = np.flatnonzero(mask[tuple(box)].any(axis=others))
        if not len(where):
            return None
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    return (box[0], box[1], box[2])
