"""Undo and redo: what a person did, each with the words that name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAX_STEPS = 200


@dataclass(frozen=True)
class Edit:
    """One thing that was done and can be taken back; `text` names it ("Accept liver")."""

    text: str
    do: Callable[[], None]
    undo: Callable[[], None]


class History:
    """A stack of edits. Running one clears what could have been redone."""

    def __init__(self) -> None:
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def undo_text(self) -> str:
        """Name of the edit that `undo` would take back, or empty."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        return self._undone[-1].text if self._undone else ""

    def run(self, edit: Edit) -> None:
        """Do `edit` and remember it; an edit that raises is not remembered."""
        edit.do()
        self.record(edit)

    def record(self, edit: Edit) -> None:
        """Remember an edit that has been done already."""
        self._done.append(edit)
        del self._done[:-MAX_STEPS]
        self._undone.clear()

    def undo(self) -> None:
        if self._done:
            self._done[-1].undo()
            self._undone.append(self._done.pop())

    def redo(self) -> None:
        if self._undone:
            self._undone[-1].do()
            self._done.append(self._undone.pop())

    def clear(self) -> None:
        self._done.clear()
        self._undone.clear()
