"""The list of structures beside a picture: colour, name, volume, and whether a person has accepted it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from surgtwin.domain.labels import Colour
from surgtwin.domain.twin import Twin

from .annotations import volume_ml_text
from .appearance import Looks
from .palette import PANEL, QUIET, SAFE, TEXT, UNPROVEN
from .text import shortened, width, write

MIN_TEXT_PIXELS = 9
ROW_HEIGHT = 1.75
"""In units of the text's size."""


@dataclass(frozen=True)
class LegendRow:
    """One structure as it is listed."""

    name: str
    colour: Colour
    volume: str
    is_accepted: bool
    is_shown: bool


def legend_rows(twin: Twin, looks: Looks) -> tuple[LegendRow, ...]:
    """The structures that have voxels, largest first, those hidden in the picture last."""
    found = [(twin.labels.volume_ml(s), s) for s in twin.structures if twin.labels.voxels(s)]
    ordered = sorted(found, key=lambda item: (not looks[item[1].name].visible, -item[0]))
    return tuple(
        LegendRow(s.name, looks[s.name].colour, volume_ml_text(ml), s.name in twin.accepted, looks[s.name].visible)
        for ml, s in ordered
    )


def legend_picture(twin: Twin, looks: Looks, size: tuple[int, int], text_pixels: int) -> Image.Image:
    """The legend, (width, height) pixels. Rows that do not fit are counted in its last line."""
    image = Image.new("RGB", size, PANEL)
    draw = ImageDraw.Draw(image)
    rows = legend_rows(twin, looks)
    gap = text_pixels
    write(draw, (gap, gap), "Structures", text_pixels, QUIET)
    write(draw, (size[0] - gap, gap), "volume", text_pixels, QUIET, "ra")
    if not rows:
        write(draw, (gap, gap * 3), "none segmented yet", text_pixels, QUIET)
    top, bottom = gap * 3, size[1] - gap * 5
    pixels = _fitting_text(len(rows), bottom - top, text_pixels)
    row_height = pixels * ROW_HEIGHT
    room = int((bottom - top) // row_height)
    listed = rows if len(rows) <= room else rows[: max(room - 1, 0)]
    for n, row in enumerate(listed):
        _draw_row(draw, row, gap, top + n * row_height, size[0] - gap, pixels)
    if len(listed) < len(rows):
        y = top + len(listed) * row_height
        write(draw, (gap, y), f"and {len(rows) - len(listed)} more", pixels, QUIET)
    _draw_key(draw, rows, (gap, size[1] - gap * 2), size[0] - 2 * gap, text_pixels)
    return image


def _fitting_text(rows: int, height: float, wanted: int) -> int:
    """The largest text, up to `wanted`, at which all rows fit; the smallest legible one if none does."""
    return max(MIN_TEXT_PIXELS, min(wanted, int(height / (max(rows, 1) * ROW_HEIGHT))))


def _draw_row(draw: ImageDraw.ImageDraw, row: LegendRow, left: float, top: float, right: float, pixels: int) -> None:
    middle = top + pixels * 0.6
    box = (left, middle - pixels / 2, left + pixels, middle + pixels / 2)
    if row.is_shown:
        draw.rounded_rectangle(box, radius=pixels // 5, fill=row.colour)
    else:
        draw.rounded_rectangle(box, radius=pixels // 5, outline=row.colour)
    mark_left = right - pixels
    draw_mark(draw, (mark_left, middle - pixels / 2), pixels, is_accepted=row.is_accepted)
    write(draw, (mark_left - pixels / 2, middle), row.volume, pixels, TEXT if row.is_accepted else UNPROVEN, "rm")
    name_left = left + pixels * 1.6
    room = mark_left - pixels - width(row.volume, pixels) - name_left
    write(draw, (name_left, middle), shortened(row.name, pixels, room), pixels, TEXT if row.is_shown else QUIET, "lm")


def draw_mark(draw: ImageDraw.ImageDraw, at: tuple[float, float], pixels: int, *, is_accepted: bool) -> None:
    """A tick for what a person has accepted, an open amber diamond for what no one has: as in the desktop's list."""
    x, y = at
    stroke = max(1, pixels // 8)
    corners = ((0.15, 0.5), (0.4, 0.8), (0.9, 0.2)) if is_accepted else ((0.5, 0.1), (0.9, 0.5), (0.5, 0.9), (0.1, 0.5))
    shape = [(x + pixels * across, y + pixels * down) for across, down in corners]
    if is_accepted:
        draw.line(shape, fill=SAFE, width=stroke)
    else:
        draw.polygon(shape, outline=UNPROVEN, width=stroke)


def _draw_key(
    draw: ImageDraw.ImageDraw, rows: tuple[LegendRow, ...], at: tuple[float, float], room: float, pixels: int
) -> None:
    """What the diamond means, if any row has one."""
    if all(row.is_accepted for row in rows):
        return
    x, y = at
    draw_mark(draw, (x, y - pixels / 2), pixels, is_accepted=False)
    write(draw, (x + pixels * 1.6, y), shortened("not yet accepted by a person", pixels, room), pixels, UNPROVEN, "lm")
