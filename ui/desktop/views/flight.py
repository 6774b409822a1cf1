"""The 3D view's way to a place: a short glide, so that the eye can follow."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QVariantAnimation
from vtkmodules.vtkRenderingCore import vtkCamera

from surgtwin.domain.geometry import FloatArray, Point3

GLIDE_MS = 220


class Flight(QObject):
    """Moves a camera sideways until it looks at a place; direction and distance stay."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.glide = QVariantAnimation(self)
        self.glide.setStartValue(0.0)
        self.glide.setEndValue(1.0)
        self.glide.setDuration(GLIDE_MS)
        self._camera: vtkCamera | None = None
        self._from, self._offset = np.zeros(3), np.zeros(3)
        self._to: FloatArray = np.zeros(3)
        self.glide.valueChanged.connect(self._step)

    def go(self, camera: vtkCamera, place_mm: Point3) -> None:
        """Begin; listen to `glide.valueChanged` to draw."""
        self.glide.stop()
        self._camera = camera
        self._from = np.asarray(camera.GetFocalPoint())
        self._offset = np.asarray(camera.GetPosition()) - self._from
        self._to = np.asarray(place_mm, dtype=np.float64)
        self.glide.start()

    def _step(self, share: float) -> None:
        if self._camera is not None:
            eased = share * share * (3.0 - 2.0 * share)
            focus = self._from + eased * (self._to - self._from)
            self._camera.SetFocalPoint(*focus)
            self._camera.SetPosition(*(focus + self._offset))
