"""New images in Live mode: take one in, judge what waits, look back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QPushButton

from ..panels.labels import Section, text_label

if TYPE_CHECKING:
    from .live import Live

HINT = "A scan made meanwhile is laid on the twin and shown as a proposal: it counts only if a person accepts it."


class ArrivalsSection(Section):
    """The menu's commands where they are needed."""

    def __init__(self, live: Live) -> None:
        super().__init__("New images")
        self._live = live
        self.file = QPushButton("Take in a file\u2026")
        self.file.clicked.connect(lambda _checked=False: live.ask_image())
        self.folder = QPushButton("A DICOM folder\u2026")
        self.folder.clicked.connect(lambda _checked=False: live.ask_image_folder())
        self.judge = QPushButton()
        self.judge.setProperty("role", "primary")
        self.judge.clicked.connect(lambda _checked=False: live.judge_next())
        self.body.addWidget(text_label(HINT, "quiet", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.file)
        row.addWidget(self.folder)
        self.body.addLayout(row)
        self.body.addWidget(self.judge)
        live.history.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        waiting = self._live.history.proposed
        self.judge.setVisible(bool(waiting))
        if waiting:
            self.judge.setText(f"Judge revision {waiting[0].revision.number}")
