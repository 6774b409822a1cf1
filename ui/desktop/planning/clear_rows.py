"""What a needle or an instrument passes nearest, and how clear of it it has to stay, which can be typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from surgtwin.domain.plan import ToolPath
from surgtwin.domain.trajectory import Avoid, Trajectory
from surgtwin.domain.verdict import Verdict

from ..panels.labels import discard, set_role, text_label
from ..wording import millimetres
from .cut_form import millimetre_box
from .verdict_look import LOOKS

MOST_ROWS, WANTED_PIXELS = 6, 84
Edit = Callable[..., None]
"""`NeedleDesk.edit` and `PathEdits.edit`."""
Way = TypeVar("Way", Trajectory, ToolPath)


class Passed(Protocol):
    """How near a structure is passed, and how near it may be."""

    @property
    def structure(self) -> str: ...
    @property
    def min_mm(self) -> float: ...
    @property
    def needed_mm(self) -> float | None: ...
    @property
    def verdict(self) -> Verdict | None: ...


class ClearRows(QWidget):
    """One structure a row: what was found, and what is wanted."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self._edit = edit
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        for column, words in ((1, "kept clear of"), (2, "found"), (3, "wanted")):
            self._grid.addWidget(text_label(words, "quiet"), 0, column)
        self._rows: list[tuple[QLabel, QLabel, QLabel, QDoubleSpinBox]] = []
        self.structures: tuple[str, ...] = ()

    def show_clearances(self, passed: Sequence[Passed]) -> None:
        """The first of those that are to be kept clear, the least room beyond what is wanted first."""
        listed = passed[:MOST_ROWS]
        self.structures = tuple(c.structure for c in listed)
        while len(self._rows) > len(listed):
            for widget in self._rows.pop():
                discard(widget)
        while len(self._rows) < len(listed):
            self._rows.append(self._new_row(len(self._rows)))
        for (mark, name, found, wanted), clearance in zip(self._rows, listed, strict=True):
            verdict = clearance.verdict or Verdict.SAFE
            mark.setText(LOOKS[verdict].mark)
            mark.setToolTip(LOOKS[verdict].word)
            set_role(mark, LOOKS[verdict].role)
            name.setText(clearance.structure)
            found.setText(millimetres(clearance.min_mm))
            if not wanted.hasFocus():
                wanted.blockSignals(True)
                wanted.setValue(clearance.needed_mm or 0.0)
                wanted.blockSignals(False)

    def box_of(self, structure: str) -> QDoubleSpinBox:
        return self._rows[self.structures.index(structure)][3]

    def _new_row(self, n: int) -> tuple[QLabel, QLabel, QLabel, QDoubleSpinBox]:
        row = text_label(), text_label(wrap=True), text_label(), millimetre_box("Clearance wanted", 0.0)
        row[3].setFixedWidth(WANTED_PIXELS)
        row[2].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row[3].valueChanged.connect(lambda mm: self._want(n, mm))
        for column, widget in enumerate(row):
            self._grid.addWidget(widget, n + 1, column)
        return row

    def _want(self, n: int, mm: float) -> None:
        name = self.structures[n]
        self._edit(lambda t: keeping_clear(t, name, mm), f"Keep {name} clear of", merge=True)


def keeping_clear(way: Way, structure: str, mm: float) -> Way:
    """The needle or the path with a clearance wanted of a structure."""
    others: tuple[Avoid, ...] = tuple(a for a in way.avoid if a.structure != structure)
    return replace(way, avoid=(*others, Avoid(structure, mm)))
