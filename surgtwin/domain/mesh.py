"""The surface of a structure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MeshError
from .geometry import frozen
from .labels import Colour

CHUNK = 16384
"""Triangles worked on at a time."""


@dataclass(frozen=True)
class MeshQuality:
    """Figures that say how far a mesh can be trusted.

    Parameters
    ----------
    is_watertight
        Every edge belongs to exactly two triangles that run through it in opposite directions.
    euler_number
        Vertices - edges + triangles: 2 for each closed piece without handles.
    volume_ml, label_volume_ml
        Of the mesh (divergence theorem) and of the voxels it was made from.
    deviation_mean_mm, deviation_max_mm
        Distance of the vertices from the unsmoothed surface of the voxels; after decimation, what that moved is added.
    pieces
        Connected components.
    """

    is_watertight: bool
    is_manifold: bool
    euler_number: int
    pieces: int
    volume_ml: float
    label_volume_ml: float
    area_mm2: float
    deviation_mean_mm: float
    deviation_max_mm: float


@dataclass(frozen=True, eq=False)
class OrganMesh:
    """A triangle surface in LPS mm, wound so that normals point outward.

    Parameters
    ----------
    vertices_mm
        (N, 3) float64.
    triangles
        (M, 3) int32, indices into `vertices_mm`, counter-clockwise seen from outside.
    """

    name: str
    vertices_mm: NDArray[np.float64]
    triangles: NDArray[np.int32]
    colour: Colour
    quality: MeshQuality | None = None

    def __post_init__(self) -> None:
        v: NDArray[Any] = np.ascontiguousarray(self.vertices_mm, dtype=np.float64)
        t: NDArray[Any] = np.ascontiguousarray(self.triangles, dtype=np.int32)
        if v.ndim != 2 or v.shape[1] != 3 or t.ndim != 2 or t.shape[1] != 3 or not len(t):
            raise MeshError(f"The mesh of '{self.name}' needs vertices (N, 3) and at least one triangle (M, 3).")
        if not np.all(np.isfinite(v)):
            raise MeshError(f"The mesh of '{self.name}' has vertices that are not finite.")
        if t.min() < 0 or t.max() >= len(v):
            raise MeshError(f"The mesh of '{self.name}' refers to vertices that do not exist.")
        object.__setattr__(self, "vertices_mm", frozen(v))
        object.__setattr__(self, "triangles", frozen(t))

    @property
    def volume_ml(self) -> float:
        """Signed volume by the divergence theorem; positive when wound outward."""
        return self._volume_and_area[0]

    @property
    def area_mm2(self) -> float:
        return self._volume_and_area[1]

    @cached_property
    def _volume_and_area(self) -> tuple[float, float]:
        """Volume in mL and area in mm2, some thousands of triangles at a time so that they stay in the cache."""
        corners = self.vertices_mm - self.vertices_mm.mean(axis=0)
        volume = area = 0.0
        for begin in range(0, len(self.triangles), CHUNK):
            a, b, c = (np.take(corners, column, axis=0) for column in self.triangles[begin : begin + CHUNK].T)
            ab, ac = (b - a).T, (c - a).T
            x = ab[1] * ac[2] - ab[2] * ac[1]
            y = ab[2] * ac[0] - ab[0] * ac[2]
            z = ab[0] * ac[1] - ab[1] * ac[0]
            volume += float((a[:, 0] * x + a[:, 1] * y + a[:, 2] * z).sum())
            area += float(np.sqrt(x * x + y * y + z * z).sum())
        return volume / 6000.0, area / 2.0
