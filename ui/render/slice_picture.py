"""A slice as a finished picture: grey values, labels, cross-hair, letters and texts."""

from __future__ import annotations

from PIL import Image, ImageDraw

from surgtwin.domain.geometry import Point3

from .annotations import scale_bar, slice_text, thickness_text, window_text
from .appearance import Looks
from .palette import TEXT, VIEW_COLOURS
from .slice_source import SliceSource, SliceStyle
from .slices import SliceFrame, View, fitted_frame
from .text import write

CROSSHAIR_GAP = 14
"""Pixels left free about the meeting point."""


def slice_picture(
    source: SliceSource,
    view: View,
    point_mm: Point3,
    size: tuple[int, int],
    style: SliceStyle,
    looks: Looks,
    *,
    text_pixels: int = 14,
) -> Image.Image:
    """The whole slice of a view through a point, (width, height) pixels."""
    stack = source.stack(view)
    frame = fitted_frame(stack, point_mm, size)
    image = Image.fromarray(source.picture(frame, style, looks))
    draw = ImageDraw.Draw(image)
    _draw_crosshair(draw, frame, point_mm)
    draw_letters(draw, size, stack.letters(), text_pixels)
    index = stack.index_of(point_mm)
    gap = text_pixels // 2
    corner = f"{view.value.capitalize()}  {slice_text(stack, index)}"
    write(draw, (gap, gap), corner, text_pixels, VIEW_COLOURS[view], shadow=True)
    lower = f"{window_text(style.window)}   {thickness_text(stack, style.slab_mm)}"
    write(draw, (gap, size[1] - gap), lower, text_pixels, anchor="ld", shadow=True)
    draw_scale(draw, size, frame.mm_per_pixel, text_pixels)
    return image


def draw_letters(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], letters: tuple[str, str, str, str], pixels: int
) -> None:
    """Letters in the middle of the left, right, top and bottom edge."""
    width, height = size
    gap = pixels // 2
    places = (
        (gap, height / 2, "lm"),
        (width - gap, height / 2, "rm"),
        (width / 2, gap, "ma"),
        (width / 2, height - gap, "md"),
    )
    for (x, y, anchor), letter in zip(places, letters, strict=True):
        write(draw, (x, y), letter, round(pixels * 1.2), anchor=anchor, shadow=True)


def draw_scale(draw: ImageDraw.ImageDraw, size: tuple[int, int], mm_per_pixel: float, pixels: int) -> None:
    """A scale bar in the bottom right corner."""
    bar = scale_bar(mm_per_pixel, size[0] * 0.25)
    right, bottom = size[0] - pixels // 2, size[1] - pixels // 2
    left, tick = right - bar.pixels, pixels // 3
    draw.line([(left, bottom - tick), (left, bottom), (right, bottom), (right, bottom - tick)], fill=TEXT, width=2)
    write(draw, ((left + right) / 2, bottom - tick), bar.text, pixels, anchor="md", shadow=True)


def _draw_crosshair(draw: ImageDraw.ImageDraw, frame: SliceFrame, point_mm: Point3) -> None:
    """Where the two other views cut this one, each line in its view's colour."""
    column, row, _ = frame.to_pixel(point_mm)
    width, height = frame.size
    along, across = crossing_views(frame.stack.view)
    for start, end in ((0.0, column - CROSSHAIR_GAP), (column + CROSSHAIR_GAP, float(width))):
        if start < end:
            draw.line([(start, row), (end, row)], fill=VIEW_COLOURS[along], width=1)
    for start, end in ((0.0, row - CROSSHAIR_GAP), (row + CROSSHAIR_GAP, float(height))):
        if start < end:
            draw.line([(column, start), (column, end)], fill=VIEW_COLOURS[across], width=1)


def crossing_views(view: View) -> tuple[View, View]:
    """The views whose planes show as the horizontal and the vertical line of a view."""
    return {
        View.AXIAL: (View.CORONAL, View.SAGITTAL),
        View.CORONAL: (View.AXIAL, View.SAGITTAL),
        View.SAGITTAL: (View.AXIAL, View.CORONAL),
    }[view]
