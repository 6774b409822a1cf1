"""What a person can set: the mouse, the size of everything, where twins go, who reads, and the device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QSlider, QWidget

from surgtwin.settings import MouseProfile

from ..kept_settings import KeptSettings, default_twins_folder
from ..panels.labels import ElidedLabel, text_label
from .base import AskingDialog

MOUSE_WORDS = (
    (MouseProfile.PACS, "PACS: left window/level, middle pan, right zoom"),
    (MouseProfile.SLICER, "Slicer: left selects and moves, middle pan, right zoom"),
)
SCALES = (75, 100, 125, 150, 175, 200, 250, 300)
DEVICES = (("auto", "Graphics card if there is one"), ("cuda", "Graphics card (CUDA)"), ("cpu", "Processor (CPU)"))


class SettingsDialog(AskingDialog):
    """Nothing is changed until it is confirmed."""

    def __init__(self, kept: KeptSettings, parent: QWidget | None = None) -> None:
        super().__init__("Settings", "", "Keep", parent)
        self._kept = kept
        now = kept.now
        self.mouse = _combo(MOUSE_WORDS, now.mouse_profile)
        self.scale = _combo([(n, f"{n} %") for n in SCALES], now.scale_percent)
        self.device = _combo(DEVICES, now.device)
        self.reader = QLineEdit(now.reader)
        self.reader.setPlaceholderText(kept.reader() or "Your name or initials")
        self.models = {"model_ct": _model_line(now.model_ct), "model_mr": _model_line(now.model_mr)}
        self.folder = Path(now.twins_folder) if now.twins_folder else default_twins_folder()
        self.where = ElidedLabel(str(self.folder), least_width=200)
        self.overlay = QSlider(Qt.Orientation.Horizontal)
        self.overlay.setRange(0, 100)
        self.overlay.setValue(round(now.label_opacity * 100))
        self._folder_changed = False
        self._lay_out()
        self.accepted.connect(self._keep)
        self.setMinimumWidth(520)

    def _keep(self) -> None:
        changes = {"twins_folder": str(self.folder)} if self._folder_changed else {}
        self._kept.change(
            mouse_profile=MouseProfile(self.mouse.currentData()),
            scale_percent=self.scale.currentData(),
            device=self.device.currentData(),
            reader=self.reader.text().strip(),
            label_opacity=self.overlay.value() / 100.0,
            **{name: line.text().strip() for name, line in self.models.items()},
            **changes,
        )

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "New twins go to", str(self.folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._set_folder)
        dialog.open()

    def _set_folder(self, path: str) -> None:
        self.folder, self._folder_changed = Path(path), True
        self.where.set_text(path)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(12)
        form.setHorizontalSpacing(16)
        form.addRow("Mouse", self.mouse)
        form.addRow("Size of everything", self.scale)
        form.addRow("", text_label("Takes effect when surgtwin starts again.", "quiet", wrap=True))
        row = QHBoxLayout()
        row.addWidget(self.where, 1)
        change = QPushButton("Change…")
        change.clicked.connect(self._choose_folder)
        row.addWidget(change)
        form.addRow("New twins go to", row)
        form.addRow("Accepted by", self.reader)
        form.addRow("Segment on", self.device)
        form.addRow("Model for CT", self.models["model_ct"])
        form.addRow("Model for MR", self.models["model_mr"])
        form.addRow("Structures on slices", self.overlay)
        self.body.addLayout(form)


def _model_line(name: str) -> QLineEdit:
    line = QLineEdit(name)
    line.setPlaceholderText("The one that comes with surgtwin")
    line.setToolTip("The name of a model that comes with surgtwin, or the folder of another (nnU-Net v2)")
    return line


def _combo(rows: Iterable[tuple[object, str]], current: object) -> QComboBox:
    box = QComboBox()
    for value, words in rows:
        box.addItem(words, value)
    box.setCurrentIndex(max(0, box.findData(current)))
    return box
