"""The structures of the twin as Qt's model: eye, colour, name, mL, accepted or not."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor, QFont

from surgtwin.domain.labels import Structure
from surgtwin.domain.twin import Twin

from .. import theme
from ..certainty import certainty_lines
from ..icons import chip, icon
from ..state import AppState
from ..wording import structure_volume, with_parts

Index = QModelIndex | QPersistentModelIndex
INDENT = "   "
NOT_ACCEPTED = "Not accepted: no person has checked this structure yet."
ACCEPTED = "Accepted by a person."
_HINTS = {0: "Show or hide  (Space)", 1: "Change its colour"}


class Column(IntEnum):
    EYE = 0
    COLOUR = 1
    NAME = 2
    VOLUME = 3
    STATUS = 4


def in_family_order(twin: Twin) -> list[tuple[Structure, int]]:
    """Every structure after the one it is a part of, with its depth; else in the twin's own order."""
    by_parent: dict[str, list[Structure]] = {}
    names = {s.name for s in twin.structures}
    for s in twin.structures:
        by_parent.setdefault(s.part_of if s.part_of in names else "", []).append(s)
    ordered: list[tuple[Structure, int]] = []

    def add(parent: str, depth: int) -> None:
        for s in by_parent.pop(parent, []):
            ordered.append((s, depth))
            add(s.name, depth + 1)

    add("", 0)
    for parent in list(by_parent):
        add(parent, 0)
    return ordered


class StructureModel(QAbstractTableModel):
    """Reads the state; writes nothing."""

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._rows: list[tuple[Structure, int]] = []
        state.twin_changed.connect(self.reload)
        state.structure_changed.connect(self._refresh)
        state.details_changed.connect(self._refresh)
        self.reload()

    def reload(self) -> None:
        self.beginResetModel()
        twin = self._state.twin
        self._rows = in_family_order(twin) if twin is not None else []
        self.endResetModel()

    def structure(self, row: int) -> Structure:
        return self._rows[row][0]

    def row_of(self, name: str) -> int:
        return next((n for n, (s, _) in enumerate(self._rows) if s.name == name), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        twin = self._state.twin
        if twin is None or not index.isValid():
            return None
        structure, depth = self._rows[index.row()]
        column = Column(index.column())
        kind = Qt.ItemDataRole(role)
        if kind is Qt.ItemDataRole.DisplayRole:
            return self._text(twin, structure, depth, column)
        if kind is Qt.ItemDataRole.DecorationRole:
            return self._icon(structure, column)
        if kind is Qt.ItemDataRole.ToolTipRole:
            return self._tip(twin, structure, column)
        if kind is Qt.ItemDataRole.TextAlignmentRole and column is Column.VOLUME:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if kind is Qt.ItemDataRole.ForegroundRole:
            return self._ink(twin, structure, column)
        if kind is Qt.ItemDataRole.FontRole and self._state.soloed == structure.name:
            font = QFont(theme.base_font())
            font.setBold(True)
            return font
        return None

    def _text(self, twin: Twin, structure: Structure, depth: int, column: Column) -> str | None:
        if column is Column.NAME:
            return f"{INDENT * depth}{structure.name}"
        return structure_volume(twin.labels, structure) if column is Column.VOLUME else None

    def _icon(self, structure: Structure, column: Column) -> Any:
        visible = self._state.visible(structure.name)
        if column is Column.EYE:
            return icon("eye") if visible else icon("eye_off", "#6a7078")
        if column is Column.COLOUR:
            return chip(self._state.colour(structure.name), hollow=not visible)
        if column is Column.STATUS:
            return icon("accepted" if self._state.is_accepted(structure.name) else "not_accepted")
        return None

    def _tip(self, twin: Twin, structure: Structure, column: Column) -> str:
        if column is Column.STATUS:
            return ACCEPTED if self._state.is_accepted(structure.name) else NOT_ACCEPTED
        if column in (Column.EYE, Column.COLOUR):
            return _HINTS[column]
        method = twin.provenance.methods.get(structure.name, structure.origin)
        own, parts = structure_volume(twin.labels, structure), with_parts(twin.labels, structure)
        volume = f"{own} of its own, {parts}" if parts else own
        error = "".join(f"\n{line}" for line in certainty_lines(twin, structure))
        return f"{structure.name}: {volume}{error}\nFound by: {method}"

    def _ink(self, twin: Twin, structure: Structure, column: Column) -> QColor | None:
        if not self._state.visible(structure.name) or not twin.labels.voxels(structure):
            return QColor(theme.QUIET)
        if column is Column.VOLUME and not self._state.is_accepted(structure.name):
            return QColor(theme.UNPROVEN)
        return None

    def _refresh(self, _name: str = "") -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(Column) - 1))


class StructureFilter(QSortFilterProxyModel):
    """Rows whose name holds every word that was typed, in any order."""

    def __init__(self, model: StructureModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words: list[str] = []
        self.setSourceModel(model)

    def set_words(self, text: str) -> None:
        self.beginFilterChange()
        self._words = text.lower().replace("_", " ").split()
        self.endFilterChange()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:  # noqa: N802 - Qt's name
        del source_parent
        name = self._model.structure(source_row).name.lower().replace("_", " ")
        return all(word in name for word in self._words)
