"""Tracked frames: where each comes from, and how it is fixed to the probe that carries it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QGridLayout, QPushButton

from surgtwin.errors import SourceError
from surgtwin.live.probe_calibration import IMAGE, PROBE, read_probe_calibration

from ..panels.labels import Section, set_role, text_label
from .desk import LiveDesk
from .link import Carrier, LiveLink
from .tool_section import fill_combo, narrow_combo

OWN_PLACE = "it says its own place"
PROBE_FILTER = "Calibrations (*.xml *.json);;All files (*)"


class FramesSection(Section):
    """One image at a time is set up; every image that has a place is shown."""

    problem_found = Signal(str)

    def __init__(self, desk: LiveDesk) -> None:
        super().__init__("Tracked frames")
        self._desk = desk
        self.image = narrow_combo("Image that is sent")
        self.image.activated.connect(lambda _n: self.refresh())
        self.carrier = narrow_combo("Marker of the probe that carries it")
        self.words = text_label(wrap=True)
        self.open_calibration = QPushButton("Open probe calibration\u2026")
        self.open_calibration.setToolTip(
            "A PLUS device set (XML), or a JSON file of the matrix from pixels to the probe"
        )
        self.open_calibration.clicked.connect(self._ask)
        self.forget = QPushButton("It says its own place")
        self.forget.clicked.connect(self._forget)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        rows: tuple[tuple[str, QComboBox], ...] = (("Image", self.image), ("Probe", self.carrier))
        for n, (words, combo) in enumerate(rows):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(combo, n, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        for widget in (self.words, self.open_calibration, self.forget):
            self.body.addWidget(widget)
        for signal in (desk.links_changed, desk.chosen_changed):
            signal.connect(self.refresh)
        self.refresh()

    @property
    def has_images(self) -> bool:
        return bool(self._images)

    @property
    def _images(self) -> list[tuple[LiveLink, str]]:
        return [(link, device) for link in self._desk.links for device in link.source.image_devices]

    @property
    def chosen(self) -> tuple[LiveLink, str] | None:
        """The image that is set up."""
        images, n = self._images, self.image.currentIndex()
        return images[n] if 0 <= n < len(images) else None

    def refresh(self) -> None:
        n = max(self.image.currentIndex(), 0)
        fill_combo(self.image, [device for _, device in self._images])
        self.image.setCurrentIndex(min(n, self.image.count() - 1))
        chosen = self.chosen
        if chosen is None:
            return
        link, device = chosen
        fill_combo(self.carrier, list(link.source.devices))
        carrier = link.calibration.carriers.get(device)
        if carrier is not None:
            self.carrier.setCurrentText(carrier.device)
        else:
            probe = next((d for d in link.source.devices if d.startswith(PROBE)), "")
            self.carrier.setCurrentText(probe or self.carrier.currentText())
        self.forget.setVisible(carrier is not None)
        is_placed = link.calibration.is_registered
        where = f"carried by '{carrier.device}'" if carrier is not None else OWN_PLACE
        self.words.setText(f"\u2713 Shown in 3D: {where}." if is_placed else "\u25b2 Not shown: not registered.")
        set_role(self.words, "safe" if is_placed else "unproven")

    def take_calibration(self, path: Path) -> None:
        """From now on the chosen image is fixed to the chosen probe as a file says."""
        chosen = self.chosen
        if chosen is None:
            return
        try:
            matrix = read_probe_calibration(path).transforms.get((IMAGE, PROBE))
        except SourceError as error:
            self.problem_found.emit(str(error))
            return
        if matrix is None:
            self.problem_found.emit(f"'{path.name}' does not say how the image lies to the probe ({IMAGE}To{PROBE}).")
            return
        link, device = chosen
        carriers = {**link.calibration.carriers, device: Carrier(self.carrier.currentText(), matrix)}
        self._desk.calibrate(link, replace(link.calibration, carriers=carriers))

    def _forget(self) -> None:
        if self.chosen is not None:
            link, device = self.chosen
            left = {d: c for d, c in link.calibration.carriers.items() if d != device}
            self._desk.calibrate(link, replace(link.calibration, carriers=left))

    def _ask(self) -> None:
        dialog = QFileDialog(self.window(), "Open a probe's calibration", "", PROBE_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.take_calibration(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()
