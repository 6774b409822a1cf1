"""How much of a tumour's surface touches the organ it grows in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..domain.geometry import FloatArray
from ..domain.mesh import OrganMesh
from .tissue import Tissue, half_diagonal_mm


@dataclass(frozen=True, eq=False)
class TumourContact:
    """The part of a tumour's surface that touches the organ's own tissue.

    Contact surface area as Leslie et al. define it (BJU Int 116, 2015, online 2014): the surface of the tumour inside
    the parenchyma. Theirs and Hsieh's 2 pi r d are for balls; here every triangle is asked what lies behind it.

    Parameters
    ----------
    area_mm2, percent
        Of the surface in contact, and its share of the whole surface.
    is_covered
        (M,) whether each triangle of the tumour's mesh touches.
    """

    area_mm2: float
    percent: float
    is_covered: NDArray[np.bool_]


def contact_with(tumour: OrganMesh, parenchyma: Tissue) -> TumourContact:
    """The contact of a tumour's closed surface with tissue that does not hold it.

    A triangle touches if the tissue holds the place half a voxel's diagonal outward of its middle.
    """
    middle, normal, area = triangle_frames(tumour)
    covered = parenchyma.holds(middle + normal * half_diagonal_mm(parenchyma.grid))
    touching, whole = float(area[covered].sum()), float(area.sum())
    return TumourContact(touching, 100.0 * touching / whole, covered)


def triangle_frames(mesh: OrganMesh) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Middles (M, 3), outward unit normals (M, 3) and areas (M,) of a mesh's triangles."""
    corners = mesh.vertices_mm[mesh.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(cross, axis=1)
    normal = cross / np.where(double > 0, double, 1.0)[:, None]
    return np.asarray(corners.mean(1)), np.asarray(normal), np.asarray(double / 2.0)
