"""Nearly the figures of treated zones, within the time that a hand waits for; `ablation` has the last word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..domain.geometry import FloatArray, Grid
from ..domain.trajectory import Ablation
from ..domain.verdict import judge
from ..errors import PlanError
from ..simulation.ellipsoid import Ellipsoid, as_point, zone_of
from .ablation import AblationResult
from .settings import DEFAULT_PLANNING, PlanningSettings
from .tissue import half_diagonal_mm
from .twin_geometry import TwinGeometry
from .voxel_share import voxel_share
from .zone_share import ZoneShare, leaves_grid, structures_in


def preview_zones(
    geometry: TwinGeometry, ablations: Sequence[Ablation], settings: PlanningSettings = DEFAULT_PLANNING
) -> AblationResult:
    """Nearly the figures of one zone, or of all zones of one target together.

    The margin is exact for one zone and never too large for several: where they overlap it is that to the nearest
    single rim. Voxels on a rim count by its tangent plane. What lies outside the image is not in `zone_ml` of several.

    Raises
    ------
    PlanError
        Naming the field at fault, as the exact figures do.
    """
    target, zones = ablations[0].target, [zone_of(a) for a in ablations]
    labels = geometry.twin.labels
    whole_ml = labels.volume_ml(geometry.structure(target, "target"))
    if whole_ml <= 0.0:
        raise PlanError(f"'{target}' was not found in this twin's image: it has no voxel.", "target")
    share = near_share(zones, labels.grid)
    inside = structures_in(share, labels)
    least, at, rim = least_margin(zones, geometry.surface(target).mesh.vertices_mm)
    terms = geometry.error_terms(target)
    zone_ml = zones[0].volume_ml if len(zones) == 1 else share.volume_ml
    return AblationResult(
        name=" + ".join(a.name for a in ablations),
        zones=tuple(a.name for a in ablations),
        target=target,
        wanted_mm=settings.ablation_margin_mm,
        target_ml=whole_ml,
        coverage_percent=100.0 * min(inside.get(target, 0.0) / whole_ml, 1.0),
        min_margin_mm=least,
        at_mm=as_point(at),
        rim_at_mm=as_point(rim),
        zone_ml=zone_ml,
        overlap_ml=max(sum(z.volume_ml for z in zones) - zone_ml, 0.0),
        reached_ml={name: ml for name, ml in inside.items() if name != target},
        is_outside=any(leaves_grid(z, labels.grid) for z in zones),
        terms=terms,
        verdict=judge(least, settings.ablation_margin_mm, terms),
    )


def least_margin(zones: Sequence[Ellipsoid], points_mm: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """The least over places of their largest depth in any zone, mm; the place, and the nearest one on that rim.

    Only places that may have the least are measured: inside an ellipsoid with the largest and least semi-axes a and c
    a place of level s is between (1 - s) c and (1 - s) a deep, outside between (1 - s) a and (1 - s) c.
    """
    over = np.stack([1.0 - z.level(points_mm) for z in zones])
    widest = np.array([[z.radii_mm.max()] for z in zones])
    narrowest = np.array([[z.radii_mm.min()] for z in zones])
    low = np.where(over > 0.0, over * narrowest, over * widest).max(0)
    high = np.where(over > 0.0, over * widest, over * narrowest).max(0)
    points = points_mm[low <= high.min()]
    each = [z.nearest(points) for z in zones]
    depths = np.stack([depth for depth, _ in each])
    where = int(depths.max(0).argmin())
    zone = int(depths[:, where].argmax())
    return float(depths[zone, where]), points[where], each[zone][1][where]


def near_share(zones: Sequence[Ellipsoid], grid: Grid) -> ZoneShare:
    """Nearly the share of each voxel inside any of the zones: of its rim the tangent plane counts."""
    box = _box(zones, grid)
    k, j, i = np.mgrid[box]
    points = grid.to_lps(np.stack((i, j, k), -1).reshape(-1, 3))
    levels = np.stack([z.level(points) for z in zones])
    least_radius = np.array([[z.radii_mm.min()] for z in zones])
    share = np.asarray((levels < 1.0).any(0), dtype=np.float64)
    near = np.flatnonzero((np.abs(1.0 - levels) * least_radius <= half_diagonal_mm(grid)).any(0))
    share[near] = _tangent_share(zones, levels[:, near], grid, points[near])
    return ZoneShare(grid, box, share.reshape(k.shape))


def _tangent_share(zones: Sequence[Ellipsoid], levels: FloatArray, grid: Grid, points: FloatArray) -> FloatArray:
    """Shares (N,) of voxels on a rim, from the level and its gradient at their centres."""
    depths, outward = np.empty_like(levels), np.empty((len(zones), len(points), 3))
    for n, zone in enumerate(zones):
        local = (points - zone.centre_mm) @ zone.axes.T
        gradient = (local / zone.radii_mm**2 / np.maximum(levels[n], 1e-9)[:, None]) @ zone.axes
        steepness = np.maximum(np.linalg.norm(gradient, axis=1), 1e-9)
        depths[n], outward[n] = (1.0 - levels[n]) / steepness, gradient / steepness[:, None]
    best, rows = depths.argmax(0), np.arange(len(points))
    return voxel_share(depths[best, rows], -outward[best, rows] @ grid.lps_from_ijk[:3, :3])[0]


def _box(zones: Sequence[Ellipsoid], grid: Grid) -> tuple[slice, slice, slice]:
    """The voxels (k, j, i) that any of the zones may reach; empty ones where they all lie outside the image."""
    middle = np.stack([grid.to_ijk(z.centre_mm) for z in zones])
    reach = np.stack([z.reach(grid.ijk_from_lps[:3, :3]) for z in zones])
    low = np.clip(np.floor((middle - reach).min(0)), 0, grid.size_ijk).astype(int)
    high = np.clip(np.ceil((middle + reach).max(0)) + 1, low, grid.size_ijk).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return (k, j, i)
