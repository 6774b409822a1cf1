"""Which tool is followed, against which marker, along which planned way, and whether the slices go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QGridLayout, QHBoxLayout, QPushButton

from surgtwin.errors import SourceError
from surgtwin.live.tool_tip import read_tool_tip, read_tracker_to_image

from ..panels.labels import Section, set_role, text_label
from .desk import LiveDesk

NONE = "none"
NOTHING_PLANNED = "none is planned"
JSON_FILTER = "Files of this program (*.json);;All files (*)"


class ToolSection(Section):
    """Choices, and what is known of the tool's tip and of how its tracker lies to the image."""

    problem_found = Signal(str)

    def __init__(self, desk: LiveDesk) -> None:
        super().__init__("Tool and way")
        self._desk = desk
        self.tool, self.reference, self.fixed, self.way = (narrow_combo(words) for words in LABELS.values())
        self.tool.activated.connect(self._choose_tool)
        self.reference.activated.connect(self._choose_reference)
        self.fixed.activated.connect(self._choose_fixed)
        self.way.activated.connect(self._choose_way)
        self.follow = QCheckBox("Slices follow the tip")
        self.follow.toggled.connect(self._set_follow)
        self.lies = text_label(wrap=True)
        self.tip_words = text_label(role="quiet", wrap=True)
        self.places = QPushButton("It sends places in the image")
        self.places.setToolTip("For navigation systems and simulators that were registered already: poses are RAS mm")
        self.places.setCheckable(True)
        self.places.clicked.connect(self._set_places)
        self.open_registration = QPushButton("Open registration\u2026")
        self.open_registration.clicked.connect(self._ask_registration)
        self.open_tip = QPushButton("Open tip\u2026")
        self.open_tip.clicked.connect(self._ask_tip)
        self._lay_out()
        for signal in (desk.links_changed, desk.chosen_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        desk, link = self._desk, self._desk.link
        tools = [(k, d) for k in desk.links for d in k.tools]
        fill_combo(self.tool, [d if len(desk.links) == 1 else f"{d}  ({k.name})" for k, d in tools])
        self.tool.setCurrentIndex(next((n for n, t in enumerate(tools) if t == (link, desk.device)), -1))
        devices = [] if link is None else [d for d in link.source.devices if d != desk.device]
        reference = "" if link is None else link.calibration.reference
        fill_combo(self.reference, [NONE, *devices])
        self.reference.setCurrentText(reference or NONE)
        fill_combo(self.fixed, [NONE, *(d for d in devices if d != reference)])
        self.fixed.setCurrentText(link.pair.second if link is not None and link.pair is not None else NONE)
        self.fixed.setEnabled(bool(reference))
        ways = desk.ways
        fill_combo(self.way, [NONE if ways else NOTHING_PLANNED, *(f"{way.name}  ({plan})" for plan, way in ways)])
        chosen = next((n for n, (p, w) in enumerate(ways) if (p, w.name) == desk.way_name), -1)
        self.way.setCurrentIndex(chosen + 1)
        self.way.setEnabled(bool(ways))
        self._tell_calibration()

    def _tell_calibration(self) -> None:
        link, device = self._desk.link, self._desk.device
        has_tool = link is not None and bool(device)
        for widget in (self.places, self.open_registration, self.open_tip, self.follow):
            widget.setEnabled(has_tool)
        if link is None:
            self.lies.setText("")
            self.tip_words.setText("")
            return
        c = link.calibration
        self.places.setChecked(c.sends_places)
        if c.registration is not None:
            self.lies.setText(f"\u2713 Registered to the image, error {c.registration.tre_mm:.1f} mm.")
        elif c.sends_places:
            self.lies.setText("\u2713 Its poses are taken as places in the image (RAS).")
        else:
            self.lies.setText("\u25b2 Not registered to the image: figures are withheld.")
        set_role(self.lies, "safe" if c.is_registered else "unproven")
        tip = c.tips.get(device)
        self.tip_words.setText(
            "The tip is taken to be where the marker is: calibrate it below."
            if tip is None
            else f"Tip calibrated, \u00b1 {tip.error_mm:.2f} mm."
        )

    def _choose_tool(self, n: int) -> None:
        tools = [(k, d) for k in self._desk.links for d in k.tools]
        if 0 <= n < len(tools):
            self._desk.follow(*tools[n])

    def _choose_reference(self, n: int) -> None:
        if self._desk.link is not None:
            self._desk.set_reference(self._desk.link, self.reference.currentText() if n else "")

    def _choose_fixed(self, n: int) -> None:
        if self._desk.link is not None:
            self._desk.link.watch(self.fixed.currentText() if n else "")

    def _choose_way(self, n: int) -> None:
        ways = self._desk.ways
        if n:
            self._desk.choose_way(ways[n - 1][0], ways[n - 1][1].name)
        else:
            self._desk.choose_way("", "")

    def _set_follow(self, on: bool) -> None:
        self._desk.follows_tip = on

    def _set_places(self, on: bool) -> None:
        if self._desk.link is not None:
            self._desk.register(self._desk.link, None, sends_places=on)

    def _ask_registration(self) -> None:
        self._ask("Open how the tracker lies to the image", self.take_registration)

    def _ask_tip(self) -> None:
        self._ask("Open a tool's tip", self.take_tip)

    def take_registration(self, path: Path) -> None:
        """Use a file that `surgtwin live register` or this window wrote."""
        link = self._desk.link
        if link is not None:
            try:
                self._desk.register(link, read_tracker_to_image(path, "tracker"))
            except SourceError as error:
                self.problem_found.emit(str(error))

    def take_tip(self, path: Path) -> None:
        """Use a file that `surgtwin live tip` or this window wrote."""
        link = self._desk.link
        if link is not None:
            try:
                self._desk.set_tip(link, self._desk.device, read_tool_tip(path))
            except SourceError as error:
                self.problem_found.emit(str(error))

    def _ask(self, title: str, then: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self.window(), title, "", JSON_FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: then(Path(path)))
        dialog.finished.connect(lambda _code: dialog.deleteLater())
        dialog.open()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for n, (words, combo) in enumerate(zip(LABELS, (self.tool, self.reference, self.fixed, self.way), strict=True)):
            grid.addWidget(text_label(words, "quiet"), n, 0)
            grid.addWidget(combo, n, 1)
        grid.setColumnStretch(1, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.follow)
        self.body.addWidget(self.lies)
        self.body.addWidget(self.places)
        self.body.addWidget(self.tip_words)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.open_registration)
        row.addWidget(self.open_tip)
        self.body.addLayout(row)


LABELS = {
    "Tool": "Tool that is followed",
    "Reference": "Marker that is fixed to the patient",
    "Fixed to it": "Marker that should not move against the reference",
    "Way": "Planned way that the tool should take",
}


def narrow_combo(words: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(words)
    combo.setToolTip(words)
    combo.setMinimumContentsLength(8)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


def fill_combo(combo: QComboBox, texts: Sequence[str]) -> None:
    """New entries; a list that is open under the mouse is left alone where nothing changed."""
    if [combo.itemText(n) for n in range(combo.count())] != list(texts):
        combo.clear()
        combo.addItems(list(texts))
