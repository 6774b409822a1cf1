"""Which plan is on the screen, what it is called, whether it is kept and approved."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from ..actions import ActionTable
from ..panels.labels import set_role, text_label
from .book import PlanBook
from .draft import status_words

MENU_ROWS = (
    "plan_new", "plan_duplicate", "plan_rename", "plan_compare", None, "plan_open", "plan_export", "plan_report",
    None, "plan_remove",
)  # fmt: skip
NO_PLAN = "No plan yet"


class PlanBar(QWidget):
    """A list of the plans, a menu for them, and the two things one does with a plan that is ready."""

    save_asked = Signal()
    approve_asked = Signal()
    report_asked = Signal()

    def __init__(self, book: PlanBook) -> None:
        super().__init__()
        self._book = book
        self.plans = QComboBox()
        self.plans.setAccessibleName("Plans")
        self.plans.setToolTip("The plan on the screen")
        self.plans.activated.connect(lambda n: book.show(int(self.plans.itemData(n) or 0)))
        self.more = QToolButton()
        self.more.setText("\u22ef")
        self.more.setProperty("role", "menu")
        self.more.setToolTip("New, duplicate, rename, compare, open, export, report, remove")
        self.more.setAccessibleName("More about plans")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.status = text_label(wrap=True)
        self.save = QPushButton("Save")
        self.save.setToolTip("Keep the plans with the twin  (Ctrl+S)")
        self.save.clicked.connect(self.save_asked)
        self.approve = QPushButton("Approve\u2026")
        self.approve.clicked.connect(self.approve_asked)
        self.report = QPushButton("Report\u2026")
        self.report.setToolTip("Pictures, figures and findings as PDF or as a web page  (Ctrl+R)")
        self.report.clicked.connect(self.report_asked)
        self._lay_out()
        book.drafts_changed.connect(self.refresh)
        self.refresh()

    def set_menu(self, actions: ActionTable) -> None:
        """The rows of the action table that are about plans."""
        menu = QMenu(self.more)
        for key in MENU_ROWS:
            if key is None:
                menu.addSeparator()
            else:
                menu.addAction(actions[key])
        self.more.setMenu(menu)

    def refresh(self) -> None:
        book, current = self._book, self._book.current
        self.plans.blockSignals(True)
        self.plans.clear()
        for draft in book.drafts:
            self.plans.addItem(f"{draft.name}  \u2022" if draft.is_changed else draft.name, draft.key)
        if current is None:
            self.plans.addItem(NO_PLAN, 0)
        else:
            self.plans.setCurrentIndex(self.plans.findData(current.key))
        self.plans.setEnabled(bool(book.drafts))
        self.plans.blockSignals(False)
        words, role = status_words(current, book.status(current)) if current is not None else ("", "quiet")
        if book.unreadable:
            words += f"\nSaved by a newer program, not shown: {', '.join(book.unreadable)}"
        self.status.setText(words)
        self.status.setVisible(bool(words))
        set_role(self.status, role)
        self.save.setVisible(bool(book.changed))
        self.approve.setText("Withdraw approval" if book.is_approved else "Approve\u2026")
        for button in (self.approve, self.report):
            button.setVisible(current is not None and not current.plan.is_empty)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.plans, 1)
        top.addWidget(self.more)
        column.addLayout(top)
        column.addWidget(self.status)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.save, 1)
        row.addWidget(self.approve, 1)
        row.addWidget(self.report, 1)
        column.addLayout(row)
