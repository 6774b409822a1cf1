"""The lesions of a scan, one by one: volume and diameter, and how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray, Grid
from ..domain.labels import LabelMap, Structure
from ..errors import LabelError, MeshError, PlanError
from ..mesh.extract import extract_meshes
from ..mesh.surface_distance import vertex_areas
from ..planning.resection import VolumeFigure
from ..planning.structure_roles import present
from ..planning.tissue import half_diagonal_mm
from ..planning.twin_geometry import TwinGeometry

LEAST_ML = 0.03
"""Smaller pieces (below some 4 mm) are noise of the outline, not lesions of their own."""
MOST_LESIONS = 200


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion as one scan shows it.

    Parameters
    ----------
    name
        Of its structure, numbered where that has several pieces.
    volume
        mL, and its standard error: the border off by its own all around, and voxels at it wrong by chance.
    diameter_mm
        The longest in a slice, as RECIST 1.1 measures (Eisenhauer et al. 2009, doi 10.1016/j.ejca.2008.10.026).
    diameter_error_mm
        Standard error: both ends lie on a border.
    points_mm
        (N, 3) middles of its voxels, LPS of the scan.
    """

    name: str
    structure: str
    volume: VolumeFigure
    diameter_mm: float
    diameter_error_mm: float
    points_mm: FloatArray
    voxel_mm: float
    """Half a voxel's diagonal: no place inside the lesion is further from the middle of one of its voxels."""

    @property
    def centre_mm(self) -> FloatArray:
        return np.asarray(self.points_mm.mean(axis=0))

    @property
    def radius_mm(self) -> float:
        """Of a ball of its volume."""
        return float((3000.0 * self.volume.ml / (4.0 * math.pi)) ** (1.0 / 3.0))


def lesions_of(geometry: TwinGeometry, names: tuple[str, ...] = ()) -> tuple[Lesion, ...]:
    """Every separate piece of the structures named, or of all that the structure table calls abnormal; largest first.

    Raises
    ------
    LabelError
        If a structure that was named is not there, or there are absurdly many pieces.
    """
    labels = geometry.twin.labels
    structures = [labels.structure(n) for n in names] if names else _abnormal(geometry)
    found: list[Lesion] = []
    for structure in structures:
        found += _pieces(geometry, labels, structure)
        if len(found) > MOST_LESIONS:
            raise LabelError(f"More than {MOST_LESIONS} separate lesions: '{structure.name}' is no list of lesions.")
    return tuple(sorted(found, key=lambda lesion: -lesion.volume.ml))


def _abnormal(geometry: TwinGeometry) -> list[Structure]:
    there = present(geometry.twin)
    names = geometry.abnormal(tuple(s.name for s in there))
    return [s for s in there if s.name in names]


def _pieces(geometry: TwinGeometry, labels: LabelMap, structure: Structure) -> list[Lesion]:
    import cc3d

    mask = labels.mask(structure.name)
    pieces, count = cc3d.connected_components(mask, connectivity=26, return_N=True)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    least = LEAST_ML / labels.grid.voxel_volume_ml
    kept = [n for n in np.argsort(-sizes[1:]) + 1 if sizes[n] >= least][: MOST_LESIONS + 1]
    names = [structure.name] if len(kept) == 1 else [f"{structure.name} {n}" for n in range(1, len(kept) + 1)]
    return [
        _lesion(geometry, labels.grid, structure.name, name, pieces == n) for name, n in zip(names, kept, strict=True)
    ]


def _lesion(geometry: TwinGeometry, grid: Grid, structure: str, name: str, mask: NDArray[np.bool_]) -> Lesion:
    k, j, i = np.nonzero(mask)
    ijk = np.stack([i, j, k], axis=1)
    ml = len(ijk) * grid.voxel_volume_ml
    try:
        border_mm = geometry.border_error_mm(structure)
    except PlanError:
        border_mm = geometry.segmentation_mm
    area_mm2 = _area_mm2(grid, mask, ml)
    # The border is off all around by one amount; voxels at it are wrong by chance, each for itself.
    by_chance_mm3 = grid.voxel_volume_mm3 ** (2 / 3) * math.sqrt(area_mm2 / 12.0)
    error_ml = math.hypot(area_mm2 * border_mm, by_chance_mm3) / 1000.0
    diameter = _longest_in_slice_mm(grid, ijk)
    end_mm = math.hypot(border_mm, max(grid.spacing) / math.sqrt(12.0))
    volume, places = VolumeFigure(ml, error_ml), grid.to_lps(ijk)
    return Lesion(name, structure, volume, diameter, math.sqrt(2.0) * end_mm, places, half_diagonal_mm(grid))


def _area_mm2(grid: Grid, mask: NDArray[np.bool_], ml: float) -> float:
    """Of the surface around it; of a ball of its volume where it is too small for a surface."""
    try:
        labels = LabelMap(grid, (mask.astype(np.uint8),), (Structure(1, "lesion", (200, 60, 60)),))
        return float(vertex_areas(extract_meshes(labels)[0]).sum())
    except (MeshError, IndexError):
        return float((36.0 * math.pi) ** (1.0 / 3.0) * (1000.0 * ml) ** (2.0 / 3.0))


def _longest_in_slice_mm(grid: Grid, ijk: NDArray[np.intp]) -> float:
    """Across the slices that are nearest to axial ones; from outer edge to outer edge."""
    axis = int(np.argmax(np.abs(grid.direction[2])))
    across = [a for a in range(3) if a != axis]
    edge = float(np.mean([grid.spacing[a] for a in across]))
    longest = 0.0
    for index in np.unique(ijk[:, axis]):
        points = grid.to_lps(_outline(ijk[ijk[:, axis] == index], across))
        apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
        longest = max(longest, float(apart.max()))
    return longest + edge


def _outline(ijk: NDArray[np.intp], across: list[int]) -> NDArray[np.intp]:
    """Those voxels of one slice that can be furthest apart: the first and the last of each row."""
    rows = ijk[:, across[0]]
    order = np.lexsort((ijk[:, across[1]], rows))
    is_first = np.concatenate([[True], np.diff(rows[order]) != 0])
    is_last = np.concatenate([is_first[1:], [True]])
    return np.asarray(ijk[order[is_first | is_last]])
