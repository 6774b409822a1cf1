"""Numbers of a file as labels, or the reason why they are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..domain.label_layers import smallest_type
from ..domain.labels import MAX_LABEL
from ..errors import FormatError


def as_labels(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Values [k, j, i] as uint8 or uint16, unchanged.

    Raises
    ------
    FormatError
        If a value is not whole (an image, or labels that were interpolated), negative, or above 65535.
    """
    low, high = values.min(), values.max()
    if values.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high) and _is_whole(values)):
        raise FormatError(
            f"'{path.name}' is no label map: it holds values that are not whole numbers "
            "(an image, or labels resampled with interpolation)."
        )
    if low < 0 or high > MAX_LABEL:
        raise FormatError(
            f"'{path.name}' is no label map: its values run from {low:g} to {high:g}; labels are 0 to {MAX_LABEL}."
        )
    if values.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        return values
    return smallest_type(values.astype(np.uint16))


def _is_whole(values: NDArray[Any]) -> bool:
    return all(np.array_equal(plane, np.rint(plane)) for plane in values)
