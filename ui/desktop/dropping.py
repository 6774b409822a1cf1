"""A window that files and folders can be dropped on."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow


class DropTarget(QMainWindow):
    """Tells what was dropped; what becomes of it is for others to say."""

    dragged_over = Signal(bool)
    """Something that can be dropped hangs over the window, or no longer."""
    dropped = Signal(object)
    """Path of a local file or folder."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        if _dropped(event) is not None:
            event.acceptProposedAction()
            self.dragged_over.emit(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802 - Qt's name
        self.dragged_over.emit(False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        self.dragged_over.emit(False)
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.dropped.emit(path)


def _dropped(event: QDropEvent) -> Path | None:
    """The first local file or folder that is dragged, or None."""
    urls = event.mimeData().urls()
    return next((Path(u.toLocalFile()) for u in urls if u.isLocalFile()), None)
