"""The surface of a voxel mask as points with areas, and the distances between two such surfaces.

The definition is that of Nikolov et al., "Clinically Applicable Segmentation of Head and Neck Anatomy for
Radiotherapy", J Med Internet Res 2021;23(7):e26151: surface elements lie at the corners where eight voxels meet and not
all agree, and each counts by the area of the marching cubes surface inside its cell. So a sum over elements is an
integral over the surface, on whatever grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]
Areas = npt.NDArray[np.float64]
Distances = npt.NDArray[np.float32]

CORNERS = tuple((k, j, i) for k in (0, 1) for j in (0, 1) for i in (0, 1))
"""Corner n of a cell of eight voxel centres is bit n of the cell's code."""
ALL_INSIDE = 255
TOLERANCE_ROUNDING_MM = 1e-4
"""Spacings come from files in single precision: 2.5 x 0.8 mm is within 2 mm."""


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances in mm from each element of a surface to the other one, both ways, and the elements' areas in mm2."""

    from_found: Distances
    found_areas: Areas
    from_reference: Distances
    reference_areas: Areas

    def hausdorff(self, share: float = 1.0) -> float:
        """Return the distance within which this share of either surface's area lies from the other, the larger one."""
        there = _area_quantile(self.from_found, self.found_areas, share)
        return max(there, _area_quantile(self.from_reference, self.reference_areas, share))

    def mean(self) -> float:
        """Return the mean distance over the area of both surfaces."""
        total = self.from_found @ self.found_areas + self.from_reference @ self.reference_areas
        return float(total / (self.found_areas.sum() + self.reference_areas.sum()))

    def agreement(self, tolerance_mm: float) -> float:
        """Return the share of both surfaces' area that lies within a distance of the other: the surface Dice."""
        limit = tolerance_mm + TOLERANCE_ROUNDING_MM
        near = self.found_areas[self.from_found <= limit].sum()
        near += self.reference_areas[self.from_reference <= limit].sum()
        return float(near / (self.found_areas.sum() + self.reference_areas.sum()))


def surface_distances(found: Mask, reference: Mask, spacing_mm: Spacing) -> SurfaceDistances:
    """Return the distances between the surfaces of two masks ``[k, j, i]`` of one shape, neither of them empty.

    Parameters
    ----------
    spacing_mm
        Along [k, j, i]. An oblique grid with perpendicular axes needs nothing else.
    """
    areas = cell_areas(spacing_mm)
    codes, reference_codes = cell_codes(found), cell_codes(reference)
    surface, reference_surface = _is_surface(codes), _is_surface(reference_codes)
    return SurfaceDistances(
        _distance_to(reference_surface, surface, spacing_mm),
        areas[codes[surface]],
        _distance_to(surface, reference_surface, spacing_mm),
        areas[reference_codes[reference_surface]],
    )


def cell_codes(mask: Mask) -> npt.NDArray[np.uint8]:
    """Return which corners of each cell between voxel centres lie inside, one bit per row of CORNERS.

    The result is larger by one along each axis: beyond the array counts as outside. Cell (k, j, i) lies between the
    voxels (k - 1, j - 1, i - 1) and (k, j, i).
    """
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([n + 1 for n in mask.shape], dtype=np.uint8)
    for bit, corner in enumerate(CORNERS):
        window = tuple(slice(step, step + n) for step, n in zip(corner, codes.shape, strict=True))
        codes |= padded[window] << np.uint8(bit)
    return codes


@lru_cache(maxsize=64)
def cell_areas(spacing_mm: Spacing) -> Areas:
    """Return the area in mm2 of the surface in a cell, by the cell's code."""
    triangles, owners = _cell_triangles()
    first, second, third = (triangles[:, n] * np.array(spacing_mm) for n in range(3))
    sizes = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    half = np.bincount(owners, sizes, minlength=ALL_INSIDE + 1)
    areas = np.array([half[_smaller_side(code)] for code in range(ALL_INSIDE + 1)])
    areas.setflags(write=False)
    return areas


def _smaller_side(code: int) -> int:
    """The code or its complement, whichever has fewer corners inside: both have one surface."""
    return ALL_INSIDE - code if code.bit_count() > len(CORNERS) // 2 else code


@lru_cache(maxsize=1)
def _cell_triangles() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Marching cubes' triangles ``[n, 3 vertices, (k, j, i)]`` in a cell of unit size, and the code each belongs to."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkMarchingCubes

    found, owners = [], []
    for code in {_smaller_side(code) for code in range(1, ALL_INSIDE)}:
        cell = vtkImageData()
        cell.SetDimensions(2, 2, 2)
        inside = np.array([code >> bit & 1 for bit in range(len(CORNERS))], dtype=np.uint8)
        cell.GetPointData().SetScalars(numpy_to_vtk(inside, deep=True))
        cubes = vtkMarchingCubes()
        cubes.SetInputData(cell)
        cubes.SetValue(0, 0.5)
        cubes.ComputeNormalsOff()
        cubes.Update()
        surface = cubes.GetOutput()
        points = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)[:, ::-1]
        corners = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        found.append(points[corners])
        owners += [code] * len(corners)
    return np.concatenate(found), np.array(owners, dtype=np.int64)


def _is_surface(codes: npt.NDArray[np.uint8]) -> Mask:
    return np.asarray((codes != 0) & (codes != ALL_INSIDE))


def _distance_to(surface: Mask, places: Mask, spacing_mm: Spacing) -> Distances:
    import edt

    distances: Distances = edt.edt(~surface, anisotropy=spacing_mm)[places]
    return distances


def _area_quantile(distances: Distances, areas: Areas, share: float) -> float:
    """The least distance within which this share of the area lies."""
    order = np.argsort(distances, kind="stable")
    covered = np.cumsum(areas[order])
    n = int(np.searchsorted(covered, share * covered[-1]))
    return float(distances[order[min(n, len(order) - 1)]])
