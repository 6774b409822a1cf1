"""What to export: which structures, in which formats, in which frame, and where to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from ..icons import chip
from ..panels.labels import ElidedLabel, text_label
from ..state import AppState
from .base import AskingDialog

FORMATS = (
    ("stl", "STL", "For 3D printing; one file per structure, no colours"),
    ("3mf", "3MF", "For 3D printing, with colours; one file"),
    ("glb", "GLB", "For web and headsets, with colours; one file, metres, Y up"),
    ("obj", "OBJ", "With colours in an MTL file; one file per structure"),
    ("ply", "PLY", "With colours; one file per structure"),
    ("vtp", "VTP", "For VTK and ParaView; one file per structure"),
)
SENTENCE = "Files are named after the structures and hold no patient data."
FRAMES = (("LPS", "LPS - DICOM, ITK"), ("RAS", "RAS - 3D Slicer, NIfTI"))


@dataclass(frozen=True)
class ExportOrder:
    """What a person asked for."""

    folder: Path
    formats: tuple[str, ...]
    names: frozenset[str]
    frame: str


class ExportDialog(AskingDialog):
    """The structures that are shown are the ones that are ticked at first."""

    ordered = Signal(object)
    """An ExportOrder."""

    def __init__(self, state: AppState, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__("Export surfaces", SENTENCE, "Export", parent)
        self._folder = folder
        self.structures = QListWidget()
        self.structures.setAccessibleName("Structures to export")
        twin = state.twin
        for mesh in twin.meshes if twin is not None else ():
            item = QListWidgetItem(chip(state.colour(mesh.name)), mesh.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            shown = state.visible(mesh.name)
            item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
            self.structures.addItem(item)
        self.structures.itemChanged.connect(lambda _item: self._refresh())
        self.formats = {key: QCheckBox(name) for key, name, _ in FORMATS}
        self.formats["stl"].setChecked(True)
        self.frame = QComboBox()
        for key, words in FRAMES:
            self.frame.addItem(words, key)
        self.where = ElidedLabel(str(folder), least_width=200)
        self._lay_out()
        self.accepted.connect(lambda: self.ordered.emit(self.order()))
        self.resize(520, 520)
        self._refresh()

    def order(self) -> ExportOrder:
        return ExportOrder(
            self._folder,
            tuple(key for key, box in self.formats.items() if box.isChecked()),
            frozenset(i.text() for i in self._items() if i.checkState() is Qt.CheckState.Checked),
            str(self.frame.currentData()),
        )

    def set_folder(self, folder: Path) -> None:
        self._folder = folder
        self.where.set_text(str(folder))

    def _items(self) -> list[QListWidgetItem]:
        return [self.structures.item(n) for n in range(self.structures.count())]

    def _refresh(self) -> None:
        order = self.order()
        self.accept_button.setEnabled(bool(order.formats) and bool(order.names))
        count = len(order.names)
        self.accept_button.setText(f"Export {count} structure{'' if count == 1 else 's'}" if count else "Export")

    def tick_only(self, names: Collection[str]) -> None:
        """Tick exactly these."""
        for item in self._items():
            item.setCheckState(Qt.CheckState.Checked if item.text() in names else Qt.CheckState.Unchecked)

    def _tick_all(self, ticked: bool) -> None:
        for item in self._items():
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Export to", str(self._folder.parent))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.set_folder(Path(path)))
        dialog.open()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(text_label("Structures", "section"), 1)
        for words, ticked in (("All", True), ("None", False)):
            button = QPushButton(words)
            button.clicked.connect(lambda _=False, t=ticked: self._tick_all(t))
            top.addWidget(button)
        self.body.addLayout(top)
        self.body.addWidget(self.structures, 1)
        self.body.addWidget(text_label("Formats", "section"))
        grid = QGridLayout()
        for n, (key, _, tip) in enumerate(FORMATS):
            self.formats[key].setToolTip(tip)
            self.formats[key].toggled.connect(lambda _on: self._refresh())
            grid.addWidget(self.formats[key], n // 3, n % 3)
        self.body.addLayout(grid)
        frame = QHBoxLayout()
        frame.addWidget(text_label("Coordinates", "section"))
        frame.addWidget(self.frame, 1)
        self.body.addLayout(frame)
        where = QHBoxLayout()
        where.addWidget(text_label("Folder", "section"))
        where.addWidget(self.where, 1)
        change = QPushButton("Change…")
        change.clicked.connect(self._choose_folder)
        where.addWidget(change)
        self.body.addLayout(where)
