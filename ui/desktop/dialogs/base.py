"""A dialog with a title, a sentence, content and two buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ..panels.labels import text_label


class AskingDialog(QDialog):
    """Content goes into `body`; `accept_button` says what will be done, never just "OK"."""

    def __init__(self, title: str, sentence: str, accept_text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(text_label(title, "title"))
        self.sentence = text_label(sentence, "quiet", wrap=True)
        self.sentence.setVisible(bool(sentence))
        column.addWidget(self.sentence)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        column.addLayout(self.body, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        self.cancel_button = QPushButton("Cancel" if accept_text else "Close")
        self.cancel_button.clicked.connect(self.reject)
        row.addWidget(self.cancel_button)
        self.accept_button = QPushButton(accept_text)
        self.accept_button.setProperty("role", "primary")
        self.accept_button.setDefault(True)
        self.accept_button.clicked.connect(self.accept)
        self.accept_button.setVisible(bool(accept_text))
        row.addWidget(self.accept_button)
        column.addLayout(row)
