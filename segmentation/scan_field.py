"""Which part of an image was measured: padding and blanked parts hold one single value, plane after plane.

An organ that ends where they begin is cut, as one that ends at the image's own face.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from surgtwin.domain.finding import Finding, Severity
from surgtwin.domain.volume import Volume

from .placed import Box, Placed, side_of

MOST_PADDING_PLANES = 3
"""More planes of one value are air around the patient or a scanner's background, unless what follows begins flat."""
FLAT_SHARE = 0.5
"""Of a usual plane's content: a body that begins with so much was cut off; a rounded one begins with a few voxels."""
LARGE_SHARE = 0.1
SAMPLED_PLANES = 32

Values = npt.NDArray[Any]


def measured_box(values: Values, body: Placed | None) -> Box:
    """Return the image without the planes at its faces that were never measured.

    Parameters
    ----------
    values
        ``[k, j, i]``.
    body
        Everything inside the skin, None if not known: what begins flat is then judged by the values alone.
    """
    lowest = values.min()
    inside = None
    if body is not None:
        inside = np.zeros(values.shape, dtype=bool)
        inside[body.box] = body.mask
    box = []
    for axis, size in enumerate(values.shape):
        planes = np.moveaxis(values, axis, 0)
        within = None if inside is None else np.moveaxis(inside, axis, 0)
        start = _unmeasured(planes, within, lowest)
        end = _unmeasured(planes[::-1], None if within is None else within[::-1], lowest)
        box.append(slice(start, size - end))
    return tuple(box)


def check_blank(volume: Volume, field: Box) -> list[Finding]:
    """Return a finding if a noticeable part of the image, beyond ``field``, holds one value only."""
    findings = []
    for axis, (part, size) in enumerate(zip(field, volume.grid.shape, strict=True)):
        for count, is_last in ((part.start, False), (size - part.stop, True)):
            if count < LARGE_SHARE * size:
                continue
            side = side_of(volume.grid, axis, is_last)
            value = float(np.take(volume.values, -1 if is_last else 0, axis=axis).flat[0])
            message = (
                f"The {side} {count / size:.0%} of the image holds one value only ({value:g}): nothing was measured "
                "there. What lies there is missing, and organs are cut. Use a complete series."
            )
            findings.append(Finding("blank-part", Severity.ERROR, message, numbers={"share": count / size}))
    return findings


def _unmeasured(planes: Values, inside: Values | None, lowest: float) -> int:
    """How many planes from the first on were never measured.

    Parameters
    ----------
    planes, inside
        Values and body, with the planes along the first axis.
    lowest
        Of the image. Planes of another value than this are no air, whatever is found as body in them.
    """
    count = 0
    while count < len(planes) and planes[count].min() == planes[count].max():
        count += 1
    if count == len(planes):
        return 0
    if count <= MOST_PADDING_PLANES:
        return count
    blank = planes[0].flat[0]
    content = inside if inside is not None and blank == lowest else planes != blank
    step = max(1, (len(planes) - count) // SAMPLED_PLANES)
    areas = np.array([np.count_nonzero(plane) for plane in content[count::step]])
    return count if areas.any() and areas[0] >= FLAT_SHARE * np.median(areas[areas > 0]) else 0
