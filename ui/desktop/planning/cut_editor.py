"""The cut that is worked on: what it is about, and what one can do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from surgtwin.domain.cut import BezierCut, CombinedCut, PlaneCut, ShellCut

from ..panels.labels import text_label
from .cut_form import CutForm, is_bendable
from .desk import SOFT, PlanDesk
from .hand_words import bands_of

if TYPE_CHECKING:
    from .plan_commands import PlanCommands

KIND_WORDS = {PlaneCut: "Plane", BezierCut: "Bendable surface", ShellCut: "Shell", CombinedCut: "Several surfaces"}
HINTS = {
    PlaneCut: "Drag the square to move it, a diamond to tilt it, or its line on a slice.",
    BezierCut: "Drag a handle in 3D, or the line on a slice. Shift moves one handle alone.",
    ShellCut: "Drag its line on a slice to widen it, or type its distance.",
    CombinedCut: "It came from a file and can't be reshaped by hand.",
}


class CutEditor(QWidget):
    """Follows the entry that is chosen; hidden while that is no cut."""

    def __init__(self, desk: PlanDesk, commands: PlanCommands) -> None:
        super().__init__()
        self._desk = desk
        self.form = CutForm(desk)
        self.hint = text_label(role="quiet", wrap=True)
        self.bend = QPushButton()
        self.bend.clicked.connect(lambda: commands.bend(self._wanted()))
        self.bend_more = QToolButton()
        self.bend_more.setText("\u25be")
        self.bend_more.setProperty("role", "menu")
        self.bend_more.setAccessibleName("Other distances to bend to")
        self.bend_more.setToolTip("Other distances to bend to")
        self.bend_more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.bend_more)
        self.until_safe = menu.addAction("")
        self.until_safe.triggered.connect(lambda: commands.bend(self._safe()))
        self.bend_more.setMenu(menu)
        self.flip = QPushButton("Take the other side")
        self.flip.clicked.connect(commands.flip)
        self.remove = QPushButton("Remove")
        self.remove.clicked.connect(commands.remove_entry)
        self.soft = QCheckBox("Neighbours follow the handle")
        self.soft.setChecked(True)
        self.soft.toggled.connect(self._set_soft)
        self._lay_out()
        for signal in (desk.book.plan_changed, desk.book.chosen_changed, desk.choice_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        cut = self._desk.cut
        self.setVisible(cut is not None)
        if cut is None:
            return
        kind = type(cut.surface)
        self.hint.setText(f"{KIND_WORDS.get(kind, '')}. {HINTS.get(kind, '')}")
        can_bend = isinstance(cut.surface, BezierCut | PlaneCut | ShellCut) and bool(cut.targets)
        verb = "Widen" if isinstance(cut.surface, ShellCut) else "Bend"
        self.bend.setText(f"{verb} to {cut.margin_mm:g} mm")
        self.bend.setToolTip("Shape the cut so that its least margin is what is wanted" if can_bend else NO_TARGET)
        self.until_safe.setText(f"{verb} until it is safe: {self._safe():.1f} mm")
        self.bend.setEnabled(can_bend)
        self.bend_more.setEnabled(can_bend)
        self.flip.setVisible(isinstance(cut.surface, BezierCut | PlaneCut))
        self.soft.setVisible(is_bendable(cut))

    def _wanted(self) -> float:
        cut = self._desk.cut
        return cut.margin_mm if cut is not None else 0.0

    def _safe(self) -> float:
        cut = self._desk.cut
        return round(bands_of(cut, self._desk).safe_mm + 0.05, 1) if cut is not None else 0.0

    def _set_soft(self, on: bool) -> None:
        self._desk.falloff = SOFT if on else 0.0

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.hint)
        column.addWidget(self.form)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.bend, 1)
        row.addWidget(self.bend_more)
        column.addLayout(row)
        column.addWidget(self.soft)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.flip, 1)
        row.addWidget(self.remove)
        column.addLayout(row)


NO_TARGET = "Choose a target first: there is nothing to keep a margin from"
