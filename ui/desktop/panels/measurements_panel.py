"""The measurements that are kept with the twin."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from surgtwin.domain.measurement import Measurement, MeasurementKind

from ..icons import icon
from ..state import AppState, Tool
from .labels import paint_background, text_label

NOTHING_YET = (
    "Distances, angles and regions that you measure stand here and are kept with the twin.\n\n"
    "Choose Distance, then click two points on a slice."
)
ICONS = {MeasurementKind.DISTANCE: "distance", MeasurementKind.ANGLE: "angle", MeasurementKind.ROI: "roi"}


def in_words(measurement: Measurement) -> str:
    """The value with its unit: "23.4 mm", "57.0°", "radius 12.0 mm"."""
    if measurement.kind is MeasurementKind.DISTANCE:
        return f"{measurement.value:.1f} mm"
    if measurement.kind is MeasurementKind.ANGLE:
        return f"{measurement.value:.1f}°"
    return f"radius {measurement.value:.1f} mm"


class MeasurementsPanel(QWidget):
    """List of measurements: click to go there, Delete to remove."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        paint_background(self)
        self._state = state
        self.hint = text_label(NOTHING_YET, "quiet", wrap=True)
        self.start = QPushButton("Measure a distance")
        self.start.setIcon(icon("distance"))
        self.start.clicked.connect(lambda: state.set_tool(Tool.DISTANCE))
        self.list = QListWidget()
        self.list.setAccessibleName("Measurements")
        self.list.itemClicked.connect(self._go_there)
        self.list.itemActivated.connect(self._go_there)
        self.list.currentItemChanged.connect(lambda *_: self._refresh_button())
        self.remove = QPushButton("Remove")
        self.remove.setIcon(icon("delete"))
        self.remove.clicked.connect(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.hint)
        column.addWidget(self.start)
        column.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.addWidget(self.remove)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(0)
        for signal in (state.twin_changed, state.measurements_changed, state.details_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        chosen = self._chosen()
        kept = self._state.measurements()
        self.list.clear()
        for m in kept:
            item = QListWidgetItem(icon(ICONS[m.kind]), f"{m.name or m.kind.value}:  {in_words(m)}")
            item.setData(Qt.ItemDataRole.UserRole, m.measurement_id)
            self.list.addItem(item)
            if m.measurement_id == chosen:
                self.list.setCurrentItem(item)
        self.hint.setVisible(not kept)
        self.start.setVisible(not kept)
        self.start.setEnabled(self._state.can_edit)
        self.list.setVisible(bool(kept))
        self.remove.setVisible(bool(kept))
        self._refresh_button()

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item is not None else ""

    def _refresh_button(self) -> None:
        self.remove.setEnabled(self._state.can_edit and bool(self._chosen()))

    def _remove(self) -> None:
        if self._chosen():
            self._state.remove_measurement(self._chosen())

    def _go_there(self, item: QListWidgetItem) -> None:
        """Show the image it was made on, and its middle (an angle's vertex, a region's centre)."""
        wanted = item.data(Qt.ItemDataRole.UserRole)
        m = next((m for m in self._state.measurements() if m.measurement_id == wanted), None)
        if m is None:
            return
        points = np.asarray(m.points_mm)
        anchors = {MeasurementKind.DISTANCE: points.mean(axis=0), MeasurementKind.ANGLE: points[1]}
        self._state.set_image(m.image_id)
        self._state.set_cursor(anchors.get(m.kind, points[0]))
