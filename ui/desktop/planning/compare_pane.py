"""Two plans side by side: the same camera in both 3D views, and their figures under each other."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from surgtwin.planning.compare import ComparedValue, ComparisonRow, PlanComparison, compare_plans

from ..panels.labels import text_label
from ..state import AppState
from ..views.scene_view import SceneView
from ..views.shared_camera import SharedCamera
from ..views.view_frame import ViewFrame
from .compare_chart import ParetoChart, differs
from .compare_scene import show_plan
from .desk import PlanDesk
from .judging import Judged
from .verdict_look import LOOKS

BEST = "\u2713"
DIFFERENT, DIFFERENT_TIP = "#26313f", "The plans differ here"
NOTHING_BETTER = "Neither is better in everything: what matters more decides."


class ComparePlans(QWidget):
    """Made for one comparison; call `dispose` before it is dropped."""

    ended = Signal()

    def __init__(
        self, desk: PlanDesk, names: tuple[str, str], judged: tuple[Judged, Judged], seen_from: SceneView | None
    ) -> None:
        super().__init__()
        self.state: AppState = desk.state
        self.scenes = (SceneView(desk.state), SceneView(desk.state))
        if seen_from is not None:
            self.scenes[0].look_like(seen_from)
        SharedCamera(self.scenes, self)
        split = QSplitter(Qt.Orientation.Horizontal)
        for scene, name, one in zip(self.scenes, names, judged, strict=True):
            show_plan(scene, one, desk)
            frame = ViewFrame("3d", name, scene)
            frame.add_button("\u2715", "End the comparison", self.ended.emit)
            frame.maximise_asked.connect(lambda _name: self.ended.emit())
            split.addWidget(frame)
        split.setSizes([1000, 1000])
        self.comparison = _compared(names, judged)
        self.table = ComparisonTable(self.comparison)
        self.word = text_label(word_of(self.comparison), "quiet", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(split, 3)
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 0)
        row.addWidget(self.word)
        column.addLayout(row)
        self.chart = ParetoChart(self.comparison)
        below = QSplitter(Qt.Orientation.Horizontal)
        below.addWidget(self.table)
        below.addWidget(self.chart)
        below.setSizes([1200, 700])
        column.addWidget(below, 2)

    def dispose(self) -> None:
        for scene in self.scenes:
            scene.dispose()


class ComparisonTable(QTableWidget):
    """One figure a row; rows that differ are lit, the better value has a tick, a verdict its mark."""

    def __init__(self, comparison: PlanComparison) -> None:
        super().__init__(len(comparison.rows), 1 + len(comparison.names))
        self.setHorizontalHeaderLabels(["", *comparison.names])
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Figures of both plans")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for n, row in enumerate(comparison.rows):
            cells = [QTableWidgetItem(row.label)]
            cells[0].setToolTip(row.label)
            cells += [_cell(row, value, plan in row.best) for plan, value in enumerate(row.values)]
            for column, cell in enumerate(cells):
                if differs(row):
                    cell.setBackground(QColor(DIFFERENT))
                    cell.setToolTip(cell.toolTip() or DIFFERENT_TIP)
                self.setItem(n, column, cell)

    def text_of(self, label: str, plan: int) -> str:
        """What stands in a cell."""
        for n in range(self.rowCount()):
            name, cell = self.item(n, 0), self.item(n, plan + 1)
            if name is not None and cell is not None and name.text() == label:
                return cell.text()
        return ""


def _cell(row: ComparisonRow, value: ComparedValue | None, is_best: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(cell_text(row, value, is_best))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    if value is not None and value.verdict is not None:
        item.setForeground(QColor(LOOKS[value.verdict].colour))
        item.setToolTip(LOOKS[value.verdict].word)
    if is_best:
        font = QFont(item.font())
        font.setBold(True)
        item.setFont(font)
    return item


def cell_text(row: ComparisonRow, value: ComparedValue | None, is_best: bool) -> str:
    """ "✓ 62.4 % ● safe"; a dash where a plan has no such figure."""
    if value is None or value.value is None:
        return "\u2013"
    decimals = 0 if row.unit in ("mL", "", "mm\u00b2") else 1
    number = f"{value.value:.{decimals}f} {row.unit}".strip()
    verdict = f"  {LOOKS[value.verdict].mark} {LOOKS[value.verdict].word}" if value.verdict is not None else ""
    return f"{BEST + ' ' if is_best else ''}{number}{verdict}"


def word_of(comparison: PlanComparison) -> str:
    """Whether one of the plans need not be looked at again."""
    for name, better in zip(comparison.names, comparison.dominated_by, strict=True):
        if better:
            return f"{better[0]} is better than {name} in at least one goal and worse in none."
    return NOTHING_BETTER


def _compared(names: tuple[str, str], judged: tuple[Judged, Judged]) -> PlanComparison:
    evaluations = {n: j.evaluation for n, j in zip(names, judged, strict=True) if j.evaluation is not None}
    return compare_plans(evaluations)
