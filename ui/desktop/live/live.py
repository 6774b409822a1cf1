"""Live mode as a whole: made once with the window, and attached to its views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from ..planning.worker import LatestWorker
from .desk import LiveDesk
from .history import History
from .panel import LivePanel
from .tool_scene import ToolScene
from .tool_slice import ToolSlice

if TYPE_CHECKING:
    from ..main_window import MainWindow


class Live(QObject):
    """Owns the desk of the tool and its worker."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.worker = LatestWorker(self)
        self.desk = LiveDesk(window.state, window.planning.book, window.kept, self)
        self.history = History(window)
        self.desk.guiding.failed.connect(window.errors.show_error)

    def attach(self, views: QWidget) -> None:
        """Become a guest of the four views; a window without them (in a test) has no guests."""
        from ..views.view_grid import ViewGrid

        if isinstance(views, ViewGrid):
            ToolScene(views.scene, self.desk)
            for view in views.slices.values():
                ToolSlice(view, self.desk)

    def make_panel(self) -> LivePanel:
        panel = LivePanel(self.desk, self._window.kept, self.worker)
        for section in panel.asking:
            section.problem_found.connect(self._window.notice.tell)
        return panel

    def close(self) -> None:
        """The program ends."""
        self.desk.close()
        self.worker.close()
