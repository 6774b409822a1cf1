"""Augmentation of values: what other scanners, hospitals and patients would have shown in a training patch.

Intensities are in the network's own units (normalised), array order is [k, j, i].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from .mirroring import Mirroring

PADDING_VALUE = 0.0
"""What nnU-Net's predictor pads a small image with after normalisation."""


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
    elastic_share: float = 0.25
    elastic_mm: float = 0.0
    mirroring: Mirroring | None = None


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
