"""A widget that shows what VTK draws.

VTK draws into a window of its own that no one sees, and this widget paints the pixels. So there is no native child
window, Qt and VTK share no OpenGL context, lines and texts of Qt lie over the picture, a screenshot of the widget
shows it, and it works on X11, Wayland, Windows, macOS and without a display.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

from surgtwin.errors import DeviceError
from ui.render.offscreen import grab, is_software, offscreen_window
from ui.render.palette import BACKGROUND, QUIET

MOVING_SCALE_SOFTWARE = 0.6
"""Of the resolution, while the camera moves and a processor draws."""


class VtkCanvas(QWidget):
    """Paints one or more layers of VTK renderers. `paint_over` draws on top; nothing is drawn before it is needed."""

    window_made = Signal()
    """The render window exists: its kind is known."""

    def __init__(self, renderers: tuple[vtkRenderer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.renderers = renderers
        self.paint_over: Callable[[QPainter], None] | None = None
        self.before_render: Callable[[], None] | None = None
        self.problem = ""
        self.is_software = False
        self._window: vtkRenderWindow | None = None
        self._picture: QImage | None = None
        self._moving = False
        self.setMinimumSize(96, 96)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    @property
    def render_window(self) -> vtkRenderWindow | None:
        """VTK's window; None until the first picture, or where there is no OpenGL."""
        return self._window

    def set_moving(self, moving: bool) -> None:
        if moving != self._moving:
            self._moving = moving
            self.render_soon()

    def render_soon(self) -> None:
        """Draw the scene anew at the next paint: many changes cost one picture."""
        self._picture = None
        self.update()

    def pixel_size(self) -> tuple[int, int]:
        """(width, height) of the picture at rest, in the screen's own pixels."""
        ratio = self.devicePixelRatioF()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def dispose(self) -> None:
        """Give back the OpenGL context. The canvas shows nothing afterwards."""
        window, self._window = self._window, None
        self._picture = None
        if window is not None:
            for renderer in self.renderers:
                window.RemoveRenderer(renderer)
            window.Finalize()
        self.problem = "closed"

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if self._picture is None and not self.problem:
            self._picture = self._render()
        painter = QPainter(self)
        if self._picture is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.rect(), self._picture)
            if self.paint_over is not None:
                self.paint_over(painter)
        else:
            painter.fillRect(self.rect(), QColor(*BACKGROUND))
            painter.setPen(QColor(*QUIET))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 16, -16, -16), flags, self.problem)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self.render_soon()
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(480, 360)

    def _render(self) -> QImage | None:
        width, height = self.pixel_size()
        scale = MOVING_SCALE_SOFTWARE if self._moving and self.is_software else 1.0
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        if self._window is None and not self._make_window(size):
            return None
        if self._window is None:
            return None
        self._window.SetSize(*size)
        if self.before_render is not None:
            self.before_render()
        self._window.Render()
        rgb = grab(self._window)
        rows, columns, _ = rgb.shape
        picture = QImage(rgb.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
        return picture.convertToFormat(QImage.Format.Format_RGB32)

    def _make_window(self, size: tuple[int, int]) -> bool:
        try:
            window = offscreen_window(size, layers=1 + max(r.GetLayer() for r in self.renderers))
        except DeviceError as error:
            self.problem = str(error)
            return False
        for renderer in self.renderers:
            window.AddRenderer(renderer)
        self._window, self.is_software = window, is_software(window)
        self.window_made.emit()
        return True
