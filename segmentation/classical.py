"""What CT values themselves tell: body surface, lungs and bone, by thresholds and morphology.

Needs Hounsfield units. A CT whose values were clipped (nothing below -125 HU) has no lung air and no dense bone
left to find; that is detected and said, and only the body surface is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.geometry import Grid
from surgtwin.progress import SILENT, Progress

CLIPPED_LOWEST_HU = -200.0
"""A CT that holds air somewhere goes far below this; one that doesn't was clipped."""
BODY_HU = -250.0
CLIPPED_BODY_HU = -105.0
LUNG_HU = -500.0
LUNG_MEDIAN_HU = (-940.0, -550.0)
"""Gas in the bowel is darker for the most part (its rim is not), soft tissue brighter."""
MIN_LUNG_ML = 40.0
VESSEL_CLOSING_MM = 4.0
BONE_HU = 180.0
DENSE_BONE_HU = 400.0
MIN_BONE_ML = 2.0
MIN_DENSE_SHARE = 0.04
COARSE_MM = 4.0
"""Grid on which the table is separated from the body."""
MIN_BODY_ML = 200.0

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassicalResult:
    """What was found by values.

    Parameters
    ----------
    body
        ``[k, j, i]`` everything inside the skin, None if there is no body.
    exclusive
        (name, mask, method) of structures that share a layer with organs.
    """

    body: Mask | None
    body_method: str
    exclusive: tuple[tuple[str, Mask, str], ...]
    findings: tuple[Finding, ...]

    @classmethod
    def nothing(cls) -> ClassicalResult:
        """The result where nothing was looked for."""
        return cls(None, "", (), ())


def find_classical(grid: Grid, hu: Values, organs: Values, progress: Progress = SILENT) -> ClassicalResult:
    """Return body, lungs and bone of a CT.

    Parameters
    ----------
    hu, organs
        ``[k, j, i]`` on ``grid``: Hounsfield units, and labels that bone must not include (contrast-filled organs).
    """
    clipped = is_clipped(hu)
    threshold = CLIPPED_BODY_HU if clipped else BODY_HU
    spacing = (grid.spacing[2], grid.spacing[1], grid.spacing[0])
    body = find_body(hu, spacing, threshold)
    progress.update(0.5)
    findings: list[Finding] = []
    exclusive: list[tuple[str, Mask, str]] = []
    if body is None:
        findings.append(Finding("no-body", Severity.WARNING, "No body was found in the image by its values."))
    elif clipped:
        message = (
            "The CT's values are clipped (nothing below -125 HU), so lungs and bone can't be found from them. "
            "Use the original series if they are needed."
        )
        findings.append(Finding("clipped-ct", Severity.WARNING, message, numbers={"lowest_hu": float(hu.min())}))
    else:
        lungs = find_lungs(hu, body, spacing)
        progress.update(0.75)
        bone = find_bone(hu, body & (organs == 0), spacing)
        if lungs.any():
            exclusive.append(("lungs", lungs, f"classical: air below {LUNG_HU:g} HU inside the body"))
        if bone.any():
            exclusive.append(("bone", bone, f"classical: above {BONE_HU:g} HU with dense parts, filled"))
    progress.update(1.0)
    method = f"classical: largest piece above {threshold:g} HU, filled slice by slice"
    return ClassicalResult(body, method, tuple(exclusive), tuple(findings))


def is_clipped(hu: Values) -> bool:
    """Return whether the image holds no value as low as air."""
    return float(hu.min()) > CLIPPED_LOWEST_HU


def find_body(hu: Values, spacing_mm: tuple[float, float, float], threshold: float) -> Mask | None:
    """Return everything inside the skin ``[k, j, i]``, without table and clothes; None if there is nothing.

    The table is cut off on a coarse grid by an opening; the fine threshold then gives the surface back its detail.
    """
    tissue = hu > threshold
    steps = tuple(max(1, round(COARSE_MM / s)) for s in spacing_mm)
    coarse = tissue[:: steps[0], :: steps[1], :: steps[2]]
    sizes = [s * n for s, n in zip(spacing_mm, steps, strict=True)]
    opened = ndimage.binary_opening(_padded(coarse), _ball(6.0, sizes))[1:-1, 1:-1, 1:-1]
    core = largest_piece(opened)
    if core is None or core.sum() * np.prod(sizes) / 1000 < MIN_BODY_ML:
        return None
    near = ndimage.binary_dilation(core, _ball(8.0, sizes))
    for n in range(3):
        near = np.repeat(near, steps[n], axis=n)
    found = largest_piece(tissue & near[tuple(slice(0, n) for n in hu.shape)])
    return None if found is None else filled_slices(found)


def find_lungs(hu: Values, body: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """Return both lungs with the vessels inside them; empty if there are none."""
    import cc3d

    air = (hu < LUNG_HU) & body
    pieces, count = cc3d.connected_components(air, connectivity=6, return_N=True)
    lungs = np.zeros(hu.shape, dtype=bool)
    if count == 0:
        return lungs
    smallest = MIN_LUNG_ML * 1000 / float(np.prod(spacing_mm))
    statistics = cc3d.statistics(pieces)
    for piece in np.flatnonzero(statistics["voxel_counts"] >= smallest):
        if piece == 0:
            continue
        box = statistics["bounding_boxes"][piece]
        mask = pieces[box] == piece
        if LUNG_MEDIAN_HU[0] < float(np.median(hu[box][mask])) < LUNG_MEDIAN_HU[1]:
            lungs[box] |= mask
    return closed(lungs, spacing_mm, VESSEL_CLOSING_MM) & body


def find_bone(hu: Values, where: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """Return bone with its marrow: pieces above the threshold that also hold dense bone."""
    import cc3d

    bright = (hu > BONE_HU) & where
    pieces, count = cc3d.connected_components(bright, connectivity=26, return_N=True)
    if count == 0:
        return bright
    volumes = np.bincount(pieces.ravel(), minlength=count + 1)
    dense = np.bincount(pieces[hu > DENSE_BONE_HU], minlength=count + 1)
    smallest = MIN_BONE_ML * 1000 / float(np.prod(spacing_mm))
    kept = (volumes >= smallest) & (dense >= MIN_DENSE_SHARE * volumes)
    kept[0] = False
    bone = filled_slices(kept[pieces])
    return bone & where & (hu > BODY_HU)


def largest_piece(mask: Mask) -> Mask | None:
    """Return the largest 6-connected piece of a mask, None if it is empty."""
    import cc3d

    if not mask.any():
        return None
    found: Mask = cc3d.largest_k(np.ascontiguousarray(mask), k=1, connectivity=6) > 0
    return found


def filled_slices(mask: Mask) -> Mask:
    """Return a mask with the holes of each slice [j, i] filled."""
    import fill_voids

    result = np.empty_like(mask)
    for k in range(mask.shape[0]):
        result[k] = fill_voids.fill(np.ascontiguousarray(mask[k]), in_place=False)
    return result


def closed(mask: Mask, spacing_mm: tuple[float, float, float], radius_mm: float) -> Mask:
    """Return a morphological closing by a ball, by distance maps, inside the mask's box."""
    import edt

    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box:
        return mask
    margin = [int(np.ceil(radius_mm / s)) + 1 for s in spacing_mm]
    part = np.pad(mask[box[0]], [(m, m) for m in margin])
    grown = edt.edt(~part, anisotropy=spacing_mm, parallel=0) <= radius_mm
    shrunk = edt.edt(grown, anisotropy=spacing_mm, parallel=0) > radius_mm
    result = mask.copy()
    result[box[0]] |= shrunk[tuple(slice(m, -m) for m in margin)]
    return result


def _ball(radius_mm: float, spacing_mm: list[float]) -> Mask:
    reach = [max(1, int(radius_mm / s)) for s in spacing_mm]
    axes = np.ogrid[tuple(slice(-r, r + 1) for r in reach)]
    squared = sum((a * s) ** 2 for a, s in zip(axes, spacing_mm, strict=True))
    return np.asarray(squared <= max(radius_mm, *spacing_mm) ** 2)


def _padded(mask: Mask) -> Mask:
    """The mask with its first and last planes repeated, so that an opening does not eat the cut ends."""
    return np.pad(mask, 1, mode="edge")
