"""Ask for a treated zone on a target, or for as many as it takes to cover it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QProgressBar, QPushButton

from surgtwin.planning.settings import DEFAULT_PLANNING

from ..panels.labels import Section, text_label
from .desk import PlanDesk
from .needle_search import targets_for_needles
from .needle_section import fit_narrow
from .zone_choice import SIZES, SIZES_NOTE, fitting_size

PROPOSE_TIP = (
    "Looks for the fewest zones of this size that leave {margin:g} mm around the target, in place of those it has"
)


class ZoneSection(Section):
    """Follows the desk of zones."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__("Ablation zones")
        self._desk, self._zones = desk, desk.zones
        self.target, self.zone_size = QComboBox(), QComboBox()
        self.target.setAccessibleName("What is to be ablated")
        self.zone_size.setAccessibleName("Size of the zone to begin with")
        self.zone_size.addItems([size.words for size in SIZES])
        self.zone_size.setToolTip(SIZES_NOTE)
        fit_narrow(self.target, self.zone_size)
        self.target.activated.connect(self._choose_target)
        self.zone_size.activated.connect(self._choose_size)
        self.add, self.propose = QPushButton("Add a zone"), QPushButton("Propose zones")
        self.add.setToolTip("On the needle that goes to the target, else where the target is covered least")
        self.add.clicked.connect(self._zones.add)
        self.propose.setToolTip(PROPOSE_TIP.format(margin=DEFAULT_PLANNING.ablation_margin_mm))
        self.propose.clicked.connect(self._zones.propose)
        self.progress, self.cancel = QProgressBar(), QPushButton("Cancel")
        self.progress.setFormat("looking for zones")
        self.cancel.clicked.connect(self._zones.give_up)
        self.problem = text_label(role="violated", wrap=True)
        self._lay_out()
        for signal in (self._zones.choice_changed, self._zones.search_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        zones, choice = self._zones, self._zones.choice
        twin = self._desk.state.twin
        offered = list(targets_for_needles(twin)) if twin is not None else []
        if [self.target.itemText(n) for n in range(self.target.count())] != offered:
            self.target.clear()
            self.target.addItems(offered)
        self.target.setCurrentIndex(self.target.findText(choice.target))
        self.zone_size.setCurrentIndex(SIZES.index(choice.size))
        is_running = zones.done is not None
        for button in (self.add, self.propose):
            button.setEnabled(bool(choice.target) and not is_running)
        for widget in (self.progress, self.cancel):
            widget.setVisible(is_running)
        if zones.done is not None:
            self.progress.setValue(round(100 * zones.done))
        self.problem.setText(zones.problem)
        self.problem.setVisible(bool(zones.problem))

    def _choose_target(self, row: int) -> None:
        twin, name = self._desk.state.twin, self.target.itemText(row)
        if twin is not None:
            size = fitting_size(twin, name, DEFAULT_PLANNING.ablation_margin_mm)
            self._zones.set_choice(replace(self._zones.choice, target=name, size=size))

    def _choose_size(self, row: int) -> None:
        self._zones.set_choice(replace(self._zones.choice, size=SIZES[row]))

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for n, (words, widget) in enumerate((("Target", self.target), ("Zone", self.zone_size))):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(widget, n, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        for wide, other in ((self.add, self.propose), (self.progress, self.cancel)):
            row = QHBoxLayout()
            row.setSpacing(4)
            row.addWidget(wide, 1)
            row.addWidget(other, 0 if other is self.cancel else 1)
            self.body.addLayout(row)
        self.body.addWidget(self.problem)
