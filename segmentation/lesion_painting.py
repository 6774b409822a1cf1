"""Synthetic lesions painted into real livers, and things that look like lesions and are none.

A network trained on them needs no patient whose tumours were outlined by hand (Hu et al., "Label-Free Liver Tumor
Segmentation", CVPR 2023). A lesion is an ellipsoid bent out of shape; inside, the liver's local mean is replaced by the
lesion's while the scan's own noise stays, so that nothing but the lesion tells where it was painted.
Values are HU, arrays ``[k, j, i]``, lengths mm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from .augment import Sample
from .lesion_distractors import paint_distractors
from .lesion_shapes import Array, Box, Ellipsoid, Spacing, draw_ellipsoid, filtered_noise

LIVER = 1
LESION = 2
LEAST_LIVER_ML = 15.0
"""A patch with less liver than this is left as it is."""
SMOOTHING_MM = 2.5
VESSEL_OVER_LIVER_HU = 25.0
NOISE_REACH = 2.5
PLACES_TRIED = 12
FATTY_LIVER_HU = 75.0
"""Below this, lesions are brighter than the liver as often as darker."""
EDGE_REACH = 6.0
"""A lesion's blurred edge ends after so many times its width."""

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class LesionSettings:
    """What is painted, and how often. Sizes are diameters of spheres of the same volume."""

    without_share: float = 0.12
    mean_count: float = 2.2
    most: int = 7
    size_mm: tuple[float, float] = (4.5, 60.0)
    cyst_share: float = 0.2
    bright_share: float = 0.12
    rim_share: float = 0.3
    necrosis_share: float = 0.25
    push_share: float = 0.3
    distractor_share: float = 0.6
    level_shift_hu: float = 9.0


@dataclass(frozen=True)
class LesionLook:
    """What a lesion looks like.

    Parameters
    ----------
    offset_hu
        Its mean over the liver's (negative: darker).
    edge_mm
        Width over which its surface is blurred.
    grain_mm, grain_hu
        Size and strength of its texture.
    kept_noise
        Share of the scan's own noise that stays.
    rim_hu, rim_mm
        A capsule brighter (or darker) than its inside; 0 for none.
    core_hu, core_share
        What a necrotic core adds, and the share of the radius it fills.
    push_mm
        How far the liver around it is pushed away.
    """

    offset_hu: float
    edge_mm: float
    grain_mm: float = 2.0
    grain_hu: float = 0.0
    kept_noise: float = 1.0
    rim_hu: float = 0.0
    rim_mm: float = 2.0
    core_hu: float = 0.0
    core_share: float = 0.5
    push_mm: float = 0.0


@dataclass(frozen=True)
class PaintedLesion:
    """One lesion as painted: its voxels are those with this label in the truth that `paint_case` returns."""

    label: int
    shape: Ellipsoid
    look: LesionLook


@dataclass
class _Canvas:
    """A patch while it is painted; ``numbers`` holds each lesion's number."""

    image: Array
    liver: Mask
    numbers: Labels
    spacing_mm: Spacing
    level_hu: float
    noise_hu: float
    smooth: Array
    softened_liver: Array
    vessels: Mask
    places: npt.NDArray[np.int64]
    painted: list[PaintedLesion] = field(default_factory=list)


@dataclass(frozen=True)
class LesionPainter:
    """Paints into training patches; ``mean_hu`` and ``std_hu`` turn the network's units into HU."""

    mean_hu: float
    std_hu: float
    settings: LesionSettings = field(default_factory=LesionSettings)

    def __call__(self, sample: Sample, spacing_mm: Spacing, rng: np.random.Generator) -> Sample:
        """Return the patch with lesions as label 2 in the liver, label 1."""
        labels = sample.labels.numpy()
        image = sample.image.numpy() * np.float32(self.std_hu) + np.float32(self.mean_hu)
        outside = sample.image == 0.0
        painted, numbers, _ = paint_case(image, labels == LIVER, spacing_mm, rng, self.settings)
        values = torch.from_numpy((painted - np.float32(self.mean_hu)) / np.float32(self.std_hu))
        # The padding of a cut field of view is the network's zero; painting must not make it anything else.
        values = torch.where(outside, sample.image, values)
        return Sample(values, torch.from_numpy(np.where(numbers > 0, np.uint8(LESION), labels)))


def paint_case(
    image: Array, liver: Mask, spacing_mm: Spacing, rng: np.random.Generator, settings: LesionSettings
) -> tuple[Array, Labels, list[PaintedLesion]]:
    """Return a painted copy of an image, the lesions' numbers (1, 2, ... as labels), and the lesions.

    Parameters
    ----------
    image, liver
        HU and the liver's mask, one shape.
    """
    numbers = np.zeros(image.shape, dtype=np.uint8)
    if np.count_nonzero(liver) * float(np.prod(spacing_mm)) < 1000 * LEAST_LIVER_ML:
        return image, numbers, []
    shift = np.float32(rng.normal(0, settings.level_shift_hu))
    image = (image + liver * shift).astype(np.float32)
    if rng.random() < settings.distractor_share:
        image = paint_distractors(image, liver, spacing_mm, rng)
    canvas = _prepare(image, liver, numbers, spacing_mm)
    count = 0 if rng.random() < settings.without_share else min(settings.most, 1 + rng.poisson(settings.mean_count - 1))
    for _ in range(count):
        _paint_one(canvas, rng, settings)
    return canvas.image, canvas.numbers, canvas.painted


def _prepare(image: Array, liver: Mask, numbers: Labels, spacing_mm: Spacing) -> _Canvas:
    """Measure the liver: its level, its noise, its vessels, and its mean around every voxel without its neighbours."""
    sigma = [SMOOTHING_MM / mm for mm in spacing_mm]
    weight = ndimage.gaussian_filter(liver.astype(np.float32), sigma, truncate=3.0)
    smooth = ndimage.gaussian_filter(image * liver, sigma, truncate=3.0) / np.maximum(weight, 1e-3)
    level = float(np.median(image[liver]))
    smooth = np.where(weight > 1e-2, smooth, np.float32(level)).astype(np.float32)
    noise = float(np.median(np.abs((image - smooth)[liver]))) * 1.48
    vessels = liver & (smooth > level + VESSEL_OVER_LIVER_HU)
    softened = ndimage.gaussian_filter(liver.astype(np.float32), 0.6, truncate=2.0)
    return _Canvas(
        image.astype(np.float32),
        liver,
        numbers,
        spacing_mm,
        level,
        noise,
        smooth,
        softened,
        vessels,
        np.argwhere(liver),
    )


def _paint_one(canvas: _Canvas, rng: np.random.Generator, settings: LesionSettings) -> None:
    """Find a place that is no big vessel and no lesion yet, and paint one; none if there is no such place."""
    low, high = np.log(settings.size_mm)
    diameter = float(np.exp(rng.uniform(low, high)))
    roughness = float(rng.uniform(0.0, 0.16))
    for _ in range(PLACES_TRIED):
        centre = canvas.places[int(rng.integers(len(canvas.places)))].astype(np.float64)
        shape = draw_ellipsoid(centre, diameter, rng, roughness)
        look = draw_look(diameter, canvas.level_hu, canvas.noise_hu, rng, settings)
        box = shape.box(canvas.image.shape, canvas.spacing_mm, EDGE_REACH * look.edge_mm + 2 * look.push_mm)
        distance = shape.distance(box, canvas.spacing_mm, rng)
        inside = (distance < 0) & canvas.liver[box]
        if _is_free(canvas, box, inside, distance, diameter):
            if look.push_mm > 0:
                _push_away(canvas, box, shape, distance, look.push_mm)
            _fill(canvas, box, inside, distance, shape, look, rng)
            return


def _is_free(canvas: _Canvas, box: Box, inside: Mask, distance: Array, diameter_mm: float) -> bool:
    count = int(np.count_nonzero(inside))
    whole = int(np.count_nonzero(distance < 0))
    if count == 0 or count < 0.35 * whole:
        return False
    on_vessel = int(np.count_nonzero(canvas.vessels[box] & inside)) / count
    taken = canvas.numbers[box][distance < 3.0].any()
    return not taken and on_vessel < (0.15 if diameter_mm < 25 else 0.35)


def _fill(
    canvas: _Canvas,
    box: Box,
    inside: Mask,
    distance: Array,
    shape: Ellipsoid,
    look: LesionLook,
    rng: np.random.Generator,
) -> None:
    """Replace the liver's mean by the lesion's, keep the scan's noise, write the lesion's number."""
    image, smooth = canvas.image[box], canvas.smooth[box]
    edge = np.clip(distance / np.float32(look.edge_mm), -EDGE_REACH, EDGE_REACH)
    cover = canvas.softened_liver[box] / (1 + np.exp(2 * edge))
    value = np.full(image.shape, canvas.level_hu + look.offset_hu, dtype=np.float32)
    if look.rim_hu:
        value += look.rim_hu * np.exp(-(((distance + look.rim_mm) / look.rim_mm) ** 2))
    if look.core_hu:
        depth = (distance + (1 - look.core_share) * shape.radius_mm) / 1.5
        value += look.core_hu / (1 + np.exp(np.clip(depth, -20, 20)))
    if look.grain_hu:
        value += look.grain_hu * filtered_noise(image.shape, look.grain_mm, canvas.spacing_mm, rng)
    # What exceeds the noise are vessels: they don't run through a lesion.
    limit = np.float32(NOISE_REACH * canvas.noise_hu)
    value += look.kept_noise * np.clip(image - smooth, -limit, limit)
    canvas.image[box] = image + cover * (value - image)
    canvas.smooth[box] = smooth + cover * (canvas.level_hu + look.offset_hu - smooth)
    number = len(canvas.painted) + 1
    canvas.numbers[box][inside] = number
    canvas.painted.append(PaintedLesion(number, shape, look))


def _push_away(canvas: _Canvas, box: Box, shape: Ellipsoid, distance: Array, push_mm: float) -> None:
    """Move the liver around a lesion outwards, less with every millimetre: vessels bend around it."""
    spacing = np.asarray(canvas.spacing_mm)
    index = np.indices(distance.shape, dtype=np.float32)
    offset = index + np.array([s.start for s in box], dtype=np.float32)[:, None, None, None]
    away = (offset - shape.centre[:, None, None, None]) * spacing[:, None, None, None]
    length = np.maximum(np.sqrt((away**2).sum(axis=0)), 1e-3)
    moved = push_mm * np.exp(-np.maximum(distance, 0) / (2 * push_mm))
    source = index - away / length * moved / spacing[:, None, None, None]
    for array in (canvas.image, canvas.smooth):
        seen = ndimage.map_coordinates(array[box], source, order=1, mode="nearest")
        array[box] = np.where(canvas.liver[box], seen, array[box])


def draw_look(
    diameter_mm: float, liver_hu: float, noise_hu: float, rng: np.random.Generator, settings: LesionSettings
) -> LesionLook:
    """Return a look: a cyst, a bright lesion, or most often a darker one, with or without rim and necrosis."""
    least = 13.0 + 0.5 * noise_hu + (6.0 if diameter_mm < 10 else 0.0)
    kind = rng.random()
    if kind < settings.cyst_share:
        offset = min(float(rng.uniform(-5, 25)) - liver_hu, -least)
        return LesionLook(offset, float(rng.uniform(0.3, 0.9)), push_mm=_draw_push(diameter_mm, rng, settings))
    bright_share = settings.bright_share if liver_hu > FATTY_LIVER_HU else 0.4
    if kind < settings.cyst_share + bright_share:
        offset = float(rng.uniform(least, least + 45))
    else:
        offset = -float(rng.uniform(least, max(least + 10, min(75.0, liver_hu - 10))))
    rim = necrosis = 0.0
    if diameter_mm > 9 and rng.random() < settings.rim_share:
        rim = float(rng.uniform(8, 30)) * (1 if rng.random() < 0.75 else -1)
    if diameter_mm > 14 and rng.random() < settings.necrosis_share:
        necrosis = -float(rng.uniform(10, 40))
    return LesionLook(
        offset_hu=offset,
        edge_mm=float(rng.uniform(0.4, min(2.6, 0.6 + 0.12 * diameter_mm))),
        grain_mm=float(rng.uniform(1.0, 4.0)),
        grain_hu=float(rng.uniform(0, 10)),
        kept_noise=float(rng.uniform(0.8, 1.05)),
        rim_hu=rim,
        rim_mm=float(rng.uniform(1.0, 1.0 + 0.08 * diameter_mm)),
        core_hu=necrosis,
        core_share=float(rng.uniform(0.35, 0.75)),
        push_mm=_draw_push(diameter_mm, rng, settings),
    )


def _draw_push(diameter_mm: float, rng: np.random.Generator, settings: LesionSettings) -> float:
    if diameter_mm < 12 or rng.random() >= settings.push_share:
        return 0.0
    return float(rng.uniform(1.0, min(6.0, 0.18 * diameter_mm)))
