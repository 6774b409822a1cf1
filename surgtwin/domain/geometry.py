"""Space: DICOM's patient frame (LPS, mm, float64), grids of voxels in it, planes and rigid motions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import GeometryError

FloatArray = NDArray[np.float64]
Point3 = tuple[float, float, float]

SAME_POSITION_MM = 1e-3
"""Two positions closer than this are the same place."""
SAME_DIRECTION = 1e-4
"""Largest difference of a direction cosine between two directions that are called the same."""
MIN_SPACING_MM = 1e-3
MAX_SPACING_MM = 1e3
MAX_ORIGIN_MM = 1e7
"""Ten kilometres from the frame's origin: no scanner is that large, and micrometres are still told apart."""
MIN_LENGTH_MM = 1e-6
"""A vector shorter than this has no direction."""
MAX_ROTATION_ERROR = 1e-3
"""Largest |R^T R - I| of a matrix that is accepted as a rotation."""
MAX_VOXELS = 4_000_000_000


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view of `array`, so that a domain object cannot change under its users."""
    view = array.view()
    view.flags.writeable = False
    return view


def unit(vector: ArrayLike) -> FloatArray:
    """`vector` (3,) scaled to length 1. Raises GeometryError if it has no direction."""
    v = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(v))
    if not np.isfinite(length) or length < MIN_LENGTH_MM:
        raise GeometryError(f"A direction is needed, but the vector given has length {length:g}.")
    return v / length


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid of voxels in the patient.

    Parameters
    ----------
    shape
        Number of voxels along (k, j, i): the shape of the arrays on this grid.
    lps_from_ijk
        (4, 4) float64. Maps the voxel index (i, j, k, 1) to the centre of the voxel in LPS mm.
        Either handedness is allowed; its columns must be independent.

    Raises
    ------
    GeometryError
        If the shape is empty or absurd, or the matrix is not an invertible affine.
    """

    shape: tuple[int, int, int]
    lps_from_ijk: FloatArray

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1 or int(np.prod(shape, dtype=object)) > MAX_VOXELS:
            raise GeometryError(f"A grid needs three positive sizes (k, j, i); found {self.shape}.")
        matrix = np.array(self.lps_from_ijk, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise GeometryError("A grid needs a finite 4 x 4 matrix from voxel index to LPS mm.")
        if np.any(np.abs(matrix[3] - [0, 0, 0, 1]) > SAME_DIRECTION):
            raise GeometryError("The last row of a grid's matrix must be 0 0 0 1.")
        if np.abs(matrix[:3, 3]).max() > MAX_ORIGIN_MM:
            raise GeometryError(f"A grid that begins at {matrix[:3, 3].tolist()} mm is not plausible.")
        with np.errstate(over="ignore"):
            spacing = np.linalg.norm(matrix[:3, :3], axis=0)
        if np.any(spacing < MIN_SPACING_MM) or np.any(spacing > MAX_SPACING_MM):
            raise GeometryError(f"Voxel spacing (i, j, k) {spacing.round(4).tolist()} mm is not plausible.")
        if abs(np.linalg.det(matrix[:3, :3] / spacing)) < SAME_DIRECTION:
            raise GeometryError("The axes of the grid lie in one plane.")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "lps_from_ijk", frozen(matrix))

    @classmethod
    def from_axes(
        cls, shape: tuple[int, int, int], origin: ArrayLike, direction: ArrayLike, spacing_ijk: ArrayLike
    ) -> Grid:
        """A grid from its first voxel's centre, direction (3, 3; columns: i, j, k axes) and spacing (i, j, k)."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(direction, dtype=np.float64) * np.asarray(spacing_ijk, dtype=np.float64)
        matrix[:3, 3] = origin
        return cls(shape, matrix)

    @cached_property
    def spacing(self) -> Point3:
        """Distance of neighbouring voxel centres along (i, j, k), mm."""
        s = np.linalg.norm(self.lps_from_ijk[:3, :3], axis=0)
        return (float(s[0]), float(s[1]), float(s[2]))

    @cached_property
    def direction(self) -> FloatArray:
        """(3, 3), columns are the unit vectors of the i, j, k axes in LPS."""
        return frozen(self.lps_from_ijk[:3, :3] / np.asarray(self.spacing))

    @property
    def origin(self) -> FloatArray:
        """Centre of voxel (0, 0, 0) in LPS mm."""
        return self.lps_from_ijk[:3, 3]

    @property
    def size_ijk(self) -> tuple[int, int, int]:
        """Number of voxels along (i, j, k)."""
        return (self.shape[2], self.shape[1], self.shape[0])

    @cached_property
    def voxel_volume_mm3(self) -> float:
        return float(abs(np.linalg.det(self.lps_from_ijk[:3, :3])))

    @property
    def voxel_volume_ml(self) -> float:
        return self.voxel_volume_mm3 / 1000.0

    @property
    def is_right_handed(self) -> bool:
        return bool(np.linalg.det(self.lps_from_ijk[:3, :3]) > 0)

    @cached_property
    def ijk_from_lps(self) -> FloatArray:
        """(4, 4), the inverse of `lps_from_ijk`."""
        return frozen(np.linalg.inv(self.lps_from_ijk))

    @property
    def axis_codes(self) -> str:
        """Nearest anatomical direction of the i, j and k axes, e.g. 'LPS' or 'RAI' (towards that side)."""
        return "".join(direction_letter(self.direction[:, a]) for a in range(3))

    @property
    def is_oblique(self) -> bool:
        """True if an axis lies off the patient's axes by more than the tolerance."""
        return bool(np.any(np.abs(self.direction).max(axis=0) < 1.0 - SAME_DIRECTION))

    def to_lps(self, ijk: ArrayLike) -> FloatArray:
        """LPS mm of voxel indices (..., 3) given as (i, j, k), fractional allowed."""
        return transform_points(self.lps_from_ijk, ijk)

    def to_ijk(self, lps_mm: ArrayLike) -> FloatArray:
        """Fractional voxel indices (i, j, k) of LPS points (..., 3)."""
        return transform_points(self.ijk_from_lps, lps_mm)

    def corners(self) -> FloatArray:
        """(8, 3) LPS mm of the outer corners of the grid's box (half a voxel beyond the centres)."""
        ni, nj, nk = self.size_ijk
        return self.to_lps(list(product((-0.5, ni - 0.5), (-0.5, nj - 0.5), (-0.5, nk - 0.5))))

    def center(self) -> FloatArray:
        """LPS mm of the middle of the grid."""
        ni, nj, nk = self.size_ijk
        return self.to_lps([(ni - 1) / 2, (nj - 1) / 2, (nk - 1) / 2])

    def is_same_space(self, other: Grid) -> bool:
        """True if both grids have the same shape and no corner differs by more than the tolerance."""
        if self.shape != other.shape:
            return False
        return bool(np.abs(self.corners() - other.corners()).max() <= SAME_POSITION_MM)


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in LPS mm; `normal` is scaled to length 1 when built."""

    point_mm: Point3
    normal: Point3

    def __post_init__(self) -> None:
        n = unit(self.normal)
        p = np.asarray(self.point_mm, dtype=np.float64)
        if p.shape != (3,) or not np.all(np.isfinite(p)):
            raise GeometryError(f"A plane needs a finite point of three numbers; found {self.point_mm}.")
        object.__setattr__(self, "point_mm", (float(p[0]), float(p[1]), float(p[2])))
        object.__setattr__(self, "normal", (float(n[0]), float(n[1]), float(n[2])))

    def signed_distance(self, lps_mm: ArrayLike) -> FloatArray:
        """Distance (...,) of points (..., 3) from the plane in mm, positive on the normal's side."""
        offset: FloatArray = np.asarray(lps_mm, dtype=np.float64) - np.asarray(self.point_mm)
        return np.asarray(offset @ np.asarray(self.normal))


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """A rotation and a translation, (4, 4), from one named frame to another.

    `RigidTransform("lps", "tool", m)` maps tool coordinates to LPS: it is `lps_from_tool`.
    """

    to_frame: str
    from_frame: str
    matrix: FloatArray

    def __post_init__(self) -> None:
        m = np.array(self.matrix, dtype=np.float64)
        if m.shape != (4, 4) or not np.all(np.isfinite(m)):
            raise GeometryError("A rigid transform needs a finite 4 x 4 matrix.")
        r = m[:3, :3]
        if np.abs(r.T @ r - np.eye(3)).max() > MAX_ROTATION_ERROR or np.linalg.det(r) <= 0:
            raise GeometryError("The matrix is not rigid: it scales, shears or mirrors.")
        object.__setattr__(self, "matrix", frozen(m))

    def then(self, outer: RigidTransform) -> RigidTransform:
        """`outer` applied after this one. Raises GeometryError if the frames do not meet."""
        if outer.from_frame != self.to_frame:
            raise GeometryError(
                f"A transform to '{self.to_frame}' cannot be followed by one from '{outer.from_frame}'."
            )
        return RigidTransform(outer.to_frame, self.from_frame, outer.matrix @ self.matrix)

    def inverse(self) -> RigidTransform:
        return RigidTransform(self.from_frame, self.to_frame, np.asarray(np.linalg.inv(self.matrix), np.float64))

    def apply(self, points: ArrayLike) -> FloatArray:
        """Points (..., 3) of `from_frame` in `to_frame`."""
        return transform_points(self.matrix, points)


def transform_points(matrix: FloatArray, points: ArrayLike) -> FloatArray:
    """Points (..., 3) through an affine (4, 4)."""
    p = np.asarray(points, dtype=np.float64)
    return np.asarray(p @ matrix[:3, :3].T + matrix[:3, 3])


def direction_letter(direction: ArrayLike) -> str:
    """The side of the patient a direction in LPS points to most: one of L R P A S I."""
    d = np.asarray(direction, dtype=np.float64)
    axis = int(np.argmax(np.abs(d)))
    return "LPS"[axis] if d[axis] >= 0 else "RAI"[axis]


def direction_letters(direction: ArrayLike, least: float = 0.35) -> str:
    """Letters for an edge of a view, strongest first, combined when oblique ("AL").

    A side is named if the unit direction's component along it is at least `least`.
    """
    d = unit(direction)
    named = [(abs(c), "LPS"[a] if c > 0 else "RAI"[a]) for a, c in enumerate(d) if abs(c) >= least]
    return "".join(letter for _, letter in sorted(named, key=lambda item: -item[0]))
