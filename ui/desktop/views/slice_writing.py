"""Everything written over a slice view's picture, corner by corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from ui.render.annotations import position_text, thickness_text, value_text, window_text
from ui.render.palette import QUIET, TEXT, Rgb
from ui.render.reslice import SlabMode
from ui.render.screenshot import case_text

from ..probe import probe
from .slice_overlay import (
    GAP,
    draw_crosshair,
    draw_letters,
    draw_lines,
    draw_measurement,
    draw_note,
    draw_scale,
    note_width,
)

if TYPE_CHECKING:
    from .slice_view import SliceView

SMALL_WIDTH = 260
"""A view narrower than this shows only what is needed to read it."""
MIN_TEXT_PIXELS = 11
SLAB_NAMES = {SlabMode.MEAN: "mean", SlabMode.MIP: "MIP", SlabMode.MINIP: "MinIP"}
_FLAG = Qt.AlignmentFlag


def write_over(painter: QPainter, view: SliceView) -> None:
    """Cross-hair, measurements, letters, corner texts and scale."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = view.font()
    font.setPixelSize(max(MIN_TEXT_PIXELS, font.pixelSize() - 1))
    painter.setFont(font)
    size = (float(view.width()), float(view.height()))
    if view.state.crosshair:
        place = view.place_of(view.state.cursor_mm)
        draw_crosshair(painter, view.view, (place.x(), place.y()), size)
    taken: list[QRectF] = []
    for shape in view.drawn_measurements():
        draw_measurement(painter, shape, taken)
    draft = view.drawn_draft()
    if draft is not None:
        draw_measurement(painter, draft, taken, is_draft=True)
    if view.stack is not None:
        draw_letters(painter, size, view.stack.letters())
    _write_corners(painter, view, size)


def _write_corners(painter: QPainter, view: SliceView, size: tuple[float, float]) -> None:
    width, height = size
    frame = view.logical_frame()
    is_small = width < SMALL_WIDTH
    if not is_small:
        draw_lines(painter, QPointF(GAP, GAP), _source_lines(view), _FLAG.AlignLeft | _FLAG.AlignTop)
        read = [text for text, _ in probe_lines(view) if text]
        if read:
            left = width - GAP - note_width(painter, read)
            draw_note(painter, QPointF(left, GAP), read, [])
    low = [(_thickness(view), TEXT), (window_text(view.window_shown), TEXT)]
    draw_lines(painter, QPointF(GAP, height - GAP), low[::-1], _FLAG.AlignLeft | _FLAG.AlignBottom)
    if frame is not None:
        up = draw_scale(painter, width - GAP, height - GAP, frame.mm_per_pixel, width * 0.22)
        at = QPointF(width - GAP, height - GAP - up - 2)
        draw_lines(painter, at, [(f"{view.zoom * 100:.0f} %", TEXT)], _FLAG.AlignRight | _FLAG.AlignBottom)


def _source_lines(view: SliceView) -> list[tuple[str, Rgb]]:
    subject = view.subject
    if subject is None:
        return []
    case = case_text(subject.twin) if subject.twin is not None else ""
    return [(case, TEXT), (subject.title, TEXT)]


def _thickness(view: SliceView) -> str:
    stack = view.stack
    if stack is None:
        return ""
    text = thickness_text(stack, view.state.slab_mm)
    is_slab = view.state.slab_mm > stack.step_mm
    return f"{text} {SLAB_NAMES[view.state.slab_mode]}" if is_slab else text


def probe_lines(view: SliceView) -> list[tuple[str, Rgb]]:
    """What lies under the mouse, if the mouse is over this view: value, structures, place, voxel."""
    point, subject = view.state.pointer_mm, view.subject
    if point is None or subject is None or not view.underMouse():
        return []
    image_id = subject.image.image_id if subject.image is not None else ""
    reading = probe(subject.volume, subject.twin, point, image_id)
    if reading is None:
        return []
    i, j, k = reading.ijk
    value = value_text(reading.value, subject.volume)
    return [
        (value, TEXT),
        (", ".join(reading.structures), TEXT),
        (position_text(reading.lps_mm), QUIET),
        (f"voxel {i} {j} {k}", QUIET),
    ]
