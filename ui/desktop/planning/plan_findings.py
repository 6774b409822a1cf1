"""What is wrong with the plan on the screen, worst on top."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from surgtwin.domain.finding import Finding, Severity

from ..icons import pixmap
from ..panels.findings_list import ICON_PX, WORDS, FindingsList, worst_first
from ..panels.labels import text_label
from .desk import PlanDesk


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
        """The first sentence and what leads to the place; the rest is told when the mouse rests on it."""
        row = QFrame()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        mark = QLabel()
        mark.setPixmap(pixmap(f"finding_{finding.severity}", ICON_PX, ratio=self.devicePixelRatioF()))
        mark.setToolTip(WORDS[finding.severity])
        box.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        text = text_label(f"{WORDS[finding.severity]}: {first_sentence(finding.message)}", wrap=True)
        text.setToolTip(finding.message)
        box.addWidget(text, 1)
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
        if judged is None or not desk.plan.resections:
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


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]
