"""The treated zone that is worked on: what it covers, its least margin, what else it destroys, and its measures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.trajectory import Ablation
from surgtwin.domain.verdict import COVERAGE_FACTOR
from surgtwin.planning.ablation import COOLING, AblationResult
from surgtwin.planning.structure_roles import is_wrapping

from ..panels.labels import set_role, text_label
from ..wording import millimetres
from .cut_form import millimetre_box
from .desk import PlanDesk
from .figures_section import FigureRows
from .needle_section import fit_narrow
from .verdict_look import LOOKS, verdict_text
from .zone_choice import UPRIGHT, axis_of
from .zone_hold import LEAST_MM, MOST_MM, turned, with_radius
from .zone_words import coverage_words

if TYPE_CHECKING:
    from .plan_commands import PlanCommands

HINT = "Square: move. Rings: resize, with Shift one side alone. Diamond: turn. Slices: take it at its rim."
COMPUTING, PREVIEW = "computing\u2026", "preview\u2026"
LINE_UP, HEAD_FEET = "Line up with\u2026", "head to feet"
LEAST_INSIDE_ML = 0.05
MOST_ROWS = 5


class ZoneEditor(QWidget):
    """Follows the entry that is chosen; hidden while that is no zone."""

    def __init__(self, desk: PlanDesk, commands: PlanCommands) -> None:
        super().__init__()
        self._desk, self._zones = desk, desk.zones
        self.verdict, self.state = text_label(role="section"), text_label(role="quiet")
        self.reason = text_label(wrap=True)
        self.figures = FigureRows()
        self.worst = QPushButton("Show where the margin is least")
        self.worst.setToolTip("Take all four views to the place")
        self.worst.clicked.connect(self._show_worst)
        self.inside_title = text_label("Also inside the zones", "quiet")
        self.inside = FigureRows()
        self.boxes = tuple(self._box(n) for n in range(3))
        self.line_up = QComboBox()
        self.line_up.setAccessibleName("Line the zone up")
        fit_narrow(self.line_up)
        self.line_up.activated.connect(self._line_up)
        self.duplicate, self.remove = QPushButton("Duplicate"), QPushButton("Remove")
        self.duplicate.clicked.connect(commands.duplicate_entry)
        self.remove.clicked.connect(commands.remove_entry)
        self._lay_out()
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.judged_changed, desk.hand_moved):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        zone, result = self._zones.zone, self._zones.together
        self.setVisible(zone is not None)
        if zone is None:
            return
        for box, radius in zip(self.boxes, zone.radii_mm, strict=True):
            if not box.hasFocus() or abs(box.value() - 2.0 * radius) > 0.05:
                box.blockSignals(True)
                box.setValue(2.0 * radius)
                box.blockSignals(False)
        self._fill_line_up()
        for widget in (self.verdict, self.figures, self.worst):
            widget.setVisible(result is not None)
        if result is None:
            self.state.setText(COMPUTING)
            for widget in (self.reason, self.inside_title, self.inside):
                widget.hide()
            return
        is_now = self._desk.judged is not None and self._desk.judged.plan == self._desk.plan
        self.state.setText(COMPUTING if not is_now else "" if self._desk.is_exact else PREVIEW)
        self._show(result)
        for widget in (self.verdict, self.reason, self.figures, self.inside):
            widget.setEnabled(is_now)

    def _show(self, result: AblationResult) -> None:
        if result.verdict is not None:
            self.verdict.setText(verdict_text(result.verdict))
            set_role(self.verdict, LOOKS[result.verdict].role)
        self.reason.setText(result.reason[:1].upper() + result.reason[1:])
        self.reason.setVisible(bool(result.reason))
        self.figures.show_rows(figure_rows(result, self._zones.alone, self._desk.is_exact))
        rows = self._inside_rows(result)
        self.inside.show_rows(rows)
        for widget in (self.inside_title, self.inside):
            widget.setVisible(bool(rows))

    def _inside_rows(self, result: AblationResult) -> list[tuple[str, str, str]]:
        twin = self._desk.state.twin
        known = {s.name: s for s in twin.structures} if twin is not None else {}
        expected = {known[result.target].part_of} if result.target in known else set()
        reached = [
            (name, f"{ml:.1f} mL", "Would be destroyed, where it does not cool itself")
            for name, ml in result.reached_ml.items()
            if ml >= LEAST_INSIDE_ML and name in known.keys() - expected and not is_wrapping(known[name])
        ]
        return reached[:MOST_ROWS]

    def _fill_line_up(self) -> None:
        offered = [LINE_UP, *(t.name for t in self._desk.book.plan.trajectories), HEAD_FEET]
        if [self.line_up.itemText(n) for n in range(self.line_up.count())] != offered:
            self.line_up.clear()
            self.line_up.addItems(offered)
        self.line_up.setCurrentIndex(0)

    def _line_up(self, row: int) -> None:
        """On a needle, the zone's middle at its tip; or upright where it is."""
        needles = self._desk.book.plan.trajectories
        if 1 <= row <= len(needles):
            needle = needles[row - 1]
            self._zones.edit(
                lambda z: replace(turned(z, axis_of(needle)), centre_mm=needle.target_mm), f"Line up with {needle.name}"
            )
        elif row > len(needles):
            self._zones.edit(lambda z: turned(z, UPRIGHT), "Turn")

    def _show_worst(self) -> None:
        result = self._zones.together
        if result is not None:
            self._desk.state.go_to(result.at_mm)

    def _box(self, number: int) -> QDoubleSpinBox:
        box = millimetre_box(("Length along the axis", "Width", "Width the other way")[number], 2.0 * LEAST_MM)
        box.setMaximum(2.0 * MOST_MM)
        box.setToolTip(box.accessibleName())
        box.setSuffix("")
        box.setMinimumWidth(box.fontMetrics().horizontalAdvance("100.0") + 28)
        box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

        def change(zone: Ablation, mm: float) -> Ablation:
            # The third is typed only to make the zone flat; the second keeps a round one round.
            return with_radius(zone, number, mm / 2.0, is_alone=number == 2)

        box.valueChanged.connect(lambda mm: self._zones.edit(lambda z: change(z, mm), "Resize", merge=True))
        return box

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(self.verdict)
        top.addStretch(1)
        top.addWidget(self.state)
        column.addLayout(top)
        for widget in (self.reason, self.figures, self.worst, self.inside_title, self.inside):
            column.addWidget(widget)
        column.addWidget(text_label("Along \u00d7 across \u00d7 across, mm", "quiet"))
        column.addLayout(_row(*self.boxes))
        column.addWidget(self.line_up)
        column.addWidget(text_label(HINT, "quiet", wrap=True))
        column.addWidget(text_label(f"{COOLING[:1].upper()}{COOLING[1:]}.", "quiet", wrap=True))
        column.addLayout(_row(self.duplicate, self.remove))


def figure_rows(result: AblationResult, alone: AblationResult | None, is_exact: bool) -> list[tuple[str, str, str]]:
    """Name, number and tooltip: of all zones on the target together, and what this one covers alone."""
    nearly = "" if is_exact else "\u2248 "
    error = COVERAGE_FACTOR * result.terms.combined_mm
    rows = [
        ("Covered", f"{nearly}{coverage_words(result)}", f"Of the {result.target_ml:.1f} mL of {result.target}"),
        (
            "Least margin",
            f"{millimetres(result.min_margin_mm)} \u00b1 {error:.1f} mm",
            "From the target's surface to the rim of what is treated; negative where the target lies outside",
        ),
        ("Wanted", f"{result.wanted_mm:g} mm", "Wang et al., Cardiovasc Intervent Radiol 2013: more than 5 mm"),
        ("Treated", f"{nearly}{result.zone_ml:.1f} mL", "Of all zones on this target together"),
    ]
    if len(result.zones) > 1 and alone is not None:
        rows.append(
            ("This zone alone", f"{nearly}{coverage_words(alone)}", f"One of {len(result.zones)} on the target")
        )
        rows.append(("Treated twice", f"{nearly}{result.overlap_ml:.1f} mL", "Where zones overlap"))
    return rows


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return row
