"""An image with its labels, ready to be cut into pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surgtwin.domain.geometry import FloatArray, Grid
from surgtwin.domain.labels import LabelMap
from surgtwin.domain.twin import Twin, TwinImage
from surgtwin.domain.volume import Volume, Window

from .appearance import Looks
from .blend import LabelColours, RgbArray, grey, grey_to_rgb
from .reslice import Reslicer, SlabMode
from .slices import SliceFrame, SliceStack, View, slice_stack


@dataclass(frozen=True)
class SliceStyle:
    """How a slice is drawn."""

    window: Window
    label_opacity: float = 0.4
    contour: bool = True
    slab_mm: float = 0.0
    slab_mode: SlabMode = SlabMode.MEAN


@dataclass(frozen=True, eq=False)
class CutSlice:
    """What lies under one frame: the image's values and each layer's labels, [row, column]. Windowing it is cheap."""

    values: NDArray[Any]
    labels: tuple[NDArray[Any] | None, ...]


class SliceSource:
    """Slices of one image in the twin's frame.

    Parameters
    ----------
    twin_from_image
        (4, 4) from the image's LPS to the twin's.
    labels
        May lie on another grid than the image; `twin_from_labels` maps its LPS to the twin's.
    """

    def __init__(
        self,
        volume: Volume,
        twin_from_image: FloatArray | None = None,
        labels: LabelMap | None = None,
        twin_from_labels: FloatArray | None = None,
    ) -> None:
        self.volume = volume
        self.labels = labels
        self.grid = moved_grid(volume.grid, twin_from_image)
        background = float(volume.values.min()) if volume.values.dtype.kind != "f" else float(np.nanmin(volume.values))
        self._image = Reslicer(volume.values, self.grid.lps_from_ijk, background=background)
        self._layers: tuple[Reslicer, ...] = ()
        if labels is not None:
            matrix = moved_grid(labels.grid, twin_from_labels).lps_from_ijk
            self._layers = tuple(Reslicer(layer, matrix, is_labels=True) for layer in labels.layers)
        self._stacks = {view: slice_stack(self.grid, view) for view in View}

    @classmethod
    def of_twin(cls, twin: Twin, image: TwinImage | None = None) -> SliceSource:
        """Slices of the twin's primary image, or of another of its images, with the twin's labels."""
        chosen = image if image is not None else twin.images[0]
        labels_on = twin.image(twin.labels_on)
        return cls(chosen.volume, chosen.twin_from_image, twin.labels, labels_on.twin_from_image)

    def stack(self, view: View) -> SliceStack:
        return self._stacks[view]

    def cut(self, frame: SliceFrame, style: SliceStyle, looks: Looks) -> CutSlice:
        """The values and labels of a frame; layers with nothing to show are left out."""
        values = self._image.cut(frame, style.slab_mm, style.slab_mode)
        shown = self._colours(looks) if style.label_opacity > 0 else ()
        layers = (
            None if colours.is_empty else layer.cut(frame) for layer, colours in zip(self._layers, shown, strict=False)
        )
        return CutSlice(values, tuple(layers))

    def paint(self, cut: CutSlice, style: SliceStyle, looks: Looks) -> RgbArray:
        """The colour picture of what was cut."""
        picture = grey_to_rgb(grey(cut.values, style.window))
        for layer, colours in zip(cut.labels, self._colours(looks), strict=False):
            if layer is not None:
                colours.paint(picture, layer, style.label_opacity, contour=style.contour)
        return picture

    def picture(self, frame: SliceFrame, style: SliceStyle, looks: Looks) -> RgbArray:
        return self.paint(self.cut(frame, style, looks), style, looks)

    def _colours(self, looks: Looks) -> tuple[LabelColours, ...]:
        if self.labels is None:
            return ()
        return tuple(LabelColours(self.labels, n, looks) for n in range(len(self.labels.layers)))


def moved_grid(grid: Grid, matrix: FloatArray | None) -> Grid:
    """The grid after a change of frame: `matrix` (4, 4) maps its LPS to the other frame's; None leaves it."""
    return grid if matrix is None else Grid(grid.shape, np.asarray(matrix) @ grid.lps_from_ijk)
