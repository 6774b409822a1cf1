"""The true volumes of a phantom's structures: closed form where there is one, else integrated on a finer grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from surgtwin.domain.geometry import Grid
from surgtwin.progress import SILENT, Progress

from .anatomy import Anatomy
from .labelling import structures
from .liver import Tumour
from .painting import Placement, Slab

SLAB_VOXELS = 4_000_000
CELL_SD = 0.2887
"""Standard deviation of the inside share of a boundary cell, as for a uniform one (1 / sqrt(12))."""
ERROR_SDS = 4.0
"""The stated error is this many standard deviations."""
SURFACE_CELLS_PER_CROSSING = 2.0
"""Boundary cells of a closed surface per crossing along one axis (mean over directions)."""


@dataclass(frozen=True)
class TrueVolume:
    """A volume and how well it is known: `ml` plus or minus `error_ml`; `method` is "sphere" or "integrated"."""

    ml: float
    error_ml: float
    method: str


def true_volumes(
    tumours: Sequence[Tumour],
    anatomy: Anatomy,
    placement: Placement,
    step_mm: float | None,
    progress: Progress = SILENT,
) -> dict[str, TrueVolume]:
    """Volume of each structure inside the grid's box; without a step only those that have a closed form."""
    found = {} if step_mm is None else _integrate(len(tumours), anatomy, placement, step_mm, progress)
    for n, tumour in enumerate(tumours):
        if placement.deformation.max_mm == 0 and _is_whole(tumour, anatomy, placement):
            ml = 4 / 3 * np.pi * tumour.radius_mm**3 / 1000
            found[f"tumour {n + 1}"] = TrueVolume(float(ml), 0.0, "sphere")
    return found


def _is_whole(tumour: Tumour, anatomy: Anatomy, placement: Placement) -> bool:
    """True if the sphere lies inside the grid's box."""
    center = np.asarray(anatomy.build.patient_from_anatomy(tumour.center)) + np.asarray(placement.origin_mm)
    directions = np.array([d for d in product((-1, 0, 1), repeat=3) if any(d)], dtype=np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ijk = placement.grid.to_ijk(center + directions * tumour.radius_mm)
    return bool(np.all(ijk >= -0.5) and np.all(ijk <= np.asarray(placement.grid.size_ijk) - 0.5))


def fine_grid(grid: Grid, step_mm: float) -> Grid:
    """A grid over the same box with steps of at most `step_mm`."""
    size = np.asarray(grid.size_ijk)
    fine = np.maximum(np.ceil(size * np.asarray(grid.spacing) / step_mm), 1).astype(int)
    spacing = np.asarray(grid.spacing) * size / fine
    origin = grid.to_lps(-0.5 + 0.5 * size / fine)
    return Grid.from_axes((int(fine[2]), int(fine[1]), int(fine[0])), origin, grid.direction, spacing)


def _integrate(
    tumours: int, anatomy: Anatomy, placement: Placement, step_mm: float, progress: Progress
) -> dict[str, TrueVolume]:
    fine = Placement(fine_grid(placement.grid, step_mm), placement.origin_mm, placement.build, placement.deformation)
    painted = [(p, fine.index_box(p)) for p in anatomy.paints if p.label is not None]
    counts, crossings = np.zeros((2, 256)), np.zeros((2, 256))
    depth = max(1, SLAB_VOXELS // (fine.grid.shape[1] * fine.grid.shape[2]))
    for first in range(0, fine.grid.shape[0], depth):
        progress.update(first / fine.grid.shape[0], "Measuring the true volumes")
        slab = Slab.empty(fine, first, min(first + depth, fine.grid.shape[0]), None)
        for paint, ranges in painted:
            slab.paint(paint, ranges)
        body = (anatomy.skin.distance(*slab.anatomy) < 0).astype(np.uint8)
        for layer, labels in enumerate((slab.labels, body)):
            counts[layer] += np.bincount(labels.ravel(), minlength=256)
            crossings[layer] += _crossings(labels)
    cell_ml = fine.grid.voxel_volume_ml
    found = {}
    for s in structures(tumours):
        cells = crossings[s.layer, s.label] * SURFACE_CELLS_PER_CROSSING
        error = ERROR_SDS * CELL_SD * float(np.sqrt(cells)) * cell_ml
        found[s.name] = TrueVolume(float(counts[s.layer, s.label]) * cell_ml, error, "integrated")
    return found


def _crossings(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """How often each label begins or ends along the i axis."""
    left, right = labels[..., :-1], labels[..., 1:]
    changed = left != right
    both = np.bincount(left[changed], minlength=256) + np.bincount(right[changed], minlength=256)
    return both.astype(np.float64)
