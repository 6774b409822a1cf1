"""One slice of two images laid on one another, with what to show of them and which slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from ui.render.palette import QUIET, UNPROVEN
from ui.render.slices import View

from ..planning.worker import LatestWorker
from ..views.slice_overlay import draw_letters, draw_text
from .overlay import LaidImages, LaidSlice, Look

SLICE = "laid slice"
LARGEST_PX = 640
"""Of a picture that is worked out; a larger view shows it magnified."""
BLINK_MS = 700
WORDS = {
    Look.CHECKERBOARD: ("Checkerboard", "Fields of both images in turn: borders should run through"),
    Look.DIFFERENCE: ("Difference", "Black is alike; warm is brighter in the arrived image, blue in the one before"),
    Look.BASE: ("The twin's", "The image that showed the twin until now"),
    Look.ARRIVED: ("Arrived", "The image that arrived"),
}
K = TypeVar("K")


class OverlayView(QWidget):
    """Works its slices out beside the main thread."""

    def __init__(self, images: LaidImages, worker: LatestWorker) -> None:
        super().__init__()
        self._images, self._worker = images, worker
        self.view, self.look, self.is_after = View.CORONAL, Look.CHECKERBOARD, True
        self.canvas = _Canvas(self)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Slice")
        self.slider.valueChanged.connect(lambda _n: self.ask())
        self.looks = self._choices([(look, *WORDS[look]) for look in Look], self._set_look)
        directions = [(v, v.value.capitalize(), f"{v.value.capitalize()} slices") for v in View]
        self.views = self._choices(directions, self._set_view)
        self.after = QPushButton("Carried along")
        self.after.setCheckable(True)
        self.after.setChecked(True)
        self.after.setToolTip("Off: the twin's image as it lay before the registration")
        self.after.toggled.connect(self._set_after)
        self.blink = QPushButton("Blink")
        self.blink.setCheckable(True)
        self.blink.setToolTip("Show the twin's image and the arrived one in turn")
        self.blink.toggled.connect(self._set_blink)
        self._blinking = QTimer(self, interval=BLINK_MS)
        self._blinking.timeout.connect(self._turn)
        difference = self.looks[Look.DIFFERENCE]
        if not images.is_same_modality:
            difference.setEnabled(False)
            difference.setToolTip("The images are of different kinds: a difference of their values says nothing")
        self._lay_out()
        self._set_view(self.view)

    @property
    def laid(self) -> LaidSlice | None:
        """What is on the screen."""
        return self.canvas.laid

    def ask(self) -> None:
        """The slice that is chosen, as large as the view."""
        images, view, index = self._images, self.view, self.slider.value()
        width, height = (min(max(n, 64), LARGEST_PX) for n in (self.canvas.width(), self.canvas.height()))
        self._worker.ask(
            SLICE, lambda *_: images.slice_of(view, index, (width, height)), self.canvas.show_slice, self.canvas.fail
        )

    def stop(self) -> None:
        self._blinking.stop()
        self._worker.drop(SLICE)

    def _set_look(self, look: Look) -> None:
        self.look = look
        self.canvas.refresh()

    def _set_after(self, on: bool) -> None:
        self.is_after = on
        self.after.setText("Carried along" if on else "As it lay")
        self.canvas.refresh()

    def _set_blink(self, on: bool) -> None:
        if on:
            self._turn()
            self._blinking.start()
        else:
            self._blinking.stop()

    def _turn(self) -> None:
        self.looks[Look.BASE if self.look is Look.ARRIVED else Look.ARRIVED].click()

    def _set_view(self, view: View) -> None:
        self.view = view
        count = self._images.count(view)
        self.slider.blockSignals(True)
        self.slider.setRange(0, count - 1)
        self.slider.setValue(count // 2)
        self.slider.blockSignals(False)
        self.ask()

    def _choices(self, rows: Sequence[tuple[K, str, str]], then: Callable[[K], None]) -> dict[K, QPushButton]:
        """Buttons of which one is down: key, words, tooltip."""
        group, made = QButtonGroup(self), {}
        for key, words, tip in rows:
            button = QPushButton(words)
            button.setCheckable(True)
            button.setChecked(key in (self.view, self.look))
            button.setToolTip(tip)
            button.setProperty("role", "compact")
            group.addButton(button)
            button.clicked.connect(lambda _checked=False, chosen=key: then(chosen))
            made[key] = button
        return made

    def _lay_out(self) -> None:
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for row, buttons in ((upper, (*self.looks.values(), self.blink)), (lower, (*self.views.values(),))):
            row.setSpacing(4)
            for button in buttons:
                row.addWidget(button)
        upper.addStretch(1)
        lower.addWidget(self.slider, 1)
        lower.addWidget(self.after)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(upper)
        column.addWidget(self.canvas, 1)
        column.addLayout(lower)


class _Canvas(QWidget):
    """The picture, its letters and what it is."""

    def __init__(self, owner: OverlayView) -> None:
        super().__init__()
        self._owner = owner
        self.laid: LaidSlice | None = None
        self._picture: QImage | None = None
        self._problem = ""
        self.setMinimumSize(160, 120)
        self.setAccessibleName("The arrived image on the twin's")

    def show_slice(self, laid: LaidSlice) -> None:
        self.laid, self._problem = laid, ""
        self.refresh()

    def fail(self, error: BaseException) -> None:
        self._problem = f"The slice could not be drawn: {error}"
        self.update()

    def refresh(self) -> None:
        if self.laid is not None:
            rgb = self.laid.picture(self._owner.look, is_after=self._owner.is_after)
            rows, columns, _ = rgb.shape
            made = QImage(rgb.tobytes(), columns, rows, 3 * columns, QImage.Format.Format_RGB888)
            self._picture = made.convertToFormat(QImage.Format.Format_RGB32)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        middle = QPointF(self.width() / 2, self.height() / 2)
        if self._problem:
            draw_text(painter, middle, self._problem, UNPROVEN, Qt.AlignmentFlag.AlignCenter)
        elif self._picture is None or self.laid is None:
            draw_text(painter, middle, "The slice is worked out\u2026", QUIET, Qt.AlignmentFlag.AlignCenter)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.rect(), self._picture)
            draw_letters(painter, (self.width(), self.height()), self.laid.frame.stack.letters())
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self._owner.slider.setValue(self._owner.slider.value() - (1 if event.angleDelta().y() > 0 else -1))
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._owner.ask()
