"""Augmentation: what other scanners, hospitals and patients would have changed in a training patch.

Geometry is drawn as one affine map in millimetres, so that a rotation stays a rotation on an anisotropic grid.
Patches are never mirrored left to right: liver and spleen must not change sides.
Intensities are in the network's own units (normalised), array order is [k, j, i].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from .dataset import TrainingCase
from .network import Triple

PADDING_VALUE = 0.0
"""What nnU-Net's predictor pads a small image with after normalisation."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """A training patch: image float32 and labels uint8, both ``[k, j, i]``."""

    image: Tensor
    labels: Tensor


Painter = Callable[[Sample, tuple[float, float, float], np.random.Generator], Sample]
"""Paints something into a patch and its labels, such as a lesion: (patch, spacing [k, j, i] in mm, rng) -> patch."""


@dataclass(frozen=True)
class AugmentSettings:
    """How strong and how often. Angles are radians, ``value_bounds`` the clipping range in network units.

    ``painter`` sees every patch after the spatial changes and before those of intensity.
    """

    rotation_share: float = 0.35
    max_rotation: tuple[float, float, float] = (0.35, 0.2, 0.2)
    scale_share: float = 0.4
    scale_range: tuple[float, float] = (0.75, 1.3)
    thick_slice_share: float = 0.3
    thick_slice_mm: float = 8.0
    blur_share: float = 0.15
    sharpen_share: float = 0.1
    noise_share: float = 0.35
    max_noise: float = 0.45
    brightness_share: float = 0.3
    contrast_share: float = 0.3
    gamma_share: float = 0.3
    phase_share: float = 0.25
    max_phase_shift: float = 1.2
    bias_field_share: float = 0.0
    truncation_share: float = 0.12
    circle_share: float = 0.06
    foreign_object_share: float = 0.1
    value_bounds: tuple[float, float] | None = None
    painter: Painter | None = None


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


def cut_patch(case: TrainingCase, centre: Matrix, patch: Triple, affine: Matrix | None) -> Sample:
    """Return the patch around a voxel, seen through the affine map; outside the image is padding."""
    if affine is None:
        return _cut_straight(case, centre, patch)
    spacing = np.asarray(case.spacing_mm)
    to_source = np.diag(1 / spacing) @ affine @ np.diag(spacing)
    half = (np.asarray(patch) - 1) / 2
    offset = centre - to_source @ half
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * (np.asarray(patch) - 1)
    reached = corners @ to_source.T + offset
    low = np.maximum(np.floor(reached.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(reached.max(0)).astype(int) + 2, case.image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = torch.from_numpy(case.image[box].astype(np.float32))
    labels = torch.from_numpy(np.array(case.labels[box]))
    grid = _sampling_grid(to_source, offset - low, patch, image.shape)
    seen = functional.grid_sample(image[None, None], grid, mode="bilinear", align_corners=True)
    named = functional.grid_sample(labels.float()[None, None], grid, mode="nearest", align_corners=True)
    return Sample(seen[0, 0], named[0, 0].to(torch.uint8))


def _sampling_grid(to_source: Matrix, offset: Matrix, patch: Triple, shape: torch.Size) -> Tensor:
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


def augment_intensity(
    sample: Sample, spacing_mm: tuple[float, float, float], rng: np.random.Generator, settings: AugmentSettings
) -> Sample:
    """Return the patch as another scanner, protocol or contrast phase might have shown it."""
    image, labels = sample.image, sample.labels
    outside = image == PADDING_VALUE
    if rng.random() < settings.phase_share:
        image = shift_phase(image, labels, rng, settings.max_phase_shift)
    if settings.value_bounds and rng.random() < settings.foreign_object_share:
        image = add_foreign_object(image, labels, rng, settings.value_bounds)
    if rng.random() < settings.thick_slice_share:
        image = thicken_slices(
            image, spacing_mm[0], rng.uniform(1.2, settings.thick_slice_mm / spacing_mm[0] + 0.3), rng
        )
    image = _change_sharpness(image, rng, settings)
    image = _change_contrast(image, rng, settings)
    if rng.random() < settings.noise_share:
        image = add_noise(image, rng, settings.max_noise)
    if settings.value_bounds:
        image = image.clamp(*settings.value_bounds)
    image = torch.where(outside, torch.tensor(PADDING_VALUE), image)
    return crop_field_of_view(Sample(image, labels), rng, settings)


def _change_sharpness(image: Tensor, rng: np.random.Generator, settings: AugmentSettings) -> Tensor:
    if rng.random() < settings.blur_share:
        return blurred(image, rng.uniform(0.4, 0.9))
    if rng.random() < settings.sharpen_share:
        return image + rng.uniform(0.3, 1.0) * (image - blurred(image, 0.8))
    return image


def _change_contrast(image: Tensor, rng: np.random.Generator, settings: AugmentSettings) -> Tensor:
    if rng.random() < settings.brightness_share:
        image = image + float(rng.normal(0.0, 0.12))
    if rng.random() < settings.contrast_share:
        image = image * float(rng.uniform(0.75, 1.25))
    if rng.random() < settings.gamma_share:
        image = change_gamma(image, float(np.exp(rng.uniform(np.log(0.7), np.log(1.5)))))
    if rng.random() < settings.bias_field_share:
        image = apply_bias_field(image, rng)
    return image


def shift_phase(image: Tensor, labels: Tensor, rng: np.random.Generator, limit: float) -> Tensor:
    """Return the image with each organ's enhancement shifted, as in another contrast phase."""
    shifts = rng.normal(0.0, limit / 2, 256).astype(np.float32).clip(-limit, limit)
    shifts[0] = 0.0
    field = torch.from_numpy(shifts)[labels.long()]
    return image + blurred(field, 0.6)


def thicken_slices(image: Tensor, spacing_mm: float, factor: float, rng: np.random.Generator) -> Tensor:
    """Return the image as if it had been scanned with slices ``factor`` times as thick and resampled."""
    depth = image.shape[0]
    coarse = max(2, round(depth / factor))
    low = functional.adaptive_avg_pool1d(image.permute(1, 2, 0).reshape(1, -1, depth), coarse)
    mode = "linear" if rng.random() < 0.8 else "nearest"
    align = False if mode == "linear" else None
    back = functional.interpolate(low, size=depth, mode=mode, align_corners=align)
    return back.reshape(image.shape[1], image.shape[2], depth).permute(2, 0, 1).contiguous()


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Return a Gaussian blur with ``sigma`` in voxels, separable, five taps."""
    taps = torch.exp(-0.5 * (torch.arange(-2, 3, dtype=torch.float32) / sigma) ** 2)
    taps = taps / taps.sum()
    result = image[None, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = 5
        pad = [0] * 6
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = 2
        result = functional.conv3d(functional.pad(result, pad, mode="replicate"), taps.reshape(shape))
    return result[0, 0]


def add_noise(image: Tensor, rng: np.random.Generator, limit: float) -> Tensor:
    """Return the image with Gaussian noise, half of the time grained as a reconstruction kernel does."""
    level = float(rng.uniform(0.0, limit))
    noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    if rng.random() < 0.5:
        noise = blurred(noise, 0.7)
        noise = noise / noise.std().clamp_min(1e-6)
    return image + level * noise


def change_gamma(image: Tensor, gamma: float) -> Tensor:
    """Return the image with its range bent by a power, mean and spread kept."""
    low, span = image.min(), (image.max() - image.min()).clamp_min(1e-6)
    bent = ((image - low) / span) ** gamma
    bent = (bent - bent.mean()) / bent.std().clamp_min(1e-6)
    return bent * image.std() + image.mean()


def apply_bias_field(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the image under a smooth multiplicative coil field, relative to its minimum."""
    coarse = torch.from_numpy(rng.uniform(-0.4, 0.4, (1, 1, 3, 3, 3)).astype(np.float32))
    field = functional.interpolate(coarse, size=tuple(image.shape), mode="trilinear", align_corners=True)[0, 0]
    low = image.min()
    return (image - low) * torch.exp(field) + low


def add_foreign_object(image: Tensor, labels: Tensor, rng: np.random.Generator, bounds: tuple[float, float]) -> Tensor:
    """Return the image with an arm-like cylinder (soft tissue around bone) where there is air."""
    air = (image < bounds[0] + 0.1) & (labels == 0)
    where = rng.integers(0, image.numel(), 200)
    free = where[air.reshape(-1)[torch.from_numpy(where)].numpy()]
    if len(free) == 0:
        return image
    _, j, i = np.unravel_index(int(free[0]), tuple(image.shape))
    y = (torch.arange(image.shape[1], dtype=torch.float32) - float(j))[:, None]
    x = (torch.arange(image.shape[2], dtype=torch.float32) - float(i))[None, :]
    distance = torch.sqrt((y * float(rng.uniform(0.7, 1.4))) ** 2 + x**2)
    radius = float(rng.uniform(8, 24))
    tissue = torch.where(distance < 0.35 * radius, torch.tensor(bounds[1]), torch.tensor(-0.1))
    return torch.where(air & (distance < radius)[None], tissue[None], image)


def crop_field_of_view(sample: Sample, rng: np.random.Generator, settings: AugmentSettings) -> Sample:
    """Return the patch as a shorter scan (padded) or a smaller reconstruction circle (air) would show it."""
    image, labels = sample.image, sample.labels
    if rng.random() < settings.truncation_share:
        axis = int(rng.choice(3, p=(0.8, 0.1, 0.1)))
        size = image.shape[axis]
        keep = int(rng.integers(size // 3, size))
        start = 0 if rng.random() < 0.5 else size - keep
        kept = torch.zeros(size, dtype=torch.bool)
        kept[start : start + keep] = True
        shape = [1, 1, 1]
        shape[axis] = size
        mask = kept.reshape(shape)
        image = torch.where(mask, image, torch.tensor(PADDING_VALUE))
        labels = torch.where(mask, labels, torch.tensor(0, dtype=torch.uint8))
    if rng.random() < settings.circle_share:
        outside = outside_circle(image.shape, rng)
        image = torch.where(outside, image.min(), image)
        labels = torch.where(outside, torch.tensor(0, dtype=torch.uint8), labels)
    return Sample(image, labels)


def outside_circle(shape: torch.Size, rng: np.random.Generator) -> Tensor:
    """Return a ``[1, j, i]`` mask outside a random reconstruction circle."""
    radius = float(rng.uniform(0.4, 0.7)) * max(shape[1], shape[2])
    y = torch.arange(shape[1], dtype=torch.float32) - shape[1] * float(rng.uniform(0.35, 0.65))
    x = torch.arange(shape[2], dtype=torch.float32) - shape[2] * float(rng.uniform(0.35, 0.65))
    return (y[:, None] ** 2 + x[None, :] ** 2 > radius**2)[None]
