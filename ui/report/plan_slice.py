"""Slices with a plan on them: contours, what is taken hatched, its border, and the place where a figure is worst."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import maximum_filter

from surgtwin.domain.geometry import FloatArray, transform_points
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.tissue import Tissue
from surgtwin.planning.twin_geometry import TwinGeometry
from ui.render.annotations import slice_text
from ui.render.appearance import default_looks
from ui.render.blend import RgbArray
from ui.render.palette import PANEL, TEXT, VERDICT_COLOURS, VIEW_COLOURS, Rgb
from ui.render.reslice import Reslicer
from ui.render.slice_picture import draw_letters, draw_scale
from ui.render.slice_source import SliceSource, SliceStyle, moved_grid
from ui.render.slices import SliceFrame, SliceStack, View
from ui.render.text import width, write
from ui.render.windows import default_window

from .slice_subject import SliceSubject, WorstPlace, slice_subject

AROUND_MM = 25.0
"""Of the image around what is shown."""
SMALLEST_MM = 120.0
LABEL_OPACITY = 0.12
HATCH_PIXELS, HATCH_LINE = 15, 3
HATCH_OPACITY, FILL_OPACITY = 0.7, 0.12
BORDER_COLOUR: Rgb = (255, 255, 255)
BORDER_PIXELS = 5
LINE_PIXELS = 3
RING_PIXELS = 9
PLATE_GAP = 6
"""Between words and the edge of the plate they stand on."""


@dataclass(eq=False)
class PlanSlices:
    """Slices through one twin with one plan on it; what is asked of again is kept."""

    geometry: TwinGeometry
    evaluation: PlanEvaluation
    _masks: dict[tuple[str, ...], Reslicer] = field(default_factory=dict)

    @cached_property
    def source(self) -> SliceSource:
        return SliceSource.of_twin(self.geometry.twin)

    @cached_property
    def twin_from_labels(self) -> FloatArray:
        twin = self.geometry.twin
        return twin.image(twin.labels_on).twin_from_image

    @cached_property
    def labels_from_twin(self) -> FloatArray:
        return np.asarray(np.linalg.inv(self.twin_from_labels), dtype=np.float64)

    def picture(self, entry: str, view: View, size: tuple[int, int], text_pixels: int) -> Image.Image:
        """The slice through the place where the figures of a cut or a zone are worst."""
        subject = slice_subject(self.evaluation, entry)
        through = self._in_twin(subject.worst.at_mm)
        frame = frame_around(self.source.stack(view), self._in_twin(subject.around_mm), through, size)
        rgb = self._grey_with_contours(frame)
        self._paint(rgb, frame, subject)
        image = Image.fromarray(rgb)
        draw = ImageDraw.Draw(image)
        if subject.line_mm is not None:
            places = [tuple(p[:2]) for p in frame.to_pixel(self._in_twin(subject.line_mm))]
            draw.line(places, fill=PANEL, width=LINE_PIXELS + 3)
            draw.line(places, fill=BORDER_COLOUR, width=LINE_PIXELS)
        self._draw_worst(draw, frame, subject.worst, text_pixels)
        _finish(draw, frame, through, text_pixels)
        return image

    def region(self, frame: SliceFrame, subject: SliceSubject) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """[row, column]: where a subject counts, and where of it is taken or treated."""
        within = np.ones(frame.size[::-1], dtype=bool)
        if subject.within is not None:
            within = self._mask(subject.within).cut(frame) > 0
        taken = np.zeros_like(within)
        rows, columns = np.nonzero(within)
        if subject.inside is not None and len(rows):
            places = frame.to_lps(np.stack([columns, rows], axis=-1).astype(np.float64))
            taken[rows, columns] = subject.inside(transform_points(self.labels_from_twin, places))
        return within, taken

    def _in_twin(self, points_mm: object) -> FloatArray:
        return transform_points(self.twin_from_labels, np.asarray(points_mm, dtype=np.float64))

    def _grey_with_contours(self, frame: SliceFrame) -> RgbArray:
        style = SliceStyle(default_window(self.geometry.twin.primary), label_opacity=LABEL_OPACITY)
        return self.source.picture(frame, style, default_looks(self.geometry.twin.labels))

    def _paint(self, rgb: RgbArray, frame: SliceFrame, subject: SliceSubject) -> None:
        within, taken = self.region(frame, subject)
        rows, columns = np.indices(taken.shape)
        lines = np.mod(rows + columns, HATCH_PIXELS) < HATCH_LINE
        _mix(rgb, taken & lines, subject.colour, HATCH_OPACITY)
        _mix(rgb, taken & ~lines, subject.colour, FILL_OPACITY)
        _mix(rgb, border(taken, within & ~taken), BORDER_COLOUR, 1.0)

    def _mask(self, tissue: Tissue) -> Reslicer:
        if tissue.names not in self._masks:
            grid = moved_grid(tissue.grid, self.twin_from_labels)
            mask = tissue.mask().astype(np.uint8)
            self._masks[tissue.names] = Reslicer(mask, grid.lps_from_ijk, is_labels=True)
        return self._masks[tissue.names]

    def _draw_worst(self, draw: ImageDraw.ImageDraw, frame: SliceFrame, worst: WorstPlace, pixels: int) -> None:
        colour = VERDICT_COLOURS[worst.verdict]
        (x, y), end = (frame.to_pixel(self._in_twin(p))[:2] for p in (worst.at_mm, worst.end_mm))
        for ink, thickness in ((PANEL, 6), (colour, 3)):
            draw.line([(x, y), tuple(end)], fill=ink, width=thickness)
            ring = (x - RING_PIXELS, y - RING_PIXELS, x + RING_PIXELS, y + RING_PIXELS)
            draw.ellipse(ring, outline=ink, width=thickness)
        # The words stand across from where the line leads, and within the picture.
        away = -1 if end[1] > y else 1
        half = width(worst.words, pixels) / 2 + 2 * PLATE_GAP
        centre = float(np.clip(x, half, frame.size[0] - half))
        row = float(np.clip(y + away * (2 * RING_PIXELS + pixels), 3 * pixels, frame.size[1] - 4 * pixels))
        plate(draw, (centre, row), worst.words, pixels, colour)


def plate(draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, pixels: int, colour: Rgb) -> None:
    """Words centred at a place, on a dark plate with a border in the verdict's colour."""
    half, height = width(words, pixels) / 2 + PLATE_GAP, pixels * 0.7
    box = (at[0] - half, at[1] - height, at[0] + half, at[1] + height)
    draw.rounded_rectangle(box, radius=4, fill=PANEL, outline=colour, width=2)
    write(draw, at, words, pixels, TEXT, "mm")


def frame_around(stack: SliceStack, points_mm: FloatArray, through_mm: FloatArray, size: tuple[int, int]) -> SliceFrame:
    """The frame on the slice through a place that holds all points (N, 3) with some of the image around them."""
    every = np.vstack([points_mm, through_mm])
    across, down = every @ stack.right, every @ stack.down
    wide = max(float(np.ptp(across)) + 2 * AROUND_MM, SMALLEST_MM)
    high = max(float(np.ptp(down)) + 2 * AROUND_MM, SMALLEST_MM)
    on_slice = stack.on_slice(through_mm, stack.index_of(through_mm))
    middle = ((across.min() + across.max()) / 2, (down.min() + down.max()) / 2)
    centre = on_slice + stack.right * (middle[0] - on_slice @ stack.right)
    centre = centre + stack.down * (middle[1] - centre @ stack.down)
    return SliceFrame(stack, centre, max(wide / size[0], high / size[1]), size)


def border(taken: NDArray[np.bool_], left: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[row, column] True on a line some pixels thick where both meet; not where either ends at something else."""
    meets = maximum_filter(taken, size=3) & maximum_filter(left, size=3)
    return np.asarray(maximum_filter(meets, size=BORDER_PIXELS - 2))


def _finish(draw: ImageDraw.ImageDraw, frame: SliceFrame, through_mm: FloatArray, pixels: int) -> None:
    """View, slice number, letters and scale, as on the screen."""
    view, gap = frame.stack.view, pixels // 2
    corner = f"{view.value.capitalize()}  {slice_text(frame.stack, frame.stack.index_of(through_mm))}"
    write(draw, (gap, gap), corner, pixels, VIEW_COLOURS[view], shadow=True)
    draw_letters(draw, frame.size, frame.stack.letters(), pixels)
    draw_scale(draw, frame.size, frame.mm_per_pixel, pixels)


def _mix(rgb: RgbArray, where: NDArray[np.bool_], colour: Rgb, opacity: float) -> None:
    below = rgb[where].astype(np.float64)
    rgb[where] = (below + (np.asarray(colour, dtype=np.float64) - below) * opacity + 0.5).astype(np.uint8)
