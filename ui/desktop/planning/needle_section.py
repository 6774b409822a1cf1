"""Ask for the safest way to a target, see it on the skin, and take one of the best."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from surgtwin.domain.tool import NeedleTool

from ..panels.labels import Section, set_role, text_label
from ..wording import millimetres
from .cut_form import millimetre_box
from .desk import PlanDesk
from .needle_hold import End
from .needle_search import NeedleChoice, Search, targets_for_needles
from .needle_words import angle_words, chance_words, tightest
from .verdict_look import LOOKS

A_PLACE = "a place: click it\u2026"
LONGEST_MM, THICKEST_MM = 400.0, 20.0
COLUMNS = ("", "deep", "tilt", "risk %", "mm clear of")
TIPS = (
    "Rank, the best first",
    "From skin to target, mm",
    "Angle to the skin's normal",
    "Chance that placing it brings it into something, at the error of published series",
    "The structure that leaves the least room, and how clear of it the needle stays",
)
NEAREST = 4
"""The column that takes what room there is."""
STAGES = {"skin": "walking to the skin", "obstacles": "what lies in the way", "clearance": "measuring clearances"}
STAGES |= {"angles": "measuring angles", "candidates": "judging the best exactly"}


class NeedleSection(Section):
    """Follows the desk of needles."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("Needle path")
        self._desk, self._needles = desk, desk.needles
        self.target = QComboBox()
        self.target.setAccessibleName("What the needle is to reach")
        fit_narrow(self.target)
        self.target.activated.connect(self._choose_target)
        self.length = millimetre_box("Length of the needle", 10.0)
        self.length.setMaximum(LONGEST_MM)
        self.diameter = millimetre_box("Diameter of the needle", 0.2)
        self.diameter.setMaximum(THICKEST_MM)
        fit_narrow(self.length, self.diameter)
        for box in (self.length, self.diameter):
            box.valueChanged.connect(self._choose_tool)
        self.find_path = QPushButton("Find the safest path")
        self.find_path.setToolTip("Looks at 10 000 ways to the target and paints the skin with what they are worth")
        self.find_path.clicked.connect(self._needles.start_search)
        self.by_hand = QPushButton("By hand")
        self.by_hand.setCheckable(True)
        self.by_hand.setToolTip("Click on the skin, in 3D or on a slice, where the needle goes in")
        self.by_hand.clicked.connect(self._toggle_placing)
        self.progress, self.cancel = QProgressBar(), QPushButton("Cancel")
        self.progress.setTextVisible(True)
        self.cancel.clicked.connect(self._needles.forget_search)
        self.problem = text_label(role="violated", wrap=True)
        self.count = text_label(role="quiet", wrap=True)
        self.best = QPushButton("Take the best path")
        set_role(self.best, "primary")
        self.best.clicked.connect(lambda: self._needles.take(0))
        self.candidates = CandidateList()
        self.candidates.itemClicked.connect(lambda item, _c: self._needles.take(self.candidates.rank_of(item)))
        self.clear = QPushButton("Take the map off the skin")
        self.clear.clicked.connect(self._needles.forget_search)
        self._lay_out()
        for signal in (self._needles.choice_changed, self._needles.search_changed, self._needles.placing_changed):
            signal.connect(self.refresh)
        desk.book.plan_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        needles, search = self._needles, self._needles.search
        self._fill_choice(needles.choice)
        is_running = needles.done is not None
        can_look = bool(needles.choice.words)
        self.find_path.setEnabled(can_look and not is_running)
        self.by_hand.setEnabled(can_look)
        self.by_hand.setChecked(needles.placing is End.ENTRY)
        for widget in (self.progress, self.cancel):
            widget.setVisible(is_running)
        if needles.done is not None:
            fraction, stage = needles.done
            self.progress.setValue(round(100 * fraction))
            self.progress.setFormat(STAGES.get(stage, "looking"))
        self.problem.setText(needles.problem)
        self.problem.setVisible(bool(needles.problem))
        has_ways = search is not None and bool(search.candidates)
        for each in (self.count, self.candidates, self.best):
            each.setVisible(has_ways)
        self.clear.setVisible(search is not None)
        if search is not None and has_ways:
            self._show_ways(search)

    def _show_ways(self, search: Search) -> None:
        allowed, proven = int(search.access.allowed.sum()), int(search.access.proven.sum())
        count = len(search.access.directions)
        self.count.setText(f"{allowed} of {count} ways are open, {proven} of them proven. The best of them:")
        self.candidates.show_ways(search)
        taken = {t.entry_mm for t in self._desk.book.plan.trajectories}
        self.best.setVisible(not any(c.result.entry_mm in taken for c in search.candidates))

    def _fill_choice(self, choice: NeedleChoice) -> None:
        twin = self._desk.state.twin
        offered = [*(targets_for_needles(twin) if twin is not None else ()), A_PLACE]
        if [self.target.itemText(n) for n in range(self.target.count())] != offered:
            self.target.clear()
            self.target.addItems(offered)
        self.target.setCurrentIndex(self.target.findText(choice.target or A_PLACE))
        for box, value in ((self.length, choice.tool.length_mm), (self.diameter, 2.0 * choice.tool.radius_mm)):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)

    def _choose_target(self, row: int) -> None:
        name = self.target.itemText(row)
        if name == A_PLACE:
            self._needles.start_placing(End.TARGET)
        else:
            self._needles.set_choice(replace(self._needles.choice, target=name, point_mm=None))

    def _choose_tool(self) -> None:
        tool = NeedleTool(self.diameter.value() / 2.0, self.length.value())
        self._needles.set_choice(replace(self._needles.choice, tool=tool))

    def _toggle_placing(self, on: bool) -> None:
        if on:
            self._needles.start_placing(End.ENTRY)
        else:
            self._needles.stop_placing()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        tool = QWidget()
        row = QHBoxLayout(tool)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.diameter, 1)
        row.addWidget(text_label("\u00d7", "quiet"))
        row.addWidget(self.length, 1)
        for n, (words, widget) in enumerate((("Target", self.target), ("Needle", tool))):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(widget, n, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        for pair in ((self.find_path, self.by_hand), (self.progress, self.cancel)):
            row = QHBoxLayout()
            row.setSpacing(4)
            row.addWidget(pair[0], 1)
            row.addWidget(pair[1])
            self.body.addLayout(row)
        for widget in (self.problem, self.count, self.best, self.candidates, self.clear):
            self.body.addWidget(widget)


def fit_narrow(*widgets: QWidget) -> None:
    """Let fields be as narrow as what stands in them, not as their longest entry: the panel never scrolls sideways."""
    for widget in widgets:
        if isinstance(widget, QComboBox):
            widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            widget.setMinimumContentsLength(8)
        else:
            widget.setMinimumWidth(widget.fontMetrics().horizontalAdvance("100.0 mm") + 28)
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


class CandidateList(QTreeWidget):
    """The best ways, one a row; a click takes one."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Search | None = None
        self.setColumnCount(len(COLUMNS))
        self.setHeaderLabels(list(COLUMNS))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAccessibleName("The best paths")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setStretchLastSection(False)
        self.header().setMinimumSectionSize(16)
        for n, tip in enumerate(TIPS):
            mode = QHeaderView.ResizeMode.Stretch if n == NEAREST else QHeaderView.ResizeMode.ResizeToContents
            self.header().setSectionResizeMode(n, mode)
            self.headerItem().setToolTip(n, tip)

    def rank_of(self, item: QTreeWidgetItem) -> int:
        return self.indexOfTopLevelItem(item)

    def show_ways(self, search: Search) -> None:
        if search is self._shown:
            return
        self._shown = search
        self.clear()
        for n, candidate in enumerate(search.candidates):
            result, nearest = candidate.result, tightest(candidate.result)
            look = LOOKS[result.verdict]
            texts = [f"{look.mark} {n + 1}", f"{result.length_mm:.0f}", angle_words(result)]
            texts.append(chance_words(result.robustness).removesuffix(" %"))
            texts.append(f"{millimetres(nearest.min_mm)} {nearest.structure}" if nearest is not None else "\u2013")
            item = QTreeWidgetItem(texts)
            item.setForeground(0, QColor(look.colour))
            item.setToolTip(0, look.word)
            item.setToolTip(NEAREST, texts[NEAREST])
            for column in (1, 2, 3):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.addTopLevelItem(item)
        rows = self.topLevelItemCount() * self.sizeHintForRow(0)
        self.setFixedHeight(self.header().sizeHint().height() + rows + 2 * self.frameWidth() + 2)
