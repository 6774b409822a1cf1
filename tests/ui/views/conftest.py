"""The views in real windows over the twin of two spheres."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from surgtwin.domain.twin import Twin
from ui.desktop.state import AppState
from ui.desktop.views.view_grid import ViewGrid

WAIT_MS = 20_000


@pytest.fixture(autouse=True)
def own_settings(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURGTWIN_CONFIG", str(tmp_path))


@pytest.fixture
def state(qapp: object, sphere_twin: Twin) -> AppState:
    made = AppState()
    made.open_twin(sphere_twin)
    return made


@pytest.fixture
def grid(qtbot: object, state: AppState) -> Iterator[ViewGrid]:
    """The four views with the twin open, drawn once."""
    made = ViewGrid(state)
    made.resize(900, 700)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: made.scene.render_window is not None or bool(made.scene.problem), timeout=WAIT_MS)
    yield made
    made.dispose()
    made.close()


@pytest.fixture(scope="session")
def shown() -> Callable[[QWidget | QImage], np.ndarray]:
    """[row, column, 3] of what a widget shows."""

    def pixels(what: QWidget | QImage) -> np.ndarray:
        image = what if isinstance(what, QImage) else what.grab().toImage()
        rgb = image.convertToFormat(QImage.Format.Format_RGB888)
        flat = np.frombuffer(rgb.constBits(), dtype=np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
        return flat[:, : rgb.width() * 3].reshape(rgb.height(), rgb.width(), 3).copy()

    return pixels
