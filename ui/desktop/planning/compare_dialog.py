"""Which of several plans to put beside the one on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from ..dialogs.base import AskingDialog
from .draft import Draft


class CompareChooser(AskingDialog):
    """A list; a double-click or Enter chooses."""

    chosen = Signal(int)

    def __init__(self, current: Draft, others: Sequence[Draft], parent: QWidget | None = None) -> None:
        super().__init__("Compare plans", f"Put beside {current.name}:", "Compare", parent)
        self.list = QListWidget()
        self.list.setAccessibleName("Plans to compare with")
        self._keys = [d.key for d in others]
        for draft in others:
            self.list.addItem(QListWidgetItem(draft.name))
        self.list.setCurrentRow(0)
        self.list.itemActivated.connect(lambda _item: self.accept())
        self.body.addWidget(self.list)
        self.accepted.connect(lambda: self.chosen.emit(self._keys[self.list.currentRow()]))
