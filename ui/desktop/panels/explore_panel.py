"""The panel of Explore: what to know, the window, the slices, the 3D view, and what lies under the pointer."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from surgtwin.domain.geometry import Point3
from surgtwin.domain.volume import Window
from ui.render.annotations import value_text
from ui.render.reslice import SlabMode
from ui.render.volume_rendering import volume_presets
from ui.render.windows import WindowPreset, presets_for

from ..probe import probe
from ..state import AppState
from .findings_list import FindingsList
from .labels import Section, discard, horizontal_line, text_label

SLABS_MM = (0.0, 3.0, 5.0, 10.0, 20.0, 40.0)
SLAB_MODES = (
    (SlabMode.MEAN, "Mean", "The mean of the slab: less noise"),
    (SlabMode.MIP, "MIP", "The brightest of the slab: vessels with contrast"),
    (SlabMode.MINIP, "MinIP", "The darkest of the slab: airways, bile ducts"),
)
NO_SLAB = "Choose a thickness first: one slice has nothing to merge"
FINE_BELOW = 20.0
"""A window narrower than this is of an image with small values: its numbers need decimals."""
LARGEST_VALUE = 100_000.0
MAX_NAMES = 4


class ExplorePanel(QScrollArea):
    """Sections from what matters most to what is set rarely."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.findings = FindingsList(state)
        self.probe = ProbeSection(state)
        self.window_section = WindowSection(state)
        self.slices = SlicesSection(state)
        self.space = SpaceSection(state)
        findings = Section("Findings")
        findings.body.addWidget(self.findings)
        for section in (findings, self.probe, self.window_section, self.slices, self.space):
            column.addWidget(section)
            column.addWidget(horizontal_line())
        column.addStretch(1)
        self.setWidget(body)


class WindowSection(Section):
    """Window presets by name, and width and level as numbers."""

    def __init__(self, state: AppState) -> None:
        super().__init__("Window")
        self._state = state
        self.presets: dict[str, tuple[QPushButton, Window]] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(4)
        self.body.addLayout(self._grid)
        self.width_box = _number("Window width", 1.0)
        self.level_box = _number("Window level", -LARGEST_VALUE)
        row = QHBoxLayout()
        row.setSpacing(4)
        for words, box in (("Width", self.width_box), ("Level", self.level_box)):
            row.addWidget(text_label(words, "quiet"))
            row.addWidget(box, 1)
            box.editingFinished.connect(self._typed)
        self.body.addLayout(row)
        state.twin_changed.connect(self._rebuild)
        state.window_changed.connect(self.refresh)
        self._rebuild()

    def refresh(self) -> None:
        window = self._state.window
        for box, value in ((self.width_box, window.width), (self.level_box, window.level)):
            box.blockSignals(True)
            box.setDecimals(0 if window.width >= FINE_BELOW else 2)
            box.setValue(value)
            box.blockSignals(False)
        lit = next((name for name, (_, w) in self.presets.items() if w == window), "")
        for name, (button, _) in self.presets.items():
            button.setChecked(name == lit)

    def _rebuild(self) -> None:
        for button, _ in self.presets.values():
            self._grid.removeWidget(button)
            discard(button)
        volume = self._state.volume
        offered = presets_for(volume) if volume is not None else ()
        self.presets = {p.name: (self._button(p), p.window) for p in offered}
        for n, (button, _) in enumerate(self.presets.values()):
            self._grid.addWidget(button, n // 3, n % 3)
        self.refresh()

    def _button(self, preset: WindowPreset) -> QPushButton:
        button = QPushButton(preset.name)
        button.setProperty("role", "compact")
        button.setCheckable(True)
        button.setToolTip(f"{preset.name}: width {preset.window.width:g}, level {preset.window.level:g}")
        button.clicked.connect(lambda: self._pick(preset.window))
        return button

    def _pick(self, window: Window) -> None:
        self._state.set_window(window)
        self.refresh()

    def _typed(self) -> None:
        self._state.set_window(Window(self.width_box.value(), self.level_box.value()))


class SlicesSection(Section):
    """Slab, overlay, cross-hair."""

    def __init__(self, state: AppState) -> None:
        super().__init__("Slices")
        self._state = state
        self.slab = QComboBox()
        for mm in SLABS_MM:
            self.slab.addItem(f"{mm:g} mm" if mm else "One slice", mm)
        self.slab.setToolTip("Thickness that a slice view shows at once")
        self.slab.activated.connect(lambda n: state.set_slab(SLABS_MM[n]))
        self.slab_mode = QComboBox()
        for mode, words, tip in SLAB_MODES:
            self.slab_mode.addItem(words, mode)
            self.slab_mode.setItemData(self.slab_mode.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.slab_mode.setAccessibleName("What a slab shows")
        self.slab_mode.activated.connect(lambda n: state.set_slab_mode(SLAB_MODES[n][0]))
        self.overlay = QSlider(Qt.Orientation.Horizontal)
        self.overlay.setRange(0, 100)
        self.overlay.setAccessibleName("Overlay of the structures")
        self.overlay.valueChanged.connect(lambda percent: state.set_label_opacity(percent / 100.0))
        self.crosshair = QCheckBox("Cross-hair")
        self.crosshair.toggled.connect(state.set_crosshair)
        thickness = QHBoxLayout()
        thickness.addWidget(text_label("Thickness", "quiet"))
        thickness.addWidget(self.slab, 1)
        thickness.addWidget(self.slab_mode)
        row = QHBoxLayout()
        row.addWidget(text_label("Structures", "quiet"))
        row.addWidget(self.overlay, 1)
        self.body.addLayout(thickness)
        self.body.addLayout(row)
        self.body.addWidget(self.crosshair)
        state.layout_changed.connect(self.refresh)
        state.twin_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        for widget in (self.slab, self.slab_mode, self.overlay, self.crosshair):
            widget.blockSignals(True)
        nearest = min(range(len(SLABS_MM)), key=lambda n: abs(SLABS_MM[n] - self._state.slab_mm))
        self.slab.setCurrentIndex(nearest)
        self.slab_mode.setCurrentIndex(self.slab_mode.findData(self._state.slab_mode))
        self.slab_mode.setEnabled(self._state.slab_mm > 0)
        self.slab_mode.setToolTip(
            self.slab_mode.currentData(Qt.ItemDataRole.ToolTipRole) if self._state.slab_mm > 0 else NO_SLAB
        )
        self.overlay.setValue(round(self._state.label_opacity * 100))
        self.crosshair.setChecked(self._state.crosshair)
        for widget in (self.slab, self.slab_mode, self.overlay, self.crosshair):
            widget.blockSignals(False)


class SpaceSection(Section):
    """The image itself as a volume in the 3D view; where it is looked at from stands above the view."""

    def __init__(self, state: AppState) -> None:
        super().__init__("3D view")
        self._state = state
        row = QHBoxLayout()
        row.addWidget(text_label("Volume rendering", "quiet"))
        self.rendering = QComboBox()
        self.rendering.setToolTip("Volume rendering: the image itself in 3D, without segmentation")
        self.rendering.activated.connect(lambda n: state.set_volume_preset(self.rendering.itemData(n)))
        row.addWidget(self.rendering, 1)
        self.body.addLayout(row)
        state.volume_rendering_changed.connect(self.refresh)
        state.twin_changed.connect(self._rebuild)
        self._rebuild()

    def _rebuild(self) -> None:
        volume = self._state.volume
        self.rendering.clear()
        self.rendering.addItem("no", "")
        for preset in volume_presets(volume) if volume is not None else ():
            self.rendering.addItem(preset.name, preset.name)
        self.refresh()

    def refresh(self) -> None:
        self.rendering.setCurrentIndex(max(0, self.rendering.findData(self._state.volume_preset)))


class ProbeSection(Section):
    """Place, value and structures under the pointer; where it is over no slice, at the cross-hair."""

    def __init__(self, state: AppState) -> None:
        super().__init__("Probe")
        self._state = state
        self.value = text_label()
        self.structures = text_label(wrap=True)
        self.place = text_label(role="quiet")
        for label in (self.value, self.structures, self.place):
            self.body.addWidget(label)
        self.body.setSpacing(4)
        for signal in (state.pointer_moved, state.cursor_moved, state.twin_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        volume = self._state.volume
        if volume is None:
            return
        image = self._state.image
        place = self._state.pointer_mm or self._state.cursor_mm
        reading = probe(volume, self._state.twin, place, image.image_id if image is not None else "")
        if reading is None:
            self.value.setText("Outside the image")
            self.structures.setText("")
            self.place.setText(_in_words(place))
            return
        self.value.setText(value_text(reading.value, volume))
        self.structures.setText(_names(reading.structures) if self._state.twin is not None else "")
        self.place.setText(_in_words(reading.lps_mm))
        self.place.setToolTip(f"Voxel {reading.ijk[0]}, {reading.ijk[1]}, {reading.ijk[2]} (i, j, k)")


def _names(structures: tuple[str, ...]) -> str:
    if not structures:
        return "no structure"
    more = len(structures) - MAX_NAMES
    return ", ".join(structures[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _in_words(lps_mm: Point3) -> str:
    """LPS mm as the patient's sides: "L 12.0   P 30.5   S 101.0 mm"."""
    sides = zip(lps_mm, "LPS", "RAI", strict=True)
    return "   ".join(f"{plus if value >= 0 else minus} {abs(value):.1f}" for value, plus, minus in sides) + " mm"


def _number(name: str, least: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(least, LARGEST_VALUE)
    box.setDecimals(0)
    box.setAccessibleName(name)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(64)
    return box
