"""What is wrong with the plan on the screen, worst on top."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from surgtwin.domain.finding import Finding, Severity

from ..icons import pixmap
from ..panels.findings_list import ICON_PX, WORDS, FindingsList, worst_first
from .desk import PlanDesk

SHORT = 96
"""Characters of a finding that are shown at first."""


class PlanFindings(FindingsList):
    """The findings of the plan's checks; while figures are computed, those of a moment ago stay, ghosted."""

    def __init__(self, desk: PlanDesk) -> None:
        self.desk = desk
        self._shown: tuple[Finding, ...] = ()
        self._last: tuple[Finding, ...] = ()
        super().__init__(desk.state)
        desk.judged_changed.connect(self._on_judged)

    @property
    def is_known(self) -> bool:
        """Whether the checks have said something of this plan, be it that all is well."""
        judged = self.desk.judged
        has_word = judged is not None and (judged.evaluation is not None or bool(judged.problem))
        return bool(self._current()) or has_word

    def findings(self) -> list[Finding]:
        return worst_first(self._current())

    def row(self, finding: Finding) -> QWidget:
        """Its beginning and what leads to the place; a click on the words shows all of them."""
        row = QFrame()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        mark = QLabel()
        mark.setPixmap(pixmap(f"finding_{finding.severity}", ICON_PX, ratio=self.devicePixelRatioF()))
        mark.setToolTip(WORDS[finding.severity])
        box.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        box.addWidget(ShortText(f"{WORDS[finding.severity]}: {finding.message}"), 1)
        if finding.where_mm is not None or finding.structure in self.desk.state.structure_names():
            show = QToolButton()
            show.setText("\u203a")
            show.setToolTip("Show it")
            show.setAccessibleName("Show it")
            show.clicked.connect(lambda: self.go_to.emit(finding))
            box.addWidget(show, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _current(self) -> tuple[Finding, ...]:
        desk, judged = self.desk, self.desk.judged
        strangers = tuple(Finding("unknown-structure", Severity.ERROR, str(e)) for e in desk.book.strangers())
        if strangers:
            return strangers
        if judged is None or desk.plan.is_empty:
            self._last = ()
            return ()
        if judged.problem and judged.plan == desk.plan:
            return (Finding("not-judged", Severity.ERROR, judged.problem),)
        if judged.evaluation is not None:
            self._last = judged.evaluation.findings
        return self._last

    def _on_judged(self) -> None:
        now = self._current()
        if now != self._shown:
            self._shown = now
            self.refresh()


class ShortText(QLabel):
    """A long text that shows its beginning until it is clicked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._whole, self._short = text, shortened(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setText(self._short)
        if self._short != text:
            self.setToolTip(text)
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self.setText(self._whole if self.text() == self._short else self._short)


def shortened(text: str) -> str:
    """The whole words of the first characters, with an ellipsis if there are more."""
    if len(text) <= SHORT:
        return text
    return f"{text[:SHORT].rsplit(' ', 1)[0]}\u2026"
