"""An organ deformed so that it meets a few points seen on its surface, and how sure every place of it then is.

Displacements are a Gaussian process whose covariance is the regularised Kelvin solution of linear elasticity (de Goes &
James 2017, doi 10.1145/3072959.3073595): a push on soft tissue spreads as elasticity says, volumes are nearly kept, and
what no point was seen near stays uncertain. A rigid motion is part of it, known as badly as the settings say. A point
says only how far the surface lies along its normal, since tissue slides under a stylus or a camera unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from ..domain.geometry import FloatArray, transform_points
from ..domain.mesh import OrganMesh
from ..errors import ImageError
from ..mesh.surface_distance import SurfaceDistance
from ..progress import SILENT, Progress
from .landmarks import LEAST_SPREAD_MM, fit_points

POISSON = 0.45
"""Liver is nearly incompressible (0.45 to 0.5 in the literature)."""
FEWEST = 6
MOST_POINTS = 600
"""More are thinned out: the system is dense."""
ITERATIONS = 12
CONVERGED_MM = 0.02
DEFORMATIONS_MM = (0.5, 2.0, 4.0, 8.0, 12.0, 18.0)
REACHES_MM = (25.0, 40.0, 70.0, 110.0)
LIKELY_MM = 8.0
PULLS = 4
REST_MM, REST_DEG = 2.0, 2.0
ROBUST = 3.0
"""Standard errors beyond which a point is doubted."""


@dataclass(frozen=True)
class SurfaceFitSettings:
    """What is known before any point is seen.

    Parameters
    ----------
    noise_mm
        Standard error of a point along the surface's normal.
    deformation_mm, reach_mm
        Standard deviation of the displacement at a place; how far a push is felt, the regularisation radius of the
        Kelvin solution. Both are chosen by what the points make likely.
    shift_mm, turn_deg
        Standard deviations of the rigid motion that the start may be off by.
    """

    noise_mm: float = 1.0
    deformation_mm: float = 8.0
    reach_mm: float = 35.0
    shift_mm: float = 20.0
    turn_deg: float = 10.0


@dataclass(frozen=True, eq=False)
class _Field:
    """Displacements of the organ, laid on the points rigidly before, that follow from what was seen.

    `places` (M, 3) on its surface were seen displaced along `normals` (M, 3); `factor` is the Cholesky factor of their
    covariance, noise included.
    """

    settings: SurfaceFitSettings
    centre_mm: FloatArray
    places: FloatArray
    normals: FloatArray
    weights: FloatArray
    factor: FloatArray

    def at(self, points: FloatArray) -> FloatArray:
        across = _covariance(points, self.places, self.centre_mm, self.settings)
        return np.asarray(np.einsum("nima,m,ma->ni", across, self.weights, self.normals))

    def error_mm(self, points: FloatArray) -> FloatArray:
        across = np.einsum(
            "nima,ma->nim", _covariance(points, self.places, self.centre_mm, self.settings), self.normals
        )
        solved = np.linalg.solve(self.factor, across.reshape(-1, len(self.places)).T)
        known = (solved**2).sum(axis=0).reshape(len(points), 3).sum(axis=1)
        return np.asarray(np.sqrt(np.maximum(_variance(points, self.centre_mm, self.settings) - known, 0.0)))


@dataclass(frozen=True, eq=False)
class SurfaceFit:
    """A motion of an organ found from points on its surface.

    Parameters
    ----------
    rigid
        (4, 4) the part of it that is one motion of the whole, LPS mm.
    residual_mm, rigid_residual_mm
        Root mean square distance of the points from the moved surface; the same with the rigid motion alone.
    """

    rigid: FloatArray
    residual_mm: float
    rigid_residual_mm: float
    field: _Field

    def moved(self, points_mm: ArrayLike) -> FloatArray:
        """Where LPS places (N, 3) of the organ at rest lie now."""
        laid = self.moved_rigidly(points_mm)
        return np.asarray(laid + self.field.at(laid))

    def moved_rigidly(self, points_mm: ArrayLike) -> FloatArray:
        """Where they would lie if the organ were stiff."""
        return transform_points(self.rigid, points_mm)

    def error_mm(self, points_mm: ArrayLike) -> FloatArray:
        """Standard error (N,) of those places: root of the summed variances along the three axes."""
        return self.field.error_mm(self.moved_rigidly(points_mm))


def fit_surface(
    organ: OrganMesh,
    points_mm: ArrayLike,
    settings: SurfaceFitSettings | None = None,
    progress: Progress = SILENT,
) -> SurfaceFit:
    """The motion that brings an organ's surface to points (N, 3) seen on it, LPS mm.

    Raises
    ------
    ImageError
        If there are fewer than six points, they are not finite, lie on a line, or far from the organ.
    """
    settings = settings or SurfaceFitSettings()
    seen = _checked(points_mm, organ)
    rigid = _laid_on(organ, seen, settings, progress.part(0.0, 0.3, "Laying the organ on the points"))
    # What is left is the error of taking a turn for small: no more may come of it, or a round organ goes on turning.
    left = replace(settings, shift_mm=REST_MM, turn_deg=REST_DEG)
    rigid = _laid_on(_moved_organ(organ, rigid), seen, left, progress.part(0.3, 0.5)) @ rigid
    surface = _surface_of(_moved_organ(organ, rigid))
    settings = _likeliest(surface, seen, settings)
    field, rest = _iterated(surface, seen, settings, progress.part(0.5, 1.0, "Deforming the organ"))
    progress.update(1.0)
    residuals = [float(np.sqrt(np.mean(surface.distance.at(p) ** 2))) for p in (rest, seen)]
    return SurfaceFit(rigid, residuals[0], residuals[1], field)


def _likeliest(surface: _Surface, seen: FloatArray, settings: SurfaceFitSettings) -> SurfaceFitSettings:
    """The settings with the deformation's size and reach under which the points are most probable.

    Evidence of the Gaussian process (Rasmussen & Williams 2006, 5.8): an organ that did not deform is not bent to noise
    and one that bent as a whole is not thought dented where it was touched.
    """
    places, normals = surface.nearest(seen)
    choices = [
        replace(settings, deformation_mm=size, reach_mm=reach) for size in DEFORMATIONS_MM for reach in REACHES_MM
    ]
    return max(choices, key=lambda choice: _evidence(places, normals, seen, surface.centre_mm, choice))


def _evidence(
    places: FloatArray, normals: FloatArray, seen: FloatArray, centre: FloatArray, settings: SurfaceFitSettings
) -> float:
    field = _solved(places, normals, seen, centre, settings, np.full(len(seen), settings.noise_mm))
    gap = np.einsum("ni,ni->n", seen - places, normals)
    # Large deformations are less probable before anything is seen: a prior of their size, one log unit in eight mm.
    prior = settings.deformation_mm / LIKELY_MM
    return float(-0.5 * gap @ field.weights - np.log(np.diag(field.factor)).sum() - prior)


def _moved_organ(organ: OrganMesh, rigid: FloatArray) -> OrganMesh:
    return replace(organ, vertices_mm=transform_points(rigid, organ.vertices_mm), quality=None)


def _laid_on(organ: OrganMesh, seen: FloatArray, settings: SurfaceFitSettings, progress: Progress) -> FloatArray:
    """The rigid motion (4, 4) that lays an organ on the points."""
    surface = _surface_of(organ)
    field, _ = _iterated(surface, seen, replace(settings, deformation_mm=0.0), progress)
    probes = field.centre_mm + 100.0 * np.vstack([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    return fit_points(probes, probes + field.at(probes), from_frame="rest").transform.matrix


def _iterated(
    surface: _Surface, seen: FloatArray, settings: SurfaceFitSettings, progress: Progress
) -> tuple[_Field, FloatArray]:
    """Match each point to the nearest place of the surface, solve, pull the points back, and again until all is still.

    Returns the displacements, and where the points belong on the organ at rest.
    """
    rest = seen
    noise_mm = np.full(len(seen), settings.noise_mm)
    for n in range(ITERATIONS):
        progress.update(n / ITERATIONS)
        places, normals = surface.nearest(rest)
        field = _solved(places, normals, seen, surface.centre_mm, settings, noise_mm)
        # A point that lies far from where all others bring the surface was no touch of it: it counts for less.
        beside = np.abs(np.einsum("ni,ni->n", seen - places - field.at(places), normals))
        noise_mm = settings.noise_mm * np.maximum(1.0, (beside / (ROBUST * settings.noise_mm)) ** 2)
        before = rest
        for _ in range(PULLS):
            rest = seen - field.at(rest)
        if float(np.abs(rest - before).max()) < CONVERGED_MM:
            break
    return field, rest


def _solved(
    places: FloatArray,
    normals: FloatArray,
    seen: FloatArray,
    centre: FloatArray,
    settings: SurfaceFitSettings,
    noise_mm: FloatArray,
) -> _Field:
    gap = np.einsum("ni,ni->n", seen - places, normals)
    between = np.einsum("nima,ni,ma->nm", _covariance(places, places, centre, settings), normals, normals)
    between[np.diag_indices_from(between)] += noise_mm**2
    factor = np.linalg.cholesky(between)
    weights = np.linalg.solve(factor.T, np.linalg.solve(factor, gap))
    return _Field(settings, centre, places, normals, weights, factor)


@dataclass(frozen=True, eq=False)
class _Surface:
    """A surface to find nearest places on, with the outward direction there."""

    distance: SurfaceDistance
    tree: cKDTree
    normals: FloatArray

    @property
    def centre_mm(self) -> FloatArray:
        return np.asarray(self.distance.mesh.vertices_mm.mean(axis=0))

    def nearest(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Nearest places (N, 3), and the unit normal at the vertex next to each."""
        places = self.distance.nearest(points).points_mm
        return places, self.normals[self.tree.query(places)[1]]


def _surface_of(organ: OrganMesh) -> _Surface:
    v, t = organ.vertices_mm, organ.triangles
    across = np.cross(v[t[:, 1]] - v[t[:, 0]], v[t[:, 2]] - v[t[:, 0]])
    summed = np.stack([np.bincount(t.ravel(), np.repeat(across[:, a], 3), len(v)) for a in range(3)], axis=-1)
    length = np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
    return _Surface(SurfaceDistance(organ), cKDTree(v), np.asarray(summed / length, dtype=np.float64))


def _covariance(a: FloatArray, b: FloatArray, centre: FloatArray, settings: SurfaceFitSettings) -> FloatArray:
    """[n, i, m, j]: covariance of the displacement at a[n] along axis i with that at b[m] along j."""
    elastic = np.zeros((len(a), 3, len(b), 3))
    if settings.deformation_mm > 0:
        r = a[:, None, :] - b[None, :, :]
        re = np.sqrt((r**2).sum(axis=-1) + settings.reach_mm**2)
        ratio = 1.0 / (4.0 * (1.0 - POISSON))
        isotropic = (1.0 - ratio) / re + 0.5 * settings.reach_mm**2 / re**3
        outer = ratio * r[..., :, None] * r[..., None, :] / re[..., None, None] ** 3
        kernel = isotropic[..., None, None] * np.eye(3) + outer
        # At no distance the kernel is (1 - ratio + 1/2) / reach: scaled so that this is the variance of one axis.
        scale = settings.deformation_mm**2 / 3.0 * settings.reach_mm / (1.5 - ratio)
        elastic = scale * kernel.transpose(0, 2, 1, 3)
    rigid = np.einsum("nik,mjk->nimj", _rigid_basis(a, centre, settings), _rigid_basis(b, centre, settings))
    return np.asarray(elastic + rigid)


def _variance(points: FloatArray, centre: FloatArray, settings: SurfaceFitSettings) -> FloatArray:
    rigid = (_rigid_basis(points, centre, settings) ** 2).sum(axis=(1, 2))
    return np.asarray(settings.deformation_mm**2 + rigid)


def _rigid_basis(points: FloatArray, centre: FloatArray, settings: SurfaceFitSettings) -> FloatArray:
    """[n, i, k]: displacement at a place along axis i by the k-th of three shifts and three turns of one deviation."""
    basis = np.zeros((len(points), 3, 6))
    basis[:, :, :3] = settings.shift_mm * np.eye(3)
    arm = points - centre
    for k, axis in enumerate(np.eye(3)):
        basis[:, :, 3 + k] = np.radians(settings.turn_deg) * np.cross(axis, arm)
    return basis


def _checked(points_mm: ArrayLike, organ: OrganMesh) -> FloatArray:
    points = np.asarray(points_mm, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.all(np.isfinite(points)):
        raise ImageError("Points on a surface are rows of three finite numbers, x, y, z in LPS mm.")
    if len(points) < FEWEST:
        raise ImageError(f"At least {FEWEST} points on the surface are needed; found {len(points)}.")
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] / np.sqrt(len(points))
    if spread < LEAST_SPREAD_MM:
        raise ImageError(
            f"The points lie on a line (their spread about it is {spread:.1f} mm, {LEAST_SPREAD_MM:g} mm are needed). "
            "Touch the surface over an area."
        )
    size = float(np.linalg.norm(np.ptp(organ.vertices_mm, axis=0)))
    far = float(np.linalg.norm(points.mean(axis=0) - organ.vertices_mm.mean(axis=0)))
    if far > size:
        raise ImageError(
            f"The points lie {far:.0f} mm from the {organ.name}, which is {size:.0f} mm long. Register the tracker to "
            "the image first, or give the points in LPS mm."
        )
    step = max(1, -(-len(points) // MOST_POINTS))
    return points[::step]
