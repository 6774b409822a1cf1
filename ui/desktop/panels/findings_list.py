"""What a person should know about this twin, worst on top; a click goes to the place."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from surgtwin.domain.finding import Finding, Severity

from ..icons import pixmap
from ..state import AppState
from .labels import discard, text_label

ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
WORDS = {Severity.ERROR: "Serious", Severity.WARNING: "Check", Severity.INFO: "Note"}
ROLES = {Severity.ERROR: "violated", Severity.WARNING: "unproven", Severity.INFO: "quiet"}
SHOWN_AT_FIRST = 2
"""Of what is to be checked; mere notes wait behind a button."""
ICON_PX = 16


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda f: ORDER[f.severity])


class FindingsList(QWidget):
    """The first few findings, the rest on demand."""

    go_to = Signal(object)
    """The Finding a person wants to see: its place, or its structure."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._all_shown = False
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.more = QPushButton()
        self.more.clicked.connect(self._toggle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._rows)
        column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        state.twin_changed.connect(self._reset)
        self._reset()

    def findings(self) -> list[Finding]:
        """Of the twin, or of the image while there is no twin yet."""
        twin, volume = self._state.twin, self._state.volume
        if twin is not None:
            return worst_first(twin.findings)
        return worst_first(volume.findings) if volume is not None else []

    def refresh(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                discard(old)
        found = self.findings()
        first = [f for f in found if f.severity is not Severity.INFO][:SHOWN_AT_FIRST]
        for finding in found if self._all_shown else first:
            self._rows.addWidget(self.row(finding))
        if not first and not self._all_shown:
            self._rows.addWidget(text_label("Nothing to check.", "quiet"))
        waiting = found[len(first) :]
        notes = all(f.severity is Severity.INFO for f in waiting)
        self.more.setVisible(bool(waiting))
        what = ("1 note" if len(waiting) == 1 else f"{len(waiting)} notes") if notes else f"{len(waiting)} more"
        self.more.setText("Show fewer" if self._all_shown else f"Show {what}")

    def _reset(self) -> None:
        self._all_shown = False
        self.refresh()

    def _toggle(self) -> None:
        self._all_shown = not self._all_shown
        self.refresh()

    def row(self, finding: Finding) -> QWidget:
        """How one finding is shown."""
        row = QFrame()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        mark = QLabel()
        mark.setPixmap(pixmap(f"finding_{finding.severity}", ICON_PX, ratio=self.devicePixelRatioF()))
        mark.setFixedSize(QSize(ICON_PX, ICON_PX))
        box.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(text_label(WORDS[finding.severity], ROLES[finding.severity]))
        words.addWidget(text_label(finding.message, wrap=True))
        box.addLayout(words, 1)
        if finding.where_mm is not None or finding.structure in self._state.structure_names():
            show = QPushButton("Show")
            show.clicked.connect(lambda: self.go_to.emit(finding))
            box.addWidget(show, 0, Qt.AlignmentFlag.AlignTop)
        return row
