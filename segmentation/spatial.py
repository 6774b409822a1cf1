"""Augmentation of space: turned, scaled and bent patches of a case.

Geometry is drawn in millimetres, so that a rotation stays a rotation on an anisotropic grid. Array order is [k, j, i].
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from .augment import PADDING_VALUE, AugmentSettings, Sample
from .dataset import TrainingCase
from .network import Triple

KNOT_MM = 40.0
"""Distance of the points whose random shifts bend a patch; shifts below half of it cannot fold space."""

Matrix = npt.NDArray[np.float64]


def draw_affine(rng: np.random.Generator, settings: AugmentSettings) -> Matrix | None:
    """Return a 3 x 3 map in mm from patch to source, axes [k, j, i]; None for the identity."""
    matrix = np.eye(3)
    changed = False
    if rng.random() < settings.rotation_share:
        changed = True
        for axis, limit in enumerate(settings.max_rotation):
            matrix = matrix @ _rotation(axis, rng.uniform(-limit, limit))
    if rng.random() < settings.scale_share:
        changed = True
        low, high = np.log(settings.scale_range)
        common = rng.uniform(low, high)
        each = np.clip(common + rng.uniform(-0.12, 0.12, 3), low, high)
        matrix = matrix @ np.diag(np.exp(each))
    return matrix if changed else None


def _rotation(axis: int, angle: float) -> Matrix:
    first, second = [a for a in range(3) if a != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = -math.sin(angle), math.sin(angle)
    return matrix


def draw_bending(
    rng: np.random.Generator, settings: AugmentSettings, patch: Triple, spacing_mm: tuple[float, float, float]
) -> Tensor | None:
    """Return a smooth shift of every voxel ``[3 (k, j, i), *patch]`` in mm; None when the patch is not bent."""
    if settings.elastic_mm <= 0 or rng.random() >= settings.elastic_share:
        return None
    knots = [max(2, math.ceil(n * s / KNOT_MM) + 1) for n, s in zip(patch, spacing_mm, strict=True)]
    limit = rng.uniform(0.3, 1.0) * settings.elastic_mm
    shifts = torch.from_numpy(rng.uniform(-limit, limit, (1, 3, *knots)).astype(np.float32))
    return functional.interpolate(shifts, size=patch, mode="trilinear", align_corners=True)[0]


def cut_patch(
    case: TrainingCase, centre: Matrix, patch: Triple, affine: Matrix | None, bending: Tensor | None = None
) -> Sample:
    """Return the patch around a voxel, seen through the affine map and bent; outside the image is padding."""
    if affine is None and bending is None:
        return _cut_straight(case, centre, patch)
    affine = np.eye(3) if affine is None else affine
    spacing = np.asarray(case.spacing_mm)
    shift = None if bending is None else bending / torch.tensor(case.spacing_mm)[:, None, None, None]
    reach = 0 if shift is None else math.ceil(float(shift.abs().max()))
    to_source = np.diag(1 / spacing) @ affine @ np.diag(spacing)
    half = (np.asarray(patch) - 1) / 2
    offset = centre - to_source @ half
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * (np.asarray(patch) - 1)
    reached = corners @ to_source.T + offset
    low = np.maximum(np.floor(reached.min(0)).astype(int) - 1 - reach, 0)
    high = np.minimum(np.ceil(reached.max(0)).astype(int) + 2 + reach, case.image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = torch.from_numpy(case.image[box].astype(np.float32))
    labels = torch.from_numpy(np.array(case.labels[box]))
    grid = _sampling_grid(to_source, offset - low, patch, image.shape, shift)
    seen = functional.grid_sample(image[None, None], grid, mode="bilinear", align_corners=True)
    named = functional.grid_sample(labels.float()[None, None], grid, mode="nearest", align_corners=True)
    return Sample(seen[0, 0], named[0, 0].to(torch.uint8))


def _sampling_grid(to_source: Matrix, offset: Matrix, patch: Triple, shape: torch.Size, shift: Tensor | None) -> Tensor:
    """Return torch's sampling grid ``[1, k, j, i, (x, y, z)]`` in its -1..1 units with aligned corners."""
    axes = [torch.arange(n, dtype=torch.float32) for n in patch]
    channels = []
    for row in (2, 1, 0):
        weights = [float(w) for w in to_source[row]]
        where = (
            (axes[0] * weights[0])[:, None, None]
            + (axes[1] * weights[1])[None, :, None]
            + (axes[2] * weights[2])[None, None, :]
            + float(offset[row])
        )
        if shift is not None:
            where = where + shift[row]
        channels.append(where * (2.0 / max(1, shape[row] - 1)) - 1.0)
    return torch.stack(channels, dim=-1)[None]


def _cut_straight(case: TrainingCase, centre: Matrix, patch: Triple) -> Sample:
    image = torch.full(patch, PADDING_VALUE)
    labels = torch.zeros(patch, dtype=torch.uint8)
    start = np.round(centre - (np.asarray(patch) - 1) / 2).astype(int)
    source, target = [], []
    for begin, size, full in zip(start, patch, case.image.shape, strict=True):
        low, high = max(int(begin), 0), min(int(begin) + size, full)
        if high <= low:
            return Sample(image, labels)
        source.append(slice(low, high))
        target.append(slice(low - int(begin), high - int(begin)))
    image[tuple(target)] = torch.from_numpy(case.image[tuple(source)].astype(np.float32))
    labels[tuple(target)] = torch.from_numpy(np.array(case.labels[tuple(source)]))
    return Sample(image, labels)
