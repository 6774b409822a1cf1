"""One field that finds structures and commands: Ctrl+K, some letters, Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import QCompleter, QLineEdit, QWidget

from .actions import ActionTable
from .icons import icon
from .state import AppState

WIDTH_PX = 240
MAX_SHOWN = 12


@dataclass(frozen=True)
class Hit:
    """One thing that can be found: how it reads, and what choosing it does."""

    text: str
    choose: Callable[[], object]


class SearchBox(QLineEdit):
    """Structures first, then what can be done now."""

    def __init__(
        self, state: AppState, actions: ActionTable, go_to: Callable[[str], object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._actions, self._go_to = state, actions, go_to
        self.setPlaceholderText("Search  (Ctrl+K)")
        self.setToolTip("Find a structure or a command  (Ctrl+K or /)")
        self.addAction(icon("search", "#9aa0a8"), QLineEdit.ActionPosition.LeadingPosition)
        self.setFixedWidth(WIDTH_PX)
        self._hits: dict[str, Hit] = {}
        self._texts = QStringListModel(self)
        completer = QCompleter(self._texts, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setMaxVisibleItems(MAX_SHOWN)
        completer.activated.connect(self.choose)
        self.setCompleter(completer)
        self.returnPressed.connect(self._choose_best)

    def take_focus(self) -> None:
        """Ready to type; the list is that of this moment."""
        self._collect()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def hits(self) -> Sequence[Hit]:
        """Everything that can be found now."""
        self._collect()
        return tuple(self._hits.values())

    def choose(self, text: str) -> None:
        """Do what the hit of that text stands for."""
        hit = self._hits.get(text)
        self.clear()
        self.clearFocus()
        if hit is not None:
            hit.choose()

    def focusInEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._collect()
        super().focusInEvent(event)  # type: ignore[arg-type]

    def _choose_best(self) -> None:
        words = self.text().lower()
        best = next((t for t in self._hits if words and words in t.lower()), "")
        if best:
            self.choose(best)

    def _collect(self) -> None:
        names = self._state.structure_names()
        hits = [Hit(f"{name}", lambda n=name: self._go_to(n)) for name in names]  # type: ignore[misc]
        hits += [Hit(f"Show only {name}", lambda n=name: self._show_only(n)) for name in names]  # type: ignore[misc]
        for row in self._actions.rows:
            action = self._actions[row.key]
            if action.isEnabled() and row.key not in ("search",):
                hits.append(Hit(action.text().replace("&", "").rstrip("…"), action.trigger))
        self._hits = {hit.text: hit for hit in hits}
        self._texts.setStringList(list(self._hits))

    def _show_only(self, name: str) -> None:
        self._state.show_only(self._state.with_parts(name))
        self._state.select(name)
