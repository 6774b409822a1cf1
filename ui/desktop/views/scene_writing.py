"""Everything written over the 3D picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from surgtwin.domain.measurement import MeasurementKind
from ui.render.cameras import screen_directions
from ui.render.orientation_cube import cube_edge
from ui.render.palette import QUIET, TEXT, UNPROVEN
from ui.render.slices import edge_letters

from ..wording import structure_volume
from .slice_overlay import GAP, draw_letters, draw_lines, draw_note, draw_scale, draw_text

if TYPE_CHECKING:
    from .scene_view import SceneView

RING, TICK = 7.0, 6.0
MIN_TEXT_PIXELS = 11
SMALL_WIDTH = 300
_FLAG = Qt.AlignmentFlag


def write_over_scene(painter: QPainter, view: SceneView) -> None:
    """Letters, scale, the cross-hair's meeting point, measurements' numbers; or what would be here."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = view.font()
    font.setPixelSize(max(MIN_TEXT_PIXELS, font.pixelSize() - 1))
    painter.setFont(font)
    if view.state.volume is None:
        return
    size = (float(view.width()), float(view.height()))
    if not view.items and not view.state.volume_preset:
        middle = QPointF(size[0] / 2, size[1] / 2)
        draw_text(painter, middle, "The organs appear here once they are segmented", QUIET, _FLAG.AlignCenter)
        return
    draw_letters(painter, size, edge_letters(*screen_directions(view.camera)))
    cube = cube_edge((view.width(), view.height()))
    draw_scale(painter, size[0] - cube - GAP, size[1] - GAP, 1.0 / view.pixels_per_mm(), size[0] * 0.2)
    if view.state.crosshair:
        _draw_meeting_point(painter, view.place_of(view.state.cursor_mm))
    taken: list[QRectF] = []
    for m in view.state.measurements():
        if m.kind is not MeasurementKind.ROI:
            text = f"{m.value:.1f} mm" if m.kind is MeasurementKind.DISTANCE else f"{m.value:.1f}°"
            draw_note(painter, view.place_of(m.points_mm[1]) + QPointF(GAP, -GAP), (text,), taken)
    _write_selected(painter, view)


def _write_selected(painter: QPainter, view: SceneView) -> None:
    """The structure that is selected, with its volume, and whether a person has accepted it."""
    twin, name = view.state.twin, view.state.selected
    if twin is None or not name:
        return
    text, is_accepted = f"{name}   {structure_volume(twin.labels, twin.labels.structure(name))}", name in twin.accepted
    if not is_accepted and view.width() < SMALL_WIDTH:
        lines = [(f"\u25c7 {text}", UNPROVEN)]
    else:
        lines = [(text, TEXT)]
    if not is_accepted and view.width() >= SMALL_WIDTH:
        lines.append(("not yet accepted by a person", UNPROVEN))
    draw_lines(painter, QPointF(GAP, GAP), lines, _FLAG.AlignLeft | _FLAG.AlignTop)


def _draw_meeting_point(painter: QPainter, at: QPointF) -> None:
    """A ring with four ticks, above everything: a mark, not a thing in the patient."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    x, y = at.x(), at.y()
    ticks = [
        QLineF(x - RING - TICK, y, x - RING, y),
        QLineF(x + RING, y, x + RING + TICK, y),
        QLineF(x, y - RING - TICK, x, y - RING),
        QLineF(x, y + RING, x, y + RING + TICK),
    ]
    for pen in (QPen(QColor(0, 0, 0, 160), 3.4), QPen(QColor(*TEXT), 1.4)):
        painter.setPen(pen)
        painter.drawEllipse(at, RING, RING)
        painter.drawLines(ticks)
