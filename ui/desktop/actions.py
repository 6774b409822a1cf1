"""The table of everything a person can ask for: each menu item, shortcut and command is one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from .icons import icon
from .state import AppState

Ask = Callable[[AppState], bool]


def always(_: AppState) -> bool:
    return True


def has_image(state: AppState) -> bool:
    return state.volume is not None


def has_twin(state: AppState) -> bool:
    return state.twin is not None


def can_edit(state: AppState) -> bool:
    return state.can_edit


def has_selection(state: AppState) -> bool:
    return bool(state.selected)


def can_edit_selection(state: AppState) -> bool:
    return state.can_edit and bool(state.selected)


@dataclass(frozen=True)
class Row:
    """One action.

    Parameters
    ----------
    menu
        Title of the menu it stands in; rows of one menu keep their order.
    shortcuts
        As Qt writes them ("Ctrl+O"); several may do the same.
    checked
        For a row that is on or off; None for one that simply acts.
    text_now
        For a row whose text follows the state ("Undo accept liver").
    starts_group
        A line in the menu before it.
    """

    key: str
    menu: str
    text: str
    slot: Callable[[], object]
    shortcuts: tuple[str, ...] = ()
    enabled: Ask = always
    icon: str = ""
    checked: Ask | None = None
    text_now: Callable[[AppState], str] | None = None
    starts_group: bool = False


class ActionTable(QObject):
    """The rows as Qt actions, kept in step with the state."""

    def __init__(self, rows: Iterable[Row], state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self.rows = tuple(rows)
        self._state = state
        self._actions = {row.key: self._make(row, window) for row in self.rows}
        for signal in (
            state.twin_changed, state.details_changed, state.selection_changed, state.history_changed,
            state.tool_changed, state.layout_changed, state.busy_changed, state.compare_changed,
        ):  # fmt: skip
            signal.connect(self.refresh)
        self.refresh()

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def refresh(self) -> None:
        """Bring enabled, checked and text up to date."""
        for row in self.rows:
            action = self._actions[row.key]
            action.setEnabled(row.enabled(self._state))
            if row.checked is not None:
                action.setChecked(row.checked(self._state))
            if row.text_now is not None:
                action.setText(row.text_now(self._state))

    def fill(self, bar: QMenuBar) -> dict[str, QMenu]:
        """One menu per title, in the order of the table."""
        menus: dict[str, QMenu] = {}
        for row in self.rows:
            if not row.menu:
                continue
            if row.menu not in menus:
                menus[row.menu] = bar.addMenu(row.menu)
            if row.starts_group:
                menus[row.menu].addSeparator()
            menus[row.menu].addAction(self._actions[row.key])
        return menus

    def _make(self, row: Row, window: QWidget) -> QAction:
        action = QAction(row.text, window)
        action.setShortcuts([QKeySequence(s) for s in row.shortcuts])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setCheckable(row.checked is not None)
        if row.icon:
            action.setIcon(icon(row.icon))
            action.setIconVisibleInMenu(False)
        action.setToolTip(tooltip(row))
        action.triggered.connect(lambda _checked=False: row.slot())
        window.addAction(action)
        return action


def tooltip(row: Row) -> str:
    """The text and, in brackets, the first shortcut as this system writes it."""
    text = row.text.replace("&", "").rstrip("…")
    return f"{text}  ({shortcut_text(row.shortcuts[0])})" if row.shortcuts else text


def shortcut_text(shortcut: str) -> str:
    return QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)
