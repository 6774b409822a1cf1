"""What a proposed revision did, in figures and words: motions, gates, and which verdicts of plans change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QScrollArea, QTableWidget, QTableWidgetItem

from surgtwin.domain.registration import Gate, Registration
from surgtwin.domain.twin import Twin
from surgtwin.pipeline.timeline import CHANGED

from ..panels.labels import Section, paint_background, text_label
from ..theme import QUIET, SAFE, VIOLATED

GATE_WORDS = {
    "more-alike": "More alike than before",
    "like-enough": "Alike enough",
    "no-folding": "Nothing folds",
    "motion-limit": "No organ moved too far",
    "volumes-kept": "Volumes are kept",
    "organ-shown": "An organ is shown",
}
"""A gate's name for a person; one that is not here is told by its own."""
HEADS = ("", "moved", "95 %", "\u00b1", "shown")
TIPS = (
    "Structure",
    "Mean motion of its surface, mm",
    "95 % of its surface moved less, mm",
    "Standard error to expect of its new place, mm",
    "How much of it the arrived image shows",
)
HALF = 0.5
PASSED, FAILED = "\u2713", "\u25b2"


class MotionTable(QTableWidget):
    """One structure a row, the one that moved most on top."""

    def __init__(self, registration: Registration) -> None:
        rows = sorted(registration.motions, key=lambda m: -m.p95_mm)
        super().__init__(len(rows), len(HEADS))
        self.setHorizontalHeaderLabels(list(HEADS))
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("How far each structure moved")
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for n, tip in enumerate(TIPS):
            head = self.horizontalHeaderItem(n)
            if head is not None:
                head.setToolTip(tip)
        for n, m in enumerate(rows):
            shown = f"{m.shown_share:.0%}"
            for column, text in enumerate(
                (m.structure, f"{m.mean_mm:.1f}", f"{m.p95_mm:.1f}", f"{m.error_mm:.1f}", shown)
            ):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if m.shown_share < HALF:
                    item.setForeground(QColor(QUIET))
                    item.setToolTip("Less than half of it is shown: its place is a guess from its surroundings")
                self.setItem(n, column, item)


class GatesSection(Section):
    """Every question with its answer."""

    def __init__(self, registration: Registration) -> None:
        super().__init__("May it be accepted?")
        for gate in sorted(registration.gates, key=lambda g: g.is_passed):
            self.body.addWidget(gate_label(gate))
        self.body.addStretch(1)


class ConsequencesSection(Section):
    """What changes for the plans; what else must be known."""

    def __init__(self, proposed: Twin) -> None:
        super().__init__("What changes for the plans")
        changes = [f.message for f in proposed.findings if f.code in CHANGED]
        if not changes:
            words = "No verdict of a plan changes." if proposed.plans else "No plan is kept with this twin."
            self.body.addWidget(text_label(words, "quiet", wrap=True))
        for text in changes:
            self.body.addWidget(text_label(f"{FAILED} {text}", "unproven", wrap=True))
        for f in proposed.findings:
            if f.code.startswith("registration-") and f.code not in (*CHANGED, "registration-gate"):
                self.body.addWidget(text_label(f"\u25c7 {f.message}", "unproven", wrap=True))
        self.body.addStretch(1)


def gate_label(gate: Gate) -> QLabel:
    """ "✓ Nothing folds: space shrinks to 0.82 ..."."""
    words = GATE_WORDS.get(gate.name, gate.name)
    mark = PASSED if gate.is_passed else FAILED
    label = text_label(f"{mark} {words}. {gate.message}", wrap=True)
    label.setStyleSheet(f"color: {SAFE if gate.is_passed else VIOLATED}")
    return label


def scrolled(section: Section) -> QScrollArea:
    """A section that may be longer than its room."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    paint_background(section)
    area.setWidget(section)
    return area
