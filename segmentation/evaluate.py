"""How well a segmentation agrees with a reference: overlap, surface distances, volume, all in mm and mL.

Surface distances run between the boundary voxels' centres (a boundary voxel has a face neighbour outside),
measured on the grid's spacing. They are symmetric: both surfaces contribute all their voxels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.errors import LabelError

SURFACE_TOLERANCE_MM = 2.0

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class StructureScore:
    """One structure of one case; None where a figure has no meaning (one or both sides empty).

    ``volume_difference_ml`` is found minus reference.
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
    found: npt.NDArray[Any],
    reference: npt.NDArray[Any],
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
        raise LabelError(f"The label maps differ in shape: {found.shape} and {reference.shape}.")
    return {
        name: score_masks(found == value, reference == value, spacing_mm, tolerance_mm)
        for name, value in names.items()
        if value
    }


def score_masks(
    found: Mask, reference: Mask, spacing_mm: Spacing, tolerance_mm: float = SURFACE_TOLERANCE_MM
) -> StructureScore:
    """Return every figure for two masks ``[k, j, i]`` of one shape."""
    voxel_ml = float(np.prod(spacing_mm)) / 1000.0
    a, b = int(np.count_nonzero(found)), int(np.count_nonzero(reference))
    both = int(np.count_nonzero(found & reference))
    distances = surface_distances(found, reference, spacing_mm) if a and b else None
    hausdorff = hausdorff_95 = mean = agreement = None
    if distances is not None:
        merged = np.concatenate(distances)
        hausdorff = float(merged.max())
        hausdorff_95 = max(float(np.percentile(d, 95)) for d in distances)
        mean = float(merged.mean())
        agreement = float((merged <= tolerance_mm).mean())
    return StructureScore(
        dice=2 * both / (a + b) if a + b else None,
        iou=both / (a + b - both) if a + b else None,
        sensitivity=both / b if b else None,
        precision=both / a if a else None,
        hausdorff_mm=hausdorff,
        hausdorff_95_mm=hausdorff_95,
        surface_distance_mm=mean,
        surface_dice=agreement if distances is not None else (0.0 if a + b else None),
        volume_ml=a * voxel_ml,
        reference_ml=b * voxel_ml,
    )


def surface_distances(
    found: Mask, reference: Mask, spacing_mm: Spacing
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the distances in mm from each surface voxel of one mask to the other's surface, both ways."""
    import edt

    box = _common_box(found, reference)
    a, b = boundary(found[box]), boundary(reference[box])
    to_b = edt.edt(~b, anisotropy=spacing_mm)
    to_a = edt.edt(~a, anisotropy=spacing_mm)
    return to_b[a], to_a[b]


def boundary(mask: Mask) -> Mask:
    """Return the voxels of a mask with a face neighbour outside it; beyond the array counts as outside."""
    padded = np.pad(mask, 1)
    inner = mask.copy()
    for axis in range(3):
        for step in (-1, 1):
            window = [slice(1, -1)] * 3
            window[axis] = slice(1 + step, padded.shape[axis] - 1 + step)
            inner &= padded[tuple(window)]
    return mask & ~inner


def _common_box(a: Mask, b: Mask) -> tuple[slice, ...]:
    """The box around both masks: everything that matters to distances between their surfaces."""
    box = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        used = np.flatnonzero(a.any(axis=others) | b.any(axis=others))
        box.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(box)


def bootstrap_interval(
    values: npt.NDArray[np.float64], share: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap interval of the mean of a few cases' scores."""
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (draws, len(values))).mean(axis=1)
    low, high = np.percentile(means, [50 * (1 - share), 50 * (1 + share)])
    return float(low), float(high)
