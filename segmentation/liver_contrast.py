"""The liver's box as vessels are looked for in it: cubes, values as contrast (0 liver, 1 portal blood), known veins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.geometry import Grid
from surgtwin.domain.labels import LabelMap, Structure
from surgtwin.domain.structure_table import match
from surgtwin.domain.volume import Volume
from surgtwin.errors import LabelError
from surgtwin.imaging.resample import cropped_grid, resample_values
from surgtwin.imaging.vesselness import isotropic_grid

from .classical import closed

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]

STEP_MM = 1.0
"""Edge of the cubes: a branch of 3 mm is three of them wide."""
MARGIN_MM = 12.0
NOTCH_MM = 5.0
"""Vessels that were left out of the liver's label, and the mouths of veins between it and the cava, lie in notches of
this radius."""
BLOCK = 4
"""Cubes to a block along each axis where the liver's own level is followed."""
LEVEL_REACH_MM = 15.0
"""Standard deviation of the Gaussian that follows the liver's level: wider than any vessel."""
MAD_TO_SD = 1.4826
CORE_STEPS = 2
"""Cubes taken off a vessel before its blood is measured: partial volume."""
MIN_CORE_VOXELS = 50
MIN_LIVER_ML = 50.0
BRIGHTEST = 1.3
"""Contrast above this (calcium, clips, arteries) counts as this much."""


@dataclass(frozen=True, eq=False)
class LiverBox:
    """What the search for vessels needs, on cubes of `STEP_MM`; arrays [k, j, i].

    Parameters
    ----------
    contrast
        0 where the image is as bright as the liver around, 1 where it is as bright as the portal vein; 0 outside.
    liver, portal, cava
        The liver with all that is part of it; the labelled portal vein and cava.
    liver_hu, portal_hu, noise_hu
        Levels, and the standard deviation of the liver's values on the cubes.
    """

    grid: Grid
    contrast: Values
    liver: Mask
    portal: Mask
    cava: Mask
    liver_hu: float
    portal_hu: float
    noise_hu: float

    @property
    def contrast_hu(self) -> float:
        return self.portal_hu - self.liver_hu


def liver_box(volume: Volume, labels: LabelMap) -> LiverBox:
    """The liver's box of a CT and of its labels, which lie on one grid.

    Raises
    ------
    LabelError
        If liver, portal vein or cava are not labelled, the grids differ, or the liver is too small to be one.
    """
    if not labels.grid.is_same_space(volume.grid):
        raise LabelError("The labels do not lie on the image's grid; vessels need both on one grid.")
    liver, portal, cava, others = _known(labels)
    if np.count_nonzero(liver) * labels.grid.voxel_volume_ml < MIN_LIVER_ML:
        raise LabelError(f"The liver's label holds less than {MIN_LIVER_ML:g} mL; vessels need a whole liver.")
    cubes = isotropic_grid(volume.grid, liver, STEP_MM, MARGIN_MM)
    start, stop = _box_around(volume.grid, liver)
    near = tuple(slice(start[a], stop[a]) for a in (2, 1, 0))
    source = cropped_grid(volume.grid, start, stop)

    def moved(mask: Mask) -> Mask:
        share = resample_values(mask[near].astype(np.float32), source, cubes, order=1, outside=0.0)
        return np.asarray(share >= 0.5)

    values = resample_values(volume.values[near].astype(np.float32), source, cubes, order=1)
    portal_cubes, cava_cubes = moved(portal), moved(cava)
    veins = portal_cubes | cava_cubes
    with_gaps = closed(moved(liver) | veins, (STEP_MM,) * 3, NOTCH_MM) & ~veins & ~moved(others)
    return _measured(cubes, values, with_gaps, portal_cubes, cava_cubes)


def find_structure(labels: LabelMap, *standard: str) -> Structure | None:
    """The first structure with voxels that goes by one of these standard names."""
    for name in standard:
        for s in labels.structures:
            row = match(s.name)
            if row is not None and row.name == name and labels.voxels(s):
                return s
    return None


def _known(labels: LabelMap) -> tuple[Mask, Mask, Mask, Mask]:
    """Liver with its parts, portal vein, cava, and all else of the first layer."""
    liver = find_structure(labels, "liver")
    portal = find_structure(labels, "portal and splenic vein", "portal vein")
    cava = find_structure(labels, "inferior vena cava")
    missing = [n for n, s in (("liver", liver), ("portal vein", portal), ("inferior vena cava", cava)) if s is None]
    if liver is None or portal is None or cava is None:
        raise LabelError(
            f"Vessels of the liver are grown from the labelled liver, portal vein and inferior vena cava; there is no "
            f"{', no '.join(missing)} in this twin. Segment it first."
        )
    whole = np.zeros(labels.grid.shape, dtype=bool)
    inside = {liver.label}
    for s in labels.structures:
        if s is liver or s.part_of == liver.name:
            whole |= labels.layers[s.layer] == s.label
            if s.layer == 0:
                inside.add(s.label)
    portal_mask, cava_mask = labels.mask(portal.name), labels.mask(cava.name)
    others = (labels.layers[0] > 0) & ~whole & ~portal_mask & ~cava_mask
    return whole & ~portal_mask & ~cava_mask, portal_mask, cava_mask, others


def _box_around(grid: Grid, mask: Mask) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """First and one past the last voxel (i, j, k) of a mask's box with its margin."""
    found = np.argwhere(mask)[:, ::-1]
    margin = np.ceil((MARGIN_MM + STEP_MM) / np.asarray(grid.spacing)).astype(int) + 1
    start = np.maximum(found.min(axis=0) - margin, 0)
    stop = np.minimum(found.max(axis=0) + 1 + margin, grid.size_ijk)
    return (int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2]))


def _measured(grid: Grid, values: Values, liver: Mask, portal: Mask, cava: Mask) -> LiverBox:
    inside = values[liver]
    level = float(np.median(inside))
    noise = max(MAD_TO_SD * float(np.median(level - inside[inside <= level])), 1.0)
    tissue = liver & (np.abs(values - level) < 2 * noise)
    level = float(np.median(values[tissue]))
    blood = _blood(values, portal)
    # Beyond the liver's rim only blood matters: fat and other organs would show edges that look like vessels.
    local = values - level - _drift(values - level, tissue)
    contrast = np.clip(local / max(blood - level, 1.0), 0.0, BRIGHTEST)
    contrast[~(liver | portal | cava)] = 0.0
    return LiverBox(grid, contrast.astype(np.float32), liver, portal, cava, level, blood, noise)


def _blood(values: Values, vein: Mask) -> float:
    """Level of the blood in a vein: of its core if it has one."""
    core = ndimage.binary_erosion(vein, iterations=CORE_STEPS)
    if np.count_nonzero(core) >= MIN_CORE_VOXELS:
        return float(np.median(values[core]))
    return float(np.percentile(values[vein], 75)) if vein.any() else float("-inf")


def _drift(values: Values, tissue: Mask) -> Values:
    """How the liver's level departs from its median, smoothly, everywhere in the box."""
    weight = _blocks(tissue.astype(np.float32))
    total = _blocks(np.where(tissue, values, 0.0).astype(np.float32))
    sigma = LEVEL_REACH_MM / (BLOCK * STEP_MM)
    weight = ndimage.gaussian_filter(weight, sigma, mode="constant")
    total = ndimage.gaussian_filter(total, sigma, mode="constant")
    coarse = total / np.maximum(weight, 0.02)
    return _spread(coarse, values.shape)


def _blocks(values: Values) -> Values:
    """Means of blocks; the last one of an axis is filled up with zeros."""
    padded = np.pad(values, [(0, -n % BLOCK) for n in values.shape])
    k, j, i = (n // BLOCK for n in padded.shape)
    return np.asarray(padded.reshape(k, BLOCK, j, BLOCK, i, BLOCK).mean(axis=(1, 3, 5)), dtype=np.float32)


def _spread(blocks: Values, shape: tuple[int, ...]) -> Values:
    """Block means back on cubes, linear between the blocks' middles."""
    out: npt.NDArray[Any] = blocks
    for axis, size in enumerate(shape):
        where = np.clip((np.arange(size) + 0.5) / BLOCK - 0.5, 0, blocks.shape[axis] - 1)
        low = np.minimum(where.astype(int), max(blocks.shape[axis] - 2, 0))
        high = np.minimum(low + 1, blocks.shape[axis] - 1)
        share = (where - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        out = np.take(out, low, axis=axis) * (1 - share) + np.take(out, high, axis=axis) * share
    return np.asarray(out, dtype=np.float32)
