"""Plans against each other in two of their goals: which of them no other beats in both."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from surgtwin.planning.compare import ComparisonRow, PlanComparison, is_same
from surgtwin.planning.compare_figures import Better

from .. import theme
from ..panels.labels import text_label

EDGE, DOT = 12.0, 6.0
ROOM = 0.18
"""Of the span of the figures, left free on each side."""
BETTER_UP, BETTER_DOWN = "\u2191 better", "\u2193 better"
NO_GOALS = "These plans have no two goals in common to draw against each other."


@dataclass(frozen=True)
class Spot:
    """A plan in the chart."""

    name: str
    x: float
    y: float
    is_beaten: bool


def charted(comparison: PlanComparison) -> list[ComparisonRow]:
    """Goals that every plan has a figure of, those in which the plans differ first."""
    common = [row for row in comparison.goals if all(row.number(n) is not None for n in range(len(comparison.names)))]
    return sorted(common, key=lambda row: not differs(row))


def differs(row: ComparisonRow) -> bool:
    """Whether the plans have different figures in a row, or some have none."""
    numbers = [row.number(n) for n in range(len(row.values))]
    known = [x for x in numbers if x is not None]
    return 0 < len(known) < len(numbers) or any(not is_same(known[0], x) for x in known[1:])


def spots(comparison: PlanComparison, across: ComparisonRow, up: ComparisonRow) -> list[Spot]:
    """The plans by two goals; beaten is one that another is no worse than in both, and better in one."""
    places = [(name, across.number(n) or 0.0, up.number(n) or 0.0) for n, name in enumerate(comparison.names)]
    worth = [(x if _is_up(across) else -x, y if _is_up(up) else -y) for _, x, y in places]
    return [
        Spot(name, x, y, any(_beats(other, own) for other in worth))
        for (name, x, y), own in zip(places, worth, strict=True)
    ]


def _is_up(row: ComparisonRow) -> bool:
    return row.better is Better.HIGHER


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    no_worse = all(a > b or is_same(a, b) for a, b in zip(one, other, strict=True))
    return no_worse and any(a > b and not is_same(a, b) for a, b in zip(one, other, strict=True))


class ParetoChart(QWidget):
    """Two goals to choose, and the plans by them."""

    def __init__(self, comparison: PlanComparison) -> None:
        super().__init__()
        self._comparison, self._goals = comparison, charted(comparison)
        self.across, self.up = QComboBox(), QComboBox()
        self.plot = PlotArea()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 8, 4)
        if len(self._goals) < 2:
            column.addWidget(text_label(NO_GOALS, "quiet", wrap=True), 0, Qt.AlignmentFlag.AlignTop)
            self.plot.hide()
            return
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        for n, (words, box) in enumerate((("Up", self.up), ("Across", self.across))):
            box.addItems([f"{row.label[:1].upper()}{row.label[1:]}" for row in self._goals])
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setCurrentIndex(1 - n)
            box.setAccessibleName(f"Goal drawn {words.lower()}")
            box.currentIndexChanged.connect(self.refresh)
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(box, n, 1)
        column.addLayout(grid)
        column.addWidget(self.plot, 1)
        self.refresh()

    def refresh(self) -> None:
        across, up = (self._goals[box.currentIndex()] for box in (self.across, self.up))
        self.plot.show_spots(spots(self._comparison, across, up), across, up)


class PlotArea(QWidget):
    """The plans as dots; a filled one is beaten by none, the better corner is marked."""

    def __init__(self) -> None:
        super().__init__()
        self.spots: list[Spot] = []
        self._rows: tuple[ComparisonRow, ComparisonRow] | None = None
        self.setAccessibleName("Plans by two of their goals")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(260, 160)

    def show_spots(self, listed: list[Spot], across: ComparisonRow, up: ComparisonRow) -> None:
        self.spots, self._rows = listed, (across, up)
        words = [f"{s.name}: {'another plan is better' if s.is_beaten else 'none is better in both'}" for s in listed]
        self.setToolTip("\n".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        if self._rows is None or not self.spots:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(painter.font())
        room = QRectF(self.rect()).adjusted(EDGE, EDGE, -EDGE, -EDGE - metrics.height())
        painter.fillRect(room, QColor(theme.BACKGROUND))
        painter.setPen(QPen(QColor(theme.QUIET), 1.0))
        painter.drawRect(room)
        self._draw_axes(painter, room, metrics)
        for spot in self.spots:
            self._draw_spot(painter, room, spot, metrics)
        painter.end()

    def _draw_axes(self, painter: QPainter, room: QRectF, metrics: QFontMetricsF) -> None:
        if self._rows is None:
            return
        across, up = self._rows
        foot = room.bottom() + metrics.height()
        right = "better \u2192" if _is_up(across) else "\u2190 better"
        painter.drawText(QPointF(room.right() - metrics.horizontalAdvance(right), foot), right)
        painter.drawText(room.topLeft() + QPointF(4, metrics.ascent() + 2), BETTER_UP if _is_up(up) else BETTER_DOWN)

    def _draw_spot(self, painter: QPainter, room: QRectF, spot: Spot, metrics: QFontMetricsF) -> None:
        low_x, high_x = self._span([s.x for s in self.spots])
        low_y, high_y = self._span([s.y for s in self.spots])
        at = QPointF(
            room.left() + (spot.x - low_x) / (high_x - low_x) * room.width(),
            room.bottom() - (spot.y - low_y) / (high_y - low_y) * room.height(),
        )
        painter.setPen(QPen(QColor(theme.ACCENT), 2.0))
        painter.setBrush(QColor(theme.BACKGROUND if spot.is_beaten else theme.ACCENT))
        painter.drawEllipse(at, DOT, DOT)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        units = [row.unit for row in self._rows or ()]
        words = f"{spot.name}  {spot.x:.1f} {units[0]} / {spot.y:.1f} {units[1]}"
        left = min(at.x() + DOT + 4, room.right() - metrics.horizontalAdvance(words) - 4)
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(QPointF(max(left, room.left() + 4), at.y() - DOT - 2), words)

    @staticmethod
    def _span(values: list[float]) -> tuple[float, float]:
        low, high = min(values), max(values)
        free = ROOM * (high - low) if not math.isclose(low, high) else max(abs(low), 1.0) * ROOM
        return low - free, high + free
