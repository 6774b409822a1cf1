"""Two images of one patient on the same slice, before and after one was laid on the other: as pictures to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.displacement import DisplacementField
from surgtwin.domain.twin import Twin
from surgtwin.domain.volume import Volume, Window
from surgtwin.errors import TwinError
from surgtwin.live.placed_image import image_in_twin
from surgtwin.live.update import shown_by
from ui.render.blend import grey
from ui.render.slices import SliceFrame, View, fitted_frame, slice_stack
from ui.render.windows import default_window

Picture = NDArray[np.uint8]
FIELDS = 8
"""Of a checkerboard, along the longer side."""
WARM, COOL = np.array([255.0, 150.0, 60.0]), np.array([80.0, 170.0, 255.0])
"""Brighter in the arrived image, brighter in the one before."""


class Look(StrEnum):
    """How two images are shown on one another."""

    CHECKERBOARD = "checkerboard"
    DIFFERENCE = "difference"
    BASE = "before"
    ARRIVED = "arrived"


@dataclass(frozen=True, eq=False)
class LaidSlice:
    """One slice, [row, column] grey each: the arrived image, the base as it lay, the base carried along.

    `is_known` says where both images show something, with the base as it lay and carried.
    """

    frame: SliceFrame
    arrived: Picture
    before: Picture
    after: Picture
    known_before: NDArray[np.bool_]
    known_after: NDArray[np.bool_]

    def picture(self, look: Look, *, is_after: bool) -> Picture:
        """[row, column, 3]; where only one image shows something the difference is dark."""
        base = self.after if is_after else self.before
        if look is Look.BASE:
            return _rgb(base)
        if look is Look.ARRIVED:
            return _rgb(self.arrived)
        if look is Look.CHECKERBOARD:
            return _rgb(np.where(checkerboard(base.shape), self.arrived, base))
        return difference(base, self.arrived, self.known_after if is_after else self.known_before)


class LaidImages:
    """The image that showed the twin, and the one that arrived, in the twin's frame.

    Made off the main thread: the way back through the field is worked out once.

    Raises
    ------
    TwinError
        If no image carried the revision.
    """

    def __init__(self, base: Twin, proposed: Twin) -> None:
        registration = proposed.registration
        if registration is None or not registration.image_id:
            raise TwinError("Points on a surface carried this revision: there is no image to show it on.")
        self.base = shown_by(base)
        self.arrived = image_in_twin(proposed.image(registration.image_id))
        self._back = registration.field.inverse()
        self.windows = (default_window(self.base), default_window(self.arrived))

    @property
    def is_same_modality(self) -> bool:
        """Whether a difference of values says something."""
        return self.base.modality is self.arrived.modality

    @property
    def field_back(self) -> DisplacementField:
        """From where a place lies now to where it lay."""
        return self._back

    def count(self, view: View) -> int:
        """How many slices the arrived image has in a direction."""
        return slice_stack(self.arrived.grid, view).count

    def slice_of(self, view: View, index: int, size: tuple[int, int]) -> LaidSlice:
        """A slice of the arrived image as (width, height) pixels."""
        stack = slice_stack(self.arrived.grid, view)
        frame = fitted_frame(stack, stack.on_slice(self.arrived.grid.center(), index), size)
        columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
        places = frame.to_lps(np.stack([columns, rows], axis=-1))
        lay = places + self._back.at(places)
        arrived, known = _sampled(self.arrived, places, self.windows[1])
        before, known_before = _sampled(self.base, places, self.windows[0])
        after, known_after = _sampled(self.base, lay, self.windows[0])
        return LaidSlice(frame, arrived, before, after, known & known_before, known & known_after)


def checkerboard(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """[row, column]: true on every other field."""
    side = max(1, max(shape) // FIELDS)
    rows, columns = np.indices(shape[:2]) // side
    return np.asarray((rows + columns) % 2 == 0)


def difference(base: Picture, arrived: Picture, known: NDArray[np.bool_]) -> Picture:
    """[row, column, 3]: black where both are alike; warm where the arrived one is brighter, cool where the base is."""
    less = arrived.astype(np.float64) - base.astype(np.float64)
    strength = np.where(known, np.clip(np.abs(less) / 128.0, 0.0, 1.0), 0.0)[..., None]
    return np.asarray(strength * np.where((less > 0)[..., None], WARM, COOL), dtype=np.uint8)


def _sampled(volume: Volume, places: NDArray[np.float64], window: Window) -> tuple[Picture, NDArray[np.bool_]]:
    """Grey values at LPS places, and where the image has any."""
    from scipy.ndimage import map_coordinates

    ijk = volume.grid.to_ijk(places)
    last = np.asarray(volume.grid.size_ijk) - 0.5
    known = np.all((ijk >= -0.5) & (ijk <= last), axis=-1)
    values = map_coordinates(volume.values, np.moveaxis(ijk[..., ::-1], -1, 0), order=1, mode="nearest")
    return np.where(known, grey(values, window), np.uint8(0)), known


def _rgb(picture: Picture) -> Picture:
    return np.repeat(np.ascontiguousarray(picture)[..., None], 3, axis=2)
