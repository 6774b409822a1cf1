"""Points that a tracked tip felt on an organ, laid onto its surface from a start that is nearly right.

Point-to-plane iterative closest points (Chen & Medioni 1992, doi 10.1016/0262-8856(92)90066-C) with Tukey's weights
against points that were not on the organ. The surface's shape under the points decides how well each of the six
motions is known (Gelfand et al. 2003, doi 10.1109/IM.2003.1240258): where the points could slide along it, as on a
ball or a tube, the fit is refused; elsewhere the predicted error at a target says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..domain.geometry import FloatArray, RigidTransform
from ..domain.mesh import OrganMesh
from ..errors import GeometryError
from ..mesh.triangle_locator import TriangleLocator
from ..progress import SILENT, Progress

FEWEST_POINTS = 12
FREE_STEPS, MOST_STEPS = 40, 80
SHORTER = 0.8
"""From facet to facet the last tenth of a millimetre can go round in circles: after the free steps each is shorter."""
SETTLED_MM, NEAR_MM = 1e-3, 0.5
LEAST_FLE_MM = 0.3
"""No tracker and no fingertip does better, whatever a few residuals say."""
LEAST_SHARE = 0.006
"""Of a unit motion of the points, mean square, that goes square to the surface, for the motion that shows least there.
Measured: liver 0.03 to 0.09 (all around, or its front alone), spleen 0.03 to 0.06, kidney 0.009 to 0.03; a ball of
voxels 0.0026, an aorta 0.0014 to 0.005."""
FARTHEST_MM = 30.0
"""A start that leaves half the points farther from the surface than this is no start."""
TUKEY, MAD_TO_SD = 4.685, 1.4826
LEAST_SCALE_MM = 0.5
KEPT_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class SurfaceFit:
    """A rigid transform that lays points onto a surface.

    Parameters
    ----------
    points_mm
        (N, 3), the points as laid, in the transform's `to_frame`.
    residuals_mm
        (N,), how far each stays from the surface.
    weights
        (N,) 0 to 1: how much each point counts; 0 for those that are not of this surface.
    normals
        (N, 3), of the surface beside them.
    """

    transform: RigidTransform
    points_mm: FloatArray
    residuals_mm: FloatArray
    weights: FloatArray
    normals: FloatArray
    steps: int

    @property
    def rms_mm(self) -> float:
        """Root mean square of the residuals of what counts."""
        return float(np.sqrt(np.average(self.residuals_mm**2, weights=self.weights)))

    @property
    def used(self) -> int:
        """Points that count."""
        return int(np.count_nonzero(self.weights))

    @property
    def fle_mm(self) -> float:
        """Error of one point that the residuals speak for, six motions having been fitted; never below 0.3 mm."""
        squares = float((self.weights * self.residuals_mm**2).sum())
        return max(LEAST_FLE_MM, float(np.sqrt(squares / max(float(self.weights.sum()) - 6.0, 1.0))))

    def tre_mm(self, targets_mm: ArrayLike, fle_mm: float | None = None) -> FloatArray:
        """Predicted root mean square error (...,) at targets (..., 3) of the transform's `to_frame`.

        By the covariance of the six motions, from the points' places and the surface's normals there. It holds if the
        start was near the truth and the organ has kept its shape.

        Parameters
        ----------
        fle_mm
            The error of one point, if it is known better than from the residuals.
        """
        fle = self.fle_mm if fle_mm is None else fle_mm
        centre = _centre(self.points_mm, self.weights)
        rows = _rows(self.points_mm - centre, self.normals)
        covariance = fle**2 * np.linalg.inv((rows * self.weights[:, None]).T @ rows)
        arms = np.asarray(targets_mm, dtype=np.float64) - centre
        # A small turn w moves a point at an arm r by w x r.
        motion = np.zeros((*arms.shape[:-1], 3, 6))
        for axis in range(3):
            motion[..., axis] = np.cross(np.eye(3)[axis], arms)
        motion[..., 3:] = np.eye(3)
        return np.asarray(np.sqrt(np.einsum("...ij,jk,...ik->...", motion, covariance, motion)))


def fit_to_surface(
    points_mm: ArrayLike, surface: OrganMesh, start: RigidTransform, progress: Progress = SILENT
) -> SurfaceFit:
    """The rigid transform that lays points (N, 3) of the start's `from_frame` onto a surface in its `to_frame`.

    Parameters
    ----------
    start
        Nearly right: by landmarks, or by the last registration.

    Raises
    ------
    GeometryError
        If there are fewer than twelve points, the start is far off, most points do not fit, the points could slide
        along the surface, or they do not settle on it.
    """
    points = _checked(points_mm)
    place = _Surface(surface)
    placed = start.apply(points)
    away = float(np.median(np.linalg.norm(placed - place.foot(placed)[0], axis=1)))
    if away > FARTHEST_MM:
        raise GeometryError(
            f"Half the points start {away:.0f} mm or more from the surface; within {FARTHEST_MM:g} mm is needed. "
            "Register by landmarks first."
        )
    matrix = np.array(start.matrix)
    for step in range(1, MOST_STEPS + 1):
        progress.update(step / MOST_STEPS)
        placed = points @ matrix[:3, :3].T + matrix[:3, 3]
        on_surface, normals = place.foot(placed)
        offsets = np.einsum("nc,nc->n", on_surface - placed, normals)
        motion = _step(placed, normals, offsets, SHORTER ** max(0, step - FREE_STEPS))
        matrix = motion @ matrix
        moved = np.linalg.norm(placed @ motion[:3, :3].T + motion[:3, 3] - placed, axis=1).max()
        if moved < SETTLED_MM:
            return _result(points, RigidTransform(start.to_frame, start.from_frame, matrix), place, step)
        if step == FREE_STEPS and moved > NEAR_MM:
            break
    raise GeometryError(f"The points do not settle on the surface within {FREE_STEPS} steps. Give more points.")


class _Surface:
    """Where a surface is nearest, and which way it faces there."""

    def __init__(self, mesh: OrganMesh) -> None:
        corners = mesh.vertices_mm[mesh.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(cross, axis=1, keepdims=True)
        self._normals = cross / np.where(length > 0, length, 1.0)
        self._locator = TriangleLocator(mesh)

    def foot(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        places, which = self._locator.closest(points)
        return places, np.asarray(self._normals[which])


def _checked(points_mm: ArrayLike) -> FloatArray:
    points = np.asarray(points_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1:] != (3,) or len(points) < FEWEST_POINTS or not np.all(np.isfinite(points)):
        raise GeometryError(f"At least {FEWEST_POINTS} finite points (N, 3) are needed; found shape {points.shape}.")
    return points


def _result(points: FloatArray, transform: RigidTransform, place: _Surface, steps: int) -> SurfaceFit:
    placed = transform.apply(points)
    on_surface, normals = place.foot(placed)
    weights = _tukey(np.einsum("nc,nc->n", on_surface - placed, normals))
    used = int(np.count_nonzero(weights))
    if used < max(KEPT_SHARE * len(points), FEWEST_POINTS):
        raise GeometryError(
            f"Only {used} of {len(points)} points fit the surface. They are not of this organ, it has changed its "
            "shape, or the start was wrong."
        )
    _require_certain(placed, normals, weights)
    return SurfaceFit(transform, placed, np.linalg.norm(on_surface - placed, axis=1), weights, normals, steps)


def _tukey(offsets: FloatArray) -> FloatArray:
    """Weights 0 to 1: what lies far beyond the others' spread does not count."""
    scale = max(LEAST_SCALE_MM, MAD_TO_SD * float(np.median(np.abs(offsets))))
    share = np.clip(np.abs(offsets) / (TUKEY * scale), 0.0, 1.0)
    return np.asarray((1.0 - share**2) ** 2)


def _centre(points: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray(np.average(points, axis=0, weights=weights))


def _rows(arms: FloatArray, normals: FloatArray) -> FloatArray:
    """(N, 6): how far each of the six motions, three turns and three shifts, takes each point square to the surface."""
    return np.hstack([np.cross(arms, normals), normals])


def _require_certain(points: FloatArray, normals: FloatArray, weights: FloatArray) -> None:
    arms = points - _centre(points, weights)
    radius = float(np.sqrt(np.average((arms**2).sum(axis=1), weights=weights)))
    rows = _rows(arms / max(radius, 1e-9), normals)
    least = float(np.linalg.eigvalsh((rows * weights[:, None]).T @ rows / weights.sum())[0])
    if least < LEAST_SHARE:
        raise GeometryError(
            f"The points could slide along the surface (certainty {least:.4f}, {LEAST_SHARE:g} is needed): it is too "
            "round or too flat there. Add points on an edge, a lobe's tip or another side."
        )


def _step(placed: FloatArray, normals: FloatArray, offsets: FloatArray, share: float) -> FloatArray:
    """A share of the small motion (4, 4) that brings the points closest to the planes at their feet."""
    from scipy.spatial.transform import Rotation

    weights = _tukey(offsets)
    if float(weights.sum()) < FEWEST_POINTS / 2.0:
        raise GeometryError("Hardly a point fits the surface. They are not of this organ, or the start was wrong.")
    centre = _centre(placed, weights)
    rows = _rows(placed - centre, normals)
    root = np.sqrt(weights)
    found, *_ = np.linalg.lstsq(rows * root[:, None], offsets * root, rcond=1e-9)
    found *= share
    turn = Rotation.from_rotvec(found[:3]).as_matrix()
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn, centre - turn @ centre + found[3:]
    return motion
