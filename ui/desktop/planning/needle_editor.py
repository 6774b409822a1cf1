"""The needle that is worked on: its verdict, what it passes and how near, and what one can do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.trajectory import Trajectory
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.crossing import Crossing
from surgtwin.planning.line_distance import Clearance
from surgtwin.planning.needle_line import NeedleLine
from surgtwin.planning.structure_roles import is_wrapping, present
from surgtwin.planning.trajectory import TrajectoryResult

from ..panels.labels import set_role, text_label
from .clear_rows import ClearRows, keeping_clear
from .cut_form import millimetre_box
from .desk import PlanDesk
from .figures_section import FigureRows
from .needle_curve import ClearanceCurveView
from .needle_desk import with_diameter, with_length
from .needle_section import LONGEST_MM, THICKEST_MM, fit_narrow
from .needle_words import LIMIT_WORDS, angle_words, chance_words
from .verdict_look import LOOKS, verdict_text

if TYPE_CHECKING:
    from .plan_commands import PlanCommands

HINT = "Drag the square on the skin, or the ring at the tip, in 3D or on a slice."
SLICES_AT_TARGET = "The slices stand at the target: they can't be tilted along the needle."
KEEP_CLEAR = "Keep clear of\u2026"
COMPUTING, PREVIEW = "computing\u2026", "preview\u2026"


class NeedleEditor(QWidget):
    """Follows the entry that is chosen; hidden while that is no needle."""

    def __init__(self, desk: PlanDesk, commands: PlanCommands) -> None:
        super().__init__()
        self._desk, self._needles = desk, desk.needles
        self.verdict, self.state = text_label(role="section"), text_label(role="quiet")
        self.limits = text_label(wrap=True)
        self.figures = FigureRows()
        self.curve = ClearanceCurveView()
        self.curve.depth_asked.connect(self._go_to_depth)
        self.clear_rows = ClearRows(self._needles.edit)
        self.more = QComboBox()
        self.more.setAccessibleName("Keep clear of another structure")
        fit_narrow(self.more)
        self.more.activated.connect(self._keep_clear_of)
        self.crossed = text_label(role="quiet", wrap=True)
        self.length, self.diameter = millimetre_box("Length", 10.0), millimetre_box("Diameter", 0.2)
        self.length.setMaximum(LONGEST_MM)
        self.diameter.setMaximum(THICKEST_MM)
        fit_narrow(self.length, self.diameter)
        self.length.valueChanged.connect(
            lambda mm: self._needles.edit(lambda t: with_length(t, mm), "Length of", merge=True)
        )
        self.diameter.valueChanged.connect(
            lambda mm: self._needles.edit(lambda t: with_diameter(t, mm), "Diameter of", merge=True)
        )
        self.along, self.across = QPushButton("Look along it"), QPushButton("Look across it")
        self.along.clicked.connect(lambda: self._look(True))
        self.across.clicked.connect(lambda: self._look(False))
        self.looked = text_label(SLICES_AT_TARGET, "quiet", wrap=True)
        self.looked.hide()
        self.remove = QPushButton("Remove")
        self.remove.clicked.connect(commands.remove_entry)
        self._lay_out()
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.judged_changed, desk.hand_moved):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        needle, result = self._needles.needle, self._needles.result
        self.setVisible(needle is not None)
        if needle is None:
            self.looked.hide()
            return
        for box, value in ((self.length, needle.tool.length_mm), (self.diameter, 2.0 * needle.tool.radius_mm)):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self._fill_more(needle)
        for widget in (self.verdict, self.limits, self.figures, self.curve, self.clear_rows, self.crossed):
            widget.setVisible(result is not None)
        if result is None:
            self.state.setText(COMPUTING)
            return
        is_now = result.trajectory == needle
        self.state.setText(COMPUTING if not is_now else "" if self._desk.is_exact else PREVIEW)
        self._show(result)
        for widget in (self.verdict, self.figures, self.curve, self.crossed):
            widget.setEnabled(is_now)

    def _show(self, result: TrajectoryResult) -> None:
        self.verdict.setText(verdict_text(result.verdict))
        set_role(self.verdict, LOOKS[result.verdict].role)
        told = limit_lines(result)
        self.limits.setText("\n".join(told))
        self.limits.setVisible(bool(told))
        self.figures.show_rows(figure_rows(result))
        names = self._desk.state.structure_names()
        colours = {n: self._desk.state.colour(n) for n in result.curve.structures if n in names}
        self.curve.show_result(result, colours)
        self.clear_rows.show_clearances(nearest_first(result))
        self.crossed.setText(crossed_words(result))

    def _fill_more(self, needle: Trajectory) -> None:
        twin = self._desk.state.twin
        wanted = {a.structure for a in needle.avoid if a.clearance_mm > 0}
        offered = [KEEP_CLEAR]
        if twin is not None:
            offered += [s.name for s in present(twin) if not is_wrapping(s) and s.name not in wanted]
        if [self.more.itemText(n) for n in range(self.more.count())] != offered:
            self.more.clear()
            self.more.addItems(offered)
        self.more.setCurrentIndex(0)

    def _keep_clear_of(self, row: int) -> None:
        if row > 0:
            name = self.more.itemText(row)
            self._needles.edit(lambda t: keeping_clear(t, name, 5.0), f"Keep clear of {name} with")

    def _look(self, along: bool) -> None:
        self._needles.look(along)
        self.looked.show()

    def _go_to_depth(self, depth_mm: float) -> None:
        needle = self._needles.needle
        if needle is not None:
            self._desk.state.go_to(NeedleLine.of(needle).point(depth_mm))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(self.verdict)
        top.addStretch(1)
        top.addWidget(self.state)
        column.addLayout(top)
        column.addWidget(self.limits)
        column.addWidget(self.figures)
        column.addLayout(_row(self.along, self.across))
        column.addWidget(self.looked)
        column.addWidget(text_label("Clearance along the needle, mm", "quiet"))
        column.addWidget(self.curve)
        column.addWidget(self.clear_rows)
        column.addWidget(self.more)
        column.addWidget(self.crossed)
        column.addWidget(text_label(HINT, "quiet", wrap=True))
        column.addLayout(_row(text_label("Needle", "quiet"), self.diameter, text_label("\u00d7", "quiet"), self.length))
        column.addWidget(self.remove)


def nearest_first(result: TrajectoryResult) -> list[Clearance]:
    """What is kept clear, the least room first."""
    kept = [c for c in result.clearances if c.needed_mm is not None]
    return sorted(kept, key=lambda c: c.min_mm - (c.needed_mm or 0.0))


def limit_lines(result: TrajectoryResult) -> list[str]:
    """Limits other than distances that are not surely kept."""
    open_ones = [limit for limit in result.limits if limit.verdict is not Verdict.SAFE and limit.kind in LIMIT_WORDS]
    return [
        f"{LOOKS[x.verdict].mark} {LIMIT_WORDS[x.kind]} {x.structure}: {x.reason or x.verdict.value}".replace(" :", ":")
        for x in open_ones
    ]


def figure_rows(result: TrajectoryResult) -> list[tuple[str, str, str]]:
    """Name, number and tooltip."""
    rows = [("Skin to target", f"{result.length_mm:.1f} mm", "From the entry to the tip")]
    rows.append(("Tilt at the skin", angle_words(result), "Angle to the skin's normal: 0 is square to it"))
    if result.capsule is not None:
        name = f"Tilt at the {result.capsule.structure}"
        rows.append((name, f"{result.capsule.angle_deg:.0f}\u00b0", "Angle to the normal where it enters the organ"))
    if result.bridge_mm is not None:
        rows.append(
            (
                "Organ before the target",
                f"{result.bridge_mm:.0f} mm",
                f"Tissue of the {result.place.organ} it passes first",
            )
        )
    noise = result.robustness.noise if result.robustness is not None else None
    tip = (
        f"Chance that a distance is broken, at {noise.tip_mm:g} mm mean error of the tip ({noise.source})"
        if noise is not None
        else ""
    )
    rows.append(("Risk when placed", chance_words(result.robustness), tip))
    if result.unnamed_mm is not None:
        rows.append(
            ("In unnamed tissue", f"{result.unnamed_mm:.0f} mm", "Fat, muscle, or what nobody segmented: look there")
        )
    return rows


def crossed_words(result: TrajectoryResult) -> str:
    """Structures in the order the needle passes them, with their lengths."""
    steps = [_step(piece) for piece in result.crossed]
    return "Passes, in order: " + " \u203a ".join(steps) if steps else "Passes nothing that was found."


def _step(piece: Crossing) -> str:
    return f"{piece.structure} {piece.length_mm:.0f} mm"


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return row
