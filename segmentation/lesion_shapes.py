"""Shapes painted into livers: ellipsoids bent out of shape, tubes and sheets, as distances in mm from their surface.

Everything is computed in the box around a shape only. Array order is [k, j, i], distances are negative inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[np.float32]
Point = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]

COARSE_STEPS = 5
"""Nodes along each axis of the random field that bends a lesion's surface."""
TUBE_STEP_MM = 2.0


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid.

    Parameters
    ----------
    centre
        Voxel [k, j, i] of the patch.
    axes_mm
        Half axes.
    rotation
        3 x 3, from the ellipsoid's axes to [k, j, i] in mm.
    roughness
        By how much of its radius the surface moves in and out.
    """

    centre: Point
    axes_mm: Point
    rotation: Point
    roughness: float = 0.0

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float(np.cbrt(np.prod(self.axes_mm)))

    def box(self, shape: tuple[int, ...], spacing_mm: Spacing, margin_mm: float) -> Box:
        """The part of a patch that holds the shape and a margin around it."""
        reach = float(self.axes_mm.max()) * (1 + self.roughness) + margin_mm
        return box_around(self.centre, self.centre, reach, shape, spacing_mm)

    def distance(self, box: Box, spacing_mm: Spacing, rng: np.random.Generator) -> Array:
        """Return the distance in mm of the box's voxels from the (roughened) surface, to first order."""
        k, j, i = axes_in_mm(box, self.centre, spacing_mm)
        turned = [r[0] * k + r[1] * j + r[2] * i for r in self.rotation.T]
        squared = sum((t / a) ** 2 for t, a in zip(turned, self.axes_mm, strict=True))
        radius = np.sqrt(np.asarray(squared, dtype=np.float32))
        if self.roughness > 0:
            radius = radius * (1 + self.roughness * smooth_field(radius.shape, rng))
        return np.asarray((radius - 1) * self.radius_mm, dtype=np.float32)


def draw_ellipsoid(centre: Point, diameter_mm: float, rng: np.random.Generator, roughness: float) -> Ellipsoid:
    """Return an ellipsoid of the volume of a sphere of that diameter, its axes and orientation drawn."""
    stretch = np.exp(rng.uniform(-0.28, 0.28, 3))
    axes = diameter_mm / 2 * stretch / np.cbrt(np.prod(stretch))
    return Ellipsoid(centre, axes, draw_rotation(rng), roughness)


def draw_rotation(rng: np.random.Generator) -> Point:
    """Return a random orthogonal 3 x 3 matrix."""
    return np.asarray(np.linalg.qr(rng.standard_normal((3, 3)))[0])


def draw_line(start: Point, length_mm: float, spacing_mm: Spacing, rng: np.random.Generator) -> Point:
    """Return points ``[n, 3]`` (voxels) of a gently bent line through a patch, about 2 mm apart."""
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    steps = []
    for _ in range(max(2, round(length_mm / TUBE_STEP_MM))):
        direction = direction + 0.12 * rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        steps.append(TUBE_STEP_MM * direction / np.asarray(spacing_mm))
    return np.asarray(start + np.cumsum(steps, axis=0))


def line_distance(points: Point, box: Box, spacing_mm: Spacing) -> Array:
    """Return the distance in mm of the box's voxels from the nearest point of a line."""
    k, j, i = axes_in_mm(box, np.zeros(3), spacing_mm)
    nearest = np.full(np.broadcast_shapes(k.shape, j.shape, i.shape), np.inf, dtype=np.float32)
    for point in points * np.asarray(spacing_mm):
        squared = (k - np.float32(point[0])) ** 2 + (j - np.float32(point[1])) ** 2 + (i - np.float32(point[2])) ** 2
        np.minimum(nearest, squared, out=nearest)
    return np.sqrt(nearest)


def box_around(low: Point, high: Point, reach_mm: float, shape: tuple[int, ...], spacing_mm: Spacing) -> Box:
    """The part of a patch within ``reach_mm`` of the box between two voxels."""
    reach = reach_mm / np.asarray(spacing_mm)
    starts = np.clip(np.floor(low - reach).astype(int), 0, shape)
    stops = np.clip(np.ceil(high + reach).astype(int) + 1, 0, shape)
    k, j, i = (slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True))
    return (k, j, i)


def axes_in_mm(box: Box, origin: Point, spacing_mm: Spacing) -> tuple[Array, Array, Array]:
    """Return the k, j and i of the box's voxels in mm from a voxel, each shaped to broadcast."""
    lines = [
        ((np.arange(s.start, s.stop) - o) * mm).astype(np.float32)
        for s, o, mm in zip(box, origin, spacing_mm, strict=True)
    ]
    return lines[0][:, None, None], lines[1][None, :, None], lines[2][None, None, :]


def smooth_field(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return a random field of standard deviation about 1 that varies over a few nodes per axis."""
    coarse = rng.standard_normal((COARSE_STEPS,) * 3).astype(np.float32)
    lines = [np.linspace(0, COARSE_STEPS - 1, max(1, n), dtype=np.float32) for n in shape]
    field = coarse
    for axis, line in enumerate(lines):
        low = np.minimum(line.astype(int), COARSE_STEPS - 2)
        share = (line - low).reshape([-1 if a == axis else 1 for a in range(3)])
        field = np.take(field, low, axis) * (1 - share) + np.take(field, low + 1, axis) * share
    return np.asarray(field, dtype=np.float32)


def filtered_noise(shape: tuple[int, ...], grain_mm: float, spacing_mm: Spacing, rng: np.random.Generator) -> Array:
    """Return noise of standard deviation 1 whose grains are about ``grain_mm`` large."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, [grain_mm / mm for mm in spacing_mm], mode="reflect", truncate=2.5)
    return np.asarray(noise / max(float(noise.std()), 1e-6), dtype=np.float32)
