"""The tool path that is worked on: its verdict, what it touches and when, its figures, and what one can do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.plan import ToolPath
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.structure_roles import is_wrapping, present

from ..panels.labels import discard, set_role, text_label
from .clear_rows import ClearRows, keeping_clear
from .desk import PlanDesk
from .figures_section import FigureRows
from .needle_section import fit_narrow
from .path_build import duration_words, tip_way_mm
from .path_extras_box import ExtrasBox
from .path_figures import PathFigures, pairs_of
from .path_keys import KeyList
from .path_pose_box import PoseBox
from .path_words import Passage, passages
from .verdict_look import LOOKS, verdict_text

if TYPE_CHECKING:
    from .plan_commands import PlanCommands

HINT = "Drag the ring at the tip, or the diamond on the shaft, in 3D or on a slice: the pose at this moment changes."
KEEP_CLEAR, MAY_TOUCH = "Keep clear of\u2026", "May be touched\u2026"
COMPUTING, PREVIEW, EXACT = "computing\u2026", "preview\u2026", "exact"
MOST_PASSAGES, MOST_REMOVED, LEAST_ML = 5, 4, 0.005


class PathEditor(QWidget):
    """Follows the entry that is chosen; hidden while that is no tool path."""

    def __init__(self, desk: PlanDesk, commands: PlanCommands) -> None:
        super().__init__()
        self._desk, self._paths = desk, desk.paths
        self.verdict, self.state = text_label(role="section"), text_label(role="quiet")
        self.reason = text_label(wrap=True)
        self.show_worst = QPushButton("Show the worst moment")
        self.show_worst.clicked.connect(self._go_to_worst)
        self.contacts = PassageRows(desk)
        self.figures = FigureRows()
        self.pose = PoseBox(desk)
        self.keys = KeyList(desk)
        self.clear_rows = ClearRows(self._paths.edits.edit)
        self.more, self.fewer = QComboBox(), QComboBox()
        for box, name in ((self.more, KEEP_CLEAR), (self.fewer, MAY_TOUCH)):
            box.setAccessibleName(name)
            fit_narrow(box)
        self.more.activated.connect(self._keep_clear_of)
        self.fewer.activated.connect(self._let_touch)
        self.cuts = QCheckBox("Takes away what it passes through")
        self.cuts.clicked.connect(self._paths.edits.set_cutting)
        self.follow = QCheckBox("Slices follow the tip")
        self.follow.setChecked(self._paths.follows_tip)
        self.follow.clicked.connect(self._paths.set_follows_tip)
        self.extras = ExtrasBox(desk)
        self.along, self.across = QPushButton("Look along it"), QPushButton("Look across it")
        self.along.clicked.connect(lambda: self._paths.look_asked.emit(True))
        self.across.clicked.connect(lambda: self._paths.look_asked.emit(False))
        self.duplicate, self.remove = QPushButton("Duplicate"), QPushButton("Remove")
        self.duplicate.clicked.connect(self._paths.edits.duplicate)
        self.remove.clicked.connect(commands.remove_entry)
        self._settled = QTimer(self, singleShot=True, interval=0)
        self._settled.timeout.connect(self._ask_for_room)
        self._lay_out()
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.judged_changed, desk.hand_moved):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        path, figures = self._paths.path, self._paths.figures
        self._settled.start()
        self.setVisible(path is not None)
        if path is None:
            return
        self.cuts.setChecked(path.cuts)
        self._fill_choices(path, figures)
        known = (self.verdict, self.reason, self.show_worst, self.contacts, self.figures, self.clear_rows)
        for widget in known:
            widget.setVisible(figures is not None)
        if figures is None:
            self.state.setText(COMPUTING)
            return
        is_now = figures.path == path
        self.state.setText(COMPUTING if not is_now else EXACT if self._desk.is_exact else PREVIEW)
        self._show(path, figures)
        for widget in known:
            widget.setEnabled(is_now)

    def _ask_for_room(self) -> None:
        """Rows deep inside came or went: the panel around hears of it only when it is told."""
        area: QWidget | None = self
        while area is not None and not isinstance(area, QScrollArea):
            layout = area.layout()
            if layout is not None:
                layout.invalidate()
                layout.activate()
            area = area.parentWidget()
        if area is not None:
            QApplication.postEvent(area, QEvent(QEvent.Type.LayoutRequest))

    def _show(self, path: ToolPath, figures: PathFigures) -> None:
        self.verdict.setText(verdict_text(figures.verdict))
        set_role(self.verdict, LOOKS[figures.verdict].role)
        at = f", at {figures.time_s:.1f} s" if figures.time_s is not None else ""
        self.reason.setText(f"{figures.reason}{at}")
        self.reason.setVisible(bool(figures.reason))
        self.show_worst.setVisible(figures.verdict is not Verdict.SAFE and figures.time_s is not None)
        self.contacts.show_passages(passages(figures))
        self.figures.show_rows(self._figure_rows(path, figures))
        self.clear_rows.show_clearances(figures.judged)

    def _figure_rows(self, path: ToolPath, figures: PathFigures) -> list[tuple[str, str, str]]:
        """Name, number and tooltip."""
        rows = [
            ("Takes", duration_words(path), "From the first key pose to the last"),
            ("Way of the tip", f"{tip_way_mm(path):.0f} mm", "From key pose to key pose"),
        ]
        exact = figures.exact
        swept = f"{exact.swept_ml:.1f} mL" if exact is not None else COMPUTING
        rows.append(("Swept", swept, "All the space that the instrument passes, in and outside the image"))
        if path.cuts and exact is not None:
            rows += removed_rows(exact.removed_ml)
        if exact is not None and exact.trocar is not None:
            off, left = exact.trocar.worst, exact.trocar.deepest
            rows.append(("Off the trocar", f"{off.deviation_mm:.1f} mm", f"At most, at {off.time_s:.1f} s"))
            rows.append(("Shaft left outside", f"{left.shaft_left_mm:.0f} mm", f"At least, at {left.time_s:.1f} s"))
        judged = self._desk.judged
        if judged is not None and judged.evaluation is not None:
            for pair in pairs_of(judged.evaluation.tool_paths, path.name):
                other = next(name for name in pair.paths if name != path.name)
                good = "" if pair.pair.is_good else "  \u25c6"
                tip = "Angle between the instruments where they meet; 45\u00b0 to 75\u00b0 work best (Hanna 1997)"
                rows.append((f"Meets {other} at", f"{pair.pair.angle_deg:.0f}\u00b0{good}", tip))
        return rows

    def _fill_choices(self, path: ToolPath, figures: PathFigures | None) -> None:
        twin = self._desk.state.twin
        there = [s.name for s in present(twin) if not is_wrapping(s)] if twin is not None else []
        kept = {a.structure for a in path.avoid} if path.avoid else set(there)
        for box, title, names in (
            (self.more, KEEP_CLEAR, [n for n in there if n not in kept]),
            (self.fewer, MAY_TOUCH, [n for n in there if n in kept]),
        ):
            offered = [title, *names]
            if [box.itemText(n) for n in range(box.count())] != offered:
                box.clear()
                box.addItems(offered)
            box.setCurrentIndex(0)
            box.setEnabled(bool(names))

    def _keep_clear_of(self, row: int) -> None:
        if row > 0:
            name = self.more.itemText(row)
            self._paths.edits.edit(lambda p: keeping_clear(p, name, 0.0), f"Keep clear of {name} with")

    def _let_touch(self, row: int) -> None:
        if row > 0:
            names = [self.fewer.itemText(n) for n in range(1, self.fewer.count())]
            self._paths.edits.let_touch(self.fewer.itemText(row), names)

    def _go_to_worst(self) -> None:
        figures = self._paths.figures
        if figures is not None and figures.time_s is not None:
            self._paths.go_to(figures.time_s, figures.at_mm)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(self.verdict)
        top.addStretch(1)
        top.addWidget(self.state)
        column.addLayout(top)
        upper: tuple[QWidget, ...] = (self.reason, self.show_worst, self.contacts, self.figures)
        lower: tuple[QWidget, ...] = (self.pose, self.keys, self.clear_rows)
        last: tuple[QWidget, ...] = (self.cuts, self.follow, self.extras)
        for widget in upper:
            column.addWidget(widget)
        column.addWidget(text_label(HINT, "quiet", wrap=True))
        column.addLayout(_row(self.along, self.across))
        for widget in lower:
            column.addWidget(widget)
        for widget in (self.more, self.fewer):
            column.addWidget(widget)
        for widget in last:
            column.addWidget(widget)
        column.addLayout(_row(self.duplicate, self.remove))


class PassageRows(QWidget):
    """What is touched that may not be, and when: a click takes all views there."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk = desk
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.buttons: list[QPushButton] = []
        self._shown: tuple[Passage, ...] = ()

    def show_passages(self, listed: tuple[Passage, ...]) -> None:
        self._shown = listed[:MOST_PASSAGES]
        while len(self.buttons) > len(self._shown):
            discard(self.buttons.pop())
        while len(self.buttons) < len(self._shown):
            self._add(len(self.buttons))
        for button, passage in zip(self.buttons, self._shown, strict=True):
            button.setText(passage.words)
            button.setToolTip(f"From {passage.start_s:.1f} to {passage.end_s:.1f} s: show the deepest moment")

    def _add(self, n: int) -> None:
        button = QPushButton()
        button.setProperty("role", "listed")
        button.clicked.connect(lambda: self._go_to(n))
        self._column.addWidget(button)
        self.buttons.append(button)

    def _go_to(self, n: int) -> None:
        passage = self._shown[n]
        self._desk.paths.go_to(passage.at_s, passage.at_mm)


def removed_rows(removed_ml: dict[str, float]) -> list[tuple[str, str, str]]:
    """What is taken of each structure, most first; one row that says so where nothing is."""
    taken = sorted(((ml, name) for name, ml in removed_ml.items() if ml >= LEAST_ML), reverse=True)
    if not taken:
        return [("Takes away", "nothing", "It passes through no structure that was found")]
    tip = "Of the structure's own voxels inside the space that the instrument passes"
    return [(f"Takes of {name}", f"{ml:.2f} mL", tip) for ml, name in taken[:MOST_REMOVED]]


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
