"""A person approves a plan: what stands against it is read first, and needs a reason."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from surgtwin.domain.finding import Severity
from surgtwin.domain.verdict import Verdict
from surgtwin.planning.evaluation import PlanEvaluation
from surgtwin.planning.verdicts import verdicts_of

from ..dialogs.base import AskingDialog
from ..panels.labels import text_label

CLEAR = "Nothing in it is violated and no finding is serious. An edit or a new revision of the twin breaks this."
REASON = "Why it is approved all the same"


class ApprovalDialog(AskingDialog):
    """With obstacles it can't be accepted before a reason is given."""

    given = Signal(str)
    """The reason despite obstacles; empty where there are none."""

    def __init__(self, name: str, obstacles: tuple[str, ...], parent: QWidget | None = None) -> None:
        sentence = "Read what stands against it first." if obstacles else CLEAR
        super().__init__(f"Approve {name}", sentence, "Approve", parent)
        for text in obstacles:
            self.body.addWidget(text_label(f"\u25b2 {text}", "violated", wrap=True))
        self.reason = QPlainTextEdit()
        self.reason.setPlaceholderText(REASON)
        self.reason.setAccessibleName(REASON)
        self.reason.setMaximumHeight(72)
        self.reason.setVisible(bool(obstacles))
        self.reason.textChanged.connect(self._refresh)
        self.body.addWidget(self.reason)
        self._needs_reason = bool(obstacles)
        self.accepted.connect(lambda: self.given.emit(self.reason.toPlainText().strip()))
        self.setMinimumWidth(420)
        self._refresh()

    def _refresh(self) -> None:
        self.accept_button.setEnabled(not self._needs_reason or bool(self.reason.toPlainText().strip()))


def obstacles_of(evaluation: PlanEvaluation) -> tuple[str, ...]:
    """What stands against an approval, for a person."""
    violated = [f"{v.text} is violated" for v in verdicts_of(evaluation) if v.verdict is Verdict.VIOLATED]
    return (*violated, *(f.message for f in evaluation.findings if f.severity is Severity.ERROR))
