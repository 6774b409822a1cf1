"""What is painted of a tool path only on request: the space it sweeps, and what its trocar reaches."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..panels.labels import text_label
from .desk import PlanDesk
from .needle_search import targets_for_needles
from .needle_section import fit_narrow

WHOLE = 100


class ExtrasBox(QWidget):
    """Follows what was asked for."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk, self._extras = desk, desk.paths.extras
        self.swept = QCheckBox("Show the space it sweeps")
        self.swept.clicked.connect(self._extras.show_swept)
        self.target = QComboBox()
        self.target.setAccessibleName("Structure whose reach is painted")
        fit_narrow(self.target)
        self.paint = QPushButton("Paint its reach")
        self.paint.setToolTip("What of this structure the tip gets to through the trocar with a straight shaft")
        self.paint.clicked.connect(lambda: self._extras.start_reach(self.target.currentText()))
        self.progress, self.cancel = QProgressBar(), QPushButton("Cancel")
        self.progress.setFormat("looking where it reaches")
        self.cancel.clicked.connect(self._extras.forget_reach)
        self.result, self.problem = text_label(role="quiet", wrap=True), text_label(role="violated", wrap=True)
        self.clear = QPushButton("Take the paint off")
        self.clear.clicked.connect(self._extras.forget_reach)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.swept)
        for pair in ((self.target, self.paint), (self.progress, self.cancel)):
            row = QHBoxLayout()
            row.setSpacing(4)
            row.addWidget(pair[0], 1)
            row.addWidget(pair[1])
            column.addLayout(row)
        for widget in (self.result, self.problem, self.clear):
            column.addWidget(widget)
        for signal in (self._extras.changed, desk.book.plan_changed, desk.book.chosen_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        extras, path, twin = self._extras, self._desk.paths.path, self._desk.state.twin
        offered = list(targets_for_needles(twin)) if twin is not None else []
        if [self.target.itemText(n) for n in range(self.target.count())] != offered:
            self.target.clear()
            self.target.addItems(offered)
        self.swept.setChecked(extras.shows_swept)
        has_port, is_running = path is not None and path.trocar_mm is not None, extras.done is not None
        for widget in (self.target, self.paint):
            widget.setVisible(has_port)
        self.paint.setEnabled(bool(offered) and not is_running)
        for each in (self.progress, self.cancel):
            each.setVisible(is_running)
        if extras.done is not None:
            self.progress.setValue(round(WHOLE * extras.done))
        reach = extras.reach
        for label in (self.result, self.clear):
            label.setVisible(reach is not None)
        if reach is not None:
            told = [f"{share:.0f} % {kind}" for kind, share in reach.percent.items() if share >= 0.5]
            by = f", most by {reach.blocked_by[0]}" if reach.blocked_by else ""
            self.result.setText(f"Surface of {reach.structure}: {', '.join(told)}{by}.")
        self.problem.setText(extras.problem)
        self.problem.setVisible(bool(extras.problem))
