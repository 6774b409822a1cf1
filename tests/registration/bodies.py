"""An invented body as a formula of space, so that every deformation of it can be imaged exactly, on any grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from surgtwin.domain.content_hash import content_sha256
from surgtwin.domain.geometry import Grid
from surgtwin.domain.volume import Modality, SourceInfo, Volume
from tests.conftest import rotation

MIDDLE = np.array([31.0, -120.5, 305.0])
Where = Callable[[np.ndarray], np.ndarray]


def body_grid(shape=(40, 60, 64), spacing=(3.0, 2.6, 4.0), angles=(9.0, -6.0, 14.0)) -> Grid:
    grid = Grid.from_axes(shape, (0.0, 0.0, 0.0), rotation(angles), spacing)
    matrix = grid.lps_from_ijk.copy()
    matrix[:3, 3] = MIDDLE - grid.center()
    return Grid(shape, matrix)


def places(grid: Grid) -> np.ndarray:
    """(k, j, i, 3) LPS mm of the voxels."""
    k, j, i = np.indices(grid.shape)
    return grid.to_lps(np.stack([i, j, k], axis=-1))


def body_hu(points_mm: np.ndarray) -> np.ndarray:
    """A trunk of soft tissue with organs of different brightness, at any place."""
    p = points_mm - MIDDLE
    hu = np.full(p.shape[:-1], -1000.0)
    solids = [((0, 0, 0), (80, 62, 66), -90.0), ((0, 0, 0), (72, 54, 60), 40.0)]
    rng = np.random.default_rng(5)
    for _ in range(26):
        middle = rng.uniform(-1, 1, 3) * (52, 38, 42)
        solids.append((middle, rng.uniform(7, 22, 3), float(rng.uniform(-60, 220))))
    for middle, half, value in solids:
        radius = np.linalg.norm((p - np.asarray(middle)) / np.asarray(half), axis=-1)
        share = np.clip((1 - radius) * min(half) / 3.0 + 0.5, 0, 1)
        hu = hu * (1 - share) + value * share
    return hu


def image_of(grid: Grid, back: Where | None = None, *, noise: float = 0.0, mr: bool = False, seed: int = 0) -> Volume:
    """The body imaged on a grid; `back` says where each place of the image was at rest."""
    points = places(grid)
    hu = body_hu(points if back is None else back(points))
    if mr:
        hu = np.where(hu < -400, 0.0, 420.0 - 1.3 * np.abs(hu - 50.0))
    values = hu + np.random.default_rng(seed).normal(0, noise, grid.shape) if noise else hu
    modality = Modality.MR if mr else Modality.CT
    whole = np.rint(values).astype(np.int16)
    return Volume(grid, whole, modality, SourceInfo("synthetic", content_sha256(grid, whole)))


def bulge(amount_mm: float) -> Where:
    """Where a smooth bump towards the feet and the front moves places to; its largest motion is `amount_mm`."""

    def forward(points_mm: np.ndarray) -> np.ndarray:
        p = points_mm - MIDDLE - np.array([10.0, 0.0, 5.0])
        fall = np.exp(-np.sum((p / 60.0) ** 2, axis=-1))
        return np.asarray(points_mm + amount_mm * fall[..., None] * np.array([0.0, -0.6, -0.8]))

    return forward


def back_of(forward: Where) -> Where:
    """The inverse by fixed point iteration."""

    def back(points_mm: np.ndarray) -> np.ndarray:
        rest = points_mm.copy()
        for _ in range(30):
            rest = points_mm - (forward(rest) - rest)
        return rest

    return back


def inner_points(count: int = 400) -> np.ndarray:
    """(N, 3) LPS mm inside the trunk."""
    rng = np.random.default_rng(9)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return MIDDLE + directions * rng.uniform(0, 0.75, (count, 1)) ** (1 / 3) * (60, 45, 50)
