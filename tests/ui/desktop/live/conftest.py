"""A window with the synthetic twin in Live mode, and trackers to connect it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from surgtwin.domain.twin import Twin
from surgtwin.store.save import save_twin
from tests.ui.desktop.live.tracker import Tracker
from ui.desktop.live.panel import LivePanel
from ui.desktop.main_window import MainWindow


@pytest.fixture
def make_tracker() -> Iterator[Callable[..., Tracker]]:
    made: list[Tracker] = []

    def make(poses: dict[str, np.ndarray], port: int = 0) -> Tracker:
        made.append(Tracker(poses, port))
        return made[-1]

    yield make
    for tracker in made:
        tracker.stop()


@pytest.fixture
def case(twin: Twin, tmp_path: Path) -> Path:
    """The synthetic twin on the disk."""
    path = tmp_path / "case.twin"
    save_twin(twin, path)
    return path


@pytest.fixture
def live_panel(window: MainWindow, qtbot: Any) -> LivePanel:
    """Live mode by its button, with the synthetic twin open."""
    qtbot.mouseClick(window.tool_row.mode_buttons.button(2), Qt.MouseButton.LeftButton)
    panel = window.right.currentWidget()
    assert isinstance(panel, LivePanel)
    return panel
