"""How well a segmentation agrees with a reference: overlap, surface distances, volume, all in mm and mL.

Overlap is counted in voxels; distances and surface Dice are weighed by surface area, as ``surface_points`` defines it.
What has no meaning is None, never a made-up number: a structure that is on one side only has Dice, IoU and surface Dice
0 and no distances; one that is on neither side has no scores at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.errors import LabelError

from .surface_points import Mask, Spacing, surface_distances

SURFACE_TOLERANCE_MM = 2.0
ROBUST_SHARE = 0.95
"""Of each surface, within the 95 % Hausdorff distance."""
LEAST_BOOTSTRAP_CASES = 3
"""Of fewer cases, resampling says nothing about the next one."""

Labels = npt.NDArray[Any]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class StructureScore:
    """One structure of one case; None where a figure has no meaning (one or both sides empty).

    ``hausdorff_95_mm`` is the larger of both directions' 95 % quantiles, ``surface_distance_mm`` the mean over both
    surfaces (ASSD), both by area.
    """

    dice: float | None
    iou: float | None
    sensitivity: float | None
    precision: float | None
    hausdorff_mm: float | None
    hausdorff_95_mm: float | None
    surface_distance_mm: float | None
    surface_dice: float | None
    volume_ml: float
    reference_ml: float

    @property
    def volume_difference_ml(self) -> float:
        """Found minus reference."""
        return self.volume_ml - self.reference_ml

    def as_dict(self) -> dict[str, float | None]:
        """Return all figures by name."""
        return {**asdict(self), "volume_difference_ml": self.volume_difference_ml}


def evaluate_labels(
    found: Labels,
    reference: Labels,
    spacing_mm: Spacing,
    names: Mapping[str, int],
    tolerance_mm: float = SURFACE_TOLERANCE_MM,
) -> dict[str, StructureScore]:
    """Return the score of every named structure of two label arrays ``[k, j, i]`` on one grid.

    Parameters
    ----------
    spacing_mm
        Along [k, j, i]. An oblique grid with perpendicular axes needs nothing else.

    Raises
    ------
    LabelError
        If the arrays differ in shape.
    """
    if found.shape != reference.shape:
        raise LabelError(
            f"The label maps differ in shape: {found.shape} and {reference.shape}. Bring them to one grid first."
        )
    boxes, reference_boxes = label_boxes(found), label_boxes(reference)
    scores = {}
    for name, value in names.items():
        if not value:
            continue
        box = union_box(boxes.get(value), reference_boxes.get(value))
        scores[name] = score_masks(found[box] == value, reference[box] == value, spacing_mm, tolerance_mm)
    return scores


def score_masks(
    found: Mask, reference: Mask, spacing_mm: Spacing, tolerance_mm: float = SURFACE_TOLERANCE_MM
) -> StructureScore:
    """Return every figure for two masks ``[k, j, i]`` of one shape; empty space around them only costs time."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    a, b = int(np.count_nonzero(found)), int(np.count_nonzero(reference))
    both = int(np.count_nonzero(found & reference))
    hausdorff = hausdorff_95 = mean = None
    agreement = 0.0 if a + b else None
    if a and b:
        distances = surface_distances(found, reference, spacing_mm)
        hausdorff, hausdorff_95 = distances.hausdorff(), distances.hausdorff(ROBUST_SHARE)
        mean, agreement = distances.mean(), distances.agreement(tolerance_mm)
    return StructureScore(
        dice=2 * both / (a + b) if a + b else None,
        iou=both / (a + b - both) if a + b else None,
        sensitivity=both / b if b else None,
        precision=both / a if a else None,
        hausdorff_mm=hausdorff,
        hausdorff_95_mm=hausdorff_95,
        surface_distance_mm=mean,
        surface_dice=agreement,
        volume_ml=a * voxel_ml,
        reference_ml=b * voxel_ml,
    )


def label_boxes(labels: Labels) -> dict[int, Box]:
    """Return the box around each label value that is there, found in one pass over the array."""
    from scipy.ndimage import find_objects

    return {value: box for value, box in enumerate(find_objects(labels), start=1) if box is not None}


def union_box(first: Box | None, second: Box | None) -> Box:
    """Return the box around two boxes; one of no voxels if there is neither."""
    boxes = [box for box in (first, second) if box is not None]
    if not boxes:
        return (slice(0, 0),) * 3
    return tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in zip(*boxes, strict=True))


def bootstrap_interval(
    values: npt.NDArray[np.float64], share: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """Return the bootstrap interval of the mean of some cases' scores; None for fewer than LEAST_BOOTSTRAP_CASES."""
    if len(values) < LEAST_BOOTSTRAP_CASES:
        return None
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (draws, len(values))).mean(axis=1)
    low, high = np.percentile(means, [50 * (1 - share), 50 * (1 + share)])
    return float(low), float(high)
