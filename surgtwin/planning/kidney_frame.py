"""How a kidney lies: its long axis, where its sinus opens, its polar lines and its coronal plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..domain.geometry import FloatArray, unit
from .tissue import Tissue

SLAB_MM = 3.0
PIXEL_MM = 1.5
LEAST_HOLLOW = 0.04
"""Share of a section's convex outline that is missing on the medial side where the sinus opens."""
LEAST_SLABS = 3
"""A hollow that runs through fewer sections is a notch, not the sinus."""
CLOSING = 2
"""Pixels over which gaps between oblique voxels are closed."""


@dataclass(frozen=True, eq=False)
class KidneyFrame:
    """A kidney's own directions, LPS.

    Parameters
    ----------
    axis
        The long axis, upwards: the widest spread of the parenchyma.
    front
        Towards its front, square to the coronal plane, which holds the long axis and the direction in which the sinus
        opens; where no sinus was found, the patient's front square to the long axis.
    polar_mm
        Heights along the axis (measured from LPS 0, 0, 0) of the lower and the upper polar line: the first and the
        last section square to the axis whose medial outline the sinus interrupts; None if no sinus was found.
    """

    axis: FloatArray
    front: FloatArray
    polar_mm: tuple[float, float] | None


def kidney_frame(parenchyma: Tissue, tumours: Tissue | None, medial: FloatArray | None) -> KidneyFrame:
    """The frame of a kidney from its parenchyma; what tumours fill is no hollow.

    Parameters
    ----------
    medial
        LPS direction towards the midline; None if the side is not known: then any side may be hollow.
    """
    points = parenchyma.points_mm()
    centre = points.mean(0)
    axis = np.linalg.eigh(np.cov((points - centre).T))[1][:, -1]
    axis = axis if axis[2] >= 0 else -axis
    back = np.array([0.0, 1.0, 0.0])
    first = unit(back - (back @ axis) * axis)
    plane = np.stack((first, np.cross(axis, first)))
    filled = tumours.points_mm() if tumours is not None else np.zeros((0, 3))
    found = _hollows(points, filled, centre, axis, plane, medial)
    if found is None:
        return KidneyFrame(axis, -first, None)
    polar, opening = found
    front = np.cross(axis, opening)
    front = front if float(front @ first) < 0 else -front
    return KidneyFrame(axis, unit(front), polar)


def _hollows(
    points: FloatArray,
    filled: FloatArray,
    centre: FloatArray,
    axis: FloatArray,
    plane: FloatArray,
    medial: FloatArray | None,
) -> tuple[tuple[float, float], FloatArray] | None:
    """The heights between which sections are hollow, and the direction of the hollow; None if none are."""
    height = points @ axis
    edges = np.arange(float(height.min()), float(height.max()) + SLAB_MM, SLAB_MM)
    slab, filled_slab = np.digitize(height, edges) - 1, np.digitize(filled @ axis, edges) - 1
    towards = None if medial is None else plane @ medial
    at = [
        _hollow((points[slab == n] - centre) @ plane.T, (filled[filled_slab == n] - centre) @ plane.T, towards)
        for n in range(len(edges))
    ]
    runs, count = ndimage.label(np.array([a is not None for a in at]))
    if not count:
        return None
    longest = int(np.bincount(runs)[1:].argmax()) + 1
    rows = np.flatnonzero(runs == longest)
    if len(rows) < LEAST_SLABS:
        return None
    opening = np.mean([a for n, a in enumerate(at) if n in rows and a is not None], axis=0) @ plane
    low, high = float(edges[rows[0]]), float(edges[rows[-1]] + SLAB_MM)
    return (low, high), np.asarray(unit(opening))


def _hollow(section: FloatArray, filled: FloatArray, medial: FloatArray | None) -> FloatArray | None:
    """Middle (2,) of what is missing of a section's convex outline on the medial side; None if that is little.

    Parameters
    ----------
    section, filled
        Points of the parenchyma and of tumours, mm from the kidney's middle.
    """
    from skimage.morphology import convex_hull_image

    if len(section) < 3 or (np.ptp(section, axis=0) < 3 * PIXEL_MM).any():
        return None
    low = section.min(0) - (CLOSING + 1) * PIXEL_MM
    size = np.ceil((section.max(0) - low) / PIXEL_MM).astype(int) + CLOSING + 3
    solid = ndimage.binary_fill_holes(_painted(section, low, size))
    outline = convex_hull_image(solid)
    missing = outline & ~solid & ~_painted(filled, low, size)
    middle = section.mean(0)
    where = low + (np.argwhere(missing) + 0.5) * PIXEL_MM
    if medial is not None:
        where = where[(where - middle) @ medial > 0.0]
    return np.asarray(where.mean(0) - middle) if len(where) > LEAST_HOLLOW * outline.sum() else None


def _painted(points: FloatArray, low: FloatArray, size: NDArray[np.int64]) -> NDArray[np.bool_]:
    """An image of points (N, 2), gaps closed; points beside it are left out."""
    image = np.zeros(size, dtype=bool)
    index = np.floor((points - low) / PIXEL_MM).astype(int)
    index = index[((index >= 0) & (index < size)).all(1)]
    image[tuple(index.T)] = True
    return np.asarray(ndimage.binary_closing(image, iterations=CLOSING))
