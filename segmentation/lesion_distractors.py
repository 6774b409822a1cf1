"""What looks like a lesion in a slice and is none: veins without contrast, fissures, half-filled voxels at the surface.

Painted without a label, so that a network learns to leave them alone. Values are HU, arrays ``[k, j, i]``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .lesion_shapes import (
    Array,
    Ellipsoid,
    Spacing,
    box_around,
    draw_line,
    draw_rotation,
    line_distance,
)

TUBE_SHARE = 0.55
FISSURE_SHARE = 0.35
SOFT_PATCH_SHARE = 0.35
MOST_TUBES = 3

Mask = npt.NDArray[np.bool_]


def paint_distractors(image: Array, liver: Mask, spacing_mm: Spacing, rng: np.random.Generator) -> Array:
    """Return a copy of a patch with some of them painted into the liver."""
    image = image.astype(np.float32, copy=True)
    places = np.argwhere(liver)
    if rng.random() < TUBE_SHARE:
        # Veins of one tree look alike: all dark, or all bright.
        offset = -float(rng.uniform(10, 40)) if rng.random() < 0.65 else float(rng.uniform(20, 60))
        for _ in range(int(rng.integers(1, MOST_TUBES + 1))):
            _paint_tube(image, liver, places, offset, spacing_mm, rng)
    surface = places[_is_near_surface(liver, places)]
    if len(surface) and rng.random() < FISSURE_SHARE:
        _paint_fissure(image, liver, surface, spacing_mm, rng)
    if len(surface) and rng.random() < SOFT_PATCH_SHARE:
        _paint_soft_patch(image, liver, surface, spacing_mm, rng)
    return image


def _is_near_surface(liver: Mask, places: npt.NDArray[np.int64]) -> Mask:
    """Which of the liver's voxels have a voxel outside it two steps along some axis; the patch's edge is no surface."""
    near = np.zeros(len(places), dtype=bool)
    for axis in range(3):
        for step in (-2, 2):
            beside = places.copy()
            beside[:, axis] = np.clip(beside[:, axis] + step, 0, liver.shape[axis] - 1)
            near |= ~liver[tuple(beside.T)]
    return near


def _paint_tube(
    image: Array,
    liver: Mask,
    places: npt.NDArray[np.int64],
    offset_hu: float,
    spacing_mm: Spacing,
    rng: np.random.Generator,
) -> None:
    radius = float(rng.uniform(1.5, 5.0))
    start = places[int(rng.integers(len(places)))].astype(np.float64)
    points = draw_line(start, float(rng.uniform(8 * radius, 8 * radius + 40)), spacing_mm, rng)
    box = box_around(points.min(axis=0), points.max(axis=0), radius + 3.0, image.shape, spacing_mm)
    if any(s.stop <= s.start for s in box):
        return
    distance = line_distance(points, box, spacing_mm) - radius
    cover = liver[box] / (1 + np.exp(np.clip(2 * distance / 0.8, -20, 20)))
    image[box] += np.float32(offset_hu) * cover.astype(np.float32)


def _paint_fissure(
    image: Array, liver: Mask, surface: npt.NDArray[np.int64], spacing_mm: Spacing, rng: np.random.Generator
) -> None:
    centre = surface[int(rng.integers(len(surface)))].astype(np.float64)
    axes = np.array([rng.uniform(0.8, 2.4), rng.uniform(12, 35), rng.uniform(10, 30)])
    sheet = Ellipsoid(centre, axes, draw_rotation(rng))
    _blend(image, liver, sheet, -float(rng.uniform(25, 120)), 0.8, spacing_mm, rng)


def _paint_soft_patch(
    image: Array, liver: Mask, surface: npt.NDArray[np.int64], spacing_mm: Spacing, rng: np.random.Generator
) -> None:
    """A dark haze without an edge, as partial volume under the dome or fat along the falciform ligament gives it."""
    centre = surface[int(rng.integers(len(surface)))].astype(np.float64)
    shape = Ellipsoid(centre, rng.uniform(6, 22, 3), draw_rotation(rng), 0.1)
    _blend(image, liver, shape, -float(rng.uniform(8, 28)), float(rng.uniform(5.0, 9.0)), spacing_mm, rng)


def _blend(
    image: Array,
    liver: Mask,
    shape: Ellipsoid,
    offset_hu: float,
    edge_mm: float,
    spacing_mm: Spacing,
    rng: np.random.Generator,
) -> None:
    box = shape.box(image.shape, spacing_mm, 3 * edge_mm)
    distance = shape.distance(box, spacing_mm, rng)
    # A thin sheet's distance to first order is scaled by its mean radius: measure across its thinnest axis.
    across = distance * np.float32(min(1.0, shape.axes_mm.min() / shape.radius_mm))
    cover = liver[box] / (1 + np.exp(np.clip(2 * across / edge_mm, -20, 20)))
    image[box] += np.float32(offset_hu) * cover.astype(np.float32)
