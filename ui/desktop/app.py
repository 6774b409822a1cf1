"""The desktop program: `surgtwin view [CASE.twin | INPUT]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from surgtwin.settings import load_settings

from .kept_settings import KeptSettings
from .main_window import MainWindow
from .segmenting import Segment, segment_by
from .state import AppState
from .theme import apply_theme

SCALE_VARIABLE = "QT_SCALE_FACTOR"


def run(path: Path | None, segment: Segment | None = None) -> int:
    """Open the window, with `path` in it if there is one, and stay until it is closed."""
    app = make_application()
    window = make_window(segment)
    window.errors.install_hooks()
    window.show()
    if path is not None:
        QTimer.singleShot(0, lambda: window.commands.open_path(path))
    return app.exec()


def make_application() -> QApplication:
    """The one QApplication, in the theme and at the scale that the person set."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    scale = load_settings().scale_percent
    if scale != 100 and SCALE_VARIABLE not in os.environ:
        os.environ[SCALE_VARIABLE] = f"{scale / 100:g}"
    app = QApplication(sys.argv[:1])
    app.setApplicationName("surgtwin")
    app.setApplicationDisplayName("surgtwin")
    apply_theme(app)
    return app


def make_window(segment: Segment | None = None) -> MainWindow:
    """The main window over a new state."""
    kept = KeptSettings()
    state = AppState()
    return MainWindow(state, kept, segment or segment_by(lambda: kept.now))
