"""Every shortcut, from the table of actions; and what the mouse does."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from surgtwin.settings import MouseProfile

from ..actions import Row, shortcut_text
from ..panels.labels import text_label
from .base import AskingDialog

MOUSE: dict[MouseProfile, tuple[tuple[str, str], ...]] = {
    MouseProfile.PACS: (("Left drag", "Window/level"), ("Middle drag", "Pan"), ("Right drag", "Zoom")),
    MouseProfile.SLICER: (
        ("Left click", "Move the cross-hair"),
        ("Middle drag", "Pan"),
        ("Right drag", "Zoom"),
    ),
}
MOUSE_ALWAYS = (
    ("Wheel", "Scroll through the slices"),
    ("Shift + move", "Move the cross-hair"),
    ("Double-click", "One view large, or all four"),
)
MOUSE_IN_PLAN = (
    ("Drag a handle", "Bend, move or tilt the cut; its neighbours follow"),
    ("Shift + drag", "Bend one handle alone"),
    ("Drag the line on a slice", "Bend or move the cut; near a plane's end tilt it"),
    ("Click the map", "Take all views to that place of the cut"),
    ("Double-click a cut's name", "Rename it"),
    ("Space", "Play or pause the tool path"),
    ("\u2190 \u2192", "A moment back or on; with Shift a second, with Ctrl to the next key pose"),
    ("Drag a diamond under the curves", "Take a key pose to another time; Del deletes it"),
)


class ShortcutsDialog(AskingDialog):
    """Two columns per menu: keys and what they do."""

    def __init__(self, rows: Iterable[Row], profile: MouseProfile, parent: QWidget | None = None) -> None:
        super().__init__("Keyboard and mouse", "", "", parent)
        area = QScrollArea()
        area.setWidgetResizable(True)
        inner = QWidget()
        inner.setObjectName("panelBody")
        self.grid = QGridLayout(inner)
        self.grid.setContentsMargins(12, 12, 12, 12)
        self.grid.setHorizontalSpacing(24)
        self.grid.setVerticalSpacing(4)
        self.grid.setColumnStretch(1, 1)
        menu = ""
        for row in rows:
            if not row.shortcuts:
                continue
            if row.menu != menu:
                menu = row.menu
                self._heading(menu.replace("&", "") or "Anywhere")
            keys = " or ".join(shortcut_text(s) for s in row.shortcuts)
            self._line(keys, row.text.replace("&", "").rstrip("…"))
        self._heading("Mouse on a slice")
        for keys, words in (*MOUSE[profile], *MOUSE_ALWAYS):
            self._line(keys, words)
        self._heading("Mouse in Plan mode")
        for keys, words in MOUSE_IN_PLAN:
            self._line(keys, words)
        self.grid.setRowStretch(self.grid.rowCount(), 1)
        area.setWidget(inner)
        self.body.addWidget(area, 1)
        self.resize(520, 600)

    def _heading(self, text: str) -> None:
        self.grid.addWidget(text_label(text, "section"), self.grid.rowCount(), 0, 1, 2, Qt.AlignmentFlag.AlignBottom)

    def _line(self, keys: str, words: str) -> None:
        row = self.grid.rowCount()
        self.grid.addWidget(text_label(keys, "quiet"), row, 0)
        self.grid.addWidget(text_label(words), row, 1)
