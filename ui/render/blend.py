"""Grey values and labels as one colour picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.labels import LabelMap
from surgtwin.domain.volume import Window

from .appearance import Looks

RgbArray = NDArray[np.uint8]
"""[row, column, 3], row 0 on top."""

CONTOUR_STRENGTH = 0.95
"""Opacity of a label's outline."""
MIN_WIDTH = 1e-6


def grey(values: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Values [row, column] through a display window: black at its lower end, white at its upper."""
    scale = 255.0 / max(window.width, MIN_WIDTH)
    offset = -(window.level - window.width / 2.0) * scale
    scaled = values.astype(np.float32)
    scaled *= np.float32(scale)
    scaled += np.float32(offset + 0.5)
    np.nan_to_num(scaled, copy=False, nan=0.0)
    return np.clip(scaled, 0.0, 255.0, out=scaled).astype(np.uint8)


def grey_to_rgb(picture: NDArray[np.uint8]) -> RgbArray:
    return np.repeat(picture[:, :, None], 3, axis=2)


class LabelColours:
    """The colours of one layer's labels: a table that a picture of labels is looked up in."""

    def __init__(self, labels: LabelMap, layer: int, looks: Looks) -> None:
        of_layer = [s for s in labels.structures if s.layer == layer]
        size = max((s.label for s in of_layer), default=0) + 1
        self._colours = np.zeros((size, 3), dtype=np.float32)
        self._shown = np.zeros(size, dtype=bool)
        for s in of_layer:
            look = looks.get(s.name)
            if look is not None and look.visible:
                self._colours[s.label] = look.colour
                self._shown[s.label] = True

    @property
    def is_empty(self) -> bool:
        """True if nothing of the layer is shown."""
        return not self._shown.any()

    def paint(self, picture: RgbArray, labels: NDArray[Any], opacity: float, *, contour: bool = True) -> None:
        """Lay the labels [row, column] over the picture, in place: a fill of `opacity` and an outline."""
        known = np.where(labels < len(self._shown), labels, 0)
        shown = self._shown[known]
        strength = np.float32(min(max(opacity, 0.0), 1.0))
        if strength > 0.0:
            self._mix(picture, known, shown, strength)
        if contour and strength > 0.0:
            self._mix(picture, known, outline(np.where(shown, known, 0)), np.float32(CONTOUR_STRENGTH))

    def _mix(self, picture: RgbArray, labels: NDArray[Any], where: NDArray[np.bool_], strength: np.float32) -> None:
        rows, columns = np.nonzero(where)
        below = picture[rows, columns].astype(np.float32)
        mixed = below + (self._colours[labels[rows, columns]] - below) * strength
        picture[rows, columns] = (mixed + np.float32(0.5)).astype(np.uint8)


def outline(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """[row, column] True on labelled pixels with a differing neighbour (of four)."""
    edge = np.zeros(labels.shape, dtype=bool)
    down = labels[1:] != labels[:-1]
    across = labels[:, 1:] != labels[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge &= labels != 0
    return edge
