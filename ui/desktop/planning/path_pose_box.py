"""The instrument of a path and its pose as numbers: depth, tilt and roll about the trocar, which can be typed."""

from __future__ import annotations

from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from surgtwin.domain.geometry import Point3
from surgtwin.simulation.trocar import trocar_state

from ..panels.labels import text_label
from .cut_form import millimetre_box
from .desk import PlanDesk
from .needle_section import fit_narrow
from .path_build import deeper, depth_of, roll_deg, rolled, tilted
from .path_hold import Placing
from .path_instruments import InstrumentRow, known_row, size_words
from .path_section import InstrumentBox

DEEPEST_MM, MOST_TILT = 600.0, 89.0


class PoseBox(QWidget):
    """Follows the moment that is shown; a number that is typed makes it a key pose."""

    def __init__(self, desk: PlanDesk) -> None:
        super().__init__()
        self._desk, self._paths = desk, desk.paths
        self._inward: tuple[Point3, Point3 | None] | None = None
        self.instrument = InstrumentBox(desk, desk.paths.worker)
        self.instrument.take = self._paths.edits.set_instrument
        self.deep = millimetre_box("Depth of the tip from the trocar", 1.0)
        self.deep.setMaximum(DEEPEST_MM)
        self.tilt, self.roll = degree_box("Tilt at the trocar", MOST_TILT), degree_box("Roll", 360.0)
        self.roll.setWrapping(True)
        self.deep.valueChanged.connect(self._set_depth)
        self.tilt.valueChanged.connect(self._set_tilt)
        self.roll.valueChanged.connect(self._set_roll)
        fit_narrow(self.deep, self.tilt, self.roll)
        self.port = QPushButton("Place the trocar")
        self.port.setCheckable(True)
        self.port.setToolTip("Click on the skin, in 3D or on a slice; the tips stay where they are")
        self.port.clicked.connect(self._toggle_port)
        self.free = QPushButton("Free hand")
        self.free.setToolTip("No trocar; the poses stay as they are")
        self.free.clicked.connect(self._paths.edits.go_free)
        self.depth_word, self.tilt_word = text_label("Depth", "quiet"), text_label("Tilt", "quiet")
        self._lay_out()
        for signal in (self._paths.moment_changed, self._paths.placing_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        path, pose = self._paths.path, self._paths.pose
        if path is None or pose is None:
            return
        row = known_row(path.tool)
        if row is None:
            row = next((r for r in self.instrument.rows if r.tool is path.tool), None)
        self.instrument.show_row(row or InstrumentRow("Its own", path.tool, size_words(path.tool), path.cuts))
        has_port = path.trocar_mm is not None
        for widget in (self.deep, self.tilt, self.depth_word, self.tilt_word, self.free):
            widget.setVisible(has_port)
        self.port.setText("Move the trocar" if has_port else "Through a trocar")
        self.port.setChecked(self._paths.placing is Placing.PORT)
        _show(self.roll, roll_deg(pose))
        inward = self._inward_at(path.trocar_mm)
        if path.trocar_mm is not None:
            _show(self.deep, depth_of(path, pose))
            state = trocar_state(pose, path.trocar_mm, 1.0, inward)
            self.tilt.setEnabled(state.tilt_deg is not None)
            if state.tilt_deg is not None:
                _show(self.tilt, state.tilt_deg)

    def _inward_at(self, port_mm: Point3 | None) -> Point3 | None:
        """The skin's inward normal at the port, as the exact figures told it."""
        figures = self._paths.figures
        if figures is not None and figures.trocar is not None:
            self._inward = (figures.trocar.trocar_mm, figures.trocar.inward)
        known = self._inward
        return known[1] if known is not None and known[0] == port_mm else None

    def _set_depth(self, mm: float) -> None:
        self._paths.edits.edit_pose(lambda p, m: deeper(m, mm - depth_of(p, m)), "Depth of")

    def _set_tilt(self, degrees: float) -> None:
        path = self._paths.path
        inward = self._inward_at(path.trocar_mm) if path is not None else None
        if inward is not None:
            self._paths.edits.edit_pose(lambda p, m: tilted(p, m, inward, degrees), "Tilt of")

    def _set_roll(self, degrees: float) -> None:
        self._paths.edits.edit_pose(lambda _p, m: rolled(m, degrees), "Roll of")

    def _toggle_port(self, on: bool) -> None:
        if on:
            self._paths.start_placing(Placing.PORT)
        else:
            self._paths.stop_placing()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        rows: list[tuple[QLabel, QWidget]] = [(text_label("Instrument", "quiet"), self.instrument)]
        rows += [(self.depth_word, self.deep), (self.tilt_word, self.tilt), (text_label("Roll", "quiet"), self.roll)]
        for n, (word, widget) in enumerate(rows):
            grid.addWidget(word, n, 0)
            grid.addWidget(widget, n, 1)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.port, 1)
        line.addWidget(self.free, 1)
        grid.addLayout(line, len(rows), 0, 1, 2)


def degree_box(name: str, most: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setAccessibleName(name)
    box.setDecimals(0)
    box.setRange(0.0, most)
    box.setSingleStep(5.0)
    box.setSuffix("\u00b0")
    box.setKeyboardTracking(False)
    return box


def _show(box: QDoubleSpinBox, value: float) -> None:
    """Show a number without its being taken for a person's."""
    if not box.hasFocus() or abs(box.value() - value) > 1.0:
        box.blockSignals(True)
        box.setValue(value)
        box.blockSignals(False)
