"""The structures: what is shown, in which colour, how large, and whether a person has accepted it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from ..certainty import certainty_lines
from ..icons import icon
from ..state import AppState
from ..wording import structure_volume, with_parts
from .certainty_line import CertaintyLine
from .labels import ElidedLabel, paint_background, set_role, text_label
from .structure_list import Column, StructureFilter, StructureModel

ICON_PX = 16
NARROW_COLUMN_PX = 24
COMPACT_BELOW_PX = 480
"""Of the whole panel, in Qt's pixels: a full-HD screen at 150 % and more."""
NOTHING_SELECTED = "Click a structure to see how large it is and to change how it is shown."
NO_STRUCTURES = "The organs stand here once they have been found: each with its volume, to show, hide and check."
ACCEPT_TIP = "Say that you have checked it and it is right  (A)"
WITHDRAW_TIP = "Say that you no longer accept it  (A)"


class StructureTree(QTreeView):
    """The list itself; Space shows or hides, S shows alone."""

    toggled = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Space:
            self.toggled.emit()
            return
        super().keyPressEvent(event)


class StructuresPanel(QWidget):
    """Search, list, and the details of the structure that is selected."""

    accept_asked = Signal(str)
    """Name of a structure a person wants to accept, or to withdraw the acceptance of."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        paint_background(self)
        self._state = state
        self.model = StructureModel(state, self)
        self.filter = StructureFilter(self.model, self)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search structures")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self.filter.set_words)
        self.tree = self._make_tree()
        self.detail = StructureDetail(state)
        self.detail.accept_asked.connect(self.accept_asked)
        self.detail.colour_asked.connect(self.choose_colour)
        self.waiting = text_label(NO_STRUCTURES, "quiet", wrap=True)
        self.footer = ElidedLabel(role="unproven", least_width=60)
        self._lay_out()
        for signal in (state.twin_changed, state.selection_changed, state.details_changed):
            signal.connect(self.refresh)
        state.structure_changed.connect(lambda _name: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Selection and the count of what nobody has accepted."""
        twin = self._state.twin
        row = self.filter.mapFromSource(self.model.index(self.model.row_of(self._state.selected), Column.NAME))
        if row.isValid() and row.row() != self.tree.currentIndex().row():
            self.tree.setCurrentIndex(row)
        self.detail.refresh()
        self.waiting.setVisible(twin is None)
        self.tree.setVisible(twin is not None)
        if twin is None:
            self.footer.hide()
            return
        there = [s.name for s in twin.structures if twin.labels.voxels(s)]
        waiting = sum(name not in twin.accepted for name in there)
        self.footer.set_text(f"\u25c7 {waiting} of {len(there)} not accepted by a person" if waiting else "")
        self.footer.setVisible(waiting > 0)

    def choose_colour(self, name: str) -> None:
        """Ask for a colour without stopping the program."""
        dialog = QColorDialog(QColor(*self._state.colour(name)), self)
        dialog.setWindowTitle(f"Colour of {name}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(
            lambda colour: self._state.set_colour(name, (colour.red(), colour.green(), colour.blue()))
        )
        dialog.open()

    def toggle_selected(self) -> None:
        name = self._state.selected
        if name:
            self._state.set_visible(name, not self._state.visible(name))

    def _make_tree(self) -> StructureTree:
        tree = StructureTree()
        tree.setModel(self.filter)
        tree.setRootIsDecorated(False)
        tree.setHeaderHidden(True)
        tree.setUniformRowHeights(True)
        tree.setIconSize(QSize(ICON_PX, ICON_PX))
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(NARROW_COLUMN_PX)
        for column in (Column.EYE, Column.COLOUR, Column.STATUS):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, NARROW_COLUMN_PX)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(Column.VOLUME, QHeaderView.ResizeMode.ResizeToContents)
        tree.clicked.connect(self._on_click)
        tree.doubleClicked.connect(self._on_double_click)
        tree.toggled.connect(self.toggle_selected)
        tree.selectionModel().currentChanged.connect(self._on_current)
        tree.customContextMenuRequested.connect(self._open_menu)
        tree.setAccessibleName("Structures")
        return tree

    def _name_at(self, index: QModelIndex) -> str:
        return self.model.structure(self.filter.mapToSource(index).row()).name

    def _on_current(self, index: QModelIndex, _previous: QModelIndex) -> None:
        if index.isValid():
            self._state.select(self._name_at(index))

    def _on_click(self, index: QModelIndex) -> None:
        name = self._name_at(index)
        if index.column() == Column.EYE:
            self._state.set_visible(name, not self._state.visible(name))
        elif index.column() == Column.COLOUR:
            self.choose_colour(name)
        elif index.column() == Column.STATUS and self._state.can_edit:
            self.accept_asked.emit(name)

    def _on_double_click(self, index: QModelIndex) -> None:
        if index.column() in (Column.NAME, Column.VOLUME):
            self._state.solo(self._name_at(index))

    def _open_menu(self, place: QPoint) -> None:
        index = self.tree.indexAt(place)
        if index.isValid():
            self.context_menu(self._name_at(index)).popup(self.tree.viewport().mapToGlobal(place))

    def context_menu(self, name: str) -> QMenu:
        """What can be done with one structure."""
        state, menu = self._state, QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        visible = state.visible(name)
        menu.addAction("Hide" if visible else "Show", lambda: state.set_visible(name, not visible))
        soloed = state.soloed == name
        menu.addAction("Show what was shown before" if soloed else "Show alone", lambda: state.solo(name))
        menu.addAction("Colour…", lambda: self.choose_colour(name))
        menu.addSeparator()
        words = "Withdraw the acceptance" if state.is_accepted(name) else "Accept as correct"
        menu.addAction(words, lambda: self.accept_asked.emit(name)).setEnabled(state.can_edit)
        return menu

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.search, 1)
        top.addWidget(_tool("eye", "Show all", lambda: self._state.show_only(self._state.structure_names())))
        top.addWidget(_tool("eye_off", "Hide all", lambda: self._state.show_only(())))
        column.addLayout(top)
        column.addWidget(self.waiting, 1, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.tree, 1)
        column.addWidget(self.footer)
        column.addWidget(self.detail)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Where there is little height the list has it."""
        super().resizeEvent(event)
        self.detail.set_compact(event.size().height() < COMPACT_BELOW_PX)


def _tool(name: str, tip: str, slot: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.clicked.connect(lambda _checked=False: slot())
    return button


class StructureDetail(QFrame):
    """How the selected structure is shown, and whether a person stands behind it."""

    accept_asked = Signal(str)
    colour_asked = Signal(str)

    def __init__(self, state: AppState) -> None:
        super().__init__()
        self.setObjectName("detail")
        self._state = state
        self._is_compact = False
        self.name = ElidedLabel(role="section")
        self.volume = text_label()
        self.parts = text_label(role="quiet", wrap=True)
        self.status = text_label(wrap=True)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setAccessibleName("Opacity")
        self.opacity.valueChanged.connect(self._on_opacity)
        self.percent = text_label(role="quiet")
        self.solo = QPushButton("Show alone")
        self.solo.setCheckable(True)
        self.solo.setToolTip("Show only this structure and its parts  (S)")
        self.solo.clicked.connect(lambda: self._state.solo(self._state.selected))
        self.accept = QPushButton("Accept")
        self.accept.clicked.connect(lambda: self.accept_asked.emit(self._state.selected))
        self.hint = text_label(NOTHING_SELECTED, "quiet", wrap=True)
        self._lay_out()

    def refresh(self) -> None:
        name, twin = self._state.selected, self._state.twin
        chosen = bool(name) and twin is not None
        self._content.setVisible(chosen)
        self.hint.setVisible(not chosen and not self._is_compact)
        self.setVisible(twin is not None and (chosen or not self._is_compact))
        if not chosen or twin is None:
            return
        structure = twin.labels.structure(name)
        accepted = self._state.is_accepted(name)
        volume, parts = structure_volume(twin.labels, structure), with_parts(twin.labels, structure)
        self.name.set_text(name)
        self.parts.setText(parts)
        self.parts.setVisible(bool(parts) and not self._is_compact)
        self.status.setVisible(not self._is_compact)
        mark, words = ("\u2713", "Accepted by a person") if accepted else ("\u25c7", "Not accepted by a person")
        self.volume.setText(f"{mark} {volume}" if self._is_compact else volume)
        self.volume.setToolTip("\n".join((words, *certainty_lines(twin, structure))) if self._is_compact else words)
        set_role(self.volume, ("" if accepted else "unproven") if self._is_compact else "")
        self.status.setText("\u2713 accepted by a person" if accepted else "\u25c7 not accepted by a person")
        set_role(self.status, "safe" if accepted else "unproven")
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(self._state.opacity(name) * 100))
        self.opacity.blockSignals(False)
        self.percent.setText(f"{self.opacity.value()} %")
        self.solo.setChecked(self._state.soloed == name)
        self.accept.setText("Withdraw" if accepted else "Accept")
        self.accept.setToolTip(WITHDRAW_TIP if accepted else ACCEPT_TIP)
        self.accept.setEnabled(self._state.can_edit)

    def set_compact(self, compact: bool) -> None:
        """Only what is changed often, and nothing while no structure is selected."""
        if compact != self._is_compact:
            self._is_compact = compact
            margin = 4 if compact else 8
            self._outer.setContentsMargins(12, margin, 12, margin)
            self.refresh()

    def _on_opacity(self, percent: int) -> None:
        self._state.set_opacity(self._state.selected, percent / 100.0)

    def _lay_out(self) -> None:
        outer = self._outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 8, 12, 8)
        outer.addWidget(self.hint)
        self._content = QWidget()
        column, first = QVBoxLayout(self._content), QHBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        first.addWidget(self.name, 1)
        first.addWidget(self.volume)
        column.addLayout(first)
        column.addWidget(self.parts)
        column.addWidget(CertaintyLine(self._state))
        column.addWidget(self.status)
        slider = QHBoxLayout()
        slider.addWidget(text_label("Opacity", "quiet"))
        slider.addWidget(self.opacity, 1)
        self.percent.setMinimumWidth(self.percent.fontMetrics().horizontalAdvance("100 %") + 4)
        slider.addWidget(self.percent)
        column.addLayout(slider)
        buttons = QHBoxLayout()
        buttons.addWidget(self.solo, 1)
        buttons.addWidget(self.accept, 1)
        column.addLayout(buttons)
        outer.addWidget(self._content)
