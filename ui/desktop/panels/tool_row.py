"""The row under the banner: the modes, the tools of the image, the search field."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from ..actions import ActionTable
from ..menu_rows import TOOLS
from ..modes import MODES
from .labels import vertical_line

TOOL_ICON_PX = 20


class ToolRow(QFrame):
    """Modes by their table, tools by the action table's rows."""

    mode_chosen = Signal(str)
    """Key of the mode whose button was pressed."""

    def __init__(self, actions: ActionTable, search_box: QWidget) -> None:
        super().__init__()
        self._actions = actions
        self.setObjectName("toolRow")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 12, 4)
        row.setSpacing(4)
        self.mode_buttons = QButtonGroup(self)
        for n, mode in enumerate(MODES):
            button = QPushButton(mode.title)
            button.setProperty("role", "mode")
            button.setCheckable(True)
            button.setShortcut(QKeySequence(mode.shortcut))
            button.setToolTip(f"{mode.tip}  ({mode.shortcut})")
            self.mode_buttons.addButton(button, n)
            row.addWidget(button)
        self.mode_buttons.idClicked.connect(lambda n: self.mode_chosen.emit(MODES[n].key))
        row.addWidget(vertical_line())
        self.image_tools = [self._tool_button(f"tool_{tool}") for tool, *_ in TOOLS]
        self.image_tools += [self._tool_button(key) for key in ("fit", "undo", "redo", "screenshot", "export")]
        for tool in self.image_tools:
            row.addWidget(tool)
        row.addStretch(1)
        row.addWidget(search_box)
        for key in ("open_folder", "shortcuts", "settings"):
            row.addWidget(self._tool_button(key))

    def light_mode(self, key: str) -> None:
        for n, mode in enumerate(MODES):
            self.mode_buttons.button(n).setChecked(mode.key == key)

    def show_tools(self, shown: bool) -> None:
        """The tools of the image, where there is an image."""
        for button in self.image_tools:
            button.setVisible(shown)

    def _tool_button(self, key: str) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(self._actions[key])
        button.setIconSize(QSize(TOOL_ICON_PX, TOOL_ICON_PX))
        button.setAccessibleName(self._actions[key].text())
        return button
