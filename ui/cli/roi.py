"""`--roi`: a box of the image in LPS mm, as three ranges."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segmentation.region import RegionMm

Ranges = tuple[tuple[float, float], ...]


def region_of_interest(text: str) -> Ranges:
    """Three ranges low:high of x, y, z. Raises ArgumentTypeError saying what was expected."""
    try:
        ranges = tuple((float(low), float(high)) for low, high in (part.split(":") for part in text.split(",")))
    except ValueError:
        ranges = ()
    if len(ranges) != 3 or not all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in ranges):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a box: three ranges low:high of x, y, z in LPS mm are needed: -120:40,-90:80,900:1100"
        )
    return ranges


def region_mm(ranges: Ranges | None) -> RegionMm | None:
    """The box that was given, if one was."""
    if ranges is None:
        return None
    from segmentation.region import RegionMm

    (x0, x1), (y0, y1), (z0, z1) = ranges
    return RegionMm((x0, y0, z0), (x1, y1, z1))
