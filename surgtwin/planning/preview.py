"""A resection's figures while its cut is dragged: nearly the exact ones, with their error, within one picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..domain.cut import BezierCut, CombinedCut, CutSurface
from ..domain.geometry import FloatArray, Point3
from ..domain.plan import Resection
from ..domain.verdict import ErrorTerms, Verdict, judge
from ..errors import PlanError
from .cells import Cells, cells_of
from .cut_side import CombinedSide, bezier_side
from .margin import LEFT_BEHIND_MM
from .split import CutPoints, CutSide
from .twin_geometry import TwinGeometry

THIN_POINTS = 4000
"""About so many points of a target's surface are looked at first; all those near the worst one afterwards."""
EVERY = 20
"""Every so many of them say how far away the nearest one is at most."""
FEW_POINTS = 200
"""Of those, as many are looked at closely."""
THIN_ERROR = 0.1
"""What is lost by looking at few points first, as a share of their distance from each other (measured)."""
NEIGHBOURS = 6
"""Pieces of the cut among which the nearest is sought."""


@dataclass(frozen=True)
class PreviewMargin:
    """The margin of one target as `Margin` means it; `min_mm` is within `error_mm` of the exact figure.

    The verdict counts `error_mm` as another error of the distance: it never promises more than the exact one.
    """

    target: str
    wanted_mm: float
    min_mm: float | None
    error_mm: float
    at_mm: Point3 | None
    cut_at_mm: Point3 | None
    is_resected: bool
    is_missed: bool
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class PreviewFigures:
    """What a cut takes and leaves, nearly.

    Parameters
    ----------
    error_ml
        `resected_ml` and `remnant_ml` are within this of the exact figures; their sum is the organ exactly.
    flr_percent
        Tumour-free remnant in percent of the organ without tumours.
    surface
        The cut inside the organ, one point for some voxels; empty if the cut misses it.
    """

    organ_ml: float
    resected_ml: float
    error_ml: float
    tumour_ml: float
    tumour_left_ml: float
    cut_area_mm2: float
    margins: tuple[PreviewMargin, ...]
    surface: CutPoints = field(repr=False)

    @property
    def remnant_ml(self) -> float:
        return self.organ_ml - self.resected_ml

    @property
    def remnant_percent(self) -> float:
        return 100.0 * self.remnant_ml / self.organ_ml

    @property
    def error_percent(self) -> float:
        return 100.0 * self.error_ml / self.organ_ml

    @property
    def flr_ml(self) -> float:
        """The tumour-free remnant, for `standardised_percent` and `body_weight_percent`."""
        return self.remnant_ml - self.tumour_left_ml

    @property
    def flr_percent(self) -> float:
        healthy = self.organ_ml - self.tumour_ml
        return 100.0 * self.flr_ml / healthy if healthy > 0 else 0.0


@dataclass(frozen=True, eq=False)
class _Target:
    """A target's surface as points: all of them, and few that lie evenly."""

    name: str
    points_mm: FloatArray
    tree: cKDTree
    thin_mm: FloatArray
    spacing_mm: float


@dataclass(frozen=True, eq=False)
class ResectionPreview:
    """One organ and its targets, ready for cut after cut. Made by `preview_of`; may be used by one thread at a time.

    Only the resection's organ, includes, targets and margin count; its surface is the first one that may be asked for.
    """

    geometry: TwinGeometry
    resection: Resection
    cells: Cells
    tumours: Cells | None
    targets: tuple[_Target, ...]

    def at(self, surface: CutSurface) -> PreviewFigures:
        """The figures for a cut surface.

        A shell around a target takes some tenths of a second when it is asked for the first time.

        Raises
        ------
        PlanError
            If the surface does not fit the twin; a cut that misses the organ is no error here.
        """
        side = self.side(surface)
        cut = self.cells.cut(side)
        left = 0.0
        if self.tumours is not None:
            left = max(self.tumours.volume_ml - self.tumours.cut(side).resected_ml, 0.0)
        return PreviewFigures(
            organ_ml=self.cells.volume_ml,
            resected_ml=cut.resected_ml,
            error_ml=cut.error_ml + self.rounding_ml(cut.surface),
            tumour_ml=self.tumours.volume_ml if self.tumours is not None else 0.0,
            tumour_left_ml=left,
            cut_area_mm2=cut.surface.total_mm2,
            margins=self._margins(cut.surface, side),
            surface=cut.surface,
        )

    def rounding_ml(self, surface: CutPoints) -> float:
        """What the cells that tissue fills in part may be wrong by: each voxel at the cut by a quarter, at random."""
        voxel_mm = self.cells.tissue.grid.voxel_volume_mm3 ** (1.0 / 3.0)
        return float(np.sqrt(surface.total_mm2) * voxel_mm**2 / 2.0 / 1000.0)

    def side(self, surface: CutSurface) -> CutSide:
        """The side function of a cut, as coarse as the figures are."""
        if isinstance(surface, BezierCut):
            return bezier_side(surface, self.cells.tissue.corners_mm, is_coarse=True)
        if isinstance(surface, CombinedCut):
            return CombinedSide(surface.combination, tuple(self.side(part) for part in surface.parts))
        return self.geometry.side(surface, self.cells.tissue)

    def _margins(self, surface: CutPoints, side: CutSide) -> tuple[PreviewMargin, ...]:
        if not len(surface.points_mm):
            return tuple(self._margin_without_cut(t, side) for t in self.targets)
        tree = cKDTree(surface.points_mm)
        return tuple(self._margin(t, surface, tree, side) for t in self.targets)

    def _margin_without_cut(self, target: _Target, side: CutSide) -> PreviewMargin:
        taken = bool((side.signed(target.thin_mm) >= -LEFT_BEHIND_MM).all())
        verdict = Verdict.SAFE if taken else Verdict.VIOLATED
        wanted = self.resection.margin_mm
        return PreviewMargin(target.name, wanted, None, 0.0, None, None, taken, not taken, verdict)

    def _margin(self, target: _Target, surface: CutPoints, tree: cKDTree, side: CutSide) -> PreviewMargin:
        behind = side.signed(target.thin_mm) < -LEFT_BEHIND_MM
        worst = self._worst(target, behind, surface, tree)
        points = target.points_mm[target.tree.query_ball_point(worst, 2.0 * target.spacing_mm)]
        found = _distances(points, surface, tree)
        signed = np.where(side.signed(points) < -LEFT_BEHIND_MM, -1.0, 1.0) * found.distance_mm
        at = int(signed.argmin())
        error = float(found.error_mm[at]) + THIN_ERROR * target.spacing_mm
        terms = _with_error(self.geometry.error_terms(target.name), error)
        judged = judge(float(signed[at]), self.resection.margin_mm, terms)
        return PreviewMargin(
            target.name, self.resection.margin_mm, float(signed[at]), error, _point(points[at]),
            _point(found.feet_mm[at]), not bool(behind.any()), bool(behind.all()),
            Verdict.VIOLATED if behind.any() else judged,
        )  # fmt: skip

    def _worst(self, target: _Target, behind: NDArray[np.bool_], surface: CutPoints, tree: cKDTree) -> FloatArray:
        """The thin point (3,) that lies deepest behind the cut; nearest to it, if none lies behind."""
        if behind.any():
            points, sign = target.thin_mm[behind], -1.0
            rough = -tree.query(points)[0]
        else:
            points, sign = target.thin_mm, 1.0
            limit = float(tree.query(points[::EVERY])[0].min()) + self.cells.half_diagonal_mm
            rough = tree.query(points, distance_upper_bound=limit)[0]
        few = np.argsort(rough)[:FEW_POINTS]
        few = few[np.isfinite(rough[few])]
        signed = sign * _distances(points[few], surface, tree).distance_mm
        return np.asarray(points[few[signed.argmin()]])


def preview_of(geometry: TwinGeometry, resection: Resection) -> ResectionPreview:
    """What dragging a resection's cut needs, made once: some tenths of a second for a liver.

    Raises
    ------
    PlanError
        Naming the field at fault, if organ, includes or targets do not fit the twin.
    """
    tissue = geometry.organ_tissue(resection)
    names = geometry.tumours(resection)
    tumours = cells_of(geometry.tissue(names)) if names else None
    targets = tuple(_target(geometry, name, n) for n, name in enumerate(resection.targets))
    return ResectionPreview(geometry, resection, cells_of(tissue), tumours, targets)


def _target(geometry: TwinGeometry, name: str, n: int) -> _Target:
    try:
        mesh = geometry.surface(name).mesh
    except PlanError as error:
        raise error.within(f"targets[{n}]") from error
    points = np.asarray(mesh.vertices_mm)
    spread = np.linalg.norm(np.ptp(points, axis=0))
    spacing = max(float(spread) * np.sqrt(np.pi / 3.0 / THIN_POINTS), 0.5)
    _, first = np.unique(np.floor(points / spacing).astype(np.int64), axis=0, return_index=True)
    return _Target(name, points, cKDTree(points), points[first], spacing)


@dataclass(frozen=True, eq=False)
class _ToPieces:
    """Distances (N,) to a cut, their error bounds, and the nearest places (N, 3) on it."""

    distance_mm: FloatArray
    error_mm: FloatArray
    feet_mm: FloatArray


def _distances(points: FloatArray, surface: CutPoints, tree: cKDTree) -> _ToPieces:
    """To the nearest of the cut's pieces, taken for flat discs: exact but for curvature, and at the cut's rim."""
    count = min(NEIGHBOURS, len(surface.points_mm))
    which = tree.query(points, k=count)[1].reshape(len(points), count)
    offset = points[:, None] - surface.points_mm[which]
    height = np.einsum("nkc,nkc->nk", offset, surface.normals[which])
    aside = np.sqrt(np.maximum(np.einsum("nkc,nkc->nk", offset, offset) - height**2, 0.0))
    radius = np.sqrt(surface.area_mm2[which] / np.pi)
    beyond = np.maximum(aside - radius, 0.0)
    distance = np.hypot(height, beyond)
    best = np.arange(len(points)), distance.argmin(1)
    flat = offset[best] - height[best][:, None] * surface.normals[which[best]]
    share = np.minimum(radius[best] / np.maximum(aside[best], 1e-12), 1.0)
    # The rim of the true piece lies within half its radius of the disc's.
    error = radius[best] / 2.0 * beyond[best] / np.maximum(distance[best], 1e-12)
    turn = np.arccos(np.clip(np.einsum("nkc,nc->nk", surface.normals[which], surface.normals[which[best]]), -1.0, 1.0))
    error += radius[best] * turn.max(1) / 4.0
    return _ToPieces(distance[best], error, surface.points_mm[which[best]] + share[:, None] * flat)


def _with_error(terms: ErrorTerms, error_mm: float) -> ErrorTerms:
    """The preview's error, a bound, as a standard error next to the voxels'."""
    return replace(terms, voxel_mm=float(np.hypot(terms.voxel_mm, error_mm / 2.0)))


def _point(row: FloatArray) -> Point3:
    x, y, z = (float(v) for v in row)
    return (x, y, z)
