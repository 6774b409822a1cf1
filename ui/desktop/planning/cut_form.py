"""Organ, targets and margin: of the cut that is worked on, or of the next one while there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
    QWidgetAction,
)

from surgtwin.domain.cut import BezierCut, ShellCut
from surgtwin.domain.plan import Resection
from surgtwin.planning.edits import with_entry

from ..panels.labels import text_label
from .choices import CutChoice, choice_for, organs_of, targets_of
from .desk import PlanDesk

MOST_MM = 100.0
NO_TARGETS = "none"
NOTHING_FOUND = "No tumour or lesion was found in this twin."


class CutForm(QWidget):
    """Shows what counts and asks the desk for changes."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk = desk
        self.organ = QComboBox()
        self.organ.setAccessibleName("Organ to cut")
        self.organ.activated.connect(lambda _n: self._choose_organ(self.organ.currentText()))
        self.targets = QPushButton()
        self.targets.setObjectName("choiceButton")
        self.targets.setAccessibleName("What is to be taken out")
        self.targets.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.boxes: dict[str, QCheckBox] = {}
        self.margin = millimetre_box("Margin wanted", 0.0)
        self.margin.valueChanged.connect(self._set_margin)
        self.distance = millimetre_box("Distance of the shell", 0.5)
        self.distance.valueChanged.connect(self._set_distance)
        self.distance_words = text_label("Shell at", "quiet")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        rows = (("Organ", self.organ), ("Targets", self.targets), ("Margin", self.margin))
        for n, (words, widget) in enumerate(rows):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(widget, n, 1)
        grid.addWidget(self.distance_words, len(rows), 0)
        grid.addWidget(self.distance, len(rows), 1)
        grid.setColumnStretch(1, 1)
        desk.choice_changed.connect(self.refresh)
        desk.book.plan_changed.connect(self.refresh)
        desk.book.chosen_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        twin, cut = self._desk.state.twin, self._desk.cut
        if twin is None:
            return
        now = CutChoice(cut.organ, cut.targets, cut.margin_mm) if cut is not None else self._desk.choice
        organs = organs_of(twin)
        self.organ.blockSignals(True)
        if [self.organ.itemText(n) for n in range(self.organ.count())] != list(organs):
            self.organ.clear()
            self.organ.addItems(list(organs))
        self.organ.setCurrentIndex(self.organ.findText(now.organ))
        self.organ.blockSignals(False)
        self._fill_targets(targets_of(twin, now.organ), now.targets)
        for box, value in ((self.margin, now.margin_mm), (self.distance, _shell_distance(cut))):
            if not box.hasFocus() or abs(box.value() - value) > 1e-9:
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
        is_shell = cut is not None and isinstance(cut.surface, ShellCut)
        self.distance.setVisible(is_shell)
        self.distance_words.setVisible(is_shell)

    def _fill_targets(self, offered: tuple[str, ...], chosen: tuple[str, ...]) -> None:
        if tuple(self.boxes) != offered:
            self._make_boxes(offered)
        for name, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(name in chosen)
            box.blockSignals(False)
        text = ", ".join(chosen) if len(chosen) < 3 else f"{len(chosen)} targets"
        metrics = self.targets.fontMetrics()
        self.targets.setText(
            metrics.elidedText(text or NO_TARGETS, Qt.TextElideMode.ElideRight, max(self.targets.width() - 32, 140))
        )
        self.targets.setToolTip(", ".join(chosen) if offered else NOTHING_FOUND)

    def _make_boxes(self, offered: tuple[str, ...]) -> None:
        menu = QMenu(self.targets)
        self.boxes = {}
        for name in offered:
            box = QCheckBox(name)
            box.toggled.connect(lambda _on: self._choose_targets())
            action = QWidgetAction(menu)
            action.setDefaultWidget(box)
            menu.addAction(action)
            self.boxes[name] = box
        if not offered:
            menu.addAction(NOTHING_FOUND).setEnabled(False)
        self.targets.setMenu(menu)

    # --- what is asked for

    def _choose_organ(self, organ: str) -> None:
        twin, cut = self._desk.state.twin, self._desk.cut
        if twin is None:
            return
        choice = choice_for(twin, organ, self.margin.value())
        if cut is None:
            self._desk.set_choice(choice)
        elif organ != cut.organ:
            self._edit(lambda r: replace(r, organ=organ, targets=choice.targets, includes=()), "Organ of")

    def _choose_targets(self) -> None:
        chosen = tuple(name for name, box in self.boxes.items() if box.isChecked())
        if self._desk.cut is None:
            self._desk.set_choice(replace(self._desk.choice, targets=chosen))
        else:
            self._edit(lambda r: replace(r, targets=chosen), "Targets of")

    def _set_margin(self, value: float) -> None:
        if self._desk.cut is None:
            self._desk.set_choice(replace(self._desk.choice, margin_mm=value))
        else:
            self._edit(lambda r: replace(r, margin_mm=value), "Margin of", merge=True)

    def _set_distance(self, value: float) -> None:
        cut = self._desk.cut
        if cut is not None and isinstance(cut.surface, ShellCut):
            surface = replace(cut.surface, distance_mm=value)
            self._edit(lambda r: replace(r, surface=surface), "Distance of", merge=True)

    def _edit(self, change: Callable[[Resection], Resection], words: str, merge: bool = False) -> None:
        chosen = self._desk.book.chosen
        if isinstance(chosen, Resection):
            book = self._desk.book
            book.apply(with_entry(book.plan, change(chosen)), f"{words} {chosen.name}", merge=merge)


def millimetre_box(name: str, least: float) -> QDoubleSpinBox:
    """A field for a length; what is typed counts once it is complete."""
    box = QDoubleSpinBox()
    box.setRange(least, MOST_MM)
    box.setDecimals(1)
    box.setSuffix(" mm")
    box.setSingleStep(1.0)
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    return box


def _shell_distance(cut: Resection | None) -> float:
    return cut.surface.distance_mm if cut is not None and isinstance(cut.surface, ShellCut) else 10.0


def is_bendable(cut: Resection | None) -> bool:
    """Whether handles bend it."""
    return cut is not None and isinstance(cut.surface, BezierCut)
