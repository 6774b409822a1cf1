"""A cut laid out flat: how far each place of it is from the targets. A click takes all views there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from surgtwin.domain.geometry import Point3, direction_letters
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.unfold import UnfoldedMap
from ui.render.palette import TEXT, VERDICT_COLOURS

from .. import theme
from ..panels.labels import Section, text_label
from ..views.slice_overlay import draw_text
from .desk import PlanDesk
from .hand_words import bands_of
from .scene_props import NO_TARGET_COLOUR, is_at_margin
from .verdict_look import LOOKS, MarginBands

HEIGHT_PX = 190
EDGE_PX = 18
HATCH_PX = 8
NEAR_CUT_MM = 4.0
"""The cross-hair is marked on the map if it is this near to the cut."""


class MapSection(Section):
    """The map of the chosen cut; a shell in several parts has several, one after the other."""

    go_to = Signal(object)

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("The cut laid out flat")
        self._desk = desk
        self._shown = 0
        self.map = MapView(desk)
        self.map.go_to.connect(self.go_to)
        self.hint = text_label("As seen from the side that is taken. Click to go there.", "quiet", wrap=True)
        self.part = text_label(role="quiet")
        self.next = QToolButton()
        self.next.setText("\u203a")
        self.next.setToolTip("Next part of the cut")
        self.next.clicked.connect(self._next)
        row = QHBoxLayout()
        row.addWidget(self.part, 1)
        row.addWidget(self.next)
        self.body.addWidget(self.map)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)
        desk.judged_changed.connect(self.refresh)
        desk.book.chosen_changed.connect(self.refresh)
        self.refresh()

    @property
    def maps(self) -> tuple[UnfoldedMap, ...]:
        cut, judged = self._desk.cut, self._desk.judged
        return judged.maps.get(cut.name, ()) if cut is not None and judged is not None and self._desk.is_exact else ()

    def refresh(self) -> None:
        """While a cut moves its old map would be wrong: none is shown."""
        maps, cut = self.maps, self._desk.cut
        self.setVisible(cut is not None and self._desk.judged is not None)
        self._shown = min(self._shown, max(len(maps) - 1, 0))
        for widget in (self.part, self.next):
            widget.setVisible(len(maps) > 1)
        self.map.show_map(maps[self._shown] if maps else None, bands_of(cut, self._desk) if cut is not None else None)
        self.part.setText(f"{maps[self._shown].name}, {self._shown + 1} of {len(maps)}" if len(maps) > 1 else "")

    def _next(self) -> None:
        self._shown = (self._shown + 1) % max(len(self.maps), 1)
        self.refresh()


class MapView(QWidget):
    """Paints one map."""

    go_to = Signal(object)

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk = desk
        self._map: UnfoldedMap | None = None
        self._bands: MarginBands | None = None
        self._picture: QImage | None = None
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Margin on the cut, laid out flat")
        desk.state.cursor_moved.connect(self.update)

    def show_map(self, unfolded: UnfoldedMap | None, bands: MarginBands | None) -> None:
        if unfolded is not self._map or bands != self._bands:
            self._map, self._bands, self._picture = unfolded, bands, None
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(160, HEIGHT_PX)

    # --- places

    def room(self) -> QRectF:
        """Where the map lies in the widget: as large as it can be, both lengths at one scale."""
        if self._map is None:
            return QRectF()
        width_mm, height_mm = _length(self._map.u_mm), _length(self._map.v_mm)
        free = QRectF(self.rect()).adjusted(EDGE_PX, EDGE_PX, -EDGE_PX, -EDGE_PX)
        scale = min(free.width() / width_mm, free.height() / height_mm)
        room = QRectF(0, 0, width_mm * scale, height_mm * scale)
        room.moveCenter(free.center())
        return room

    def place_of(self, u_mm: float, v_mm: float) -> QPointF:
        """Where a place of the map appears; v grows upwards."""
        room = self.room()
        if self._map is None:
            return QPointF()
        u, v = _share(self._map.u_mm, u_mm), _share(self._map.v_mm, v_mm)
        return QPointF(room.left() + u * room.width(), room.bottom() - v * room.height())

    def patient_place(self, at: QPointF) -> Point3 | None:
        """LPS mm under a place in the widget; None off the cut."""
        room = self.room()
        if self._map is None or not room.contains(at):
            return None
        u, v = (at.x() - room.left()) / room.width(), (room.bottom() - at.y()) / room.height()
        return self._map.place(_at_share(self._map.u_mm, u), _at_share(self._map.v_mm, v))

    # --- events

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        place = self.patient_place(event.position())
        if place is not None:
            self.go_to.emit(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.setToolTip(self._tip(event.position()))

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.BACKGROUND))
        unfolded, bands = self._map, self._bands
        if unfolded is None or bands is None:
            painter.setPen(QColor(theme.QUIET))
            words = "The map follows in a moment" if self._desk.is_waiting else "No map of this cut"
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            painter.end()
            return
        ratio = self.devicePixelRatioF()
        if self._picture is None:
            size = self.room().size() * ratio
            self._picture = map_picture(unfolded, bands, (max(int(size.width()), 1), max(int(size.height()), 1)))
        painter.drawImage(self.room(), self._picture)
        self._draw_contours(painter, unfolded)
        self._draw_marks(painter, unfolded)
        self._draw_letters(painter, unfolded)
        painter.end()

    def _draw_contours(self, painter: QPainter, unfolded: UnfoldedMap) -> None:
        """Where the cut touches a target, thick; where the wanted margin ends, thin."""
        for target in unfolded.targets:
            at_margin = is_at_margin(unfolded.distance(target).distance_mm[unfolded.inside], self._wanted)
            for contour in unfolded.contours(target):
                touches = contour.level_mm == 0.0
                if at_margin and not touches:
                    continue
                line = [self.place_of(float(u), float(v)) for u, v in contour.line_mm]
                painter.setPen(QPen(QColor(255, 255, 255) if touches else QColor(20, 22, 26), 2.4 if touches else 1.6))
                painter.drawPolyline(line)

    @property
    def _wanted(self) -> float:
        return self._bands.wanted_mm if self._bands is not None else 0.0

    def _draw_marks(self, painter: QPainter, unfolded: UnfoldedMap) -> None:
        cut, judged = self._desk.cut, self._desk.judged
        numbers = judged.numbers.get(cut.name) if cut is not None and judged is not None else None
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for margin in numbers.margins if numbers is not None else ():
            if margin.cut_at_mm is not None:
                at = self.place_of(*unfolded.find(margin.cut_at_mm))
                for pen in (QPen(QColor(0, 0, 0), 3.4), QPen(QColor(*TEXT), 1.6)):
                    painter.setPen(pen)
                    painter.drawEllipse(at, 5, 5)
        cursor = self._desk.state.cursor_mm
        u, v = unfolded.find(cursor)
        place = unfolded.place(u, v)
        if place is not None and float(np.linalg.norm(np.subtract(place, cursor))) < NEAR_CUT_MM:
            at = self.place_of(u, v)
            painter.setPen(QPen(QColor(theme.ACCENT), 1.6))
            painter.drawLine(at + QPointF(-8, 0), at + QPointF(8, 0))
            painter.drawLine(at + QPointF(0, -8), at + QPointF(0, 8))

    def _draw_letters(self, painter: QPainter, unfolded: UnfoldedMap) -> None:
        u, v = np.asarray(unfolded.u_direction), np.asarray(unfolded.v_direction)
        area, flag = QRectF(self.rect()), Qt.AlignmentFlag
        places = (
            (QPointF(3, area.center().y()), direction_letters(-u), flag.AlignLeft | flag.AlignVCenter),
            (QPointF(area.right() - 3, area.center().y()), direction_letters(u), flag.AlignRight | flag.AlignVCenter),
            (QPointF(area.center().x(), 1), direction_letters(v), flag.AlignHCenter | flag.AlignTop),
            (
                QPointF(area.center().x(), area.bottom() - 1),
                direction_letters(-v),
                flag.AlignHCenter | flag.AlignBottom,
            ),
        )
        for at, letters, align in places:
            draw_text(painter, at, letters, TEXT, align)

    def _tip(self, at: QPointF) -> str:
        room, unfolded, bands = self.room(), self._map, self._bands
        if unfolded is None or bands is None or not room.contains(at):
            return ""
        u, v = (at.x() - room.left()) / room.width(), (room.bottom() - at.y()) / room.height()
        row = min(int(u * len(unfolded.u_mm)), len(unfolded.u_mm) - 1)
        column = min(int(v * len(unfolded.v_mm)), len(unfolded.v_mm) - 1)
        nearest = float(unfolded.nearest_mm[row, column])
        if not unfolded.inside[row, column] or not np.isfinite(nearest):
            return ""
        return f"{nearest:.1f} mm, {LOOKS[bands.verdict(nearest)].word}"


def map_picture(unfolded: UnfoldedMap, bands: MarginBands, size: tuple[int, int]) -> QImage:
    """The map in verdict colours, hatched where unproven, clear where the cut is outside the organ; v upwards."""
    width, height = size
    rows = np.minimum((np.arange(width) + 0.5) / width * len(unfolded.u_mm), len(unfolded.u_mm) - 1).astype(int)
    columns = np.minimum((np.arange(height) + 0.5) / height * len(unfolded.v_mm), len(unfolded.v_mm) - 1).astype(int)
    nearest = unfolded.nearest_mm[rows][:, columns[::-1]].T
    inside = unfolded.inside[rows][:, columns[::-1]].T
    picture = np.zeros((height, width, 4), dtype=np.uint8)
    picture[..., :3] = VERDICT_COLOURS[Verdict.SAFE.value]
    unproven = nearest < bands.safe_mm
    picture[unproven, :3] = VERDICT_COLOURS[Verdict.UNPROVEN.value]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture[unproven & ((x + y) % HATCH_PX < HATCH_PX // 3), :3] = (92, 68, 16)
    picture[nearest < bands.unproven_mm, :3] = VERDICT_COLOURS[Verdict.VIOLATED.value]
    picture[np.isinf(nearest), :3] = NO_TARGET_COLOUR
    picture[..., 3] = np.where(inside, 255, 0)
    return QImage(picture.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def _length(axis: np.ndarray) -> float:
    """Of an axis whose places are the middles of its cells."""
    return float(axis[-1] - axis[0] + (axis[1] - axis[0]))


def _share(axis: np.ndarray, at: float) -> float:
    half = float(axis[1] - axis[0]) / 2.0
    return (at - float(axis[0]) + half) / _length(axis)


def _at_share(axis: np.ndarray, share: float) -> float:
    half = float(axis[1] - axis[0]) / 2.0
    return float(axis[0]) - half + share * _length(axis)
